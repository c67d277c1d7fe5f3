"""Doing again what a session did: the same engines over the recorded inputs, held against the recorded outputs.

Recovery does so from the last snapshot on and goes on from there; a proof does so from the beginning. Whoever finds
another byte than the session wrote raises ParityError, which names the topic, the sequence and the field. What a crash
kept from being written is left over, for recovery to complete.
"""

import collections
from typing import Any

import msgspec

from alpha_panda.errors import ParityError, RecoveryError
from alpha_panda.live.account import AccountEngine, Step
from alpha_panda.live.arrivals import Arrival, Places
from alpha_panda.live.envelope import Envelope, encode
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import JournalEntry, Place, Span
from alpha_panda.live.routing import topic_of
from alpha_panda.live.signals import SignalsEngine
from alpha_panda.live.streams import Entry, Reader, Recording
from alpha_panda.live.topics import CONTROL, Topic


class Output:
    """A partition that a stage writes, as recorded, beside what the stage says again."""

    def __init__(self, log: Log, topic: Topic, partition: int, places: Places) -> None:
        self.recording = Recording(log, topic, partition, places.get((topic.name, partition)))
        self.owed = collections.deque[Envelope]()

    async def settle(self) -> None:
        """Compare what was said again with what is recorded, as far as it is; ParityError where they differ."""
        while self.owed and (entry := await self.recording.next()):
            _compare(entry, self.owed.popleft())


class SignalsReplay:
    """The signals stage of one partition, doing again what it said."""

    def __init__(self, log: Log, engine: SignalsEngine, places: Places) -> None:
        blueprint, partition = engine.blueprint, engine.partition
        self.engine = engine
        self.ticks = Reader(log, blueprint.ticks, partition, places.get((blueprint.ticks.name, partition)))
        self.raw = Output(log, blueprint.topics.signals_raw, partition, places)

    async def run(self) -> None:
        """Apply the frames of which something is recorded."""
        await self.raw.settle()
        while not self.raw.owed and await self.raw.recording.peek():
            (frame,) = await self.ticks.take(1)
            self.raw.owed.extend(self.engine.apply(frame))
            await self.raw.settle()
        _refuse_missing(self.raw.recording.reader)


class AccountReplay:
    """The account, doing again what its journal says it did."""

    def __init__(self, log: Log, engine: AccountEngine, places: Places) -> None:
        blueprint = engine.blueprint
        topics, partitions = blueprint.topics, range(blueprint.partitions)
        self.engine = engine
        self._log = log
        self.journal = Recording(log, topics.journal, 0, places.get((topics.journal.name, 0)))
        self.outputs = {topic.name: Output(log, topic, 0, places) for topic in topics.of_account()}
        self._ticks = [
            Reader(log, blueprint.ticks, each, engine.places[blueprint.ticks.name, each]) for each in partitions
        ]
        raw = topics.signals_raw
        self._raw = [Reader(log, raw, each, engine.places[raw.name, each]) for each in partitions]

    async def run(self) -> None:
        """Apply the steps of the journal that the engine has not applied, also those that another writes meanwhile."""
        while entry := await self._next_entry():
            self._refuse_owed()
            *said, again = self.engine.apply(await self.step(entry))
            for message in said:
                self.outputs[topic_of(self.engine.blueprint.topics, message.data).name].owed.append(message)
            # First what was said: its differences tell a person more than those of digests.
            await self._settle()
            _compare(entry, self._in_its_kind(again, entry))
        for recording in (self.journal, *(output.recording for output in self.outputs.values())):
            _refuse_missing(recording.reader)

    async def _next_entry(self) -> Entry | None:
        """Return the next entry of the journal, once all is compared that was told before it; None at its end.

        Raises ParityError where something was told that no entry explains.
        """
        if await self.journal.peek() is None:
            await self._settle()
            outputs = [output for output in self.outputs.values() if not output.owed]
            extra = [entry for output in outputs if (entry := await output.recording.peek())]
            if not extra:
                return None
            # What a session that is running has told meanwhile came with an entry of the journal.
            if await self.journal.peek() is None:
                _refuse_missing(self.journal.reader)
                place = f"{extra[0].record.topic} offset {extra[0].record.offset}"
                raise ParityError(f"{place} is on the log, and nothing that was read made it")
        await self._settle()
        return await self.journal.next()

    def _in_its_kind(self, again: Envelope, entry: Entry) -> Envelope:
        """Return an entry of the journal, made again, with a digest of the kind that the recorded one has."""
        recorded, data = entry.message.data, again.data
        assert isinstance(recorded, JournalEntry)
        digest = self.engine.state_digest(recorded.state_digest)
        return msgspec.structs.replace(again, data=msgspec.structs.replace(data, state_digest=digest))

    @property
    def owed(self) -> list[Envelope]:
        """What the last step said and is not recorded."""
        return [message for output in self.outputs.values() for message in output.owed]

    async def _settle(self) -> None:
        for output in self.outputs.values():
            await output.settle()

    def _refuse_owed(self) -> None:
        """Only the last step of a session may be told in part."""
        for message in self.owed:
            topic = topic_of(self.engine.blueprint.topics, message.data).name
            raise ParityError(
                f"{topic} ends before sequence {message.sequence}, where {message.type} {message.data} belongs"
            )

    async def step(self, entry: Entry) -> Step:
        """Return what an entry of the journal says was applied, which comes next; ParityError where it is none."""
        data = entry.message.data
        partitions = len(self._ticks)
        if isinstance(data, JournalEntry) and [span.topic for span in data.inputs] == [CONTROL.name]:
            return Step(commands=await commands_in(self._log, data.inputs[0]))
        if not isinstance(data, JournalEntry) or len(data.inputs) != 2 * partitions:
            raise ParityError(f"{entry.record.topic} offset {entry.record.offset} is no entry of this journal")
        columns = [await _taken(*each) for each in zip(self._ticks, data.inputs[:partitions], strict=True)]
        said = [await _taken(*each) for each in zip(self._raw, data.inputs[partitions:], strict=True)]
        return Step([Arrival(entries) for entries in zip(*columns, strict=True)], said)


async def commands_in(log: Log, span: Span) -> list[Entry]:
    """Return the commands that a journal names."""
    reader = Reader(log, CONTROL, 0, Place(CONTROL.name, 0, span.start, span.start))
    entries: list[Entry] = []
    while reader.offset < span.stop and (read := await reader.read(span.stop - reader.offset)):
        entries += read
    return entries


async def _taken(reader: Reader, span: Span) -> list[Entry]:
    """Return the records that a journal names, which are the next ones of its partition."""
    if (span.topic, span.partition, span.start) != (reader.topic.name, reader.partition, reader.sequence):
        raise RecoveryError(
            f"the journal names {span.topic}/{span.partition} from sequence {span.start} on, where {reader.topic.name}/"
            f"{reader.partition} {reader.sequence} comes next: the log has a gap, restore it"
        )
    return await reader.take(span.stop - span.start)


def _refuse_missing(reader: Reader) -> None:
    if reader.missing:
        raise ParityError(
            f"{reader.topic.name} lacks sequence {reader.sequence}, and what stands behind it cannot be used: if it is "
            "among the dead letters, put it back with alpha-panda dlq replay"
        )


def _compare(entry: Entry, again: Envelope) -> None:
    """Raise ParityError where a recorded message is not what comes out again, whoever wrote it."""
    recorded = entry.message
    wanted = msgspec.structs.replace(again, version=recorded.version, epoch=recorded.epoch)
    if encode(recorded) != encode(wanted):
        place, before, now = _first_difference(recorded, wanted) or ("", recorded, wanted)
        where = f"{entry.record.topic} offset {entry.record.offset}"
        raise ParityError(f"{where}: {place} is {before!r} on the log and comes out as {now!r}")


def _first_difference(recorded: Any, computed: Any, place: str = "") -> tuple[str, Any, Any] | None:
    """Return the place of the first field in which two messages differ, and both its values; None if in none."""
    if recorded == computed:
        return None
    if isinstance(recorded, msgspec.Struct) and type(recorded) is type(computed):
        for field in recorded.__struct_fields__:
            inner = f"{place}.{field}" if place else field
            if found := _first_difference(getattr(recorded, field), getattr(computed, field), inner):
                return found
    return place, recorded, computed
