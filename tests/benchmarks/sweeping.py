"""The sweep: many parameter pairs over the same bars, its speed for each core, its memory, and a heat map of it."""

import os
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from alpha_panda.backtest import cache
from alpha_panda.backtest.sweep import sweep
from tests.benchmarks import anchors
from tests.benchmarks.markets import CAPITAL_E4, crossover_profile, daily_bars, minute_bars, prices
from tests.benchmarks.measuring import REPEATS, Row, measured

MONTH_BARS = 21 * 375
YEARS_BARS = 3 * 247

SLIDERS = {
    "first": "asked first",
    "third": "third parameter moved",
    "range": "range moved by a tenth",
    "back": "moved back",
    "matrix": "the matrix alone",
}
"""What is moved under a heat map, and how it reads in the table."""


def pairs(
    case: str,
    fast: Sequence[int] = range(5, 55, 2),
    slow: Sequence[int] = range(60, 260, 5),
    bars: int = 100_000,
    workers: int = 1,
    repeats: int = REPEATS,
) -> Row:
    """Every pair of a fast and a slow length: parameter-events a second and worker."""
    os.environ["ALPHA_PANDA_TRIALS"] = "off"
    universe, events = minute_bars(bars, clocks=False)
    profile, grid = crossover_profile(), {"fast": list(fast), "slow": list(slow)}

    def swept(_: None) -> pl.DataFrame:
        return sweep(profile, grid=grid, events=events, universe=universe, workers=workers)

    work = len(grid["fast"]) * len(grid["slow"]) * len(events) / workers
    return measured(case, work, swept, _by_hand(events, fast, slow, workers), _note, repeats=repeats)


def memory(case: str, side: int, bars: int = 20_000, repeats: int = REPEATS) -> Row:
    """`side` fast by `side` slow lengths, for the memory of as many combinations."""
    return pairs(case, range(2, 2 + side), range(110, 110 + side), bars, workers=2, repeats=repeats)


def _by_hand(events: Any, fast: Sequence[int], slow: Sequence[int], workers: int) -> Callable[[], object]:
    opens, closes = prices(events, 1)
    lengths = np.array([(one, other) for one in fast for other in slow])

    def run() -> None:
        with ThreadPoolExecutor(workers) as pool:
            parts = np.array_split(lengths, workers)
            list(pool.map(lambda part: anchors.crossovers(opens, closes, part, CAPITAL_E4), parts))

    return run


def _note(frame: pl.DataFrame) -> str:
    return f"parameter-events for each worker; {len(frame):,} pairs, {frame['fills'].sum():,} fills"


# ── A heat map under sliders ─────────────────────────────────────────────────────────────────────────────────────────


def heat_map(case: str, slider: str, interval: str = "1m", side: int = 100, repeats: int = REPEATS) -> Row:
    """From a slider to the matrix of a heat map of `side` by `side` lengths over a month of minutes or years of days.

    The `slider` is one of SLIDERS: `third` goes to a value of a third parameter that was never asked, `back` to one of
    before, and with `matrix` the rows are at hand. The anchor always computes all pairs.
    """
    universe, events = minute_bars(MONTH_BARS, clocks=True) if interval == "1m" else daily_bars(1, YEARS_BARS)
    profile = crossover_profile(interval=interval)
    fast, slow = range(2, 2 + side), range(110, 110 + side)
    ask = partial(cache.cached_sweep, profile, events=events, universe=universe)
    before = {"fast": list(fast), "slow": list(slow), "allow_short": [0]}
    further = range(fast.start + side // 10, fast.stop + side // 10)
    after = {
        "first": before,
        "third": {**before, "allow_short": [1]},
        "range": {**before, "fast": list(further)},
        "back": before,
        "matrix": before,
    }[slider]

    def moved(rows: pl.DataFrame | None) -> pl.DataFrame:
        answer = rows if rows is not None and slider == "matrix" else ask(grid=after)
        return answer.pivot("slow", index="fast", values="total_return")

    with tempfile.TemporaryDirectory() as folder:
        os.environ["ALPHA_PANDA_TRIALS"] = f"{folder}/trials.sqlite"

        def standing() -> pl.DataFrame | None:
            cache.forget()
            cache.FOLDER = pathlib.Path(tempfile.mkdtemp(dir=folder))
            return None if slider == "first" else ask(grid=before)

        rows = sweep(profile, grid=after, events=events, universe=universe)
        note = f"heat maps; {len(rows):,} combinations of {len(events):,} events, {rows['fills'].sum():,} fills"
        by_hand = _by_hand(events, fast, slow, os.cpu_count() or 1)
        return measured(case, 1, moved, by_hand, lambda _: note, standing, repeats)
