"""Whoever begins beside a writer that goes on writing takes over what it reads to its very end, or nothing."""

import asyncio

import pytest

from alpha_panda.live.log.base import NewRecord, Record
from alpha_panda.live.recovery import begin_account, begin_signals
from alpha_panda.live.topics import Topic
from tests.live.simulation.broker import Broker, Connection
from tests.live.simulation.loop import simulated
from tests.live.simulation.world import ALL, Process, World


class GrowingLog(Connection):
    """A log on which, before each read, somebody else puts some more of what a session has written."""

    def __init__(self, world: World, recorded: list[Record], there: int, more: float) -> None:
        super().__init__(Broker(0))
        topics = (world.blueprint.ticks, *world.blueprint.topics.all())
        self._topics = {topic.name: topic for topic in topics}
        self._recorded = [record for record in recorded if record.topic in self._topics]
        self._more = more
        self._due = 0.0
        self._there = 0
        self._grow(there)

    def _grow(self, count: int) -> None:
        for record in self._recorded[self._there : self._there + count]:
            self._broker.put([NewRecord(self._topics[record.topic], record.partition, record.key, record.value)])
        self._there += count

    async def read(self, topic: Topic, partition: int, offset: int, limit: int) -> list[Record]:
        self._due += self._more
        self._grow(int(self._due))
        self._due %= 1
        return self._broker.held(topic, partition)[offset : offset + limit]

    async def _pause(self) -> None:
        await asyncio.sleep(0)


@pytest.mark.parametrize("partitions", [1, 2])
def test_a_stage_that_begins_beside_another_knows_all_that_was_said_before_it(partitions: int):
    """At every record of a session, while one or two more come with each read, or one with some reads only."""
    world = World(0, partitions)
    simulated(world.run(Process("one", ALL)))
    recorded = world.broker.landed

    async def begin(there: int, more: float) -> None:
        log = GrowingLog(world, recorded, there, more)
        account, journal = await begin_account(log, world.blueprint, "another")
        assert account.steps == journal.next_sequence
        strategies, _, raw = await begin_signals(log, world.blueprint, 0, "another")
        assert strategies.next_message == raw.next_sequence

    cases = [(there, more) for there in range(0, len(recorded), 3) for more in (0.15, 0.5, 1, 2)]
    for there, more in cases:
        simulated(begin(there, more))
    assert len(cases) > 100
