"""A proof holds for what happened, and names the first byte of whatever did not."""

import asyncio
import contextlib
import dataclasses
import itertools
import pathlib
import re
import shutil
import sqlite3
from collections.abc import Callable

import numpy as np
import pytest

from alpha_panda.errors import CorruptRecordError, EventError, LogError, RecoveryError
from alpha_panda.kernels.records import TICK, Records
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.control.commands import command_message
from alpha_panda.live.envelope import Envelope, decode, encode
from alpha_panda.live.log.base import NewRecord, Record
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Fill, Signal, Ticks
from alpha_panda.live.past.verify import verify
from alpha_panda.live.payloads import events_of
from alpha_panda.live.routing import new_record
from alpha_panda.live.snapshots import digest_of
from alpha_panda.live.topics import CONTROL, Topic, market_ticks
from tests.live.samples import changed
from tests.live.trading import (
    PAPER,
    ROOT,
    TOPICS,
    ChoppedFeed,
    CrashError,
    CrashingLog,
    morning,
    records_of,
    replayed,
    run_in,
    run_on,
)

Change = Callable[[Envelope], list[Envelope]]
"""Returns the messages to write in place of one."""

Broken = dict[str, str]
"""The levels that do not hold, each with its first difference."""


@pytest.fixture(autouse=True)
def _strategies_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof looks for strategies where it is run."""
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return the state of a session that nobody touched."""
    state = tmp_path_factory.mktemp("session")
    asyncio.run(run_in(state, ChoppedFeed(morning())))
    return state


async def crashing(state: pathlib.Path) -> None:
    """Trade until the process dies in the middle of the morning."""
    async with SqliteLog(state) as log:
        await run_on(CrashingLog(log, append=25, after=True), ChoppedFeed(morning(), longest=1_000), state=state)


async def copy(source: pathlib.Path, target: pathlib.Path, topic: Topic, change: Change) -> None:
    """Write a session again through the log's own door, the messages of one topic changed."""
    async with SqliteLog(source, read_only=True) as before, SqliteLog(target) as after:
        for each in TOPICS:
            for record in await records_of(before, each):
                messages = change(decode(record)) if each == topic else [decode(record)]
                await after.append([NewRecord(each, 0, record.key, encode(message)) for message in messages])


async def fills(state: pathlib.Path) -> list[Fill]:
    """Return the executions of a session."""
    async with SqliteLog(state, read_only=True) as log:
        found = [decode(record).data for record in await records_of(log, PAPER.orders_filled)]
    return [each for each in found if isinstance(each, Fill)]


def tampered(session: pathlib.Path, target: pathlib.Path, topic: Topic, change: Change, index: int = 0) -> Broken:
    """Return what is broken, level by level, in a copy whose message number `index` of `topic` was changed."""
    numbers = itertools.count()
    asyncio.run(copy(session, target, topic, lambda each: change(each) if next(numbers) == index else [each]))
    report = verify(target)
    assert not report.holds
    return {level.name: level.difference for level in report.levels if not level.holds}


def with_events(message: Envelope, change: Callable[[Records], None]) -> list[Envelope]:
    """Return a frame of ticks with some of its events changed."""
    assert isinstance(message.data, Ticks)
    events = events_of(message.data).copy()
    change(events)
    return [changed(message, data=changed(message.data, frame=events.tobytes()))]


# ── What happened ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_levels_hold_for_a_session_that_nobody_touched(session: pathlib.Path):
    report = verify(session)
    assert report.holds
    assert [level.name for level in report.levels] == ["signals", "journal", "backtest"]
    assert report.events == len(morning())
    assert report.ledger_hash == replayed(morning()).ledger_hash()


def test_they_hold_for_a_session_that_was_flattened_in_the_middle(tmp_path: pathlib.Path):
    events = morning()
    held = next(row for row in range(10_000, len(events)) if replayed(events[:row]).account["positions"] > 0)
    asyncio.run(run_in(tmp_path, ChoppedFeed(events[:held])))

    async def flatten() -> None:
        async with SqliteLog(tmp_path) as log:
            await log.append([new_record(CONTROL, command_message("flatten", "", "anand", "lunch", 1))])

    asyncio.run(flatten())
    engine = asyncio.run(run_in(tmp_path, ChoppedFeed(events)))
    report = verify(tmp_path)
    assert report.holds
    assert report.ledger_hash == engine.stage.ledger_hash() != replayed(events).ledger_hash()
    assert not engine.stage.books["quantity"].any()
    assert "flatten" in {fill.guard for fill in asyncio.run(fills(tmp_path))}


def test_they_hold_for_a_journal_that_hashed_the_whole_state_at_each_step(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as before:
        before.setattr(AccountEngine, "state_digest", lambda self, recorded=None: digest_of(self.arrays()))
        with pytest.raises(CrashError):
            asyncio.run(crashing(tmp_path))
    asyncio.run(run_in(tmp_path, ChoppedFeed(morning())))
    report = verify(tmp_path)
    assert report.holds
    assert report.ledger_hash == replayed(morning()).ledger_hash()


def test_they_hold_for_a_copy_of_it(session: pathlib.Path, tmp_path: pathlib.Path):
    asyncio.run(copy(session, tmp_path, PAPER.journal, lambda message: [message]))
    assert verify(tmp_path) == dataclasses.replace(verify(session), state=tmp_path)


async def test_a_session_that_is_running_is_proved_as_far_as_it_has_come(tmp_path: pathlib.Path):
    async with SqliteLog(tmp_path) as log:
        with pytest.raises(CrashError):
            await run_on(CrashingLog(log, append=25, after=True), ChoppedFeed(morning(), longest=1_000))
        report = await asyncio.to_thread(verify, tmp_path)
    assert report.holds
    assert 0 < report.events < len(morning())


# ── What did not ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_price_that_was_changed_breaks_every_level(session: pathlib.Path, tmp_path: pathlib.Path):
    def cheaper(events: Records) -> None:
        for field in ("open_e4", "high_e4", "low_e4", "close_e4"):
            events[field][events["kind"] == TICK] //= 2

    broken = tampered(session, tmp_path, market_ticks(), lambda frame: with_events(frame, cheaper), index=5)
    assert set(broken) == {"signals", "journal", "backtest"}


def test_a_byte_that_changes_no_decision_is_noticed_all_the_same(session: pathlib.Path, tmp_path: pathlib.Path):
    def more(events: Records) -> None:
        events["volume"][np.flatnonzero(events["kind"] == TICK)[0]] += 1

    broken = tampered(session, tmp_path, market_ticks(), lambda frame: with_events(frame, more), index=5)
    assert set(broken) == {"journal"}
    assert re.match(r"paper\.journal offset \d+: data\.chain_digest is", broken["journal"])


def test_an_event_that_no_kernel_may_see_reaches_none(session: pathlib.Path, tmp_path: pathlib.Path):
    def elsewhere(events: Records) -> None:
        events["instrument"][events["kind"] == TICK] = 30_000

    with pytest.raises(EventError, match=r"market\.ticks sequence 4 holds what may not be on it.*is not of this run"):
        tampered(session, tmp_path, market_ticks(), lambda frame: with_events(frame, elsewhere), index=5)


def test_a_frame_that_is_gone_breaks_the_proof(session: pathlib.Path, tmp_path: pathlib.Path):
    assert "signals" in tampered(session, tmp_path, market_ticks(), lambda _: [], index=5)


def test_a_signal_that_is_gone_breaks_the_first_level(session: pathlib.Path, tmp_path: pathlib.Path):
    index = first_of(session, PAPER.signals_raw, Signal)
    broken = tampered(session, tmp_path, PAPER.signals_raw, lambda _: [], index)
    assert broken["signals"].startswith(f"paper.signals.raw lacks sequence {index - 1}, ")
    assert "backtest" not in broken


def test_a_fill_that_was_altered_breaks_only_the_second_level(session: pathlib.Path, tmp_path: pathlib.Path):
    def better(message: Envelope) -> list[Envelope]:
        assert isinstance(message.data, Fill)
        return [changed(message, data=changed(message.data, price_e4=message.data.price_e4 + 1))]

    index = first_of(session, PAPER.orders_filled, Fill)
    broken = tampered(session, tmp_path, PAPER.orders_filled, better, index)
    assert set(broken) == {"journal"}
    assert broken["journal"].startswith(f"paper.orders.filled offset {index}: data.price_e4 is ")


def test_a_fill_that_nothing_made_is_noticed(session: pathlib.Path, tmp_path: pathlib.Path):
    async def last() -> int:
        async with SqliteLog(session, read_only=True) as log:
            return await log.end(PAPER.orders_filled, 0) - 1

    broken = tampered(
        session,
        tmp_path,
        PAPER.orders_filled,
        lambda message: [message, message.stamped(message.epoch, message.sequence + 1)],
        asyncio.run(last()),
    )
    assert set(broken) == {"journal"}
    assert "nothing that was read made it" in broken["journal"]


def test_a_record_that_came_twice_is_passed_over(session: pathlib.Path, tmp_path: pathlib.Path):
    for topic in (market_ticks(), PAPER.signals_raw, PAPER.journal, PAPER.orders_filled):
        twice = tmp_path / topic.name
        asyncio.run(copy(session, twice, topic, lambda message: [message, message]))
        assert verify(twice) == dataclasses.replace(verify(session), state=twice)


def test_a_state_that_was_never_reached_breaks_the_second_level(session: pathlib.Path, tmp_path: pathlib.Path):
    def other(message: Envelope) -> list[Envelope]:
        return [changed(message, data=changed(message.data, state_digest="0" * 32))]

    broken = tampered(session, tmp_path, PAPER.journal, other, index=2)
    assert broken == {"journal": broken["journal"]}
    assert broken["journal"].startswith("paper.journal offset 2: data.state_digest is '00000000")


# ── What is no session ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_record_that_rotted_is_named_in_one_sentence(session: pathlib.Path, tmp_path: pathlib.Path):
    state = shutil.copytree(session, tmp_path / "rotten")
    with contextlib.closing(sqlite3.connect(state / "log.db")) as connection, connection:
        query = "SELECT place, value FROM records JOIN partitions ON number = place >> 40 WHERE topic = 'market.ticks'"
        place, value = connection.execute(f"{query} LIMIT 1 OFFSET 3").fetchone()
        rotten = value[:200] + bytes([value[200] ^ 1]) + value[201:]
        connection.execute("UPDATE records SET value = ? WHERE place = ?", (rotten, place))
    with pytest.raises(CorruptRecordError, match=r"^topic market\.ticks partition 0 offset 3 is not what was appended"):
        verify(state)


def test_a_folder_without_a_log_is_refused(tmp_path: pathlib.Path):
    with pytest.raises(LogError, match="there is no event log in"):
        verify(tmp_path)


def test_a_log_in_which_no_session_began_is_refused(tmp_path: pathlib.Path):
    async def touch() -> None:
        await SqliteLog(tmp_path).close()

    asyncio.run(touch())
    with pytest.raises(RecoveryError, match="no session has begun in"):
        verify(tmp_path)


def first_of(state: pathlib.Path, topic: Topic, kind: type[Signal | Fill]) -> int:
    """Return the offset of the first message of a kind."""

    async def look() -> list[Record]:
        async with SqliteLog(state, read_only=True) as log:
            return await records_of(log, topic)

    return next(record.offset for record in asyncio.run(look()) if isinstance(decode(record).data, kind))
