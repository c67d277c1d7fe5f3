"""Fewer ticks when the feed falls behind: of each instrument the last one of every second, with all that traded.

What is left is an ordinary market: some of the ticks that there were, at their own times and places. So every stage
treats it right without knowing of it, and a recording of it is a backtest like any other.

It could not be one bar for each instrument instead. A bar claims the time before it is known: it would move a trade
that fell on the end of an interval to the bar before, and fill an order at prices of before that order was active. It
also says nothing of the spread, and the catalog keeps ticks as ticks.

What is lost: prices between the first and the last of a second. A stop, a target or a limit that only they touched is
not hit, and the high, low and open of a strategy's bars may lie inside those that there were. Closes and volumes stay,
and so does every clock, and every bar of a feed that has bars.
"""

from collections.abc import Callable

import numpy as np

from alpha_panda.kernels.records import CLOCK, TICK, Records
from alpha_panda.units import SECOND_NS


def conflate(events: Records) -> tuple[Records, int]:
    """Return events, of dtype EVENT, with one tick for each instrument and second, and how many were merged into it.

    The last tick stays where it stood, with the volume of all. Seconds are those of the clock, at which the bars of
    every strategy begin and end, and none is merged across a clock event either, which lets things happen by itself.
    """
    rows = np.flatnonzero(events["kind"] == TICK)
    if len(rows) < 2:
        return events, 0
    clocks = np.cumsum(events["kind"] == CLOCK)[rows]
    seconds = events["time_ns"][rows] // SECOND_NS
    begins = (np.diff(clocks, prepend=clocks[0]) != 0) | (np.diff(seconds, prepend=seconds[0]) != 0)
    stretches, instruments = np.cumsum(begins), events["instrument"][rows]
    order = np.lexsort((instruments, stretches))  # which is stable: within an instrument and stretch, as they stood
    first = np.ones(len(rows), np.bool_)
    first[1:] = (np.diff(stretches[order]) != 0) | (np.diff(instruments[order]) != 0)
    starts = np.flatnonzero(first)
    merged = len(rows) - len(starts)
    if merged == 0:
        return events, 0
    last = rows[order[np.append(starts[1:], len(rows)) - 1]]
    kept = events["kind"] != TICK
    kept[last] = True
    conflated = events.copy()
    conflated["volume"][last] = np.add.reduceat(events["volume"][rows[order]], starts)
    return conflated[kept], merged


class Pressure:
    """Says whether a feed is late, and takes what is late together; `merged` counts the ticks that this took away.

    A feed is late by how much longer an event has waited than any did when things went best, which needs no wall clock
    and is never so for a past that is played faster than it was. `limit_ns` of 0 leaves everything as it is.
    """

    def __init__(self, limit_ns: int, monotonic: Callable[[], float]) -> None:
        self._limit_ns = limit_ns
        self._monotonic = monotonic
        self._least_ns: int | None = None
        self.merged = 0
        self.late_ns = 0

    def relieve(self, events: Records) -> Records:
        """Return events that arrived together as they are, or conflated where the first has waited beyond the limit.

        They must have passed the rules of the chain, lest one that does not takes others with it. Only what is given at
        once is taken together: a feed that falls behind hands on all that it has.
        """
        if self._limit_ns == 0 or len(events) == 0:
            return events
        now_ns = int(self._monotonic() * SECOND_NS)
        waited_ns, least_ns = (now_ns - int(events["time_ns"][row]) for row in (0, -1))
        self._least_ns = least_ns if self._least_ns is None else min(self._least_ns, least_ns)
        self.late_ns = waited_ns - self._least_ns
        if self.late_ns <= self._limit_ns:
            return events
        conflated, merged = conflate(events)
        self.merged += merged
        return conflated
