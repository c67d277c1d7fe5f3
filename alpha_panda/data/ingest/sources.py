"""The kinds of file that can be ingested, each recognised by its columns, and how each reads in common terms.

A source turns its frame into bars or ticks with these columns, prices still in rupees and nothing left out:

    bars   row, symbol, time_ns, open, high, low, close, volume
    ticks  row, symbol, time_ns, price, volume_day, bid, ask, open_interest

`row` counts from 0 in the file, `time_ns` is null for an impossible stamp. To read another kind of file, add a source.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from alpha_panda.kernels.records import EQUITY, FUTURE
from alpha_panda.units import IST_OFFSET_NS, MINUTE_NS, ist_time_ns

EARLIEST_NS, LATEST_NS = ist_time_ns(datetime.date(2000, 1, 1)), ist_time_ns(datetime.date(2100, 1, 1))
"""No stamp outside these years, in which trading hours are known, can be true."""

INDEX_NAMES = ("NIFTY 50", "NIFTY BANK")
INDEX_TICK_E4 = 500

_RENAMED = {"Nifty": "NIFTY 50", "Nifty_Bank": "NIFTY BANK"}  # a recorder's names of the indices, and Kite's


@dataclass(frozen=True)
class Source:
    """One kind of file: how to recognise it, what its instruments are, and how to read it."""

    name: str
    stamp: str  # the column that says when, of a type of date or time
    columns: frozenset[str]  # the other columns that it must have
    resolution: str  # of the catalog
    read: Callable[[pl.DataFrame], pl.DataFrame]
    exchange: str = "NSE"
    segment: int = EQUITY
    calendar: str = "NSE_EQ"

    def recognises(self, schema: pl.Schema) -> bool:
        """Return whether a file with these columns is of this kind."""
        return isinstance(schema.get(self.stamp), pl.Date | pl.Datetime) and self.columns <= set(schema)


def recognise(schema: pl.Schema) -> Source | None:
    """Return the kind of a file with these columns, or None if it is none that we know."""
    return next((source for source in SOURCES if source.recognises(schema)), None)


def _minute_bars(frame: pl.DataFrame) -> pl.DataFrame:
    """Read bars stamped with the start of their minute; they are known one minute later."""
    prices = [_price(name) for name in ("open", "high", "low", "close")]
    rows = _common(frame, "symbol", "timestamp", *prices, _count("volume"))
    return rows.with_columns(pl.col("time_ns") + MINUTE_NS)


def _daily_bars(frame: pl.DataFrame) -> pl.DataFrame:
    """Read NSE's daily file of securities; a bar bears the midnight before, until its session is looked up."""
    prices = [_price(f"{name}_price", name) for name in ("open", "high", "low", "close")]
    return _common(frame, "symbol", "date", *prices, _count("ttl_trd_qnty", "volume"))


def _trade_ticks(frame: pl.DataFrame) -> pl.DataFrame:
    """Read last prices with the cumulative volume of the day, and no quotes."""
    unknown = (pl.lit(0.0).alias("bid"), pl.lit(0.0).alias("ask"), pl.lit(0, pl.Int64).alias("open_interest"))
    return _common(frame, "symbol", "timestamp", _price("ltp", "price"), _count("cum_volume", "volume_day"), *unknown)


def _quote_ticks(frame: pl.DataFrame) -> pl.DataFrame:
    """Read ticks with best quotes, whose recorder wrote the best ask under the label of the second bid."""
    quotes = (_price("bid_price_1", "bid"), _price("bid_price_2", "ask"))
    traded = (_price("last_price", "price"), _count("volume_traded", "volume_day"))
    rows = _common(frame, "Symbol", "exchange_timestamp", *traded, *quotes, _count("open_interest"))
    return rows.with_columns(pl.col("symbol") + "-FUT")  # the file does not say which expiry


SOURCES = (
    Source(
        name="one-minute bars",
        stamp="timestamp",
        columns=frozenset({"symbol", "open", "high", "low", "close", "volume"}),
        resolution="1m",
        read=_minute_bars,
    ),
    Source(
        name="ticks of last price and cumulative volume",
        stamp="timestamp",
        columns=frozenset({"symbol", "ltp", "cum_volume"}),
        resolution="tick",
        read=_trade_ticks,
    ),
    Source(
        name="ticks of stock futures with best quotes",
        stamp="exchange_timestamp",
        columns=frozenset(
            {"Symbol", "last_price", "volume_traded", "open_interest", "bid_price_1", "bid_price_2", "ask_price_1"}
        ),
        resolution="tick",
        read=_quote_ticks,
        exchange="NFO",
        segment=FUTURE,
        calendar="NFO",
    ),
    Source(
        name="daily bars, unadjusted",
        stamp="date",
        columns=frozenset({"symbol", "open_price", "high_price", "low_price", "close_price", "ttl_trd_qnty"}),
        resolution="1d",
        read=_daily_bars,
    ),
)
"""Every kind of file that can be ingested."""


def _common(frame: pl.DataFrame, symbol: str, stamp: str, *figures: pl.Expr) -> pl.DataFrame:
    """Return what every source has, `row`, `symbol` and `time_ns`, with its figures."""
    name = pl.col(symbol).cast(pl.String).replace(_RENAMED).alias("symbol")
    time_ns = _instant(stamp, frame.schema[stamp]).alias("time_ns")
    return frame.with_row_index("row").select("row", name, time_ns, *figures)


def _instant(column: str, dtype: pl.DataType) -> pl.Expr:
    """Return a stamp in nanoseconds UTC, taken as IST where it names no zone; null where it cannot be true."""
    zoned = isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
    moment_us = pl.col(column).cast(pl.Datetime("us")) if dtype == pl.Date else pl.col(column)
    time_us = moment_us.dt.epoch("us") - (0 if zoned else IST_OFFSET_NS // 1_000)
    possible = time_us.is_between(EARLIEST_NS // 1_000, LATEST_NS // 1_000)
    return pl.when(possible).then(time_us * 1_000)


def _price(column: str, name: str | None = None) -> pl.Expr:
    return pl.col(column).cast(pl.Float64).alias(name or column)


def _count(column: str, name: str | None = None) -> pl.Expr:
    """Return whole numbers, null for what is none."""
    return pl.col(column).cast(pl.Int64, strict=False).alias(name or column)
