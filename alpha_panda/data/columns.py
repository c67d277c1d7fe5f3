"""Columns of a frame that people hold, and the integers of the chain: prices in E4, times in nanoseconds UTC."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.data.events import prices_to_e4
from alpha_panda.errors import DataError, EventError
from alpha_panda.units import E4, IST_OFFSET_NS, ist_datetime

Integers = npt.NDArray[np.int64]

IST_ZONE = "Asia/Kolkata"
IST_TIME = pl.Datetime("ns", IST_ZONE)
"""What an instant is in a frame for people."""

_COUNT_MAX = 10**15
"""The most units that one row may have traded, far above any day's volume and far inside int64."""


def prices_e4(frame: pl.DataFrame, name: str) -> Integers:
    """Return a column of prices in rupees as E4; DataError naming the row of what is not a price, null included."""
    prices = _numbers(frame, name)
    _refuse_null(frame, name)
    try:
        return prices_to_e4(prices.cast(pl.Float64).to_numpy())
    except EventError as error:
        raise DataError(f"column {name}: {error}") from None


def counts(frame: pl.DataFrame, name: str) -> Integers:
    """Return a column of whole numbers, 0 or more; DataError naming the row of what is not one."""
    numbers = _numbers(frame, name)
    _refuse_null(frame, name)
    values = numbers.cast(pl.Float64).to_numpy()
    whole = (values >= 0) & (values <= _COUNT_MAX) & (values == np.floor(values))
    if not whole.all():
        row = int(np.argmin(whole))
        raise DataError(f"column {name}: row {row} has {numbers[row]}, which is not a whole number from 0 to 10¹⁵")
    return numbers.cast(pl.Int64).to_numpy()


def times_ns(frame: pl.DataFrame, name: str = "time") -> Integers:
    """Return a column of instants in nanoseconds UTC; one without a time zone is read as IST."""
    times = column(frame, name)
    if not isinstance(times.dtype, pl.Datetime):
        raise DataError(f"column {name} is {times.dtype}: it holds the instants of the rows, as Datetime")
    _refuse_null(frame, name)
    return times.dt.epoch("ns").to_numpy() - (IST_OFFSET_NS if times.dtype.time_zone is None else 0)


def rows_by_symbol(frame: pl.DataFrame) -> Iterator[tuple[str, Integers]]:
    """Yield each symbol with the numbers of its rows; a frame without the column `symbol` is of one, named ''.

    Raises DataError where the rows of a symbol do not stand in order of `time` or `date`, if the frame has either: what
    looks back along such rows would look into the future.
    """
    rows = frame.select(pl.int_range(pl.len(), dtype=pl.Int64).alias("row"), pl.col("^(symbol|time|date)$"))
    if "symbol" not in frame.columns:
        rows = rows.with_columns(symbol=pl.lit(""))
    _refuse_null(rows, "symbol")
    for (symbol,), own in rows.group_by("symbol", maintain_order=True):
        for name in ("time", "date"):
            if name in own.columns and not own[name].is_sorted():
                place = own.filter(pl.col(name) < pl.col(name).shift())
                raise DataError(f"row {place['row'][0]}{of(symbol)} lies before the row above it: sort by {name} first")
        yield str(symbol), own["row"].to_numpy()


def from_first(symbol: str, rows: Integers, known: npt.NDArray[np.bool_]) -> Integers:
    """Return the rows from the first that is `known` on; DataError naming an unknown one after it."""
    first = int(np.argmax(known)) if known.any() else len(rows)
    if not known[first:].all():
        row = rows[first + int(np.argmin(known[first:]))]
        raise DataError(f"row {row}{of(symbol)} has no value, but rows before it have: fill it, or leave out the row")
    return rows[first:]


def column(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return a column; DataError that names those there are if it is not among them."""
    if name not in frame.columns:
        raise DataError(f"the frame has no column {name}: it has {', '.join(frame.columns) or 'none'}")
    return frame[name]


def of(symbol: object) -> str:
    """Return ` of SYMBOL` for a sentence, nothing for a frame without symbols."""
    return f" of {symbol}" if symbol else ""


def shown(time_ns: int) -> str:
    """Return an instant as a sentence names it."""
    return f"{ist_datetime(time_ns):%Y-%m-%d %H:%M:%S} IST"


def _numbers(frame: pl.DataFrame, name: str) -> pl.Series:
    numbers = column(frame, name)
    if not numbers.dtype.is_numeric():
        raise DataError(f"column {name} is {numbers.dtype}: it must hold numbers")
    return numbers


def _refuse_null(frame: pl.DataFrame, name: str) -> None:
    missing = column(frame, name).is_null()
    if missing.any():
        raise DataError(f"column {name}: row {missing.arg_max()} has no value: fill it, or leave out the row")


def in_rupees(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with its E4 columns in rupees, under their names without the unit, where they stood."""
    # Polars would multiply by 1 / 10,000 instead of dividing, and 21.9 would read 21.900000000000002.
    return pl.DataFrame(
        pl.Series(each.name.removesuffix("_e4"), each.to_numpy() / E4, nan_to_null=True)
        if each.name.endswith("_e4")
        else each
        for each in frame
    )
