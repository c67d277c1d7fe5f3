"""Recorded time passes at the speed asked for, nights at once, and a fast market makes longer frames."""

import math

import numpy as np
import pytest

from alpha_panda.live.feed.pacing import FRAME_EVENTS_MAX, Pacer
from alpha_panda.units import DAY_NS, SECOND_NS


class Clock:
    """A clock that only sleeping moves, and what the sleeps were."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def every(seconds: float, count: int) -> np.ndarray:
    return np.arange(count, dtype=np.int64) * int(seconds * SECOND_NS)


async def frames(pacer: Pacer, times_ns: np.ndarray, clock: Clock, index: int = 0) -> list[tuple[float, int]]:
    """Return when each frame was due, in seconds from the first, and how many events it had."""
    found: list[tuple[float, int]] = []
    while index < len(times_ns):
        stop = await pacer.due(times_ns, index)
        found.append((clock.now_s, stop - index))
        index = stop
    return [(round(at_s - found[0][0], 6), count) for at_s, count in found]


async def test_an_event_is_due_when_its_time_has_come(clock: Clock):
    pacer = Pacer(2.0, clock.monotonic, clock.sleep)
    assert await frames(pacer, every(1.0, 4), clock) == [(0.0, 1), (0.5, 1), (1.0, 1), (1.5, 1)]


async def test_events_that_come_close_share_a_frame(clock: Clock):
    pacer = Pacer(1.0, clock.monotonic, clock.sleep)
    times_ns = every(0.001, 101)
    times_ns[1:] -= 1_000  # a microsecond before the instant at which its frame is cut
    found = await frames(pacer, times_ns, clock)
    assert [at_s for at_s, _ in found] == [round(0.01 * number, 6) for number in range(11)]
    assert [count for _, count in found] == [1, *[10] * 10]


async def test_the_first_event_after_a_pause_waits_for_nothing_else(clock: Clock):
    pacer = Pacer(1.0, clock.monotonic, clock.sleep)
    times_ns = np.array([0, SECOND_NS, SECOND_NS + 1], np.int64)
    assert (await frames(pacer, times_ns, clock))[1] == (1.0, 1)


async def test_a_night_passes_at_once(clock: Clock):
    pacer = Pacer(1.0, clock.monotonic, clock.sleep)
    times_ns = np.concatenate([every(1.0, 3), every(1.0, 3) + DAY_NS])
    assert [at_s for at_s, _ in await frames(pacer, times_ns, clock)] == [0.0, 1.0, 2.0, 2.01, 3.0, 4.0]


async def test_a_feed_that_goes_on_in_the_middle_begins_at_once(clock: Clock):
    pacer = Pacer(1.0, clock.monotonic, clock.sleep)
    assert await frames(pacer, every(60.0, 5), clock, index=3) == [(0.0, 1), (60.0, 1)]


async def test_what_a_slow_machine_missed_is_handed_on_together(clock: Clock):
    pacer = Pacer(1.0, clock.monotonic, clock.sleep)
    times_ns = every(1.0, 10)
    assert await pacer.due(times_ns, 0) == 1
    clock.now_s += 5.5
    assert await pacer.due(times_ns, 1) == 6


async def test_at_full_speed_nobody_sleeps_and_frames_are_as_long_as_they_may(clock: Clock):
    pacer = Pacer(math.inf, clock.monotonic, clock.sleep)
    count = 2 * FRAME_EVENTS_MAX + 5
    assert await frames(pacer, every(1.0, count), clock) == [
        (0.0, FRAME_EVENTS_MAX),
        (0.0, FRAME_EVENTS_MAX),
        (0.0, 5),
    ]
