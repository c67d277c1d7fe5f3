"""Bars for the tests of indicators and strategies: a seeded random walk, and real ones from shared/data."""

import datetime
import pathlib

import numpy as np
import polars as pl

from alpha_panda.kernels.records import BAR, EVENT
from alpha_panda.units import DAY_NS, HOUR_NS, MINUTE_NS, ist_time_ns, parse_clock

E4_PER_TICK = 500
"""The tick of most NSE shares, five paise."""


def random_bars(count: int, seed: int) -> np.ndarray:
    """Return minute bars of a random walk on the tick grid, from 2,000 rupees at 09:15 IST on 2024-04-22."""
    random = np.random.default_rng(seed)
    bars = np.zeros(count, EVENT)
    bars["kind"] = BAR
    bars["time_ns"] = (
        ist_time_ns(datetime.date(2024, 4, 22), parse_clock("09:15")) + np.arange(1, count + 1) * MINUTE_NS
    )
    bars["close_e4"] = (40_000 + np.cumsum(random.integers(-60, 61, count))) * E4_PER_TICK
    bars["open_e4"] = bars["close_e4"] + random.integers(-20, 21, count) * E4_PER_TICK
    bars["high_e4"] = np.maximum(bars["open_e4"], bars["close_e4"]) + random.integers(0, 30, count) * E4_PER_TICK
    bars["low_e4"] = np.minimum(bars["open_e4"], bars["close_e4"]) - random.integers(0, 30, count) * E4_PER_TICK
    bars["volume"] = random.integers(0, 10_000, count)
    return bars


def minute_bars(path: pathlib.Path, symbol: str, count: int) -> np.ndarray:
    """Return the first minute bars of a share, each known one minute after the start that its row names."""
    rows = pl.scan_parquet(path).filter(pl.col("symbol") == symbol).collect()
    rows = rows.unique("timestamp", keep="first").sort("timestamp").head(count)
    bars = _bars(rows, "open", "high", "low", "close", "volume")
    bars["time_ns"] = rows["timestamp"].dt.epoch("ns").to_numpy() + MINUTE_NS
    return bars


def daily_bars(path: pathlib.Path, symbol: str) -> np.ndarray:
    """Return the daily bars of a share as NSE published them, not adjusted, each known at 10:00 UTC, 15:30 IST."""
    rows = pl.scan_parquet(path).filter(pl.col("symbol") == symbol).collect().sort("date")
    bars = _bars(rows, "open_price", "high_price", "low_price", "close_price", "ttl_trd_qnty")
    bars["time_ns"] = rows["date"].cast(pl.Int32).to_numpy().astype(np.int64) * DAY_NS + 10 * HOUR_NS
    return bars


def _bars(rows: pl.DataFrame, *columns: str) -> np.ndarray:
    assert len(rows) > 0, "the file has no bar of this share"
    bars = np.zeros(len(rows), EVENT)
    bars["kind"] = BAR
    for field, column in zip(("open_e4", "high_e4", "low_e4", "close_e4"), columns, strict=False):
        bars[field] = np.rint(rows[column].to_numpy() * 10_000)
    bars["volume"] = rows[columns[-1]].to_numpy()
    return bars
