"""The ticks on the log as the feed handed them on: what arrived together, from all partitions."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from alpha_panda.errors import CorruptRecordError, RecoveryError
from alpha_panda.kernels.records import Records
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Place, Ticks
from alpha_panda.live.spreading import together
from alpha_panda.live.streams import Entry, Recording
from alpha_panda.live.topics import Topic

Places = Mapping[tuple[str, int], Place]
"""Where to go on reading, by topic and partition."""


class Arrival(NamedTuple):
    """What the feed handed on at once: a frame in each partition of the ticks, all of one sequence."""

    entries: Sequence[Entry]

    @property
    def sequence(self) -> int:
        """The sequence of its frames."""
        return self.entries[0].message.sequence

    @property
    def frames(self) -> list[Ticks]:
        """Its frames, by partition."""
        return [ticks_in(entry) for entry in self.entries]

    @property
    def time_ns(self) -> int:
        """The time of its last event."""
        return self.entries[0].message.time_ns

    @property
    def messages(self) -> list[Envelope]:
        """The messages that carry its frames."""
        return [entry.message for entry in self.entries]

    def events(self) -> Records:
        """Return its events in the order in which the feed told them; they may be read-only."""
        return together(self.frames)


def ticks_in(entry: Entry) -> Ticks:
    """Return the frame that a record of the ticks carries; CorruptRecordError where it carries something else."""
    data = entry.message.data
    if not isinstance(data, Ticks):
        place = f"{entry.record.topic}/{entry.record.partition} offset {entry.record.offset}"
        raise CorruptRecordError(f"{place} is {entry.message.type} and no frame of ticks")
    return data


class Arrivals:
    """All that arrived in a session, one after the other."""

    def __init__(self, log: Log, topic: Topic, places: Places | None = None) -> None:
        known = places or {}
        self.recordings = [
            Recording(log, topic, partition, known.get((topic.name, partition)))
            for partition in range(topic.partitions)
        ]

    async def next(self) -> Arrival | None:
        """Return the next arrival; None where not all of its frames are on the log."""
        for recording in self.recordings:
            if await recording.peek() is None:
                return None
        arrival = Arrival([entry for recording in self.recordings if (entry := await recording.next())])
        if len({entry.message.sequence for entry in arrival.entries}) > 1:
            raise RecoveryError(f"the partitions of the ticks are read from different places: {arrival.sequence}")
        return arrival
