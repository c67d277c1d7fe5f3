"""A feed over events that are known beforehand, handed on at the pace of a market."""

import hashlib
from collections.abc import AsyncIterator

from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import Records
from alpha_panda.live.feed.base import Batch, Feed
from alpha_panda.live.feed.pacing import Pacer


class RecordedFeed(Feed):
    """An array of events, from beginning to end."""

    def __init__(self, universe: Universe, events: Records, name: str, pacer: Pacer) -> None:
        self.universe = universe
        self.name = name
        self.digest = hashlib.blake2b(events.tobytes(), digest_size=16).hexdigest()
        self._events = events
        self._times_ns = events["time_ns"].copy()  # side by side, for the search through them
        self._pacer = pacer

    async def batches(self, index: int) -> AsyncIterator[Batch]:
        """Yield the events as `Feed.batches` says."""
        while index < len(self._events):
            stop = await self._pacer.due(self._times_ns, index)
            yield Batch(self._events[index:stop], stop)
            index = stop

    async def between(self, start: int, stop: int) -> Records:
        """Return the events as `Feed.between` says."""
        return self._events[start:stop]
