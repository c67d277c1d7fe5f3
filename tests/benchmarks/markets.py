"""What the cases run over: synthetic markets of a chosen size, and profiles that really trade in them."""

import datetime
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from alpha_panda.config import Profile, validated
from alpha_panda.data.events import EventArray
from alpha_panda.data.synthetic import synthetic_bars, synthetic_day, synthetic_symbols
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import CLOCK

SEED = 1
MINUTES_A_DAY = 375
CAPITAL_E4 = 10**11  # of the anchors
FIRST_DAY = datetime.date(2014, 1, 1)
TICK_DAY = datetime.date(2026, 11, 20)


@functools.cache
def minute_bars(count: int, clocks: bool) -> tuple[Universe, EventArray]:
    """Return `count` one-minute bars of one instrument, with or without the clock after each."""
    universe, events = synthetic_bars(FIRST_DAY, _after_sessions(count // MINUTES_A_DAY), SEED, ("SIM:PANDA",))
    events = events[: 2 * count]
    return universe, events if clocks else np.ascontiguousarray(events[events["kind"] != CLOCK])


@functools.cache
def daily_bars(instruments: int, days: int) -> tuple[Universe, EventArray]:
    """Return daily bars of many instruments with one clock after each day."""
    universe, events = synthetic_bars(FIRST_DAY, _after_sessions(days), SEED, synthetic_symbols(instruments), "1d")
    return universe, events[: days * (instruments + 1)]


def _after_sessions(count: int) -> datetime.date:
    """Return a date before which there are surely so many sessions."""
    return FIRST_DAY + datetime.timedelta(days=count * 8 // 5 + 14)


@functools.cache
def tick_day(ticks_a_second: float) -> tuple[Universe, EventArray]:
    """Return a day of ticks of the eight default instruments, with a clock each second."""
    return synthetic_day(TICK_DAY, SEED, ticks_a_second=ticks_a_second)


def prices(events: EventArray, instruments: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the opens and closes of bars as plain arrays, (bars,) of one instrument or (days, instruments)."""
    bars = events[events["kind"] != CLOCK]
    shape = (-1,) if instruments == 1 else (-1, instruments)
    opens, closes = (np.ascontiguousarray(bars[field]).reshape(shape) for field in ("open_e4", "close_e4"))
    return opens, closes


def crossover_profile(fast: int = 20, slow: int = 50, interval: str = "1m") -> Profile:
    """Return one crossover strategy with every risk limit and charge in force, so sized that nothing halts it.

    On days it decides after the close, for the next day's open.
    """
    return _profile(
        {
            "name": "crossover",
            "strategy": "sma_cross",
            "interval": interval,
            "capital": 10_000_000,
            "product": "CNC",
            "parameters": {"fast": fast, "slow": slow},
            "size": {"mode": "fraction", "value": 0.01},
        },
        {"drawdown_halt": 0.0, "after_market": interval == "1d"},
    )


def ranking_profile() -> Profile:
    """Return a ranking strategy that rebalances ten holdings after the close, for the next day's open."""
    return _profile(
        {"name": "ranking", "strategy": "rank_momentum", "interval": "1d", "capital": 1_000_000, "product": "CNC"},
        {
            "after_market": True,
            "orders_per_second": 0,  # all orders of a rebalancing are made in one instant
            "orders_per_second_strategy": 0,
            "positions": 20,  # before the old holdings are sold, the new ones are asked for
            "drawdown_halt": 0.0,
            "day_loss_reduce": 0.0,
            "day_loss_halt": 0.0,
        },
    )


def _profile(strategy: Mapping[str, Any], risk: Mapping[str, Any]) -> Profile:
    tables = {
        "account": {"capital": strategy["capital"]},
        "strategies": [strategy],
        "market": {"equity_every": "1d"},
        "risk": risk,
    }
    return validated(Profile, tables, "the benchmark's profile")
