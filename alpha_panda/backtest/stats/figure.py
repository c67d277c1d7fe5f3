"""What a figure is: its label, meaning, formula and source, and how it is measured from a run."""

import dataclasses
import datetime
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.backtest.metrics import RETURN_DAYS_MIN
from alpha_panda.backtest.trials import Tried

Floats = npt.NDArray[np.float64]

Statistic = int | float | str | datetime.datetime | datetime.timedelta | None
"""The value of a figure: None where it is not defined, TOO_SHORT where the sample cannot give it."""

TOO_SHORT = "sample too short"


@dataclasses.dataclass(frozen=True)
class Measured:
    """What the figures of a run are computed from; money is in rupees, ratios are fractions."""

    account: Mapping[str, float]  # see metrics.account_figures
    initial: float
    peak: float
    charges: Mapping[str, float]  # itemised
    first_ns: int
    last_ns: int
    returns: Floats  # of each day
    drawdowns: pl.DataFrame
    trades: pl.DataFrame
    held: float  # what the benchmark is worth at the end
    tried: Tried

    @property
    def long_enough(self) -> bool:
        """Whether there are days enough to annualise their returns, and to judge them."""
        return len(self.returns) >= RETURN_DAYS_MIN


Measure = Callable[[Measured], Statistic]


class Figure(NamedTuple):
    """One figure; the name is its measuring function's, and that of the same figure in a sweep, as a fraction there."""

    group: str
    label: str
    name: str
    meaning: str
    formula: str
    source: str
    measure: Measure


class Group:
    """Figures that are shown together, in the order in which they are defined."""

    def __init__(self, title: str) -> None:
        self._title = title
        self.figures: list[Figure] = []

    def figure(self, label: str, formula: str = "", source: str = "") -> Callable[[Measure], Measure]:
        """Make a function measure the figure of this label; what its docstring says is the meaning."""

        def add(measure: Measure) -> Measure:
            meaning = " ".join((measure.__doc__ or "").split()).removesuffix(".")
            self.figures.append(Figure(self._title, label, measure.__name__, meaning, formula, source, measure))
            return measure

        return add


def of_days(measure: Measure) -> Measure:
    """Return a measure that says TOO_SHORT where there are too few days for it."""

    def measured(run: Measured) -> Statistic:
        return measure(run) if run.long_enough else TOO_SHORT

    measured.__name__, measured.__doc__ = measure.__name__, measure.__doc__
    return measured


def percent(fraction: float | None) -> float | None:
    """Return a fraction in per cent, None for none."""
    return None if fraction is None else fraction * 100.0
