"""One day gives one ledger: embedded, on Kafka in one process, and with every stage in a process of its own."""

import asyncio
import contextlib
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest import ingest
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import Records
from tests.live.outcome import came_out_well
from tests.live.processes import COMPANIES, Deployment, deployed
from tests.live.trading import market, replayed
from tests.redis_server import RedisServer

TICKS = "ticks/ltp_ticks_2021_05_27.parquet"
"""Last prices and quantities of three companies, and of two indices that nobody can trade, on a day of the NSE."""

SPEED = 2500.0
"""Market seconds in a second: slow enough for two processes to find each other and share the work of a day."""


class Day(NamedTuple):
    """A day, and what tells a process to trade it."""

    feed: tuple[str, ...]
    universe: Universe
    events: Records


@pytest.fixture(params=["made up", "real"])
def day(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Day:
    """Return a whole day, of two companies that do not exist or of some that do."""
    if request.param == "made up":
        return Day(COMPANIES, *market())
    shared_file: Callable[[str], pathlib.Path] = request.getfixturevalue("shared_file")
    catalog = Catalog(tmp_path / "data")
    ingest([shared_file(TICKS)], catalog)
    feed = ("--feed", "replay", "--data", str(tmp_path / "data"), "--resolution", "tick")
    return Day(feed, *catalog.events(catalog.tradable("tick"), "tick"))


@pytest.mark.timeout(240)
async def test_a_day_gives_one_ledger_wherever_its_stages_run(
    day: Day, tmp_path: pathlib.Path, kafka: str, redis_server: RedisServer
):
    stores = [redis_server.url.removesuffix("0") + str(number) for number in range(3)]
    embedded = Deployment(tmp_path, "", stores[0], feed=day.feed)
    together = Deployment(tmp_path, kafka, stores[1], feed=day.feed)
    apart = Deployment(tmp_path, kafka, stores[2], feed=day.feed, partitions=3)
    async with contextlib.AsyncExitStack() as running:
        for deployment in (embedded, together, apart):
            await running.enter_async_context(deployed(deployment))
        account, *others = [apart.start(stages) for stages in ("account", "signals", "signals", "portfolio")]
        keepers = {embedded: embedded.start(), together: together.start(), apart: account}
        apart.start("feed", speed=SPEED)
        await asyncio.gather(*(deployment.ended() for deployment in keepers))

        expected = replayed(day.events, day.universe)
        assert expected.account["orders_made"] > 10
        workers = {report.holder for report in await apart.reports() if report.stage == "signals" and report.partitions}
        assert workers == {process.holder for process in others if process.stages == "signals"}
        for deployment, keeper in keepers.items():
            assert keeper.summary == expected.summary(), str(deployment)
            await came_out_well(deployment, day.events, expected.ledger_hash())
