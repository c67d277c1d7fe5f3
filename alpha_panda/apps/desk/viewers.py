"""Whoever looks at the desk: each has a bounded queue, so that a slow one misses what is old and holds up nobody."""

import asyncio
import collections
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Generic, TypeVar

Told = TypeVar("Told")


class Viewers(Generic[Told]):
    """Viewers of one kind of news; a queue keeps the latest `depth` of them for each."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._queues: set[Queue[Told]] = set()

    def __len__(self) -> int:
        return len(self._queues)

    def tell(self, news: Told) -> None:
        """Tell all of them."""
        for queue in self._queues:
            queue.put(news)

    @contextlib.asynccontextmanager
    async def watching(self, *first: Told) -> AsyncGenerator["Queue[Told]"]:
        """Give a new viewer's queue, which begins with `first`."""
        queue = Queue[Told](self._depth)
        for news in first:
            queue.put(news)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)


class Queue(Generic[Told]):
    """The latest news for one viewer, oldest first; `dropped` counts those that it was too slow for."""

    def __init__(self, depth: int) -> None:
        self.dropped = 0
        self._waiting: collections.deque[Told] = collections.deque(maxlen=depth)
        self._something = asyncio.Event()

    def put(self, news: Told) -> None:
        """Add news; the oldest gives way where there is no room."""
        self.dropped += len(self._waiting) == self._waiting.maxlen
        self._waiting.append(news)
        self._something.set()

    def __aiter__(self) -> AsyncIterator[Told]:
        return self

    async def __anext__(self) -> Told:
        while not self._waiting:
            self._something.clear()
            await self._something.wait()
        return self._waiting.popleft()
