"""The sweep: many parameter pairs over the same bars, its speed for each core and its memory."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from alpha_panda.backtest.sweep import sweep
from tests.benchmarks import anchors
from tests.benchmarks.markets import CAPITAL_E4, crossover_profile, minute_bars, prices
from tests.benchmarks.measuring import Row, measured


def pairs(
    case: str,
    fast: Sequence[int] = range(5, 55, 2),
    slow: Sequence[int] = range(60, 260, 5),
    bars: int = 100_000,
    workers: int = 1,
) -> Row:
    """Every pair of a fast and a slow length: parameter-events a second and worker."""
    universe, events = minute_bars(bars, clocks=False)
    opens, closes = prices(events, 1)
    lengths = np.array([(one, other) for one in fast for other in slow])
    profile, grid = crossover_profile(), {"fast": list(fast), "slow": list(slow)}

    def by_hand() -> None:
        with ThreadPoolExecutor(workers) as pool:
            parts = np.array_split(lengths, workers)
            list(pool.map(lambda part: anchors.crossovers(opens, closes, part, CAPITAL_E4), parts))

    def swept(_: None) -> pl.DataFrame:
        return sweep(profile, grid=grid, events=events, universe=universe, workers=workers)

    return measured(case, len(lengths) * len(events) / workers, swept, by_hand, _note)


def memory(case: str, side: int, bars: int = 20_000) -> Row:
    """`side` fast by `side` slow lengths, for the memory of as many combinations."""
    return pairs(case, range(2, 2 + side), range(110, 110 + side), bars, workers=2)


def _note(frame: pl.DataFrame) -> str:
    return f"parameter-events for each worker; {len(frame):,} pairs, {frame['fills'].sum():,} fills"
