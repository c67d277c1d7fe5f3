"""A session as it was: its strategies and its account after any frame of the ticks, or at any instant of the market.

They are rebuilt by what live and recovery run, from the last snapshot before the moment, or from the beginning. On the
way everything is held against the log: each signal, and the state of the account after each step of its journal. So
what comes out is what was, or an error says where it is not.
"""

import datetime
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from alpha_panda.errors import ConfigurationError, ParityError, RecoveryError
from alpha_panda.kernels.clock import NEVER_NS
from alpha_panda.live.account import AccountEngine, Step
from alpha_panda.live.arrivals import Arrival, Places, ticks_in
from alpha_panda.live.envelope import ROW_BYTES, Envelope
from alpha_panda.live.journal import AccountReplay, Output
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import JournalEntry, Payload, Progress, Signal, StateSnapshot, Ticks
from alpha_panda.live.payloads import events_of
from alpha_panda.live.session import Blueprint
from alpha_panda.live.signals import SignalsEngine
from alpha_panda.live.snapshots import places_of, snapshot_at
from alpha_panda.live.streams import Entry, Recording
from alpha_panda.live.topics import Topic
from alpha_panda.units import IST, ist_datetime, to_time_ns

_FRAME = re.compile(r"frame:([0-9]{1,15})")


class Until(NamedTuple):
    """A moment: after the frame with this sequence, or after all events up to this instant."""

    frame: int = NEVER_NS
    time_ns: int = NEVER_NS

    def __str__(self) -> str:
        return f"frame {self.frame}" if self.time_ns == NEVER_NS else f"{ist_datetime(self.time_ns):%Y-%m-%d %H:%M:%S}"

    @classmethod
    def parsed(cls, text: str) -> "Until":
        """Return the moment written `frame:123` or `2026-11-20T11:00`, in IST; ConfigurationError for anything else."""
        if found := _FRAME.fullmatch(text):
            return cls(frame=int(found[1]))
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            raise ConfigurationError(
                f"{text!r} is no moment of a session: write frame:123, or an instant in IST as 2026-11-20T11:00"
            ) from None
        return cls(time_ns=to_time_ns(moment if moment.tzinfo else moment.replace(tzinfo=IST)))

    def passed(self, frame: int, time_ns: int) -> bool:
        """Return whether what has come so far, up to and with this frame and instant, goes beyond the moment."""
        return frame > self.frame or time_ns > self.time_ns


# ── What was there ───────────────────────────────────────────────────────────────────────────────────────────────────


async def strategies_at(log: Log, blueprint: Blueprint, at: Until, partition: int = 0) -> SignalsEngine:
    """Return the strategies of one partition of the ticks as they were; ParityError where the log tells otherwise."""
    engine = SignalsEngine(blueprint, partition)
    topics = blueprint.topics
    places: Places = {}
    if found := await _snapshot_before(log, topics.signals_snapshots, blueprint, at, partition):
        places = engine.restore(found[1], found[0].time_ns)
    ticks = Recording(log, blueprint.ticks, partition, engine.ticks_place)
    raw = Output(log, topics.signals_raw, partition, places)
    while (entry := await ticks.next()) and (arrival := arrival_until(Arrival([entry]), at)):
        said = engine.apply(arrival.entries[0])
        if arrival.entries[0] is not entry:
            break
        raw.owed.extend(said)
        await raw.settle()
    return engine


async def account_at(log: Log, blueprint: Blueprint, at: Until) -> AccountEngine:
    """Return the account as it was, with what people had commanded until the next event.

    Raises RecoveryError where it has not come so far, or began later, and ParityError where its journal tells of
    another state.
    """
    engine = AccountEngine(blueprint)
    places: Places = {}
    if found := await _snapshot_before(log, blueprint.topics.snapshots, blueprint, at):
        places = engine.restore(found[1], found[0].time_ns)
    replay = AccountReplay(log, engine, places)
    while entry := await replay.journal.next():
        whole = await replay.step(entry)
        if (step := step_until(whole, at)) is None:
            break
        engine.apply(step)
        if step is not whole:
            return engine
        _check_state(entry, engine)
    else:
        if engine.next_frame - 1 != at.frame and engine.time_ns != at.time_ns:
            raise RecoveryError(f"the account has only come to {_place(engine)}: name a moment up to then, not {at}")
    if engine.next_frame == 0:
        raise RecoveryError(f"the session had not begun at {at}: name a later moment")
    return engine


def _place(engine: AccountEngine) -> str:
    return f"frame {engine.next_frame - 1}, {Until(time_ns=engine.time_ns)} IST"


def _check_state(entry: Entry, engine: AccountEngine) -> None:
    data = entry.message.data
    assert isinstance(data, JournalEntry)
    if data.state_digest != engine.state_digest(data.state_digest):
        raise ParityError(
            f"{entry.record.topic} offset {entry.record.offset} tells of another state of the account than comes out "
            "again: look with the kernels and strategies that traded"
        )


async def _snapshot_before(
    log: Log, topic: Topic, blueprint: Blueprint, at: Until, partition: int = 0
) -> tuple[Envelope, StateSnapshot] | None:
    """Return the last snapshot of before a moment that was written by the code of now; None without one."""
    for offset in range(await log.end(topic, partition) - 1, -1, -1):
        if found := await snapshot_at(log, topic, partition, offset):
            message, snapshot = found
            ticks = places_of(snapshot)[blueprint.ticks.name, partition]
            if snapshot.code_digest == blueprint.code_digest and not at.passed(ticks.sequence - 1, message.time_ns):
                return found
    return None


# ── Cutting what was applied together ────────────────────────────────────────────────────────────────────────────────


def arrival_until(arrival: Arrival, at: Until) -> Arrival | None:
    """Return what arrived together, with its events up to a moment; itself if those are all, None if there are none."""
    if arrival.sequence > at.frame:
        return None
    frames = [events_of(ticks) for ticks in arrival.frames]
    counts = [int(np.searchsorted(events["time_ns"], at.time_ns, side="right")) for events in frames]
    if counts == [len(events) for events in frames]:
        return arrival
    if not any(counts):
        return None
    time_ns = max(int(events["time_ns"][count - 1]) for events, count in zip(frames, counts, strict=True) if count)
    return Arrival([_shortened(*each, time_ns) for each in zip(arrival.entries, counts, strict=True)])


def _shortened(entry: Entry, count: int, time_ns: int) -> Entry:
    ticks = ticks_in(entry)
    data = Ticks(count, events_of(ticks)[:count].tobytes(), ticks.next_index, ticks.rows[: count * ROW_BYTES])
    return entry._replace(message=msgspec.structs.replace(entry.message, data=data, time_ns=time_ns))


def step_until(step: Step, at: Until) -> Step | None:
    """Return a step of the account with its events up to a moment, and the signals that these caused.

    It is itself if that is all of it, as for commands of people, which stand between two events; None if it is nothing.
    """
    arrivals: list[Arrival] = []
    for arrival in step.arrivals:
        if (until := arrival_until(arrival, at)) is None:
            break
        arrivals.append(until)
    if all(one is other for one, other in itertools.zip_longest(arrivals, step.arrivals)):
        return step
    counts = {arrival.sequence: [ticks.count for ticks in arrival.frames] for arrival in arrivals}
    return Step(arrivals, [_caused(said, counts) for said in step.said]) if arrivals else None


def _caused(said: Sequence[Entry], counts: Mapping[int, Sequence[int]]) -> list[Entry]:
    """Return what the strategies said of so many events of each frame and partition, numbered on from the first."""
    kept: list[Entry] = []
    for entry in said:
        if _is_of(entry.message.data, counts):
            number = said[0].message.sequence + len(kept)
            kept.append(entry._replace(message=entry.message.stamped(entry.message.epoch, number)))
    return kept


def _is_of(data: Payload, counts: Mapping[int, Sequence[int]]) -> bool:
    if isinstance(data, Signal):
        cause = data.cause
        return cause.sequence in counts and cause.index < counts[cause.sequence][cause.partition]
    return isinstance(data, Progress) and data.sequence in counts
