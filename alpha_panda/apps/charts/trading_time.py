"""Trading time: the axis of every chart over time, one step per row that was measured.

Nights and holidays take no room on it, as on a trader's screen. What people read of it (`when`, the labels of the axis)
is written here, in IST; the chart only knows row numbers, so no browser's time zone can change what it says.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from alpha_panda.data.columns import IST_ZONE

TICKS_MAX = 9
BUCKETS = 400
"""Buckets of a line; each keeps up to four points."""

_CLOCK = "%H:%M"
_PERIODS = (
    *(("1y", "%Y"), ("3mo", "%b %Y"), ("1mo", "%b %Y"), ("1w", "%-d %b"), ("1d", "%-d %b")),
    *((interval, _CLOCK) for interval in ("2h", "1h", "30m", "15m", "5m", "1m")),
)


class Tick(NamedTuple):
    """A place on the axis, and what stands there."""

    row: int
    label: str


def on_trading_time(frame: pl.DataFrame, time: str = "time") -> pl.DataFrame:
    """Return a frame with `row`, its place in trading time, and `when`, its instant as people read it."""
    local = _local(frame[time])
    pattern = "%a %-d %b %Y" if local.dt.time().n_unique() <= 1 else "%a %-d %b %Y, %H:%M"
    return frame.with_columns(pl.Series("row", np.arange(len(frame))), local.dt.strftime(pattern).alias("when"))


def rows_at(times: pl.Series, moments: pl.Series) -> pl.Series:
    """Return the row at which each moment was known: that of the first time that is not before it."""
    return pl.Series("row", np.searchsorted(_nanoseconds(times), _nanoseconds(moments)))


def ticks(times: pl.Series) -> list[Tick]:
    """Return where the axis of these rising times is labelled: where the shortest periods begin of which it shows few.

    Among times of day, the first of each day is labelled with its date instead.
    """
    local = _local(times)
    openings = set(_begins(local, "1d"))
    found: list[Tick] = []
    for interval, pattern in _PERIODS:
        rows = _begins(local, interval)
        if found and len(rows) > TICKS_MAX:
            break
        main = openings if pattern == _CLOCK else set(rows[1:])  # the first may be a part of its period
        clear = [row for row in rows if row in main or all(abs(row - other) * 16 >= len(local) for other in main)]
        found = _labelled(local, clear[:: max(-(-len(clear) // TICKS_MAX), 1)], pattern)
    return found


def thinned(frame: pl.DataFrame, column: str, buckets: int = BUCKETS) -> pl.DataFrame:
    """Return the rows of a line that a screen can tell apart: of each bucket the first, lowest, highest and last.

    U. Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation", PVLDB 7(10), 2014.
    """
    if len(frame) <= 4 * buckets:
        return frame
    place, value = pl.col("place"), pl.col(column)
    points = [place.first(), place.get(value.arg_min()), place.get(value.arg_max()), place.last()]
    bucket = (place // -(-len(frame) // buckets)).alias("bucket")
    rows = frame.select(column).with_row_index("place")
    kept = rows.group_by(bucket, maintain_order=True).agg(kept=pl.concat(points).unique().sort())
    return frame[kept["kept"].explode().drop_nulls()]


def days(times: pl.Series) -> pl.Series:
    """Return the day in India to which each time belongs.

    No market opens before nine, so what was seen in the small hours is of the day before.
    """
    if times.dtype == pl.Date:
        return times
    return times.dt.convert_time_zone(IST_ZONE).dt.replace_time_zone(None).dt.offset_by("-9h").dt.date()


def _local(times: pl.Series) -> pl.Series:
    """Return times as the clocks in India show them, without a zone; as midnights where no two are of one day."""
    dates = days(times)
    if times.dtype == pl.Date or 1 < dates.n_unique() == len(dates):
        return dates.cast(pl.Datetime("us"))
    return times.dt.convert_time_zone(IST_ZONE).dt.replace_time_zone(None)


def _nanoseconds(times: pl.Series) -> np.ndarray:
    return times.dt.epoch("ns").to_numpy()


def _begins(local: pl.Series, interval: str) -> list[int]:
    """Return the rows at which another period begins, the first row among them."""
    period = local.dt.truncate(interval)
    return (period != period.shift(1)).fill_null(value=True).arg_true().to_list()


def _labelled(local: pl.Series, rows: list[int], pattern: str) -> list[Tick]:
    shown = local.gather(rows)
    labels, dates = shown.dt.strftime(pattern).to_list(), shown.dt.strftime("%-d %b").to_list()
    if pattern == _CLOCK and len(set(dates)) > 1:
        labels = [date if date not in dates[:place] else labels[place] for place, date in enumerate(dates)]
    return [Tick(row, label) for row, label in zip(rows, labels, strict=True)]
