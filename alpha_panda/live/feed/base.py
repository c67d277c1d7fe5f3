"""The interface of a feed: market events in log order, in batches, from any place in its source."""

import abc
from collections.abc import AsyncIterator
from typing import NamedTuple

from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import Records


class Batch(NamedTuple):
    """Events that arrived together, an array of EVENT, and where in its source the feed goes on after them."""

    events: Records
    next_index: int


class Feed(abc.ABC):
    """A source of market events for the instruments of `universe`.

    A feed says what it was told; whether an event may reach the kernels is decided where it enters the log.
    """

    universe: Universe
    name: str
    """Where the events come from, in a few words for people."""
    digest: str
    """A digest of all its events, so that a session never goes on with others; empty where nobody can know them."""

    @abc.abstractmethod
    def batches(self, index: int) -> AsyncIterator[Batch]:
        """Yield the events from `index` of the source on, as they become known; the end is the end of the source."""

    @abc.abstractmethod
    async def between(self, start: int, stop: int) -> Records:
        """Return the events between two places of its source, to tell again what was handed on in part.

        An empty array where the source cannot be asked again.
        """
