"""The account: the single writer of one account, which applies ticks and signals and journals every step."""

import collections
import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from alpha_panda.chain import COMMANDS, restore_bytes, snapshot_bytes
from alpha_panda.errors import RecoveryError
from alpha_panda.kernels import records
from alpha_panda.kernels.records import Records
from alpha_panda.live.arrivals import Arrival, Places
from alpha_panda.live.causes import Causes
from alpha_panda.live.digests import StateDigest
from alpha_panda.live.envelope import SHARED, Envelope
from alpha_panda.live.messages import Control, JournalEntry, Place, Progress, Signal, Span, StateSnapshot
from alpha_panda.live.routing import topic_of
from alpha_panda.live.session import Blueprint
from alpha_panda.live.snapshots import SNAPSHOT_EVERY_NS, places_of, snapshot_maker
from alpha_panda.live.spreading import rows_of
from alpha_panda.live.streams import Entry
from alpha_panda.live.topics import CONTROL

_SOURCE = "account"
_MEMORY = "memory"


class Step(NamedTuple):
    """What the account applies at once.

    Either whole arrivals of ticks with all that the strategies said of them, or commands of people.
    """

    arrivals: Sequence[Arrival] = ()
    said: Sequence[Sequence[Entry]] = ()  # by partition: signals, and the progress that ends each frame's
    commands: Sequence[Entry] = ()

    def entries(self) -> Iterator[Sequence[Entry]]:
        """Yield the records of each partition that the step applies, in the order of the journal."""
        for partition in range(len(self.said)):
            yield [arrival.entries[partition] for arrival in self.arrivals]
        yield from self.said
        if self.commands:
            yield self.commands


class _Memory(msgspec.Struct, array_like=True):
    """What the engine remembers besides the account's arrays and where it reads."""

    steps: int  # applied so far, which is the sequence of the journal that it writes next
    next_frame: int
    time_ns: int
    next_sequences: dict[str, int]  # of each topic that it writes
    chain_digest: str
    causes: bytes
    commands: tuple[str, ...] = ()  # the ids of those that it has taken


class Commands:
    """The commands that a session's account has taken, each of which counts once however often it is on the log.

    A kill counts each time: where the latch owes one that was carried out and reset since, it is the same one again.
    """

    def __init__(self, blueprint: Blueprint, taken: Sequence[str] = ()) -> None:
        self.taken = list(taken)
        self._blueprint = blueprint

    def take(self, entry: Entry) -> Control | None:
        """Return the command that a record carries; None where it is none for this account, or was taken before."""
        data, command_id = entry.message.data, entry.message.id
        if not isinstance(data, Control) or data.command not in COMMANDS:
            return None
        names = self._blueprint.names.strategies
        meant = entry.message.broker in (SHARED, self._blueprint.broker) and data.argument in ("", *names)
        if not meant or (command_id in self.taken and data.command != "kill"):
            return None
        if command_id not in self.taken:
            self.taken.append(command_id)
        return data


class AccountEngine:
    """One account and how far it has come; it knows no log, so that live, recovery and proof run the same lines."""

    def __init__(self, blueprint: Blueprint) -> None:
        self.blueprint = blueprint
        self.stage = blueprint.account_stage()
        self.steps = 0
        self.next_frame = 0
        self.time_ns = 0  # of the last event
        self.next_sequences = collections.Counter[str]()
        ticks, raw = blueprint.ticks, blueprint.topics.signals_raw
        self.places: dict[tuple[str, int], Place] = {
            (topic.name, partition): Place(topic.name, partition, 0)
            for topic in (ticks, raw, CONTROL)
            for partition in range(topic.partitions)
        }
        self._chain_digest = ""
        self._state_digest = StateDigest(self.stage.arrays())
        self._causes = Causes(blueprint)
        self._commands = Commands(blueprint)
        self._strategy_of = {name: index for index, name in enumerate(blueprint.names.strategies)}
        self._instrument_of = {token: index for index, token in enumerate(blueprint.names.instrument_tokens)}
        self._snapshot_next_ns = 0

    def apply(self, step: Step) -> list[Envelope]:
        """Pass one step through the account; return what it did, in order, and the journal's entry of it.

        Each message has the sequence that it has on its topic.
        """
        messages = self._obey(step.commands) if step.commands else self._trade(step)
        self._remember_places(step)
        messages.append(self._journal_entry(step))
        self.steps += 1
        return [self._numbered(message) for message in messages]

    def _obey(self, commands: Sequence[Entry]) -> list[Envelope]:
        """Carry out what people command, between two events; what cannot be carried out changes nothing."""
        messages: list[Envelope] = []
        for entry in commands:
            if command := self._commands.take(entry):
                work = self.stage.command(command.command, command.argument, self.time_ns)
                messages += self._causes.explain(work, [Arrival([entry])], [])
        return messages

    def _trade(self, step: Step) -> list[Envelope]:
        self._check(step)
        blocks = [arrival.events() for arrival in step.arrivals]
        starts = list(itertools.accumulate(map(len, blocks[:-1]), initial=0))
        signals = [each.message for said in step.said for each in said if isinstance(each.message.data, Signal)]
        work = self.stage.advance(np.concatenate(blocks), self._signal_array(signals, step.arrivals, starts))
        self.next_frame += len(step.arrivals)
        self.time_ns = step.arrivals[-1].time_ns
        return self._causes.explain(work, step.arrivals, signals)

    def _check(self, step: Step) -> None:
        """Refuse a step that does not go on where the last one ended, or whose frames and signals do not match."""
        expected = list(range(self.next_frame, self.next_frame + len(step.arrivals)))
        raw = self.blueprint.topics.signals_raw.name
        told: list[list[int]] = []
        for partition, said in enumerate(step.said):
            data = [each.message.data for each in said]
            told.append([each.sequence for each in data if isinstance(each, Progress)])
            caused = {each.cause.sequence for each in data if isinstance(each, Signal)}
            begins = said[0].message.sequence if said else -1
            if not caused <= set(expected) or begins != self.places[raw, partition].sequence:
                told[-1] = []
        if (
            not expected
            or [arrival.sequence for arrival in step.arrivals] != expected
            or set(map(tuple, told)) != {tuple(expected)}
        ):
            given = [arrival.sequence for arrival in step.arrivals[:1]]
            raise RecoveryError(
                f"the account has applied the ticks up to sequence {self.next_frame} and was given {given} with the "
                f"progress of {told}: the log has a gap, restore it"
            )

    def _signal_array(self, signals: Sequence[Envelope], arrivals: Sequence[Arrival], starts: Sequence[int]) -> Records:
        """Return signals as the kernel takes them, each with the index of its cause among this step's events."""
        array = np.zeros(len(signals), records.SIGNAL)
        rows = [rows_of(arrival.frames) for arrival in arrivals] if signals else []
        for row, signal in zip(array, signals, strict=True):
            data = signal.data
            assert isinstance(data, Signal)
            if data.strategy not in self._strategy_of or data.instrument_token not in self._instrument_of:
                raise RecoveryError(f"a signal of {data.strategy} for {data.instrument_token} is not of this session")
            arrival = data.cause.sequence - self.next_frame
            row["time_ns"] = signal.time_ns
            row["event_index"] = starts[arrival] + rows[arrival][data.cause.partition][data.cause.index]
            row["strategy"] = self._strategy_of[data.strategy]
            row["instrument"] = self._instrument_of[data.instrument_token]
            row["target"], row["volatility"] = data.target, data.volatility
        return array[_order(array)]

    def _remember_places(self, step: Step) -> None:
        for entries in step.entries():
            place = entries[-1].next_place
            self.places[place.topic, place.partition] = place

    def _journal_entry(self, step: Step) -> Envelope:
        chain = hashlib.blake2b(self._chain_digest.encode(), digest_size=16)
        for applied in itertools.chain.from_iterable(step.entries()):
            chain.update(len(applied.record.value).to_bytes(8, "little") + applied.record.value)
        self._chain_digest = chain.hexdigest()
        spans = tuple(map(_span, step.entries()))
        entry = JournalEntry(spans, self._chain_digest, self.state_digest())
        return self.blueprint.begin(entry, source=_SOURCE, index=self.steps, time_ns=self.time_ns)

    def _numbered(self, message: Envelope) -> Envelope:
        topic = topic_of(self.blueprint.topics, message.data).name
        sequence = self.next_sequences[topic]
        self.next_sequences[topic] += 1
        return message.stamped(0, sequence)

    def arrays(self) -> dict[str, bytes]:
        """Return the bytes of everything that the account's kernel remembers, by name."""
        return snapshot_bytes(self.stage.arrays())

    def state_digest(self, recorded: str | None = None) -> str:
        """Return a digest of everything that the account's kernel remembers, of the kind that a `recorded` one is."""
        return self._state_digest.now() if recorded is None else self._state_digest.like(recorded)

    # ── To recover from ──────────────────────────────────────────────────────────────────────────────────────────────

    def snapshot_if_due(self, time_ns: int, journal: Place) -> Callable[[], Envelope] | None:
        """Return what makes a snapshot of now, if some minutes of the market have passed since the last one.

        `journal` is where its journal goes on.
        """
        if time_ns < self._snapshot_next_ns:
            return None
        self._snapshot_next_ns = time_ns + SNAPSHOT_EVERY_NS
        memory = _Memory(
            self.steps,
            self.next_frame,
            self.time_ns,
            dict(self.next_sequences),
            self._chain_digest,
            self._causes.to_bytes(),
            tuple(self._commands.taken),
        )
        arrays = {**self.arrays(), _MEMORY: msgspec.msgpack.encode(memory)}
        # A record never stands before the offset that equals its sequence.
        written = [
            Place(topic.name, 0, sequence, sequence, journal.epoch)
            for topic in self.blueprint.topics.of_account()
            if (sequence := self.next_sequences[topic.name])
        ]
        places = (*self.places.values(), journal, *written)
        return snapshot_maker(self.blueprint, arrays, places, source=_SOURCE, index=self.steps, time_ns=time_ns)

    def restore(self, snapshot: StateSnapshot, time_ns: int) -> Places:
        """Take up where `snapshot` was taken, at `time_ns`, and return where to read on.

        Raises RecoveryError when it is not of this account.
        """
        arrays = dict(snapshot.arrays)
        memory = msgspec.msgpack.decode(arrays.pop(_MEMORY), type=_Memory)
        restore_bytes(self.stage.arrays(), arrays)
        places = places_of(snapshot)
        self.steps, self.next_frame, self.time_ns = memory.steps, memory.next_frame, memory.time_ns
        self.next_sequences = collections.Counter(memory.next_sequences)
        self.places.update((key, places[key]) for key in self.places)
        self._chain_digest = memory.chain_digest
        self._causes.restore(memory.causes)
        self._commands = Commands(self.blueprint, memory.commands)
        self._snapshot_next_ns = time_ns + SNAPSHOT_EVERY_NS
        return places


def _order(signals: Records) -> npt.NDArray[np.intp]:
    """Return the order in which one signals stage would have said them: by cause, then strategy, then instrument."""
    return np.lexsort((signals["instrument"], signals["strategy"], signals["event_index"]))


def _span(applied: Sequence[Entry]) -> Span:
    first, last = applied[0], applied[-1]
    return Span(first.record.topic, first.record.partition, first.message.sequence, last.message.sequence + 1)
