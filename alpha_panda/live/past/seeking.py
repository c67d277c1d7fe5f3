"""Where to begin to read in the middle of a partition, without reading all that stands before it.

Who reads from the beginning knows of every record whether it belongs there. From the middle nobody can tell a record
from one that came twice, or that a writer wrote whom another had replaced. But a writer numbers what it writes: where a
record belongs and says sequence s of epoch e, and the n-th record behind it says s + n of the same epoch, there was
room for nothing else in between, and that one belongs, too. So a place is found by bisection, in one stretch of such
records after the other. Where a stretch ends, since a writer began there or something foreign stands in the way, a
`Reader` finds the beginning of the next one, by its own rules.
"""

from collections.abc import Callable

from alpha_panda.errors import CorruptRecordError
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.log.base import Log, Record
from alpha_panda.live.messages import Place, Takeover
from alpha_panda.live.streams import Reader
from alpha_panda.live.topics import Topic

_ENDLESS = 2**63 - 1
_BLOCK_MAX = 512


class Seeker:
    """Finds places in one partition; some dozens of records are read for each, however many there are."""

    def __init__(self, log: Log, topic: Topic, partition: int = 0) -> None:
        self._log = log
        self._topic = topic
        self._partition = partition

    async def to(self, is_before: Callable[[Envelope], bool], sequence_max: int = _ENDLESS) -> Reader:
        """Return a reader that reads on with the first message which is not before, or stands at the end.

        `is_before` holds for messages up to some sequence, at most `sequence_max`, and for none from there on.
        """
        reader, block = Reader(self._log, self._topic, self._partition), 1
        while True:
            place = reader.place
            entries = await reader.read(block)
            if not entries:
                return reader
            for entry in entries:
                if entry.message.sequence >= sequence_max or not is_before(entry.message):
                    return Reader(self._log, self._topic, self._partition, place)
                place = entry.next_place
            reader = await self._beyond(place, is_before, sequence_max)
            # Where stretches are short, to read on is faster than to look for their ends.
            block = min(2 * block, _BLOCK_MAX)

    async def to_sequence(self, sequence: int) -> Reader:
        """Return a reader that reads on with the message of `sequence`, or stands at the end."""
        if not self._topic.numbered:
            place = Place(self._topic.name, self._partition, sequence, sequence)
            return Reader(self._log, self._topic, self._partition, place)
        return await self.to(lambda _: True, sequence)

    async def to_end(self) -> Reader:
        """Return a reader that stands at the end, or where it waits for a record that is missing."""
        if not self._topic.numbered:
            return await self.to_sequence(await self._log.end(self._topic, self._partition))
        return await self.to_sequence(_ENDLESS)

    async def _beyond(self, place: Place, is_before: Callable[[Envelope], bool], sequence_max: int) -> Reader:
        """Return a reader behind the last message that is before, as far as the stretch goes on from `place`."""
        sure = 0
        possible = min(await self._log.end(self._topic, self._partition) - place.offset, sequence_max - place.sequence)
        count = possible  # mostly nothing stands in the way
        while sure < possible:
            message = await self._nth(place, count)
            if message is not None and is_before(message):
                sure = count
            else:
                possible = count - 1
            count = (sure + possible + 1) // 2
        beyond = Place(place.topic, place.partition, place.offset + sure, place.sequence + sure, place.epoch)
        return Reader(self._log, self._topic, self._partition, beyond)

    async def _nth(self, place: Place, count: int) -> Envelope | None:
        """Return the message of the `count`-th record from a place on, if all up to it belong to one stretch."""
        # Of what is foreign one record alone may seem to belong there, but hardly two in a row.
        beside = min(count, 2)
        offset, sequence = place.offset + count - beside, place.sequence + count - beside
        records = await self._log.read(self._topic, self._partition, offset, beside)
        if len(records) == 1 < beside:  # a log hands on what it has at hand
            records += await self._log.read(self._topic, self._partition, offset + 1, 1)
        messages = [self._decoded(record) for record in records]
        found = [
            (record.offset, each.sequence, each.epoch) for record, each in zip(records, messages, strict=True) if each
        ]
        expected = [(offset + number, sequence + number, place.epoch) for number in range(beside)]
        return messages[-1] if found == expected else None

    def _decoded(self, record: Record) -> Envelope | None:
        """Return the message that a record carries; None for what is no message, or says only who writes."""
        try:
            message = decode(record)
        except CorruptRecordError:
            return None
        if isinstance(message.data, Takeover):
            return None
        return message if self._topic.numbered else message.stamped(0, record.offset)
