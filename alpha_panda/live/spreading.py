"""Spreading what the feed hands on at once over the partitions of the ticks, and putting it together again.

An instrument's events always go to the same partition, a clock goes to all of them. Each frame says where its events
stood, so that what is put together is what was spread, in its order, however many partitions there are.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import CLOCK, EVENT, Records
from alpha_panda.live.messages import Ticks
from alpha_panda.live.payloads import events_of
from alpha_panda.live.topics import Topic, instrument_key

Rows = npt.NDArray[np.int32]


class Spreader:
    """Knows which partition of the ticks each instrument of a session belongs to."""

    def __init__(self, universe: Universe, topic: Topic) -> None:
        self._partitions = topic.partitions
        self._partition_of = np.array([topic.partition_of(instrument_key(int(each))) for each in universe.tokens])

    def frames(self, events: Records, next_index: int) -> list[Ticks]:
        """Return the frames of events that are handed on together, one for each partition."""
        if self._partitions == 1:
            return [Ticks(len(events), events.tobytes(), next_index)]
        clocks = events["kind"] == CLOCK
        partitions = self._partition_of[events["instrument"]]
        return [
            self._frame(events, np.flatnonzero(clocks | (partitions == number)).astype(np.int32), next_index)
            for number in range(self._partitions)
        ]

    def _frame(self, events: Records, rows: Rows, next_index: int) -> Ticks:
        return Ticks(len(rows), events[rows].tobytes(), next_index, rows.tobytes())


def rows_of(frames: Sequence[Ticks]) -> list[Rows]:
    """Return for each frame where its events stand in what `together` makes of them all."""
    if len(frames) == 1:
        return [np.arange(frames[0].count, dtype=np.int32)]
    rows = [np.frombuffer(frame.rows, np.int32) for frame in frames]
    # What a partition lacks, since its source could not tell it again, leaves no hole.
    every = np.unique(np.concatenate(rows))
    return [np.searchsorted(every, each).astype(np.int32) for each in rows]


def together(frames: Sequence[Ticks]) -> Records:
    """Return what the feed handed on at once, from its frames of all partitions; read-only where there is but one."""
    if len(frames) == 1:
        return events_of(frames[0])
    rows = rows_of(frames)
    events = np.empty(1 + max((int(each[-1]) for each in rows if len(each)), default=-1), EVENT)
    for frame, each in zip(frames, rows, strict=True):
        events[each] = events_of(frame)
    return events
