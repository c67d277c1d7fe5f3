"""A study of days for the tests of validation: a crossover on three companies that trades often, without limits."""

import datetime
from typing import Any

from alpha_panda.data.synthetic import synthetic_bars
from tests.backtest.questions import strategy_file
from tests.market import NO_LIMITS

UNIVERSE, EVENTS = synthetic_bars(
    datetime.date(2025, 1, 1), datetime.date(2026, 6, 30), 7, ("SIM:LOTUS", "SIM:PANDA", "SIM:TIGER"), "1d"
)
"""Six quarters of daily bars."""

GIVEN: dict[str, Any] = {"events": EVENTS, "universe": UNIVERSE}
GRID = {"fast": [2, 5], "slow": [8, 13, 21]}

STUDY: dict[str, Any] = {
    "account": {"capital": 1_000_000},
    "strategies": [
        {
            "name": "cross",
            "strategy": strategy_file("sma_cross"),
            "capital": 1_000_000,
            "product": "CNC",
            "interval": "1d",
            "size": {"mode": "fraction", "value": 0.3},
        }
    ],
    "market": {"equity_every": "1d"},
    "risk": {**NO_LIMITS, "after_market": True},
}
"""Orders made at the close meet the next day's open."""
