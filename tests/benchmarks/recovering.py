"""How long a session takes to go on after it was killed in the middle of the day."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from alpha_panda.live.build import new_status
from alpha_panda.live.feed.base import Batch
from alpha_panda.live.observer import Observer
from tests.benchmarks.feeding import TICKS_A_SECOND, MarketFeed
from tests.benchmarks.measuring import Row, peak_rss_mib, row
from tests.benchmarks.places import Kind, Place, places
from tests.benchmarks.sessions import anchored, profile
from tests.live.trading import CrashError, blueprint, run_on

_BATCH_TICKS = 500
_BASKET = 10


class _KilledFeed(MarketFeed):
    """Ends the process that it feeds, as a kill would, after its last batch."""

    async def batches(self, index: int) -> AsyncIterator[Batch]:
        async for batch in super().batches(index):
            yield batch
        raise CrashError


class _Began(Observer):
    """Notes when the last of the stages began to work, and stops the session then."""

    def __init__(self, stop: asyncio.Event) -> None:
        self.seconds = 0.0
        self._stop = stop

    def on_stage_recovered(self, stage: str) -> None:
        self.seconds = time.perf_counter()
        if stage == "feed":
            self._stop.set()


def from_snapshot(
    case: str, kind: Kind = "embedded", instruments: int = 9_000, since_s: float = 60.0, repeats: int = 3
) -> Row:
    """From the start of a session that was killed so many market seconds after its snapshot to where all stages run.

    The work is the ticks since the snapshot, which strategies and account pass once more. The kernels are compiled.
    """
    ticks = round(since_s * instruments * TICKS_A_SECOND)
    feed = _KilledFeed(instruments, _BATCH_TICKS, ticks // _BATCH_TICKS)
    with places(kind) as new_place:
        place = new_place()
        with contextlib.suppress(CrashError):
            asyncio.run(_trade(place, feed))
        seconds = [asyncio.run(_trade(place, feed)) for _ in range(repeats)]
    note = f"ticks again; {since_s:,.0f} s of {instruments:,} instruments"
    return row(case, feed.ticks, seconds, anchored(feed), peak_rss_mib(), note)


async def _trade(place: Place, feed: MarketFeed) -> float:
    """Trade until the feed kills the session, or until all stages have recovered; return how long that took."""
    status, stop = new_status(), asyncio.Event()
    began = _Began(stop)
    status.also = [began]
    start_s = time.perf_counter()
    async with place.open() as log:
        made_of = blueprint(profile(feed, _BASKET), feed.name, feed.universe)
        await run_on(log, feed, made_of, stop, status, state=place.state)
    return began.seconds - start_s
