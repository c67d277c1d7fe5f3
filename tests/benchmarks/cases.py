"""Every case by its name, in the order of the table."""

from collections.abc import Callable
from functools import partial

from tests.benchmarks import (
    cataloguing,
    chain,
    enduring,
    first_run,
    ingesting,
    latency,
    live,
    rebuilding,
    recovering,
    screens,
    sweeping,
    validating,
)
from tests.benchmarks.measuring import Row
from tests.benchmarks.places import KINDS

CASES: dict[str, Callable[[str], Row]] = {
    "crossover 1 M bars": chain.crossover,
    "crossover 1 M bars, clocks": partial(chain.crossover, clocks=True),
    "sweep 1,000 x 100 k, 1 worker": sweeping.pairs,
    "sweep 1,000 x 100 k, 2 workers": partial(sweeping.pairs, workers=2),
    "ranking 500 x 2,500 days": chain.ranking,
    "ticks, blocks of 16,384": chain.ticks,
    "ticks, blocks of 16": partial(chain.ticks, block=16),
    "ingest of 10 M bars": ingesting.bars,
    "catalog to kernel arrays": cataloguing.events,
    "PBO of 10,000 x 2,500": validating.overfitting,
    "bootstrap 2,000 x 2,500": validating.paths,
    "live session, embedded": live.session,
    **{
        f"live {instruments:,} instruments, {kind}": partial(enduring.sustained, kind=kind, instruments=instruments)
        for kind in KINDS
        for instruments in (100, 9_000)
    },
    **{
        f"live order at {ticks:,} ticks/s, {kind}": partial(latency.tick_to_order, kind=kind, ticks_a_second=ticks)
        for kind in KINDS
        for ticks in (1_000, 10_000, 18_000, 50_000)
    },
    "live order, web in a process": partial(screens.watched, where="process"),
    "live order, web in a thread": partial(screens.watched, where="thread"),
    **{f"live memory over 10 M ticks, {kind}": partial(enduring.memory, kind=kind) for kind in KINDS},
    **{f"live recovery, {kind}": partial(recovering.from_snapshot, kind=kind) for kind in KINDS},
    "rebuild of 1 M records": rebuilding.portfolio,
    "first backtest, warm cache": partial(first_run.first_backtest, cold=False),
    "first backtest, cold cache": partial(first_run.first_backtest, cold=True),
    "sweep memory, 100": partial(sweeping.memory, side=10),
    "sweep memory, 1,000": partial(sweeping.memory, side=32),
    "sweep memory, 10,000": partial(sweeping.memory, side=100),
    "sweep memory, 100,000": partial(sweeping.memory, side=317, bars=2_000, repeats=1),
    **{
        f"heat map 10,000 x {name}, {words}": partial(sweeping.heat_map, slider=slider, interval=interval)
        for name, interval in (("a month of minutes", "1m"), ("3 years of days", "1d"))
        for slider, words in sweeping.SLIDERS.items()
    },
}
"""A case makes its row; each runs in a process of its own, so that its peak of memory is its own."""
