"""Prices and volumes as they read after splits, bonuses, rights and demergers; what is stored never changes.

A corporate action takes effect on its ex-date: what traded before is worth `price_factor` of what was paid then, and
counts as 1 / `volume_factor` of the units. Adjusting as of a day applies only the actions up to that day, so that
nothing of a later future is in the numbers.
"""

import datetime
import math
import operator
from fractions import Fraction
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.errors import DataError
from alpha_panda.units import ist_time_ns

ACTIONS = pl.Schema(
    {
        "symbol": pl.String,
        "ex_date": pl.Date,
        "price_factor": pl.Float64,
        "volume_factor": pl.Float64,
        "source": pl.String,
    }
)
"""What a frame of corporate actions holds: one row per instrument and ex-date."""

_UNIT = 10**12  # factors are applied as whole parts of this, so that every product is exact in 128 bits
_PRODUCT_MAX = Fraction(10**6)  # further apart than any share's prices and volumes came by its actions
_CLEAR_STEP = 0.2  # as a logarithm: an action that moves the price by a fifth cannot hide in one night's trading


def adjusted(rows: pl.DataFrame, symbol: str, actions: pl.DataFrame, as_of: datetime.date) -> pl.DataFrame:
    """Return the rows of one instrument as they read on `as_of`, prices times and volumes by the factors due by then.

    `rows` are bars or ticks of the catalog in order of time, `actions` is a frame of ACTIONS. A row is adjusted by the
    product of the factors of all ex-dates after its own day and up to `as_of`, taken as a whole number of 10⁻¹². The
    results are rounded to a whole E4 or unit, halves up. Raises DataError where the rows show no trace of a large
    action, so that what came adjusted is never adjusted twice, and for factors that no history has.
    """
    due = actions.filter(pl.col("symbol") == symbol, pl.col("ex_date") <= as_of).sort("ex_date")
    if not len(due) or not len(rows):
        return rows
    boundaries = np.array([ist_time_ns(date) for date in due["ex_date"]], dtype=np.int64)
    times = rows["time_ns"].to_numpy()
    _refuse_adjusted(rows, symbol, due, np.searchsorted(times, boundaries).tolist())
    later = np.searchsorted(boundaries, times, side="right")
    parts = [_cumulative(symbol, due[name])[later] for name in ("price_factor", "volume_factor")]
    prices = [name for name in rows.columns if name.endswith("_e4")]
    volumes = [name for name in rows.columns if name in ("volume", "volume_day")]
    price_parts, volume_parts = (pl.lit(pl.Series(values)) for values in parts)
    result = rows.with_columns(
        *(_rounded(pl.col(name), price_parts, pl.lit(_UNIT)).alias(name) for name in prices),
        *(_rounded(pl.col(name), pl.lit(_UNIT), volume_parts).alias(name) for name in volumes),
    )
    if any(((result[name] == 0) & (rows[name] != 0)).any() for name in prices):
        raise DataError(f"{symbol} adjusted as of {as_of} has prices below 1/20,000 rupee: check its corporate actions")
    return result


def _cumulative(symbol: str, factors: pl.Series) -> npt.NDArray[np.int64]:
    """Return, in parts of _UNIT, what stands before each ex-date and after the last: the product of all that follow."""
    products = list(accumulate(map(Fraction, reversed(factors.to_list())), operator.mul, initial=Fraction(1)))
    if not all(1 / _PRODUCT_MAX <= product <= _PRODUCT_MAX for product in products):
        raise DataError(f"the factors of {symbol} multiply to a millionth or a million: check its corporate actions")
    return np.array([round(product * _UNIT) for product in reversed(products)], dtype=np.int64)


def _rounded(figure: pl.Expr, numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """Return figure times numerator / denominator as int64, halves rounded up; none of them is negative."""
    doubled = figure.cast(pl.Int128) * numerator * 2
    return ((doubled + denominator) // (denominator.cast(pl.Int128) * 2)).cast(pl.Int64)


def _refuse_adjusted(rows: pl.DataFrame, symbol: str, due: pl.DataFrame, first_rows: list[int]) -> None:
    """Raise DataError where the price did not move as a large action says it must have."""
    closes, opens = ("close_e4", "open_e4") if "close_e4" in rows.columns else ("price_e4", "price_e4")
    for (date, factor), first_row in zip(due.select("ex_date", "price_factor").rows(), first_rows, strict=True):
        step = math.log(factor)
        if not 0 < first_row < len(rows) or abs(step) < _CLEAR_STEP:
            continue
        seen = math.log(rows[opens][first_row] / rows[closes][first_row - 1])
        if abs(seen - step) > abs(seen):
            raise DataError(
                f"{symbol} shows no step on its ex-date {date}, when its price went to {factor:.4g} of what it was: "
                "its data seem to be adjusted already, so use them unadjusted"
            )
