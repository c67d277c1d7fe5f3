"""Events of one instrument, and its bars as a frame, cut by the rule by which strategies see them."""

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.data.columns import IST_TIME
from alpha_panda.data.events import EventArray
from alpha_panda.instruments import Instrument
from alpha_panda.kernels.records import BAR, CLOCK
from alpha_panda.sessions import sessions
from alpha_panda.units import E4, ist_date, parse_interval

Rows = npt.NDArray[np.int64]

_PRICES = ("open", "high", "low", "close")


def rows_by_instrument(events: EventArray, instruments: int) -> list[Rows]:
    """Return, for each instrument of a universe, the rows of its events in order of time."""
    market = np.flatnonzero(events["kind"] != CLOCK)
    instrument = events["instrument"][market]
    ordered = market[np.argsort(instrument, kind="stable")]
    return np.split(ordered, np.cumsum(np.bincount(instrument, minlength=instruments))[:-1])


def bars_frame(events: EventArray, rows: Rows, instrument: Instrument, every: str | None) -> pl.DataFrame:
    """Return `time`, when a bar was known, `open`, `high`, `low`, `close` and `volume` of an instrument's events.

    Without `every` each event is a row, else bars of that interval, counted from the open of each session; what
    happened outside sessions is in none, and the last bar may be unfinished. Raises DataError for what is no interval.
    """
    own = events[rows]
    bars = pl.DataFrame(
        {
            "time_ns": own["time_ns"].copy(),
            "covered_ns": own["time_ns"] - (own["kind"] == BAR),
            **{name: own[f"{name}_e4"] / E4 for name in _PRICES},
            "volume": own["volume"].copy(),
        }
    )
    if every is not None and len(bars):
        bars = _grouped(bars, instrument, parse_interval(every))
    return bars.select(pl.col("time_ns").cast(IST_TIME).alias("time"), *_PRICES, "volume")


def _grouped(events: pl.DataFrame, instrument: Instrument, interval_ns: int) -> pl.DataFrame:
    """Return the bars of an interval, each known at its end, which is at the latest that of its session."""
    known = sessions(instrument.calendar, ist_date(events["covered_ns"][0]), ist_date(events["covered_ns"][-1]))
    table = pl.DataFrame({name: known[name].copy() for name in ("open_ns", "close_ns")})
    placed = events.join_asof(table, left_on="covered_ns", right_on="open_ns", check_sortedness=False)
    number = (pl.col("covered_ns") - pl.col("open_ns")) // interval_ns
    return (
        placed.filter(pl.col("covered_ns") < pl.col("close_ns"))
        .with_columns(time_ns=pl.min_horizontal(pl.col("open_ns") + (number + 1) * interval_ns, "close_ns"))
        .group_by("time_ns", maintain_order=True)
        .agg(
            pl.col("open").first(),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").last(),
            pl.col("volume").sum(),
        )
    )
