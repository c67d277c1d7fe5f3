"""Reading a partition of the log: the records that belong there, in their order, each once.

Every partition has one writer at a time, which numbers what it writes and begins with a `Takeover` of a higher epoch.
So a reader knows what belongs there, whatever else was put on the log: the record whose sequence is the next one, of an
epoch that is not older than that of the record before. What else there is, a record that came twice, one of a writer
that another has replaced, bytes that are no message, is set aside and counted.

A sequence that is missing is looked for further on: a record that came late, or was put back from the dead letters,
finds its place. Until it is found the reader waits, and says so. It never goes on without it.

A record of a later version that says it is the next one ends the reading: it was written by those who know more.

A topic that many write to, such as `control`, is not numbered; there the order of the log is the order.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from alpha_panda.errors import CorruptRecordError, LogError, RecoveryError, VersionError
from alpha_panda.live.dead_letters import DeadLetters
from alpha_panda.live.envelope import Envelope, decode, numbers_of
from alpha_panda.live.log.base import Log, Record
from alpha_panda.live.messages import Place, Takeover
from alpha_panda.live.topics import Topic

_WAIT_S = 3600.0
_SEARCH_RECORDS = 512

DUPLICATE, STALE, UNDECODABLE = "duplicate", "stale writer", "undecodable"
"""Why a record is set aside."""


class Entry(NamedTuple):
    """A record that belongs where it stands, its message, and the offset at which its reader goes on."""

    record: Record
    message: Envelope
    next_offset: int

    @property
    def next_place(self) -> Place:
        """Where to go on reading after this record."""
        return Place(
            self.record.topic,
            self.record.partition,
            self.next_offset,
            self.message.sequence + 1,
            self.message.epoch,
        )


Notice = Callable[[Record, str], None]
"""Told of a record that is set aside, and why it is."""


def unnoticed(record: Record, reason: str) -> None:
    """Set a record aside without a word, where another stage reads the same partition and says it."""


class Reader:
    """One partition, from a place on."""

    def __init__(
        self,
        log: Log,
        topic: Topic,
        partition: int = 0,
        place: Place | None = None,
    ) -> None:
        """Read on from `place`, or from the beginning."""
        self.topic = topic
        self.partition = partition
        self.offset, self.sequence, self.epoch = (place.offset, place.sequence, place.epoch) if place else (0, 0, 0)
        self.missing = False
        self._log = log
        self._notice: Notice = unnoticed
        self._letters: DeadLetters | None = None
        self._searched = 0  # no record before this offset is the missing one

    @property
    def place(self) -> Place:
        """Where the reader stands."""
        return Place(self.topic.name, self.partition, self.offset, self.sequence, self.epoch)

    def listen(self, notice: Notice, letters: DeadLetters) -> None:
        """Let somebody know from now on what is set aside, and write letters about what is no message."""
        self._notice, self._letters = notice, letters

    async def read(self, limit: int = 512) -> list[Entry]:
        """Return the next of the records that are there, at most so many; none where there are none yet."""
        entries: list[Entry] = []
        while not entries:
            records = await self._log.read(self.topic, self.partition, self.offset, limit)
            if not records or await self._take(records, entries):
                break
        return entries

    async def _take(self, records: list[Record], entries: list[Entry]) -> bool:
        """Judge records in turn; return whether one is waited for that is not on the log."""
        for each in records:
            decoded = await self._decoded(each)
            if decoded is None:
                self.offset = each.offset + 1
                continue
            record, message = decoded
            if not self.topic.numbered:
                self.sequence = record.offset
            if message.sequence > self.sequence and message.epoch >= self.epoch:
                return await self._find_missing(record.offset, entries)
            self.offset = record.offset + 1
            if not self._accept(record, message, entries):
                self._set_aside(record, message)
        return False

    def _accept(self, record: Record, message: Envelope, entries: list[Entry]) -> bool:
        """Take a record if it is the next one; a takeover says only who writes from now on."""
        if message.sequence != self.sequence or message.epoch < self.epoch:
            return False
        self.epoch = message.epoch
        if not _takes_over(message):
            self.sequence += 1
            entries.append(Entry(record, message, self.offset))
        return True

    async def _find_missing(self, offset: int, entries: list[Entry]) -> bool:
        """Look beyond `offset` for the sequence that is next; return whether it is not on the log."""
        self._searched = max(self._searched, offset + 1)
        while records := await self._log.read(self.topic, self.partition, self._searched, _SEARCH_RECORDS):
            for record in records:
                decoded = await self._decoded(record, in_passing=True)
                self._searched = record.offset + 1
                if decoded and self._belongs_next(decoded[1]):
                    self.missing, self._searched = False, 0
                    self._accept(*decoded, entries)
                    return False
        self.missing = True
        return True

    def _belongs_next(self, message: Envelope) -> bool:
        return message.sequence == self.sequence and message.epoch >= self.epoch and not _takes_over(message)

    async def _decoded(self, record: Record, in_passing: bool = False) -> tuple[Record, Envelope] | None:
        """Return a record with its message, perhaps as it is when read again; None where it is no message."""
        try:
            return _whole(record, self.topic)
        except CorruptRecordError as error:
            if isinstance(error, VersionError) and self._is_due(record):
                raise
            if in_passing:
                return None
            rescued = None
            if self._letters:
                rescued = await self._letters.examine(self.topic, record, lambda again: _whole(again, self.topic))
            if rescued is None:
                self._notice(record, f"{UNDECODABLE}: {error}")
            return rescued

    def _is_due(self, record: Record) -> bool:
        """Return whether a record that only a later version can read says that it is the next one.

        To pass over it would be to lose it, and to write there is what the later version did already.
        """
        numbers = numbers_of(record.value) if self.topic.numbered else None
        return numbers is not None and numbers[0] >= self.epoch and numbers[1] == self.sequence

    def _set_aside(self, record: Record, message: Envelope) -> None:
        if not _takes_over(message):
            self._notice(record, STALE if message.epoch < self.epoch else DUPLICATE)

    async def next(self, finished: asyncio.Event, limit: int = 512) -> list[Entry]:
        """Return the next records, waiting for the first of them; none once `finished` is set and all was read.

        `finished` says that the writer will write no more. Raises LogError where one is still missing then: the end of
        what can be read is not the end of what there is.
        """
        while True:
            # Asked before looking: what is written before the end of writing is then certainly seen.
            over = finished.is_set()
            if not over:
                await self._grown_or_finished(finished)
            if entries := await self.read(limit):
                return entries
            if over and self.missing:
                raise LogError(
                    f"{self.topic.name}/{self.partition} ends without sequence {self.sequence}, which was written: put "
                    "it back with alpha-panda dlq replay, and start the session again"
                )
            if over:
                return []

    async def take(self, count: int) -> list[Entry]:
        """Return the next `count` records; RecoveryError where they are not all on the log."""
        entries: list[Entry] = []
        while len(entries) < count:
            read = await self.read(count - len(entries))
            if not read:
                raise RecoveryError(
                    f"{self.topic.name}/{self.partition} ends before sequence {self.sequence + count - len(entries)}, "
                    "which the journal names: restore the log"
                )
            entries += read
        return entries

    async def _grown_or_finished(self, finished: asyncio.Event) -> None:
        offset = max(self.offset, self._searched)
        if self._log.holds(self.topic, self.partition, offset):
            return
        waits: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(self._log.wait(self.topic, self.partition, offset, _WAIT_S)),
            asyncio.ensure_future(finished.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            # A wait that ended in an error must say so, and a cancelled one must be gone before the log closes.
            await asyncio.gather(*waits, return_exceptions=True)
        for wait in waits:
            if not wait.cancelled():
                wait.result()


def _whole(record: Record, topic: Topic) -> tuple[Record, Envelope]:
    """Return a record with its message; CorruptRecordError where it carries none."""
    message = decode(record)
    return record, message if topic.numbered else message.stamped(0, record.offset)


def _takes_over(message: Envelope) -> bool:
    return isinstance(message.data, Takeover)


def missing_in(readers: Iterable[Reader]) -> str:
    """Return what some readers wait for that is not on the log, in words; nothing where none does."""
    waiting = [reader for reader in readers if reader.missing]
    return ", ".join(f"{each.topic.name}/{each.partition} lacks sequence {each.sequence}" for each in waiting)


class Recording:
    """A partition as it was recorded, record by record; at most `block` of them are read ahead."""

    def __init__(
        self, log: Log, topic: Topic, partition: int = 0, place: Place | None = None, block: int = 256
    ) -> None:
        self.reader = Reader(log, topic, partition, place)
        self._block = block
        self._ahead: list[Entry] = []

    async def next(self) -> Entry | None:
        """Return the next record; None at the end of the partition."""
        entry = await self.peek()
        if entry is not None:
            self._ahead.pop()
        return entry

    async def peek(self) -> Entry | None:
        """Return the next record without passing over it; None at the end of the partition."""
        if not self._ahead:
            self._ahead = (await self.reader.read(self._block))[::-1]
        return self._ahead[-1] if self._ahead else None
