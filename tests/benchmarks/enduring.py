"""How many ticks a session takes in a second, and what it holds on to of each."""

import asyncio
import pathlib
from collections.abc import Sequence

import numpy as np

from alpha_panda.config import Profile
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.observer import Inputs, Observer
from alpha_panda.units import MINUTE_NS
from tests.benchmarks.feeding import MarketFeed
from tests.benchmarks.measuring import Row, peak_rss_mib, row
from tests.benchmarks.places import Kind, places
from tests.benchmarks.sessions import anchored, done, profile, session

_BATCH_TICKS = 500  # of ten milliseconds at 50,000 a second
_BASKET = 10
_SAMPLES = 100
_STATUS = pathlib.Path("/proc/self/status")


def sustained(
    case: str, kind: Kind = "embedded", instruments: int = 100, ticks: int = 500_000, repeats: int = 3
) -> Row:
    """Ticks a second until the account has applied the last one, handed on 500 at a time as fast as they are taken.

    At 50,000 ticks a second the basket makes some twenty orders a second, twice what a broker takes.
    """
    feed = MarketFeed(instruments, _BATCH_TICKS, ticks // _BATCH_TICKS)
    with places(kind) as new_place:
        runs = [asyncio.run(session(new_place(), feed, _profile(feed))) for _ in range(repeats)]
    seconds = [each for each, _ in runs]
    return row(case, feed.ticks, seconds, anchored(feed), peak_rss_mib(), f"ticks; {done(runs[-1][1])}")


def memory(case: str, kind: Kind = "embedded", ticks: int = 11_000_000, settled: int = 1_000_000) -> Row:
    """Bytes that the process grows by for each tick once it has settled: the slope of a line through its size."""
    feed = MarketFeed(100, _BATCH_TICKS, ticks // _BATCH_TICKS)
    sizes = _Sizes(ticks // _SAMPLES)
    with places(kind) as new_place:
        took_s, engine = asyncio.run(session(new_place(), feed, _profile(feed), sizes))
    samples = np.array(sizes.samples)
    ticks_done, size = samples[samples[:, 0] >= settled].T
    slope = np.polyfit(ticks_done, size, 1)[0]
    grown_mib = (size[-1] - size[0]) / 2**20
    note = f"ticks; {slope:,.2f} bytes a tick after the first {settled:,}, {grown_mib:,.0f} MiB in all; {done(engine)}"
    return row(case, feed.ticks, [took_s], anchored(feed), peak_rss_mib(), note)


def _profile(feed: MarketFeed) -> Profile:
    """Return a basket that trades the more often the faster the market's time passes, so about as often in real time.

    A bar lasts a minute where there are a hundred instruments, and always 12,000 ticks of all of them.
    """
    return profile(feed, _BASKET, MINUTE_NS * 100 // len(feed.universe))


class _Sizes(Observer):
    """Notes how large the process is after every so many events of the account."""

    def __init__(self, every: int) -> None:
        self._every = every
        self.samples: list[tuple[int, int]] = []
        self._events = 0

    def on_step(
        self, next_frame: int, steps: int, messages: Sequence[Envelope] = (), inputs: Inputs | None = None
    ) -> None:
        before, self._events = self._events, self._events + (inputs.events if inputs else 0)
        if self._events // self._every > before // self._every:
            self.samples.append((self._events, _rss_bytes()))


def _rss_bytes() -> int:
    """Return how much memory this process holds, which only Linux says."""
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024
