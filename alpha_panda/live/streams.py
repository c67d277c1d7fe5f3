"""Reading a partition of the log: as it grows, or as it was recorded."""

import asyncio
from collections.abc import Sequence
from typing import Any

from alpha_panda.live.log.base import Log, Record
from alpha_panda.live.topics import Topic

_WAIT_S = 3600.0


class Stream:
    """A partition as it grows: from an offset on, until nothing is left of what its writer wrote.

    `finished` is set once the writer will write no more.
    """

    def __init__(self, log: Log, topic: Topic, offset: int, finished: asyncio.Event, limit: int = 512) -> None:
        self.offset = offset
        self._log = log
        self._topic = topic
        self._finished = finished
        self._limit = limit

    async def read(self) -> Sequence[Record]:
        """Return the next records, waiting for the first of them; none when there will be no more."""
        if not await self._grown():
            return []
        records = await self._log.read(self._topic, 0, self.offset, self._limit)
        self.offset += len(records)
        return records

    async def skip(self) -> bool:
        """Wait until there are records, pass over all of them, and return True; False when there will be no more."""
        if not await self._grown():
            return False
        self.offset = await self._log.end(self._topic, 0)
        return True

    async def _grown(self) -> bool:
        """Wait for a record at the offset; False when there will be none."""
        while True:
            # Asked before looking: what is written before the end of writing is then certainly seen.
            finished = self._finished.is_set()
            if await self._log.end(self._topic, 0) > self.offset:
                return True
            if finished:
                return False
            await self._grown_or_finished()

    async def _grown_or_finished(self) -> None:
        waits: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(self._log.wait(self._topic, 0, self.offset, _WAIT_S)),
            asyncio.ensure_future(self._finished.wait()),
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


class Recording:
    """A partition as it was recorded, read record by record."""

    def __init__(self, log: Log, topic: Topic, offset: int = 0, limit: int = 256) -> None:
        self.topic = topic
        self.offset = offset
        self._log = log
        self._limit = limit
        self._ahead: list[Record] = []

    async def next(self) -> Record | None:
        """Return the next record; None at the end of the partition."""
        if not self._ahead:
            self._ahead = (await self._log.read(self.topic, 0, self.offset, self._limit))[::-1]
        if not self._ahead:
            return None
        self.offset += 1
        return self._ahead.pop()
