"""The account stage says everything once, in order, and each thing with its cause."""

import asyncio
import collections
import pathlib

import pytest

from alpha_panda.errors import RecoveryError
from alpha_panda.live.account import AccountEngine, Step
from alpha_panda.live.arrivals import Arrival
from alpha_panda.live.control.commands import command_message
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Decision, Fill, OrderUpdate, Place, PnlSnapshot, Signal, StateSnapshot, Ticks
from alpha_panda.live.routing import new_record
from alpha_panda.live.streams import Reader
from alpha_panda.live.topics import CONTROL, Topic, market_ticks
from tests.live.trading import PAPER, ChoppedFeed, blueprint, market, messages_of, run_in


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[Envelope]:
    """Return all that a whole day put on the log: ticks, signals, and what the account said, topic by topic."""
    state = tmp_path_factory.mktemp("day")
    asyncio.run(run_in(state, ChoppedFeed(market()[1])))
    return asyncio.run(read(state, market_ticks(), PAPER.signals_raw, *PAPER.of_account()))


async def read(state: pathlib.Path, *topics: Topic) -> list[Envelope]:
    async with SqliteLog(state, read_only=True) as log:
        return await messages_of(log, *topics)


def of_kind(messages: list[Envelope], *kinds: type) -> list[Envelope]:
    return [message for message in messages if isinstance(message.data, kinds)]


def by_id(messages: list[Envelope]) -> dict[str, Envelope]:
    return {message.id: message for message in messages}


def test_every_message_has_an_id_of_its_own(messages: list[Envelope]):
    assert len(by_id(messages)) == len(messages)


def test_every_message_is_caused_by_one_that_is_on_the_log(messages: list[Envelope]):
    causes = collections.defaultdict[tuple[type, bool | None], set[type]](set)
    found = by_id(messages)
    for message in messages:
        guarded = message.data.guard != "none" if isinstance(message.data, Decision) else None
        if message.causation_id:
            causes[type(message.data), guarded].add(type(found[message.causation_id].data))
    assert causes[Signal, None] == {Ticks}
    assert causes[Decision, False] == {Signal}
    assert causes[Decision, True] == {Ticks}
    assert causes[OrderUpdate, None] == {Decision, OrderUpdate}
    assert causes[Fill, None] == {OrderUpdate}
    assert causes[PnlSnapshot, None] == {Ticks}


def test_correlation_is_the_ticks_from_end_to_end(messages: list[Envelope]):
    found = by_id(messages)
    for message in of_kind(messages, Fill, Decision, OrderUpdate):
        assert isinstance(found[message.correlation_id].data, Ticks)
        assert found[message.causation_id].correlation_id == message.correlation_id


def test_a_decision_is_caused_by_the_signal_that_it_answers(messages: list[Envelope]):
    found = by_id(messages)
    for message in of_kind(messages, Decision):
        signal = found[message.causation_id].data
        if isinstance(signal, Signal) and isinstance(message.data, Decision):
            assert (signal.strategy, signal.instrument_token, signal.target) == (
                message.data.strategy,
                message.data.instrument_token,
                message.data.target,
            )


def test_an_order_is_placed_before_it_is_filled_and_filled_before_it_is_complete(messages: list[Envelope]):
    stories = collections.defaultdict[int, list[str]](list)
    for message in sorted(of_kind(messages, Decision, OrderUpdate, Fill), key=lambda message: message.time_ns):
        data = message.data
        assert isinstance(data, Decision | OrderUpdate | Fill)
        if data.order_id:
            stories[data.order_id].append(message.type)
    assert set(map(tuple, stories.values())) == {("validated_signal", "order_placed", "order_filled", "order_complete")}


def test_nothing_is_said_twice(messages: list[Envelope]):
    said = collections.Counter(message.data for message in of_kind(messages, Decision, Fill, OrderUpdate, PnlSnapshot))
    assert set(said.values()) == {1}


async def test_a_step_that_does_not_go_on_where_the_last_one_ended_is_refused(tmp_path: pathlib.Path):
    await run_in(tmp_path, ChoppedFeed(market()[1][:2_000], longest=500))
    async with SqliteLog(tmp_path, read_only=True) as log:
        frames = [Arrival([entry]) for entry in await Reader(log, market_ticks()).read()]
        said = await Reader(log, PAPER.signals_raw).read()
    for step in (Step(frames[1:2], [said[1:2]]), Step(frames[:1], [said[1:2]]), Step(frames[:2], [said[:1]])):
        with pytest.raises(RecoveryError, match="the log has a gap"):
            AccountEngine(blueprint()).apply(step)


# ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def obeyed(engine: AccountEngine, log: SqliteLog, *commands: Envelope) -> str:
    """Let an account take commands from the log, in one step; return the state that it says it is in."""
    start = await log.end(CONTROL, 0)
    await log.append([new_record(CONTROL, each) for each in commands])
    entries = await Reader(log, CONTROL, 0, Place(CONTROL.name, 0, start, start)).read()
    told = [each.data.state for each in engine.apply(Step(commands=entries)) if isinstance(each.data, PnlSnapshot)]
    return told[-1] if told else ""


def commanded(command: str, time_ns: int) -> Envelope:
    return command_message(command, "", "anand@desk", "because", time_ns)


async def test_a_command_counts_once_however_often_it_is_on_the_log(tmp_path: pathlib.Path):
    """An old permission to go on that turns up again must not undo a pause."""
    pause, resume, again = commanded("pause", 1), commanded("resume", 2), commanded("pause", 3)
    engine = AccountEngine(blueprint())
    async with SqliteLog(tmp_path) as log:
        assert await obeyed(engine, log, pause, resume, again) == "paused"
        assert await obeyed(engine, log, resume) == ""
        make = engine.snapshot_if_due(10**18, Place(PAPER.journal.name, 0, 2, 2))
        assert make is not None
        snapshot = make()
        assert isinstance(snapshot.data, StateSnapshot)
        later = AccountEngine(blueprint())
        later.restore(snapshot.data, snapshot.time_ns)
        assert await obeyed(later, log, resume) == ""
        assert await obeyed(later, log, commanded("resume", 4)) == "running"


async def test_a_kill_counts_each_time(tmp_path: pathlib.Path):
    kill, reset = commanded("kill", 1), commanded("reset", 2)
    engine = AccountEngine(blueprint())
    async with SqliteLog(tmp_path) as log:
        assert await obeyed(engine, log, kill) == "killed"
        assert await obeyed(engine, log, reset) == "running"
        assert await obeyed(engine, log, kill) == "killed"
        assert await obeyed(engine, log, reset) == ""
