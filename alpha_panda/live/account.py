"""The account stage: the single writer of one account, which applies ticks and signals and journals every step."""

import collections
import hashlib
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from alpha_panda.chain import restore_bytes, snapshot_bytes
from alpha_panda.errors import RecoveryError
from alpha_panda.kernels import records
from alpha_panda.kernels.records import Records
from alpha_panda.live.causes import Causes
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.log.base import Commit, Log, NewRecord, Record
from alpha_panda.live.messages import JournalEntry, Place, Progress, Signal, Span, StateSnapshot, Ticks
from alpha_panda.live.payloads import events_of, frame_in
from alpha_panda.live.routing import new_record, topic_of
from alpha_panda.live.session import Blueprint
from alpha_panda.live.snapshots import SNAPSHOT_EVERY_NS, digest_of
from alpha_panda.live.status import Status
from alpha_panda.live.streams import Stream
from alpha_panda.live.topics import market_ticks

GROUP = "account"
_SOURCE = "account"
_MEMORY = "memory"


class Frame(NamedTuple):
    """A frame of ticks that the account applies, with its record."""

    record: Record
    message: Envelope
    ticks: Ticks


class Said(NamedTuple):
    """A signal that the account applies, or the signals stage's progress, with its record."""

    record: Record
    message: Envelope


class Step(NamedTuple):
    """What the account applies at once: whole frames of ticks, and all that the signals stage said of them."""

    frames: Sequence[Frame]
    signals: Sequence[Said]


class _Memory(msgspec.Struct, array_like=True):
    """What the engine remembers besides the account's arrays."""

    steps: int  # applied so far, which is the offset of the journal that it writes next
    next_frame: int
    next_signal: int
    next_offsets: dict[str, int]  # of each topic that it writes
    chain_digest: str
    causes: bytes


class AccountEngine:
    """One account and how far it has come; it knows no log, so that live, recovery and proof run the same lines."""

    def __init__(self, blueprint: Blueprint) -> None:
        self.blueprint = blueprint
        self.stage = blueprint.account_stage()
        self.steps = 0
        self.next_frame = 0
        self.next_signal = 0
        self.next_offsets = collections.Counter[str]()
        self._chain_digest = ""
        self._causes = Causes(blueprint)
        self._strategy_of = {name: index for index, name in enumerate(blueprint.names.strategies)}
        self._instrument_of = {token: index for index, token in enumerate(blueprint.names.instrument_tokens)}
        self._snapshot_next_ns = 0

    def apply(self, step: Step) -> list[Envelope]:
        """Pass one step through the account; return what it did, in order, and the journal's entry of it."""
        self._check(step)
        blocks = [events_of(frame.ticks) for frame in step.frames]
        starts = itertools.accumulate(map(len, blocks[:-1]), initial=0)
        first = dict(zip((frame.record.offset for frame in step.frames), starts, strict=True))
        signals = [each.message for each in step.signals if isinstance(each.message.data, Signal)]
        work = self.stage.advance(np.concatenate(blocks), self._signal_array(signals, first))
        messages = self._causes.explain(work, [frame.message for frame in step.frames], signals)
        self.next_frame += len(step.frames)
        self.next_signal += len(step.signals)
        messages.append(self._journal_entry(step))
        self.steps += 1
        self.next_offsets.update(topic_of(self.blueprint.topics, message.data).name for message in messages)
        return messages

    def _check(self, step: Step) -> None:
        """Refuse a step that does not go on where the last one ended, or whose frames and signals do not match."""
        given = [frame.record.offset for frame in step.frames]
        expected = list(range(self.next_frame, self.next_frame + len(given)))
        said = [signal.message.data for signal in step.signals]
        told = [data.sequence for data in said if isinstance(data, Progress)]
        caused = {data.cause.sequence for data in said if isinstance(data, Signal)}
        fits = told == given == expected and caused <= set(given)
        if not fits or step.signals[0].record.offset != self.next_signal:
            raise RecoveryError(
                f"the account has applied the ticks up to offset {self.next_frame} and was given {given[:1]} with the "
                f"progress of {told[:1]}: the log has a gap, restore it"
            )

    def _signal_array(self, signals: Sequence[Envelope], first: dict[int, int]) -> Records:
        """Return signals as the kernel takes them, each with the index of its cause among this step's events."""
        array = np.zeros(len(signals), records.SIGNAL)
        for row, signal in zip(array, signals, strict=True):
            data = signal.data
            assert isinstance(data, Signal)
            if data.strategy not in self._strategy_of or data.instrument_token not in self._instrument_of:
                raise RecoveryError(f"a signal of {data.strategy} for {data.instrument_token} is not of this session")
            row["time_ns"] = signal.time_ns
            row["event_index"] = first[data.cause.sequence] + data.cause.index
            row["strategy"] = self._strategy_of[data.strategy]
            row["instrument"] = self._instrument_of[data.instrument_token]
            row["target"], row["volatility"] = data.target, data.volatility
        return array

    def _journal_entry(self, step: Step) -> Envelope:
        chain = hashlib.blake2b(self._chain_digest.encode(), digest_size=16)
        for applied in (*step.frames, *step.signals):
            chain.update(len(applied.record.value).to_bytes(8, "little") + applied.record.value)
        self._chain_digest = chain.hexdigest()
        entry = JournalEntry((_span(step.frames), _span(step.signals)), self._chain_digest, self.state_digest())
        time_ns = step.frames[-1].message.time_ns
        return self.blueprint.begin(entry, source=_SOURCE, index=self.steps, time_ns=time_ns)

    def state_digest(self) -> str:
        """Return a digest of everything that the account's kernel remembers."""
        return digest_of(snapshot_bytes(self.stage.arrays()))

    # ── To recover from ──────────────────────────────────────────────────────────────────────────────────────────────

    def snapshot_if_due(self, time_ns: int) -> list[Envelope]:
        """Return a snapshot if some minutes of the market have passed since the last one."""
        if time_ns < self._snapshot_next_ns:
            return []
        self._snapshot_next_ns = time_ns + SNAPSHOT_EVERY_NS
        memory = _Memory(
            self.steps,
            self.next_frame,
            self.next_signal,
            dict(self.next_offsets),
            self._chain_digest,
            self._causes.to_bytes(),
        )
        arrays = {**snapshot_bytes(self.stage.arrays()), _MEMORY: msgspec.msgpack.encode(memory)}
        topics = self.blueprint.topics
        places = (
            Place(market_ticks().name, 0, self.next_frame),
            Place(topics.signals_raw.name, 0, self.next_signal),
            Place(topics.journal.name, 0, self.steps),
        )
        data = StateSnapshot(self.blueprint.code_digest, digest_of(arrays), places, arrays)
        return [self.blueprint.begin(data, source=_SOURCE, index=self.steps, time_ns=time_ns)]

    def restore(self, snapshot: StateSnapshot, time_ns: int) -> None:
        """Take up where `snapshot` was taken, at `time_ns`; RecoveryError when it is not of this account."""
        arrays = dict(snapshot.arrays)
        memory = msgspec.msgpack.decode(arrays.pop(_MEMORY), type=_Memory)
        restore_bytes(self.stage.arrays(), arrays)
        self.steps, self.next_frame, self.next_signal = memory.steps, memory.next_frame, memory.next_signal
        self.next_offsets = collections.Counter(memory.next_offsets)
        self._chain_digest = memory.chain_digest
        self._causes.restore(memory.causes)
        self._snapshot_next_ns = time_ns + SNAPSHOT_EVERY_NS


def _span(applied: Sequence[Frame] | Sequence[Said]) -> Span:
    first = applied[0].record
    return Span(first.topic, first.partition, first.offset, applied[-1].record.offset + 1)


async def run_account(engine: AccountEngine, log: Log, signals: Stream, status: Status) -> None:
    """Apply frames once the signals stage has finished them; all that a step causes enters the log together."""
    waiting: list[Said] = []
    while read := await signals.read():
        waiting += [Said(record, decode(record)) for record in read]
        whole = _whole_frames(waiting)
        if not whole:
            continue
        step, waiting = await _step(log, waiting[:whole]), waiting[whole:]
        messages = engine.apply(step)
        messages += engine.snapshot_if_due(messages[-1].time_ns)
        await log.append(_records(engine, messages), _commits(engine))
        status.on_step(engine.next_frame, engine.steps)


def _whole_frames(waiting: Sequence[Said]) -> int:
    """Return how many of these tell of frames that the signals stage has finished: up to the last progress."""
    for index in range(len(waiting) - 1, -1, -1):
        if isinstance(waiting[index].message.data, Progress):
            return index + 1
    return 0


async def _step(log: Log, signals: Sequence[Said]) -> Step:
    """Return the step that these signals and their progress make, with the frames read from the log."""
    offsets = [each.message.data.sequence for each in signals if isinstance(each.message.data, Progress)]
    frames = await log.read(market_ticks(), 0, offsets[0], offsets[-1] + 1 - offsets[0])
    return Step([Frame(record, *frame_in(record)) for record in frames], signals)


def _records(engine: AccountEngine, messages: Sequence[Envelope]) -> list[NewRecord]:
    topics = engine.blueprint.topics
    return [new_record(topic_of(topics, message.data), message) for message in messages]


def _commits(engine: AccountEngine) -> list[Commit]:
    return [
        Commit(GROUP, market_ticks(), 0, engine.next_frame),
        Commit(GROUP, engine.blueprint.topics.signals_raw, 0, engine.next_signal),
    ]
