"""Strategies tried on prefixes, other futures and other blocks: the shipped ones hold, the planted leaks do not."""

import datetime
import types
from typing import Any

import numpy as np
import pytest

from alpha_panda.backtest.causality.report import Report
from alpha_panda.backtest.causality.strategies import prove_strategy
from alpha_panda.config import Profile, validated
from alpha_panda.data.events import EventArray
from alpha_panda.data.synthetic import synthetic_bars
from alpha_panda.errors import StrategyError
from alpha_panda.instruments import Universe
from alpha_panda.kernels import kernel, record
from alpha_panda.strategy import Strategy, load_strategy, strategy_from
from tests.backtest.causality.leaking import LEAKING, strategy
from tests.backtest.questions import ROOT

SHIPPED = sorted(path.stem for path in (ROOT / "strategies").glob("*.py"))
SYMBOLS = ("SIM:LOTUS", "SIM:PANDA", "SIM:TIGER")
MINUTES = synthetic_bars(datetime.date(2026, 11, 9), datetime.date(2026, 11, 20), 7, SYMBOLS)
DAYS = synthetic_bars(datetime.date(2024, 6, 3), datetime.date(2026, 11, 20), 7, SYMBOLS, "1d")


def proof(proven: Strategy, market: tuple[Universe, EventArray], interval: str) -> Report:
    terms = {"name": "any", "strategy": proven.name, "capital": 1_000, "product": "CNC", "interval": interval}
    profile = validated(Profile, {"account": {"capital": 1_000}, "strategies": [terms]}, "the test's profile")
    checks = tuple(prove_strategy(profile, proven, *market, "the test's market", seed=1))
    return Report(proven.name, (), checks)


@pytest.mark.parametrize(("market", "interval"), [(MINUTES, "5m"), (MINUTES, "1m"), (DAYS, "1d")])
@pytest.mark.parametrize("name", SHIPPED)
def test_no_shipped_strategy_is_accused(name: str, market: tuple[Universe, EventArray], interval: str):
    report = proof(load_strategy(ROOT / "strategies" / f"{name}.py"), market, interval)
    assert report.holds, report.first
    assert all(check.compared > 0 for check in report.checks)


@pytest.mark.parametrize("name", LEAKING)
def test_a_leak_is_caught(name: str):
    assert not proof(LEAKING[name], MINUTES, "5m").holds


def found_by(name: str) -> set[str]:
    return {check.name for check in proof(LEAKING[name], MINUTES, "5m").checks if check.finding is not None}


def test_a_table_of_recorded_prices_is_named():
    report = proof(LEAKING["recorded_closes"], MINUTES, "5m")
    assert {check.name for check in report.checks if check.finding is not None} == {"written into the code"}
    assert "RECORDED_E4 holds 400 numbers" in str(report.first)


def test_a_date_is_named():
    assert "the instant 2026-11-18" in str(proof(LEAKING["a_date_in_the_code"], MINUTES, "5m").first)


def test_what_draws_from_a_state_that_outlives_runs_changes_from_one_to_the_next():
    assert "the same again" in found_by("chance")


def test_what_reads_past_an_array_is_found_without_the_compiler():
    assert "within its arrays" in found_by("past_the_end_of_its_state")
    assert "within its arrays" in found_by("past_the_last_instrument")


@kernel
def _silent(state, params, bar):
    return np.nan


def test_a_strategy_that_never_says_anything_is_not_proven():
    with pytest.raises(StrategyError, match="says nothing"):
        proof(strategy(_silent), MINUTES, "5m")


WEIGHTS = np.array([0.1, 0.2, 0.3, 0.4])


@kernel
def _weighted(state, params, bar):
    for place in range(3):
        state.closes_e4[place] = state.closes_e4[place + 1]
    state.closes_e4[3] = bar.close_e4
    average_e4 = 0.0
    for place in range(4):
        average_e4 += WEIGHTS[place] * state.closes_e4[place]
    return 1.0 if bar.close_e4 > average_e4 else 0.0


def test_the_weights_of_a_filter_are_no_history():
    module: Any = types.SimpleNamespace(STATE=record(("closes_e4", "i8", (4,))), step=_weighted)
    report = proof(strategy_from(module, "weighted"), MINUTES, "5m")
    assert report.holds, report.first
