"""Which sessions are there, and how many of their minutes, between the first and the last row of an instrument."""

import numpy as np
import polars as pl

from alpha_panda.sessions import SessionArray, known_years
from alpha_panda.units import DAY_NS, IST_OFFSET_NS, MINUTE_NS

_LENGTH = (pl.col("close_ns") - pl.col("open_ns")) // MINUTE_NS


def presence(rows: pl.DataFrame, table: SessionArray, ticks: bool) -> pl.DataFrame:
    """Return, by symbol, the sessions and minutes of `table` that are expected, present and missing.

    `rows` have `symbol` and `time_ns`, those of a symbol together and in order of time. A bar is known at the end of
    what it covers, so it belongs to the instant before; a tick belongs to its own.
    """
    minutes = _minutes(rows, table, ticks)
    expected = _expected(minutes, table)
    later = expected.filter(pl.col("open_ns") >= pl.col("last_ns"))
    behind = later.group_by("symbol").agg(sessions_behind=pl.col("day").n_unique())
    within = expected.with_columns(
        open_ns=pl.max_horizontal("open_ns", pl.col("first_ns") - MINUTE_NS),
        close_ns=pl.min_horizontal("close_ns", "last_ns"),
    ).filter(pl.col("open_ns") < pl.col("close_ns"))
    held = within.join(_held(minutes), on=["symbol", "session"], how="left", maintain_order="left")
    held = held.with_columns(present=pl.col("minutes").is_not_null().any().over("symbol", "day"))
    # Where holidays are not known, a day without data may be one: it is not missed.
    known = pl.col("present") | pl.col("day").is_between(*known_years())
    by_day = held.filter(known).group_by("symbol", "day", maintain_order=True).agg(pl.col("present").first())
    days = by_day.group_by("symbol").agg(
        sessions_expected=pl.len(),
        sessions_present=pl.col("present").sum(),
        days_missing=pl.col("day").filter(~pl.col("present")),
    )
    days = days.join(behind, on="symbol", how="left").with_columns(pl.col("sessions_behind").fill_null(0))
    return days.join(_gaps(held.filter("present")), on="symbol", how="left")


def _minutes(rows: pl.DataFrame, table: SessionArray, ticks: bool) -> pl.DataFrame:
    """Return the minute of each row, by its end, and the session in which it lies."""
    happened_ns = rows["time_ns"].to_numpy() - (not ticks)
    minute_ns = (happened_ns // MINUTE_NS + 1) * MINUTE_NS
    session = np.searchsorted(table["open_ns"], happened_ns, side="right") - 1
    return rows.select("symbol").with_columns(minute_ns=pl.Series(minute_ns), session=pl.Series(session))


def _expected(minutes: pl.DataFrame, table: SessionArray) -> pl.DataFrame:
    """Return every session for every symbol, with the first and the last minute of the symbol."""
    spans = {name: table[name] for name in ("open_ns", "close_ns")}
    day = pl.from_epoch((pl.col("open_ns") + IST_OFFSET_NS) // DAY_NS, time_unit="d")
    sessions = pl.DataFrame({"session": np.arange(len(table)), **spans}).with_columns(day=day)
    reach = minutes.group_by("symbol", maintain_order=True).agg(
        first_ns=pl.col("minute_ns").first(), last_ns=pl.col("minute_ns").last()
    )
    return reach.join(sessions, how="cross")


def _held(minutes: pl.DataFrame) -> pl.DataFrame:
    """Return how many minutes each session has, the first and the last of them, and the longest leap between two."""
    minute = pl.col("minute_ns")
    return minutes.group_by("symbol", "session", maintain_order=True).agg(
        minutes=minute.n_unique(), begins_ns=minute.first(), ends_ns=minute.last(), leap_ns=minute.diff().max()
    )


def _gaps(held: pl.DataFrame) -> pl.DataFrame:
    """Return how many minutes are missing on days that are there, and the longest stretch of them."""
    gap_ns = pl.max_horizontal(
        pl.col("leap_ns") - MINUTE_NS,
        pl.col("begins_ns") - pl.col("open_ns") - MINUTE_NS,
        pl.col("close_ns") - pl.col("ends_ns"),
    )
    return held.group_by("symbol").agg(
        minutes_expected=_LENGTH.sum(),
        minutes_missing=(_LENGTH - pl.col("minutes").fill_null(0)).sum(),
        gap_minutes_max=(gap_ns // MINUTE_NS).fill_null(_LENGTH).max(),
    )
