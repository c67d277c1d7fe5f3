"""Frames of bars for the tests of questions that are asked of frames: a few prices, or a random walk."""

import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from alpha_panda.sessions import is_session
from tests.bars import random_bars

MONDAY_OPEN = datetime.datetime(2024, 7, 8, 9, 15)  # noqa: DTZ001  # people write IST without saying so


def minutes(prices: Sequence[float], symbol: str | None = None, **columns: Any) -> pl.DataFrame:
    """Return minute bars of one price each from 09:15 on a Monday, each known a minute after it began."""
    times = [MONDAY_OPEN + datetime.timedelta(minutes=k) for k in range(1, len(prices) + 1)]
    flat = {name: list(map(float, prices)) for name in ("open", "high", "low", "close")}
    named = {} if symbol is None else {"symbol": [symbol] * len(prices)}
    return pl.DataFrame({"time": times, **named, **flat, **columns})


def trading_days(count: int) -> list[datetime.date]:
    """Return the first trading days of 2024."""
    days = (datetime.date(2024, 1, 1) + datetime.timedelta(days=k) for k in range(2 * count))
    return [day for day in days if is_session("NSE_EQ", day)][:count]


def dated(prices: Sequence[float], symbol: str | None = None, **columns: Any) -> pl.DataFrame:
    """Return daily bars of one price each."""
    bars = minutes(prices, symbol, **columns).drop("time")
    return bars.insert_column(0, pl.Series("date", trading_days(len(prices))))


def walk(symbol: str, count: int, seed: int) -> pl.DataFrame:
    """Return minute bars of a random walk, from 09:15 on 2024-04-22 within one session."""
    bars = random_bars(count, seed)
    prices = {name: bars[f"{name}_e4"] / 10_000 for name in ("open", "high", "low", "close")}
    time = pl.Series(bars["time_ns"].copy()).cast(pl.Datetime("ns", "UTC"))
    volume = bars["volume"].astype(np.int64)
    return pl.DataFrame({"symbol": [symbol] * count, "time": time, **prices, "volume": volume})
