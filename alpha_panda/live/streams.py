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

    def __init__(self, log: Log, topic: Topic, offset: int, finished: asyncio.Event, limit: int) -> None:
        self.offset = offset
        self._log = log
        self._topic = topic
        self._finished = finished
        self._limit = limit

    async def read(self) -> Sequence[Record]:
        """Return the next records, waiting for the first of them; none when there will be no more."""
        while True:
            # Asked before reading: what is written before the end of writing is then certainly read.
            finished = self._finished.is_set()
            records = await self._log.read(self._topic, 0, self.offset, self._limit)
            if records or finished:
                self.offset += len(records)
                return records
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
