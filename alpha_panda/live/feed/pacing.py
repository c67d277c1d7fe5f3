"""How fast recorded time passes: at a multiple of real time, or as fast as the machine can."""

import math
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from alpha_panda.units import MINUTE_NS, SECOND_NS

FRAME_EVENTS_MAX = 2048
"""Events that are handed on together at most: enough to make the cost of a frame small, few enough to stay in cache."""

_FRAME_SPACING_S = 0.01
_NIGHT_NS = 5 * MINUTE_NS

Monotonic = Callable[[], float]
Sleep = Callable[[float], Awaitable[Any]]


class Pacer:
    """Says when events are due; with an infinite `speed` they all are.

    `speed` is market seconds per real second. A gap of more than five minutes is a night and passes at once. Frames
    keep a distance of a few milliseconds, so that a fast market makes them longer instead of more: an event after a
    pause never waits for it.
    """

    def __init__(self, speed: float, monotonic: Monotonic, sleep: Sleep) -> None:
        self._speed = speed
        self._monotonic = monotonic
        self._sleep = sleep
        self._framed_s = -math.inf
        self._started_s = 0.0
        self._started_ns: int | None = None

    async def due(self, times_ns: npt.NDArray[np.int64], index: int) -> int:
        """Wait until event `index` is due, and return the index after the last one that is then due as well."""
        furthest = min(index + FRAME_EVENTS_MAX, len(times_ns))
        if math.isinf(self._speed):
            return furthest
        self._pass_the_night(times_ns, index)
        while (wait_s := self._wait_s(int(times_ns[index]))) > 0:
            await self._sleep(wait_s)
        self._framed_s = self._monotonic()
        return index + max(int(np.searchsorted(times_ns[index:furthest], self._now_ns(), side="right")), 1)

    def _pass_the_night(self, times_ns: npt.NDArray[np.int64], index: int) -> None:
        """Let market time begin at this event, if it is the first one or follows a night."""
        time_ns = int(times_ns[index])
        if self._started_ns is None or time_ns - int(times_ns[index - 1]) > _NIGHT_NS:
            self._started_ns, self._started_s = time_ns, self._monotonic()

    def _now_ns(self) -> int:
        """Return the market's time."""
        assert self._started_ns is not None
        return self._started_ns + int((self._monotonic() - self._started_s) * self._speed * SECOND_NS)

    def _wait_s(self, time_ns: int) -> float:
        """Return how long to sleep until an event of `time_ns` may be handed on."""
        event_s = (time_ns - self._now_ns()) / SECOND_NS / self._speed
        return max(event_s, self._framed_s + _FRAME_SPACING_S - self._monotonic())
