"""How long after a tick its order stands on the log, at the pace of a market."""

import asyncio
import time
from collections.abc import Sequence

import numpy as np

from alpha_panda.config import Profile
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Log, NewRecord
from alpha_panda.live.observer import Inputs, Observer
from alpha_panda.live.streams import Reader
from alpha_panda.live.topics import BrokerTopics
from tests.benchmarks.feeding import BATCH_S, TICKS_A_SECOND, MarketFeed
from tests.benchmarks.measuring import Row, peak_rss_mib
from tests.benchmarks.places import Kind, Place, places
from tests.benchmarks.sessions import profile, session

_ORDERS = BrokerTopics.of("paper").orders_submitted
_KITE_INSTRUMENTS = 9_000
_BAR_NS = 10_000_000
_BASKET_TICKS = 40  # a second, of which every other one turns the crossover
_APPENDS = 100


def tick_to_order(case: str, kind: Kind = "embedded", ticks_a_second: int = 1_000, seconds: float = 50.0) -> Row:
    """From when a batch is due to when an order that it leads to is acknowledged on the log, and to when it is read.

    Instruments tick twice a second, in batches of 10 ms, or more often where more than Kite's 9,000 were needed. The
    basket is as large as makes about twenty orders a second, twice what a broker takes, on bars of 10 ms, so that not
    all of them fall on whole seconds. A batch that is taken late has waited since it was due. The time of the row
    is the median until acknowledged, and its anchor one durable append of a single record to an idle log.
    """
    feed, terms = paced_market(ticks_a_second, seconds)
    watch = Stopwatch(feed)
    with places(kind) as new_place:
        anchor_s = asyncio.run(_append_alone(new_place()))
        took_s, _ = asyncio.run(session(new_place(), feed, terms, watch, watch.read_orders))
    acknowledged, read = watch.waits_s()
    median_s = float(np.median(acknowledged))
    note = f"ticks; ms to {len(acknowledged):,} orders p50/p99/p99.9/max: {_shown(acknowledged)}, read {_shown(read)}"
    return Row(case, median_s, feed.ticks / took_s, anchor_s, median_s / anchor_s, peak_rss_mib(), note)


def paced_market(ticks_a_second: int, seconds: float) -> tuple[MarketFeed, Profile]:
    """Return a feed in real time, and a profile that makes some twenty orders a second of it."""
    instruments = min(ticks_a_second // TICKS_A_SECOND, _KITE_INSTRUMENTS)
    feed = MarketFeed(instruments, round(ticks_a_second * BATCH_S), round(seconds / BATCH_S), paced=True)
    return feed, profile(feed, _BASKET_TICKS * instruments // ticks_a_second, _BAR_NS)


class Stopwatch(Observer):
    """Notes when each order was acknowledged and when it was read."""

    def __init__(self, feed: MarketFeed) -> None:
        self._feed = feed
        self._batches: dict[str, int] = {}  # by the id of the frame that each became
        self._acknowledged: list[tuple[str, float]] = []
        self._read: list[tuple[str, float]] = []

    def on_step(
        self, next_frame: int, steps: int, messages: Sequence[Envelope] = (), inputs: Inputs | None = None
    ) -> None:
        now_s = time.perf_counter()
        self._acknowledged += [(each.correlation_id, now_s) for each in messages if each.type == "order_placed"]
        frames = list(inputs.appended_ns) if inputs else []
        self._batches.update(zip(frames, range(next_frame - len(frames), next_frame), strict=True))

    async def read_orders(self, log: Log) -> None:
        """Read orders as the stage of a broker would."""
        reader = Reader(log, _ORDERS)
        while entries := await reader.next(asyncio.Event()):
            now_s = time.perf_counter()
            orders = (entry.message for entry in entries if entry.message.type == "order_placed")
            self._read += [(order.correlation_id, now_s) for order in orders]

    def waits_s(self, since_batch: int = 0) -> tuple[list[float], list[float]]:
        """Return how long each order of these batches took until it was acknowledged, and until it was read."""
        acknowledged, read = (
            [
                now_s - self._feed.due_s(self._batches[frame])
                for frame, now_s in noted
                if self._batches[frame] >= since_batch
            ]
            for noted in (self._acknowledged, self._read)
        )
        return acknowledged, read


def _shown(waits_s: Sequence[float]) -> str:
    milliseconds = np.percentile(np.array(waits_s) * 1_000, (50, 99, 99.9, 100))
    return " / ".join(f"{each:,.1f}" for each in milliseconds)


async def _append_alone(place: Place) -> float:
    """Return the median of how long one durable append takes, in seconds, when nothing else goes on."""
    took_s: list[float] = []
    async with place.open() as log:
        for _ in range(_APPENDS):
            began_s = time.perf_counter()
            await log.append([NewRecord(_ORDERS, 0, b"key", bytes(300))])
            took_s.append(time.perf_counter() - began_s)
    return float(np.median(took_s))
