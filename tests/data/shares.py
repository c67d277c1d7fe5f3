"""Daily bars of made-up shares, and of real ones as the files of vendors hold them."""

import datetime
import pathlib

import polars as pl

from alpha_panda.data.catalog import Catalog
from alpha_panda.instruments import Instrument, unlisted_token
from alpha_panda.sessions import at_day_close, days
from alpha_panda.units import E4, ist_time_ns

FIRST = datetime.date(2025, 1, 6)  # a Monday


def share(symbol: str, calendar: str = "NSE_EQ") -> Instrument:
    return Instrument(symbol, unlisted_token(symbol), 500, calendar=calendar)


def session_dates(count: int, first: datetime.date = FIRST) -> list[datetime.date]:
    """Return the first so many sessions from a date on."""
    span = days("NSE_EQ", first, first + datetime.timedelta(days=2 * count + 15))
    return [day.date for day in span if day.sessions][:count]


def daily(closes: list[float], dates: list[datetime.date] | None = None, volume: int = 1_000) -> pl.DataFrame:
    """Return daily bars, flat at so many rupees each, on sessions that follow each other unless `dates` are given."""
    noons = [ist_time_ns(date, 12 * 3_600 * 10**9) for date in dates or session_dates(len(closes))]
    times = at_day_close("NSE_EQ", pl.Series(noons, dtype=pl.Int64).to_numpy())
    prices = {f"{name}_e4": [round(close * E4) for close in closes] for name in ("open", "high", "low", "close")}
    return pl.DataFrame({"time_ns": times, **prices, "volume": [volume] * len(closes)})


def real_days(path: pathlib.Path, close: str, volume: str, **others: str) -> dict[str, pl.DataFrame]:
    """Return the daily bars of a vendor's Parquet file by symbol, as the catalog keeps them."""
    names = {name: others.get(name, close) for name in ("open", "high", "low")} | {"close": close}
    prices = {
        f"{name}_e4": (pl.col(column).cast(pl.Float64) * E4).round().cast(pl.Int64) for name, column in names.items()
    }
    noon_ns = pl.col("date").cast(pl.Datetime("ns")).dt.epoch("ns") + 6 * 3_600 * 10**9
    frame = pl.read_parquet(path).select("symbol", time_ns=noon_ns, **prices, volume=pl.col(volume).cast(pl.Int64))
    return {
        f"NSE:{key[0]}": own.drop("symbol").sort("time_ns")
        for key, own in frame.partition_by("symbol", as_dict=True).items()
    }


def filled(root: pathlib.Path, **bars: pl.DataFrame) -> Catalog:
    """Return a catalog with the daily bars of these shares of NSE."""
    catalog = Catalog(root)
    catalog.register([share(f"NSE:{name}") for name in bars])
    for name, rows in bars.items():
        catalog.store(f"NSE:{name}", "1d", rows)
    return catalog
