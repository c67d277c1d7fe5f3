"""Runs that the tests of charts and of the tear sheet look at: four years of days, and two weeks of minutes."""

import datetime

import pytest

from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import run
from alpha_panda.data.synthetic import synthetic_bars
from tests.backtest.questions import question, strategy_file

_CROSS = {"strategy": strategy_file("ema_cross"), "parameters": {"fast": 10, "slow": 30}}
_LIMITS = {"order_value": 0, "order_equity_fraction": 0.3, "instrument_fraction": 0.35, "drawdown_halt": 0}


@pytest.fixture(scope="package")
def years() -> Result:
    """Return a crossover over four years of daily bars of three companies."""
    universe, events = synthetic_bars(
        datetime.date(2022, 1, 3), datetime.date(2025, 12, 30), 11, ("SIM:BAMBOO", "SIM:LOTUS", "SIM:TIGER"), "1d"
    )
    terms = {**_CROSS, "interval": "1d", "size": {"mode": "fraction", "value": 0.25}}
    asked = question(terms, risk={**_LIMITS, "after_market": True}, market={"equity_every": "1d"})
    return run(asked, events=events, universe=universe)


@pytest.fixture(scope="package")
def weeks() -> Result:
    """Return a crossover over two weeks of one-minute bars of two companies."""
    universe, events = synthetic_bars(
        datetime.date(2025, 11, 3), datetime.date(2025, 11, 14), 11, ("SIM:LOTUS", "SIM:PANDA")
    )
    return run(question({**_CROSS, "interval": "5m"}, risk=_LIMITS), events=events, universe=universe)
