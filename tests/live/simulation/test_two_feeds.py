"""Two feeds that begin at once are never both at work, though each may have come last in some partition."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from alpha_panda.errors import FencedError
from alpha_panda.live.arrivals import Arrival, Arrivals
from alpha_panda.live.build import new_status
from alpha_panda.live.intake import Intake
from alpha_panda.live.log.base import Commit, NewRecord
from tests.live.simulation.broker import Broker, Connection
from tests.live.simulation.loop import simulated
from tests.live.simulation.world import SlowFeed, World

PARTITIONS = 3


class InterruptedLog(Connection):
    """A log on which something else happens before one of its appends."""

    def __init__(self, broker: Broker, append: int, interruption: Callable[[], Awaitable[object]]) -> None:
        super().__init__(broker)
        self._append = append
        self._interruption = interruption

    async def append(self, batch: Sequence[NewRecord], commits: Sequence[Commit] = ()) -> list[int]:
        if self.appends + 1 == self._append:
            self._append = 0
            await self._interruption()
        return await super().append(batch, commits)


@pytest.mark.parametrize("append", range(1, PARTITIONS + 1))
def test_what_is_handed_on_at_once_comes_from_one_feed(append: int):
    """The second feed begins, and is ready, before one of the appends with which the first takes over."""
    world = World(0, PARTITIONS)

    async def session() -> list[Arrival]:
        clock = asyncio.get_running_loop().time
        second = Intake(Connection(world.broker), SlowFeed(2), world.blueprint, new_status(), clock)
        log = InterruptedLog(world.broker, append, lambda: second.begin("second"))
        first = Intake(log, SlowFeed(1), world.blueprint, new_status(), clock)
        begun = [second]
        with contextlib.suppress(FencedError):
            await first.begin("first")
            begun.append(first)
        await asyncio.gather(*(feed.run(asyncio.Event()) for feed in begun), return_exceptions=True)
        await Intake(Connection(world.broker), SlowFeed(3), world.blueprint, new_status(), clock).begin("third")
        arrivals = Arrivals(Connection(world.broker), world.blueprint.ticks)
        return [arrival async for arrival in each_of(arrivals)]

    for arrival in simulated(session()):
        assert len({frame.next_index for frame in arrival.frames}) == 1


async def each_of(arrivals: Arrivals) -> AsyncIterator[Arrival]:
    while arrival := await arrivals.next():
        yield arrival
