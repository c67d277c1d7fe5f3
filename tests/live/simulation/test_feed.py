"""A feed that is killed between two partitions goes on by the same rules, whatever had landed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

import numpy as np

from alpha_panda.kernels.records import TICK, Records
from alpha_panda.live.build import new_status
from alpha_panda.live.feed.base import Batch, Feed
from alpha_panda.live.intake import Intake, letters_on
from tests.live.simulation.broker import Connection, Fault, KilledError, OnlyOf
from tests.live.simulation.loop import simulated
from tests.live.simulation.world import World, day, market


class GivenFeed(Feed):
    """Hands on some events, cut at some places."""

    def __init__(self, events: Records, cuts: Sequence[int]) -> None:
        self.universe = market()[0]
        self.name = "some events"
        self.digest = ""
        self._events = events
        self._cuts = [*cuts, len(events)]

    async def batches(self, index: int) -> AsyncIterator[Batch]:
        for stop in self._cuts:
            if stop > index:
                yield Batch(self._events[index:stop], stop)
                index = stop

    async def between(self, start: int, stop: int) -> Records:
        return self._events[start:stop]


async def fed(world: World, feed: Feed, faults: Mapping[int, Fault | OnlyOf]) -> list[str]:
    """Run a feed that is killed once, and then to its end; return the reasons for what was kept out."""
    clock = asyncio.get_running_loop().time
    for each in (faults, {}):
        intake = Intake(Connection(world.broker, each), feed, world.blueprint, new_status(), clock)
        with contextlib.suppress(KilledError):
            await intake.begin("a feed")
            await intake.run(asyncio.Event())
    return [letter.data.reason async for letter in letters_on(Connection(world.broker), world.blueprint.ticks)]


def ticks_of(instrument: int, count: int) -> Records:
    """Return the first ticks of an instrument."""
    events = day()
    return events[(events["kind"] == TICK) & (events["instrument"] == instrument)][:count].copy()


def test_an_event_that_was_kept_out_has_one_letter_whichever_partition_was_left():
    """Two takeovers, the letter, then the frames, of which only one lands."""
    events = ticks_of(0, 4)
    events["volume"][1] = -1
    for number in (0, 1):
        world = World(0, 2)
        reasons = simulated(fed(world, GivenFeed(events, [2]), {4: OnlyOf(number)}))
        assert len(reasons) == 1


def test_time_may_not_go_back_after_a_start_either():
    """The last event of the last partition lies before that of the first, and the next batch between the two."""
    first, second = ticks_of(0, 1), ticks_of(1, 2)
    second["time_ns"] = first["time_ns"] - 10
    second["time_ns"][1] += 5
    events = np.concatenate([second[:1], first, second[1:]])
    world = World(0, 2)
    (reason,) = simulated(fed(world, GivenFeed(events, [2]), {4: Fault.KILLED_BEFORE}))
    assert "lies before" in reason
