"""What is streamed: a bounded past of events for each topic, which all viewers share, and a place in it for each.

A viewer holds no queue, only how far it has come. Whoever is too slow finds the oldest gone and is told how many, and
whoever comes back goes on where they were, as long as what came then is still there.
"""

import asyncio
import collections
import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from pydantic import BaseModel

Topic = Literal["portfolio", "orders", "signals", "pipeline", "logs", "alerts"]
TOPICS: tuple[Topic, ...] = get_args(Topic)

KEPT: Mapping[Topic, int] = {
    "portfolio": 1,
    "orders": 4_096,
    "signals": 4_096,
    "pipeline": 1,
    "logs": 2_048,
    "alerts": 1,
}
"""How many of the latest events of a topic are kept; where it is one, each tells the whole state, and whoever sees the
latest has missed nothing."""

VIEWERS_MAX, VIEWERS_OF_ONE_MAX = 64, 24
"""How many may look at once, and how many of them may be one person's: nobody keeps the others out."""


@dataclasses.dataclass(frozen=True)
class Event:
    """One event: its number among all of this process, its topic, what it is, and what it says."""

    number: int
    topic: Topic
    name: str
    says: BaseModel

    @functools.cached_property
    def text(self) -> str:
        """The event as JSON, written once for all viewers, and not at all where there are none."""
        return self.says.model_dump_json(by_alias=True)


@dataclasses.dataclass(frozen=True)
class Dropped:
    """So many events of a topic were dropped, since its viewer was too slow for them."""

    topic: Topic
    count: int


class _Past:
    """The latest events of one topic."""

    def __init__(self, kept: int) -> None:
        self.is_state = kept == 1
        self.told = 0  # events that there were
        self._events: collections.deque[Event] = collections.deque(maxlen=kept)
        self._gone_number = 0  # of the last event that gave way

    @property
    def gone(self) -> int:
        """How many events gave way."""
        return self.told - len(self._events)

    def add(self, event: Event) -> None:
        if len(self._events) == self._events.maxlen:
            self._gone_number = self._events[0].number
        self._events.append(event)
        self.told += 1

    def at(self, place: int) -> Event:
        """Return the event before which there were `place` others."""
        return self._events[place - self.gone]

    def behind(self, number: int) -> int | None:
        """Return the place behind event `number` of all topics; None where something has gone since."""
        if self.is_state:
            return self.now()
        return None if self._gone_number > number else self.told - sum(each.number > number for each in self._events)

    def now(self) -> int:
        """Return the place of a viewer that comes now: before a state, behind all else."""
        return self.told - 1 if self.is_state and self.told else self.told


class Hub:
    """The latest events of every topic."""

    def __init__(self) -> None:
        self.number = 0
        self.viewers = collections.Counter[str]()  # by name
        self._pasts: Mapping[Topic, _Past] = {topic: _Past(kept) for topic, kept in KEPT.items()}
        self._changed = asyncio.Event()

    def tell(self, topic: Topic, name: str, says: BaseModel) -> None:
        """Add an event; the oldest of its topic gives way where there is no room."""
        self.number += 1
        self._pasts[topic].add(Event(self.number, topic, name, says))
        self.wake()

    def wake(self) -> None:
        """Let every viewer look whether there is something to do."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def change(self) -> None:
        """Return once there is another event."""
        await self._changed.wait()

    def viewer(self, topics: Iterable[Topic]) -> "Viewer":
        """Return a viewer that begins with the present states, and else with what comes next."""
        viewer = Viewer(self._pasts, {})
        viewer.choose(topics)
        return viewer

    def resumed(self, topics: Iterable[Topic], number: int) -> "Viewer | None":
        """Return a viewer that goes on behind event `number`; None where what came next is not all there."""
        if number > self.number:
            return None
        places: dict[Topic, int] = {}
        for topic in topics:
            if (place := self._pasts[topic].behind(number)) is None:
                return None
            places[topic] = place
        return Viewer(self._pasts, places)


class Viewer:
    """Reads some topics, in the order in which it all happened."""

    def __init__(self, pasts: Mapping[Topic, _Past], places: dict[Topic, int]) -> None:
        self._pasts = pasts
        self._places = places

    def choose(self, topics: Iterable[Topic]) -> None:
        """Read these topics from now on: where it is in those that it read already, else as one that comes now."""
        places: dict[Topic, int] = {topic: self._places.get(topic, self._pasts[topic].now()) for topic in topics}
        self._places = places

    def following(self) -> Event | Dropped | None:
        """Return the next event, or how many are missing before it; None where there is none yet."""
        events: list[Event] = []
        for topic in self._places:
            past = self._pasts[topic]
            missed = past.gone - self._places[topic]
            if missed > 0:
                self._places[topic] = past.gone
                if not past.is_state:
                    return Dropped(topic, missed)
            if self._places[topic] < past.told:
                events.append(past.at(self._places[topic]))
        if not events:
            return None
        event = min(events, key=_number)
        self._places[event.topic] += 1
        return event


def _number(event: Event) -> int:
    return event.number
