"""Reading from Kafka: a few windows on each partition, which hold what was fetched last.

A fetch that may wait for records is a long poll, and answers as soon as there are any. Who waits for a record shares
the poll of its window with all others, and the poll goes on when they give up, so nothing that it brings is lost. A
read takes what its window holds. Only where that is nothing it asks, on a connection that no poll blocks, for what
there is now.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Hashable
from operator import attrgetter
from typing import Any

from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest

from alpha_panda.errors import LogError
from alpha_panda.live.log.base import Record
from alpha_panda.live.log.kafka_client import KafkaClient, Partition, check
from alpha_panda.live.log.kafka_codec import Fetched, decode_batches

_WINDOWS = 4  # on a partition: that many readers at distant offsets do not take each other's
_FETCH_BYTES = 2 * 2**20  # unless the first batch alone is larger
_KEPT_BYTES = 4 * 2**20  # of a window, for readers that follow each other closely
_RECORD_BYTES = 300  # that a small record takes besides its value
_POLL_MS = 500
_UNCOMMITTED = 0
_LATEST, _EARLIEST = -1, -2
_READS = "reads"  # the channel of requests that wait for nothing


class Reader:
    """Reads for one log object."""

    def __init__(self, client: KafkaClient) -> None:
        self._client = client
        self._windows: dict[Partition, list[_Window]] = {}

    async def read(self, partition: Partition, offset: int, limit: int) -> list[Record]:
        """Return up to `limit` of the records from `offset` on, at least one where there is one."""
        window = self._window(partition, offset)
        if window.end <= offset:
            await window.fetch(0, _READS)
        return window.held(offset, limit)

    def holds(self, partition: Partition, offset: int) -> bool:
        """Return whether a window has the record at `offset`."""
        windows = self._windows.get(partition, ())
        return any(window.start <= offset < window.end and window.held(offset, 1) for window in windows)

    async def wait(self, partition: Partition, offset: int) -> None:
        """Return once there is a record at `offset`, or after `close`."""
        window = self._window(partition, offset)
        while window.end <= offset:
            polling = window.polling()
            # Not awaited itself, for that would cancel it with whoever waits.
            await asyncio.wait([polling])
            if polling.cancelled():
                return
            polling.result()

    async def end(self, partition: Partition) -> int:
        """Return the offset after the last record of a partition."""
        return await _bound(self._client, partition, _LATEST)

    async def bounds(self, partition: Partition) -> tuple[int, int]:
        """Return the offset of the first record of a partition, and the offset after the last."""
        return await _bound(self._client, partition, _EARLIEST), await _bound(self._client, partition, _LATEST)

    async def close(self) -> None:
        """End all waiting."""
        polls = [poll for windows in self._windows.values() for window in windows if (poll := window.cancelled())]
        await asyncio.gather(*polls, return_exceptions=True)

    def _window(self, partition: Partition, offset: int) -> "_Window":
        """Return a window that `offset` is in or next to, made anew, for the one used longest ago, if need be."""
        windows = self._windows.setdefault(partition, [])
        place = next((place for place, each in enumerate(windows) if each.start <= offset <= each.end), None)
        if place is None:
            number = windows.pop().number if len(windows) == _WINDOWS else len(windows)
            windows.insert(0, _Window(self._client, partition, number, offset))
        elif place > 0:
            windows.insert(0, windows.pop(place))
        return windows[0]


class _Window:
    """The records of a partition from offset `start` up to, without, `end`."""

    def __init__(self, client: KafkaClient, partition: Partition, number: int, offset: int) -> None:
        self.number = number
        self.start = self.end = offset
        self._client = client
        self._partition = partition
        self._records: list[Record] = []
        self._bytes = 0
        self._polling: asyncio.Task[None] | None = None

    def held(self, offset: int, limit: int) -> list[Record]:
        """Return up to `limit` of the records held, from `offset` on."""
        place = bisect_left(self._records, offset, key=attrgetter("offset"))
        return self._records[place : place + limit]

    def polling(self) -> asyncio.Task[None]:
        """Return the long poll that is under way, or one that begins now."""
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self.fetch(_POLL_MS, (self._partition, self.number)))
            # Nobody may be left to hear of its error.
            self._polling.add_done_callback(lambda poll: poll.cancelled() or poll.exception())
        return self._polling

    def cancelled(self) -> asyncio.Task[None] | None:
        """Cancel the long poll, and return it, if there is one."""
        if self._polling is not None:
            self._polling.cancel()
        return self._polling

    async def fetch(self, wait_ms: int, channel: Hashable) -> None:
        """Add what follows `end`, waiting `wait_ms` for it where there is nothing."""
        offset = self.end

        async def once() -> Fetched | None:
            return await _fetch(self._client, self._partition, offset, wait_ms, channel)

        fetched = await self._client.attempt(f"read {self._partition}", once)
        if fetched is None:
            await self._move_to_end()
        elif offset <= self.end:
            self._add(fetched)

    def _add(self, fetched: Fetched) -> None:
        """Add what was fetched, without what another fetch has brought meanwhile, and drop what is too old."""
        added = [record for record in fetched.records if record.offset >= self.end]
        self._records += added
        self._bytes += sum(map(_held_bytes, added))
        self.end = max(self.end, fetched.end)
        old = 0
        while self._bytes > _KEPT_BYTES and old < len(self._records) - len(added):
            self._bytes -= _held_bytes(self._records[old])
            old += 1
        if old:
            self.start = self._records[old].offset if old < len(self._records) else self.end
            del self._records[:old]

    async def _move_to_end(self) -> None:
        """Go where the next record will be, from where there is none: beyond that, or among what was deleted."""
        first = await _bound(self._client, self._partition, _EARLIEST)
        if self.end < first:
            raise LogError(
                f"{self._partition} has no offset {self.end}, it begins with {first}: what was before is deleted, "
                "so keep topics for longer"
            )
        end = await _bound(self._client, self._partition, _LATEST)
        if self.end > end:
            self.start = self.end = end
            self._records, self._bytes = [], 0


def _held_bytes(record: Record) -> int:
    return len(record.value) + _RECORD_BYTES


async def _fetch(
    client: KafkaClient, partition: Partition, offset: int, wait_ms: int, channel: Hashable
) -> Fetched | None:
    """Return what a partition has from `offset` on; None where it has no such offset."""
    place = (partition.number, offset, _FETCH_BYTES)
    request = FetchRequest(wait_ms, 1, _FETCH_BYTES, _UNCOMMITTED, [(partition.name, [place])])
    answer = await client.send(client.leader(partition), request, channel)
    ((_, ((_, code, *_, content),)),) = answer.topics
    try:
        check(code)
    except OffsetOutOfRangeError:
        return None
    return decode_batches(partition, offset, content)


async def _bound(client: KafkaClient, partition: Partition, which: int) -> int:
    """Return the offset of the first record of a partition, or of its next."""

    async def once() -> int:
        request = OffsetRequest(-1, _UNCOMMITTED, [(partition.name, [(partition.number, which)])])
        answer: Any = await client.send(client.leader(partition), request, _READS)
        ((_, ((_, code, _, offset),)),) = answer.topics
        check(code)
        return offset

    return await client.attempt(f"tell the bounds of {partition}", once)
