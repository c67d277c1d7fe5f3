"""Bars of one instrument as a frame in rupees and IST, cut from events by the rule by which strategies see them."""

import polars as pl

from alpha_panda.backtest.frames import IST_TIME
from alpha_panda.data.events import EventArray
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import BAR, CLOCK
from alpha_panda.units import E4, ist_date, parse_interval

_PRICES = ("open", "high", "low", "close")


def bars_frame(events: EventArray, universe: Universe, symbol: str, every: str | None) -> pl.DataFrame:
    """Return `time`, `open`, `high`, `low`, `close`, `volume` of one instrument; `time` is when a bar was known.

    Without `every` each event is a row, else bars of that interval, counted from the open of each session; what
    happened outside sessions is in none, and the last bar may be unfinished. Raises DataError for an unknown symbol or
    interval.
    """
    own = events[(events["instrument"] == universe.index_of(symbol)) & (events["kind"] != CLOCK)]
    rows = pl.DataFrame(
        {
            "time_ns": own["time_ns"].copy(),
            "covered_ns": own["time_ns"] - (own["kind"] == BAR),
            **{name: own[f"{name}_e4"] / E4 for name in _PRICES},
            "volume": own["volume"].copy(),
        }
    )
    if every is not None and len(rows):
        rows = _grouped(rows, universe, symbol, parse_interval(every))
    return rows.select(pl.col("time_ns").cast(IST_TIME).alias("time"), *_PRICES, "volume")


def _grouped(rows: pl.DataFrame, universe: Universe, symbol: str, interval_ns: int) -> pl.DataFrame:
    """Return the bars of an interval, each known at its end, which is at the latest that of its session."""
    alone = Universe([universe[universe.index_of(symbol)]])
    _, sessions = alone.records(ist_date(rows["covered_ns"][0]), ist_date(rows["covered_ns"][-1]))
    table = pl.DataFrame({name: sessions[name].copy() for name in ("open_ns", "close_ns")})
    placed = rows.join_asof(table, left_on="covered_ns", right_on="open_ns", check_sortedness=False)
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
