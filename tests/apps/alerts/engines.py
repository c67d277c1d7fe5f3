"""An alert engine over a desk that shows what a test says, on clocks that stand still until the test moves them."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable

from alpha_panda.apps.alerts.channels import Channels
from alpha_panda.apps.alerts.watching import AlertEngine
from alpha_panda.apps.desk.models import Picture
from alpha_panda.database.alerts import AlertRow
from alpha_panda.database.repositories import Database
from alpha_panda.units import SECOND_NS
from tests.apps.alerts.looking import NOW_NS, Change, healthy, unchanged

SESSION = "2025-11-21-paper"
WITHIN_S = 20.0


@dataclasses.dataclass
class World:
    """A session, and the time."""

    now_ns: int = NOW_NS
    change: Change = unchanged

    @property
    def picture(self) -> Picture:
        return self.change(healthy(self.now_ns), self.now_ns)

    def wall_ns(self) -> int:
        return self.now_ns

    def monotonic(self) -> float:
        return (self.now_ns - NOW_NS) / SECOND_NS

    def engine(
        self, database: Database, urls: str = "", session: str = SESSION, holder: str = "process 1 on a test's machine"
    ) -> AlertEngine:
        """Return an engine that looks at this world, and wastes no time between two looks."""
        channels = Channels(urls, self.wall_ns, self.monotonic, sleep=a_moment)
        return AlertEngine(self, session, holder, database, channels, self.wall_ns, self.monotonic, a_moment)

    def pass_time(self, engine: AlertEngine, seconds: float) -> None:
        """Let time pass, with two looks a second."""
        until_ns = self.now_ns + int(seconds * SECOND_NS)
        while self.now_ns < until_ns:
            self.now_ns += SECOND_NS // 2
            engine.look()


async def a_moment(seconds: float) -> None:
    """Wait for next to no time."""
    await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def at_work(engine: AlertEngine) -> AsyncIterator[AlertEngine]:
    """Give an engine that runs."""
    running = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(WITHIN_S):
        while not holds():
            await asyncio.sleep(0.002)


async def open_rows(database: Database) -> dict[int, AlertRow]:
    """Return the rows of alarms that are not resolved, by their numbers."""
    return {row.id: row for row in await database.alerts.list(("open", "acknowledged"), 1_000)}


async def is_kept(database: Database, engine: AlertEngine) -> bool:
    """Return whether the database has what the engine shows: which alarms there are, how often, and who knows."""
    kept = {(row.id, row.rule, row.count, row.acknowledged_by or "") for row in (await open_rows(database)).values()}
    return kept == {(each.number, each.rule, each.count, each.acknowledged_by) for each in engine.active()}


async def until_kept(database: Database, engine: AlertEngine) -> None:
    """Wait until the database has what the engine shows."""
    async with asyncio.timeout(WITHIN_S):
        while not await is_kept(database, engine):
            await asyncio.sleep(0.002)
