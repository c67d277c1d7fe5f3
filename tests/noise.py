"""Markets without a pattern, strategies that toss coins in them, and edges planted where chance alone was."""

import datetime
import types
from typing import Any

import numpy as np

from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import run
from alpha_panda.data.events import EventArray, bars, with_clocks
from alpha_panda.instruments import Instrument, Universe, unlisted_token
from alpha_panda.kernels import Parameter, kernel, record
from alpha_panda.sessions import sessions
from alpha_panda.strategy import strategy_from

UNIVERSE = Universe([Instrument("SIM:NOISE", unlisted_token("SIM:NOISE"), tick_e4=100)])
DEVIATION = 0.015
"""Of a daily log return, as of a lively share."""

_LIMITS = ("order_value", "order_equity_fraction", "instrument_fraction", "gross_fraction", "day_loss_reduce")
UNLIMITED = {"after_market": True, **dict.fromkeys((*_LIMITS, "day_loss_halt", "drawdown_halt"), 0)}


@kernel
def _toss(state, params, bar):
    # The generator of ANSI C, stepped by the seed as well, so that two seeds never toss alike.
    state.chance = (state.chance * 1_103_515_245 + params.seed * 2_654_435 + 12_345) % 2_147_483_648
    if (state.chance >> 16) % params.patience > 0:
        return np.nan
    return (state.chance >> 8) % 3 - 1.0


@kernel
def _hold(state, params, bar):
    return 1.0


def _strategy(name: str, step: Any, **parameters: Parameter) -> Any:
    return strategy_from(types.SimpleNamespace(PARAMETERS=parameters, STATE=record(("chance", "i8")), step=step), name)


STRATEGIES = {
    "coin": _strategy("coin", _toss, seed=Parameter(0, 0, 2**30), patience=Parameter(5, 1, 100)),
    "hold": _strategy("hold", _hold),
}
"""`coin` goes long, short or flat by chance, once in `patience` days on average; `hold` is long from the first day."""


def market(seed: int, days: int, sharpe: float = 0.0) -> EventArray:
    """Return daily bars whose price is a martingale, or drifts by `sharpe` deviations a day."""
    random = np.random.default_rng(seed)
    table = sessions(UNIVERSE[0].calendar, datetime.date(2016, 1, 1), datetime.date(2023, 12, 31))[:days]
    assert len(table) == days, "the calendar has no more sessions"
    # Without the second term a price would grow by half its variance, for its ups are larger than its downs.
    closes = 1_000 * np.exp(np.cumsum(random.normal(sharpe * DEVIATION - DEVIATION**2 / 2, DEVIATION, days)))
    opens = np.concatenate([[1_000.0], closes[:-1]]) * np.exp(random.normal(0.0, 0.002, days))
    open_e4, close_e4 = (np.rint(prices * 100).astype(np.int64) * 100 for prices in (opens, closes))
    high_e4, low_e4 = np.maximum(open_e4, close_e4), np.minimum(open_e4, close_e4)
    places, volume = np.zeros(days, np.int64), np.full(days, 1_000_000)
    return with_clocks(bars(UNIVERSE, table["close_ns"].copy(), places, open_e4, high_e4, low_e4, close_e4, volume))


def traded(strategy: str, events: EventArray, fees: float | None = 0.0, **parameters: int) -> Result:
    """Return what a strategy makes of a market with 90 % of its capital; no slippage, and no charges but `fees`."""
    terms = {
        "name": strategy,
        "strategy": strategy,
        "interval": "1d",
        "product": "NRML",
        "capital": 1_000_000,
        "parameters": parameters,
        "size": {"mode": "fraction", "value": 0.9},
    }
    cost = {} if fees is None else {"fees": fees, "slippage": {"mode": "ticks", "value": 0}}
    asked = {
        "account": {"broker": "paper", "capital": 1_000_000},
        "strategies": [terms],
        "risk": UNLIMITED,
        "market": {"equity_every": "1d", **cost},
    }
    return run(asked, events=events, universe=UNIVERSE, strategies=STRATEGIES)
