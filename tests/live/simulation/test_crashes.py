"""Wherever a process is killed, whatever part of what it wrote has landed, the session ends as if it never had been."""

import pytest

from tests.live.simulation.broker import Fault, OnlyOf
from tests.live.simulation.loop import simulated
from tests.live.simulation.world import ALL, Process, World

_PARTITIONS_OF_AN_APPEND = 6


async def survived(world: World, *processes: Process) -> int:
    """Return how many lives ended early before the session came to its end as it should."""
    await world.run(*processes)
    await world.check()
    return len(world.ends)


@pytest.mark.parametrize("partitions", [1, 2])
@pytest.mark.parametrize(
    "fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER, *map(OnlyOf, range(_PARTITIONS_OF_AN_APPEND))], ids=str
)
def test_a_process_may_be_killed_at_any_append(fault: Fault | OnlyOf, partitions: int):
    """At its first append in its first life, at its second in its second, and so on: in recovery and in trading."""
    world = World(partitions, partitions)
    lives = [{life: fault} for life in range(1, 40)]
    assert simulated(survived(world, Process("one", ALL, lives))) > 10
