"""Following topics of a log from near their ends, as screens need: the latest first, nothing missed from then on."""

import contextlib
from collections.abc import Callable

from alpha_panda.errors import CorruptRecordError
from alpha_panda.live.envelope import decode
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Payload, Place
from alpha_panda.live.streams import Entry, Reader
from alpha_panda.live.topics import Topic

_RECORDS = 512
_BACK = 1_024  # records at a time


class Following:
    """The records of one partition, from some records before its end on; it outlasts the log that it reads."""

    def __init__(self, topic: Topic, partition: int = 0, latest: int | None = None) -> None:
        """Begin `latest` records before the end, or at the beginning where that is None."""
        self.topic = topic
        self.partition = partition
        self.is_whole = False  # whether it began at the beginning
        self._latest = latest
        self._log: Log | None = None
        self._reader: Reader | None = None

    @property
    def missing(self) -> list[Reader]:
        """The reader, where it waits for a record that is not on the log."""
        return [self._reader] if self._reader is not None and self._reader.missing else []

    async def begin(self, log: Log) -> None:
        """Read on from `log`: where this stood, or for the first time near the end."""
        self._log = log
        if self._reader is None:
            place = await self._first_place(log)
            self.is_whole = place is None
        else:
            place = self._reader.place
        self._reader = Reader(log, self.topic, self.partition, place)

    async def read(self) -> list[Entry]:
        """Return the next records; none where there are none yet."""
        assert self._reader is not None
        return await self._reader.read(_RECORDS)

    async def read_all(self) -> list[Entry]:
        """Return the records up to what is now the end, as far as they can be had."""
        assert self._log is not None
        assert self._reader is not None
        end, entries = await self._log.end(self.topic, self.partition), list[Entry]()
        while self._reader.offset < end and (read := await self.read()):
            entries += read
        return entries

    async def _first_place(self, log: Log) -> Place | None:
        """Return where the first record stands that is a message; None for the beginning."""
        if self._latest is None or not self.topic.numbered:
            return None if self._latest is None else await self._unnumbered(log, self._latest)
        offset = max(await log.end(self.topic, self.partition) - self._latest, 0)
        while offset and (records := await log.read(self.topic, self.partition, offset, _RECORDS)):
            for record in records:
                try:
                    message = decode(record)
                except CorruptRecordError:
                    continue
                return Place(self.topic.name, self.partition, record.offset, message.sequence, message.epoch)
            offset = records[-1].offset + 1
        return None

    async def _unnumbered(self, log: Log, latest: int) -> Place:
        offset = max(await log.end(self.topic, self.partition) - latest, 0)
        return Place(self.topic.name, self.partition, offset, offset)


async def last_that(log: Log, topic: Topic, holds: Callable[[Payload], bool]) -> Payload | None:
    """Return what the last record of a topic's first partition says of which `holds` is true; None where none does."""
    stop = await log.end(topic, 0)
    while stop > 0:
        start = offset = max(stop - _BACK, 0)
        found: Payload | None = None
        while offset < stop and (records := await log.read(topic, 0, offset, stop - offset)):
            offset = records[-1].offset + 1
            for record in records:
                with contextlib.suppress(CorruptRecordError):
                    said = decode(record).data
                    found = said if record.offset < stop and holds(said) else found
        if found is not None:
            return found
        stop = start
    return None
