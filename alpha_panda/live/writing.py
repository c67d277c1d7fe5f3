"""Writing to a partition of the log as its only writer, though no log keeps others from trying.

A writer begins by reading to the end of the partition and appending a `Takeover` of a higher epoch. If that lands right
behind what was read, everything that an earlier writer appends from then on is void to all readers. If it does not,
somebody wrote in between, which is read first. From then on the writer knows where each of its records must land: one
that lands elsewhere tells that others write too, and whether they have taken over.
"""

from collections.abc import Sequence

from alpha_panda.errors import FencedError, LogError
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Log, NewRecord
from alpha_panda.live.messages import Place, Takeover
from alpha_panda.live.routing import new_record
from alpha_panda.live.streams import Reader


class Writer:
    """The right to write one partition, as long as nobody takes it over; `reader` stands at the partition's end."""

    def __init__(self, log: Log, reader: Reader, epoch: int) -> None:
        self.epoch = epoch
        self._log = log
        self._reader = reader

    @property
    def next_sequence(self) -> int:
        """The sequence of the record that is written next."""
        return self._reader.sequence

    @property
    def place(self) -> Place:
        """Where it writes next."""
        return self._reader.place

    def record(self, message: Envelope, sequence: int) -> NewRecord:
        """Return the record that carries `message` as the one of `sequence`."""
        return new_record(self._reader.topic, message.stamped(self.epoch, sequence), self._reader.partition)

    def numbered(self, messages: Sequence[Envelope]) -> list[NewRecord]:
        """Return the records that carry `messages` as those that come next."""
        return [self.record(message, sequence) for sequence, message in enumerate(messages, self.next_sequence)]

    async def landed(self, offsets: Sequence[int]) -> None:
        """Take note of where records of this writer landed; FencedError when another has taken over before them."""
        reader = self._reader
        expected = range(reader.offset, reader.offset + len(offsets))
        if list(offsets) == list(expected):
            reader.offset += len(offsets)
            reader.sequence += len(offsets)
            return
        following = reader.sequence + len(offsets)
        while reader.offset <= offsets[-1] and await reader.read():
            pass
        if reader.epoch != self.epoch:
            raise self._fenced()
        if reader.sequence < following:
            # It came to the log as something else. To whoever reads it is missing, but its number is taken.
            reader.offset, reader.sequence, reader.missing = offsets[-1] + 1, following, False

    async def confirm(self) -> None:
        """Return if nobody has taken over until now; FencedError when another has."""
        while await self._reader.read():
            pass
        if self._reader.epoch != self.epoch:
            raise self._fenced()

    def _fenced(self) -> FencedError:
        place = f"{self._reader.topic.name}/{self._reader.partition}"
        return FencedError(f"another process has taken over {place}: this one writes no more")

    async def append(self, messages: Sequence[Envelope]) -> None:
        """Append messages as the next ones, and return once they are on the log and nobody had taken over."""
        await self.landed(await self._log.append(self.numbered(messages)))


async def take_over(log: Log, reader: Reader, beginning: Envelope) -> Writer | None:
    """Begin to write where `reader` stands, if that is the end of the partition; None where there is more to read.

    `beginning` is the message of a `Takeover`, which says who begins.
    """
    assert isinstance(beginning.data, Takeover)
    if reader.missing:
        raise LogError(
            f"{reader.topic.name}/{reader.partition} lacks sequence {reader.sequence}, and what follows it cannot be "
            "used: put it back with alpha-panda dlq replay"
        )
    offset, epoch = reader.offset, reader.epoch + 1
    record = new_record(reader.topic, beginning.stamped(epoch, reader.sequence), reader.partition)
    (landed,) = await log.append([record])
    if landed != offset:
        return None
    reader.offset, reader.epoch = offset + 1, epoch
    return Writer(log, reader, epoch)
