"""What a session was at any moment is what the events up to then make of it, and what its journal says."""

import asyncio
import dataclasses
import pathlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import numpy as np
import pytest

from alpha_panda.chain import snapshot_bytes
from alpha_panda.errors import ConfigurationError, ParityError, RecoveryError
from alpha_panda.kernels.records import Records
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.arrivals import Arrivals
from alpha_panda.live.control.commands import command_message
from alpha_panda.live.digests import StateDigest
from alpha_panda.live.log.base import Log
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import JournalEntry
from alpha_panda.live.past.rewind import Until, account_at, arrival_until, strategies_at
from alpha_panda.live.routing import new_record
from alpha_panda.live.session import Blueprint
from alpha_panda.live.streams import Recording
from alpha_panda.live.topics import CONTROL
from alpha_panda.units import MINUTE_NS
from tests.live.trading import ChoppedFeed, blueprint, morning, replayed, run_in

Answer = TypeVar("Answer")


@dataclasses.dataclass(frozen=True)
class Traded:
    """A morning that was traded, and what it was made of."""

    state: pathlib.Path
    blueprint: Blueprint

    def ask(self, question: Callable[[Log], Coroutine[Any, Any, Answer]]) -> Answer:
        """Return what a question to the log gives."""

        async def asked() -> Answer:
            async with SqliteLog(self.state, read_only=True) as log:
                return await question(log)

        return asyncio.run(asked())

    def account(self, at: Until) -> AccountEngine:
        return self.ask(lambda log: account_at(log, self.blueprint, at))

    def strategies(self, at: Until) -> list[dict[str, bytes]]:
        """Return the bytes of the strategies, by partition."""

        async def each(log: Log) -> list[dict[str, bytes]]:
            partitions = range(self.blueprint.partitions)
            return [(await strategies_at(log, self.blueprint, at, number)).arrays() for number in partitions]

        return self.ask(each)

    def with_other_code(self, monkeypatch: pytest.MonkeyPatch) -> "Traded":
        """Return the same session to a program to which its snapshots mean nothing."""
        monkeypatch.setattr(Blueprint, "code_digest", "of other code")
        return Traded(self.state, dataclasses.replace(self.blueprint))

    def journal(self) -> list[JournalEntry]:
        async def read(log: Log) -> list[JournalEntry]:
            recording, entries = Recording(log, self.blueprint.topics.journal), list[JournalEntry]()
            while (entry := await recording.next()) and isinstance(entry.message.data, JournalEntry):
                entries.append(entry.message.data)
            return entries

        return self.ask(read)


@pytest.fixture(scope="module", params=[1, 3], ids=["one partition", "three partitions"])
def traded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Traded:
    """Return a morning in frames of any size, with a snapshot every five minutes."""
    made_of = dataclasses.replace(blueprint(), partitions=request.param)
    state = tmp_path_factory.mktemp("traded")
    asyncio.run(run_in(state, ChoppedFeed(morning(), seed=3, longest=900), made_of))
    return Traded(state, made_of)


def test_after_every_step_the_account_is_in_the_state_that_its_journal_tells(traded: Traded):
    entries = traded.journal()
    assert len(entries) > 1
    for entry in entries:
        last = entry.inputs[0].stop - 1
        assert traded.account(Until(frame=last)).state_digest() == entry.state_digest


def test_at_any_instant_account_and_strategies_are_what_the_events_up_to_it_make(traded: Traded):
    """Also in the middle of a frame, and of a step of the journal."""
    events = morning()
    random = np.random.default_rng(5)
    for time_ns in random.choice(events["time_ns"], 12).tolist():
        at = Until(time_ns=time_ns + int(random.integers(0, 2)) * int(random.integers(0, MINUTE_NS)))
        past = events[events["time_ns"] <= at.time_ns]
        account = traded.account(at)
        assert account.state_digest() == StateDigest(replayed(past).arrays()).now()
        assert account.time_ns == past["time_ns"][-1]
        if traded.blueprint.partitions == 1:
            assert traded.strategies(at) == [strategies_after(traded.blueprint, past)]


def strategies_after(made_of: Blueprint, events: Records) -> dict[str, bytes]:
    stage = made_of.signal_stage()
    stage.advance(events)
    return snapshot_bytes(stage.arrays())


def test_each_partition_remembers_its_own_instruments(traded: Traded):
    """An instrument that is not of a partition is as it was at the beginning there."""
    end = Until(time_ns=int(morning()["time_ns"][-1]))
    fresh, after = strategies_after(traded.blueprint, morning()[:0]), strategies_after(traded.blueprint, morning())
    rows = {bytes(part) for part in halves(after["momentum.states"])}
    found = {part for each in traded.strategies(end) for part in halves(each["momentum.states"])}
    assert rows <= found <= rows | set(halves(fresh["momentum.states"]))


def halves(states: bytes) -> list[bytes]:
    """Return the state of each of the two companies."""
    middle = len(states) // 2
    return [states[:middle], states[middle:]]


def test_after_a_frame_is_up_to_its_last_event(traded: Traded):
    async def fourth(log: Log) -> int:
        arrivals = Arrivals(log, traded.blueprint.ticks)
        return [await arrivals.next() for _ in range(4)][-1].time_ns

    by_frame, by_time = Until(frame=3), Until(time_ns=traded.ask(fourth))
    assert traded.account(by_frame).state_digest() == traded.account(by_time).state_digest()
    assert traded.strategies(by_frame) == traded.strategies(by_time)


def test_snapshots_shorten_the_way_and_change_nothing(traded: Traded, monkeypatch: pytest.MonkeyPatch):
    end = Until(time_ns=int(morning()["time_ns"][-1]))
    applied: list[int] = []
    apply = AccountEngine.apply
    monkeypatch.setattr(AccountEngine, "apply", lambda self, step: applied.append(1) or apply(self, step))
    short, steps = traded.account(end).state_digest(), len(applied)
    assert traded.with_other_code(monkeypatch).account(end).state_digest() == short
    assert len(applied) - steps == len(traded.journal()) > steps


def test_what_people_commanded_holds_from_where_it_stood_between_two_events(tmp_path: pathlib.Path):
    """A pause comes after the first half of a morning: it holds until the next event, which is after it."""
    half, made_of = morning()[:10_000], blueprint()
    asyncio.run(run_in(tmp_path, ChoppedFeed(half), made_of))

    async def pause() -> None:
        async with SqliteLog(tmp_path) as log:
            message = command_message("pause", "", "anand", "lunch", 1)
            await log.append([new_record(CONTROL, message)])

    asyncio.run(pause())
    engine = asyncio.run(run_in(tmp_path, ChoppedFeed(morning()), made_of))
    session, break_ns = Traded(tmp_path, made_of), int(half["time_ns"][-1])
    assert any(entry.inputs[0].topic == CONTROL.name for entry in session.journal())
    paused = [
        int(session.account(Until(time_ns=time_ns)).stage.account["paused"])
        for time_ns in (break_ns - 1, break_ns, break_ns + MINUTE_NS, int(morning()["time_ns"][-1]))
    ]
    assert paused == [0, 1, 1, 1]
    assert session.account(Until(time_ns=int(morning()["time_ns"][-1]))).state_digest() == engine.state_digest()


# ── Cuts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_arrival_is_itself_nothing_or_its_beginning(traded: Traded):
    async def first(log: Log) -> None:
        arrival = await Arrivals(log, traded.blueprint.ticks).next()
        assert arrival is not None
        times_ns = arrival.events()["time_ns"]
        assert arrival_until(arrival, Until(time_ns=int(times_ns[-1]))) is arrival
        assert arrival_until(arrival, Until(frame=0)) is arrival
        assert arrival_until(arrival, Until(time_ns=int(times_ns[0]) - 1)) is None
        middle = int(times_ns[len(times_ns) // 2])
        cut = arrival_until(arrival, Until(time_ns=middle))
        assert cut is not None
        assert cut.events().tobytes() == arrival.events()[times_ns <= middle].tobytes()
        assert cut.time_ns == middle

    traded.ask(first)


# ── Moments that are none ────────────────────────────────────────────────────────────────────────────────────────────


def test_moments_are_written_as_frames_or_as_instants_of_india():
    assert Until.parsed("frame:12") == Until(frame=12)
    assert Until.parsed("2026-11-20T11:00") == Until.parsed("2026-11-20T05:30:00+00:00")
    assert str(Until.parsed("2026-11-20 11:00:05")) == "2026-11-20 11:00:05"
    assert str(Until(frame=12)) == "frame 12"


@pytest.mark.parametrize("text", ["", "frame:", "frame:-1", "11:00", "yesterday", "2026-13-01", "frame:1x"])
def test_what_is_no_moment_is_refused(text: str):
    with pytest.raises(ConfigurationError, match="is no moment of a session: write frame:123, or an instant"):
        Until.parsed(text)


def test_moments_to_which_the_session_has_not_come_are_refused(traded: Traded):
    last_ns = int(morning()["time_ns"][-1])
    for beyond in (Until(frame=10_000), Until(time_ns=last_ns + 1)):
        with pytest.raises(RecoveryError, match="the account has only come to frame"):
            traded.account(beyond)
    with pytest.raises(RecoveryError, match="the session had not begun"):
        traded.account(Until(time_ns=int(morning()["time_ns"][0]) - 1))
    assert traded.account(Until(time_ns=last_ns)).time_ns == last_ns


def test_another_state_than_the_journals_is_told(traded: Traded, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(AccountEngine, "state_digest", lambda self, recorded=None: "another")
    with pytest.raises(ParityError, match="tells of another state of the account"):
        traded.with_other_code(monkeypatch).account(Until(time_ns=int(morning()["time_ns"][-1])))
