"""What a function said of a frame of bars, in one shape whatever it returned, and where two answers differ."""

from typing import Any, cast

import numpy as np
import polars as pl

from alpha_panda.backtest.causality.report import Finding, earliest
from alpha_panda.data.columns import IST_TIME
from alpha_panda.errors import StrategyError

BARS = ("open", "high", "low", "close", "volume")
"""The columns of the frame that a function is given, after `time` (when a bar is known, IST) and `symbol`."""

SYMBOL = "symbol"
_SIGNAL = "signal"
_PLACE = "place"


def keyed(name: str, said: Any, bars: pl.DataFrame) -> pl.DataFrame:
    """Return signals as a frame that is ordered by time and symbol, with the place among rows of equal keys."""
    frame = _frame_of(name, said, bars)
    keys = ["time", SYMBOL] if SYMBOL in frame.columns else ["time"]
    frame = frame.sort(keys, maintain_order=True, nulls_last=True)
    frame = frame.with_columns(pl.int_range(pl.len()).over(keys).alias(_PLACE))
    values = [column for column in frame.columns if column not in ("time", SYMBOL, _PLACE)]
    return frame.select(*keys, _PLACE, *values)


def _frame_of(name: str, said: Any, bars: pl.DataFrame) -> pl.DataFrame:
    if isinstance(said, pl.LazyFrame):
        said = said.collect()
    if isinstance(said, pl.Expr):
        said = bars.select(said)
        said = said.to_series() if said.width == 1 else said
    if isinstance(said, np.ndarray):
        said = pl.Series(cast(Any, said))
    if isinstance(said, pl.Series):
        said = said.to_frame(_SIGNAL)
    if not isinstance(said, pl.DataFrame):
        raise StrategyError(f"{name} returned {type(said).__name__}: return a frame, a Series or an expression")
    if "time" in said.columns:
        return said.with_columns(pl.col("time").cast(IST_TIME))
    if len(said) == 1:
        said = pl.concat([said] * len(bars))
    if len(said) != len(bars):
        raise StrategyError(
            f"{name} returned {len(said)} rows of {len(bars)} bars without a column time: return a row for each bar, "
            "or say of each row when it is known"
        )
    return said.drop(SYMBOL, strict=False).with_columns(bars["time"], bars[SYMBOL])


def until(frame: pl.DataFrame, last_ns: int) -> pl.DataFrame:
    """Return what was said of times up to an instant."""
    return frame.filter(pl.col("time").to_physical() <= last_ns)


def values_said(frame: pl.DataFrame) -> int:
    """Return how many values a function has said that are not just the bars it was given."""
    values = [column for column in frame.columns if column not in ("time", SYMBOL, _PLACE, *BARS)]
    return sum(len(frame) - frame[column].null_count() for column in values or frame.columns)


def difference(before: pl.DataFrame, after: pl.DataFrame, tolerance: float) -> Finding | None:
    """Return the first value in which two frames differ, or None."""
    if set(before.columns) != set(after.columns):
        column = min(set(before.columns) ^ set(after.columns))
        return Finding("", column=f"column {column}", before=_presence(column, before), after=_presence(column, after))
    keys = before.columns[: before.columns.index(_PLACE) + 1]
    joined = before.join(after, on=keys, how="full", suffix="\0after", nulls_equal=True, coalesce=False)
    found: list[Finding] = []
    alone = pl.col(_PLACE).is_null() | pl.col(f"{_PLACE}\0after").is_null()
    missing = joined.filter(alone).select(pl.coalesce("time", "time\0after").alias("time"), _PLACE).sort("time")
    if len(missing):
        presence = ("absent", "there") if missing[_PLACE][0] is None else ("there", "absent")
        found.append(Finding("", missing["time"][0], None, "its row", *presence))
    for column in before.columns[len(keys) :]:
        one, other = pl.col(column), pl.col(f"{column}\0after")
        differs = ~one.eq_missing(other)
        if tolerance and before[column].dtype.is_float():
            near = (one - other).abs() <= tolerance * pl.max_horizontal(one.abs(), other.abs())
            differs &= ~near.fill_null(False)
        rows = joined.filter(~alone & differs)
        if len(rows):
            row = rows.sort(keys[:-1]).row(0, named=True)
            values = (_shown(row[column]), _shown(row[f"{column}\0after"]))
            found.append(Finding("", row["time"], row.get(SYMBOL), column, *values))
    return earliest(found)


def _presence(column: str, frame: pl.DataFrame) -> str:
    return "there" if column in frame.columns else "absent"


def _shown(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else "null" if value is None else str(value)
