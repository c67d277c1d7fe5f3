"""A stage whose cancellation a library has lost does not say that it has come to the end of what there is."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

from alpha_panda.errors import DataError
from alpha_panda.live.build import new_status, new_surroundings
from alpha_panda.live.envelope import decode
from alpha_panda.live.feed.base import Batch
from alpha_panda.live.messages import StageReport
from alpha_panda.live.pipeline import STAGES, Parts, run_session
from alpha_panda.live.store.base import Places
from alpha_panda.live.store.redis import RedisStore
from tests.live.simulation.broker import Connection
from tests.live.simulation.loop import simulated
from tests.live.simulation.world import SlowFeed, World


class BrokenFeed(SlowFeed):
    """Fails after a while."""

    async def batches(self, index: int) -> AsyncIterator[Batch]:
        await asyncio.sleep(1)
        raise DataError("the exchange has closed for good")
        yield  # what makes it a generator


class DeafStore(RedisStore):
    """Takes its time to answer, and does not hear that nobody waits any more."""

    async def begin(self, broker: str, session: str) -> Places:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(5)
        return await super().begin(broker, session)


def test_the_portfolio_has_not_ended_where_the_feed_has_failed():
    world = World(0)

    async def session() -> list[StageReport]:
        log = Connection(world.broker)
        await world.begin(log)
        clock = asyncio.get_running_loop().time
        parts = Parts(
            log=log,
            state=world.state,
            status=new_status(),
            stop=asyncio.Event(),
            surroundings=dataclasses.replace(new_surroundings(), monotonic=clock),
            feed=BrokenFeed(0),
            store=await DeafStore.open(None),
        )
        with contextlib.suppress(DataError):
            await run_session(world.blueprint, parts, STAGES)
        reports = [decode(record).data for record in world.broker.landed if record.topic == "stages"]
        return [report for report in reports if isinstance(report, StageReport)]

    last = {report.stage: report.phase for report in simulated(session())}
    assert last["feed"] == "failed"
    assert last["portfolio"] == "stopped"
