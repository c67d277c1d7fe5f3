"""Signals tried on prefixes and on other futures: every planted leak is caught, and nobody honest is accused."""

import datetime
import inspect
import pathlib
from types import ModuleType

import pytest

from alpha_panda.backtest.causality.report import Report
from alpha_panda.backtest.causality.signals import SignalFunction, prove_signals
from alpha_panda.data.synthetic import synthetic_bars
from tests.backtest.causality import honest, leaks

UNIVERSE, EVENTS = synthetic_bars(
    datetime.date(2026, 11, 18), datetime.date(2026, 11, 19), 7, ("SIM:LOTUS", "SIM:PANDA")
)


def signals_in(module: ModuleType) -> list[str]:
    functions = inspect.getmembers(module, inspect.isfunction)
    return [name for name, function in functions if "bars" in inspect.signature(function).parameters]


def proof(function: SignalFunction) -> Report:
    return Report(function.name, (), tuple(prove_signals(function, UNIVERSE, EVENTS, "two days", seed=1)))


def from_file(module: ModuleType, name: str) -> SignalFunction:
    return SignalFunction.from_file(pathlib.Path(str(module.__file__)), name)


@pytest.mark.parametrize("name", signals_in(leaks))
def test_a_leak_is_caught(name: str):
    checks = prove_signals(from_file(leaks, name), UNIVERSE, EVENTS, "two days", seed=1)
    assert any(check.finding is not None for check in checks)


@pytest.mark.parametrize("name", signals_in(honest))
def test_nobody_honest_is_accused(name: str):
    report = proof(from_file(honest, name))
    assert report.holds, report.first
    assert sum(check.compared for check in report.checks) > 40


def test_there_are_leaks_enough():
    assert len(signals_in(leaks)) >= 40
    assert len(signals_in(honest)) >= 25
