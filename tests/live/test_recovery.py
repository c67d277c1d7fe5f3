"""Starting is recovering: from the last snapshot if its bytes can be trusted, and never from an unexplained state."""

import asyncio
import collections
import pathlib
from collections.abc import Callable

import pytest

from alpha_panda.errors import RecoveryError
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.log.base import Record
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import StateSnapshot
from alpha_panda.live.recovery import recovered_account, recovered_signals
from alpha_panda.live.routing import new_record
from alpha_panda.live.session import Blueprint
from alpha_panda.live.snapshots import unpacked
from alpha_panda.live.topics import Topic, market_ticks
from tests.live.samples import changed
from tests.live.trading import PAPER, ChoppedFeed, blueprint, market, messages_of, records_of, replayed, run_in


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return the state of a whole day that came to its end."""
    state = tmp_path_factory.mktemp("day")
    asyncio.run(run_in(state, ChoppedFeed(market()[1])))
    return state


class CountingLog(SqliteLog):
    """A log that counts the records which are read of each topic."""

    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__(directory, read_only=True)
        self.reads = collections.Counter[str]()

    async def read(self, topic: Topic, partition: int, offset: int, limit: int) -> list[Record]:
        records = await super().read(topic, partition, offset, limit)
        self.reads[topic.name] += len(records)
        return records


async def test_both_stages_come_back_as_they_were(session: pathlib.Path):
    expected = replayed(market()[1])
    async with CountingLog(session) as log:
        engine = (await recovered_account(log, blueprint())).engine
        strategies = (await recovered_signals(log, blueprint())).engine
        end = len(await messages_of(log, market_ticks()))
    assert engine.stage.summary() == expected.summary()
    assert engine.next_frame == strategies.next_frame == end


async def test_only_what_came_after_the_snapshot_is_done_again(session: pathlib.Path):
    async with CountingLog(session) as log:
        await recovered_account(log, blueprint())
        assert log.reads[market_ticks().name] < await log.end(market_ticks(), 0) / 5


async def test_changed_code_may_not_go_on_from_a_snapshot_of_the_old(
    session: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Blueprint, "code_digest", "another")
    async with CountingLog(session) as log:
        with pytest.raises(RecoveryError, match=r"kernels or strategies have changed .* give --redo"):
            await recovered_account(log, blueprint())
        with pytest.raises(RecoveryError, match=r"kernels or strategies have changed .* give --redo"):
            await recovered_signals(log, blueprint())


async def test_changed_code_does_the_session_again_from_its_beginning_where_that_is_wished(
    session: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Blueprint, "code_digest", "another")
    async with CountingLog(session) as log:
        engine = (await recovered_account(log, blueprint(), redo=True)).engine
        assert log.reads[market_ticks().name] >= engine.next_frame
    assert engine.stage.summary() == replayed(market()[1]).summary()


async def test_changed_code_that_decides_otherwise_may_not_go_on(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    """A profile that sizes otherwise stands for code that does: the session's own check of its profile is passed by."""
    monkeypatch.setattr(Blueprint, "origin", "the same")
    await run_in(tmp_path, ChoppedFeed(market()[1][:30_000]))
    profile = blueprint().profile
    smaller = tuple(
        terms.model_copy(update={"size": terms.size.model_copy(update={"value": 0.05})}) for terms in profile.strategies
    )
    other = blueprint(profile.model_copy(update={"strategies": smaller}))
    monkeypatch.setattr(Blueprint, "code_digest", "another")
    async with SqliteLog(tmp_path, read_only=True) as log:
        with pytest.raises(
            RecoveryError, match=r"does not give what is on its log: paper\.signals\.validated offset 0"
        ):
            await recovered_account(log, other, redo=True)


# ── Logs that were touched ───────────────────────────────────────────────────────────────────────────────────────────


async def append_last(
    state: pathlib.Path, topic: Topic, change: Callable[[Envelope], Envelope] = lambda message: message
) -> None:
    """Append the last message of a topic once more, changed or not."""
    async with SqliteLog(state) as log:
        last = decode((await records_of(log, topic))[-1])
        await log.append([new_record(topic, change(last))])


@pytest.mark.parametrize("read", [unpacked, lambda snapshot: snapshot])
async def test_a_snapshot_that_was_altered_is_refused(
    tmp_path: pathlib.Path, read: Callable[[StateSnapshot], StateSnapshot]
):
    await run_in(tmp_path, ChoppedFeed(market()[1][:3_000]))

    def richer(message: Envelope) -> Envelope:
        data = message.data
        assert isinstance(data, StateSnapshot)
        data = read(data)
        accounts = b"\x01" + data.arrays["accounts"][1:]
        return changed(message, data=changed(data, arrays={**data.arrays, "accounts": accounts}))

    await append_last(tmp_path, PAPER.snapshots, richer)
    with pytest.raises(RecoveryError, match=r"the snapshot at paper\.snapshots offset \d+ was altered"):
        await run_in(tmp_path, ChoppedFeed(market()[1][:3_000]))


async def test_a_record_that_came_twice_is_passed_over(tmp_path: pathlib.Path):
    first = await run_in(tmp_path, ChoppedFeed(market()[1][:3_000]))
    for topic in (PAPER.journal, PAPER.signals_raw, PAPER.pnl_snapshots, market_ticks()):
        await append_last(tmp_path, topic)
    again = await run_in(tmp_path, ChoppedFeed(market()[1][:3_000]))
    assert again.stage.summary() == first.stage.summary()


def next_one(message: Envelope) -> Envelope:
    return message.stamped(message.epoch, message.sequence + 1)


async def test_a_step_that_nobody_took_is_refused(tmp_path: pathlib.Path):
    await run_in(tmp_path, ChoppedFeed(market()[1][:3_000]))
    await append_last(tmp_path, PAPER.journal, next_one)
    with pytest.raises(RecoveryError, match="the log has a gap"):
        await run_in(tmp_path, ChoppedFeed(market()[1][:3_000]))


async def test_a_signal_that_no_strategy_gave_is_refused(tmp_path: pathlib.Path):
    await run_in(tmp_path, ChoppedFeed(market()[1][:3_000]))
    await append_last(tmp_path, PAPER.signals_raw, next_one)
    with pytest.raises(RecoveryError, match=r"market\.ticks/0 ends before sequence"):
        await run_in(tmp_path, ChoppedFeed(market()[1][:3_000]))


async def test_a_figure_that_the_account_never_gave_is_refused(tmp_path: pathlib.Path):
    await run_in(tmp_path, ChoppedFeed(market()[1][:3_000]))
    await append_last(tmp_path, PAPER.pnl_snapshots, next_one)
    with pytest.raises(RecoveryError, match=r"paper\.pnl\.snapshots offset \d+ is on the log, and nothing"):
        await run_in(tmp_path, ChoppedFeed(market()[1][:3_000]))
