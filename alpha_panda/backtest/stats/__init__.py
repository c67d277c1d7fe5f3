"""The figures by which a run is judged, each with its label, meaning, formula and source.

The labels are those of backtesting.py where it has the figure, in its order, and then ours; values are in the unit that
the label names. The formulas are code in metrics.py, curve.py and significance.py.
"""

import math

import polars as pl

from alpha_panda.backtest.stats.figure import TOO_SHORT as TOO_SHORT
from alpha_panda.backtest.stats.figure import Figure, Measured, Statistic
from alpha_panda.backtest.stats.returns import DRAWDOWN, PERIOD, RETURN
from alpha_panda.backtest.stats.skill import SKILL
from alpha_panda.backtest.stats.trading import COSTS, TRADES

FIGURES: tuple[Figure, ...] = tuple(
    figure for group in (PERIOD, RETURN, DRAWDOWN, TRADES, COSTS, SKILL) for figure in group.figures
)
"""Every figure, in the order in which they are shown."""


def stats_of(run: Measured) -> dict[str, Statistic]:
    """Return every figure of a run by its label."""
    return {figure.label: _defined(figure.measure(run)) for figure in FIGURES}


def figures_frame() -> pl.DataFrame:
    """Return what there is to know of each figure: group, label, name, meaning, formula and source."""
    columns = Figure._fields[:-1]
    return pl.DataFrame({name: [getattr(figure, name) for figure in FIGURES] for name in columns})


def _defined(value: Statistic) -> Statistic:
    return None if isinstance(value, float) and math.isnan(value) else value
