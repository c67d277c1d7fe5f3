"""Runs that several tests look at: a synthetic day on the paper profile, and a year of real minutes."""

import datetime
import pathlib
from collections.abc import Callable

import pytest

from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import run
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.events import EventArray
from alpha_panda.data.ingest import ingest
from alpha_panda.data.synthetic import synthetic_bars, synthetic_day
from alpha_panda.instruments import Universe
from tests.backtest.questions import ROOT

Market = tuple[Universe, EventArray]


@pytest.fixture(scope="package")
def day() -> Market:
    """Return a synthetic day of ticks in three companies."""
    return synthetic_day(datetime.date(2026, 11, 20), 1, ("SIM:LOTUS", "SIM:PANDA", "SIM:TIGER"))


@pytest.fixture(scope="package")
def weeks() -> Market:
    """Return three synthetic weeks of minute bars in two companies."""
    return synthetic_bars(datetime.date(2026, 11, 2), datetime.date(2026, 11, 20), 7, ("SIM:LOTUS", "SIM:PANDA"))


@pytest.fixture(scope="package")
def paper_day(day: Market) -> Result:
    """Return the paper profile on the synthetic day; it is flat at the end, for it trades intraday."""
    universe, events = day
    return run(ROOT / "live/paper.toml", events=events, universe=universe)


@pytest.fixture(scope="package")
def minutes(tmp_path_factory: pytest.TempPathFactory, shared_file: Callable[[str], pathlib.Path]) -> Catalog:
    """Return a catalog of the real minute bars."""
    catalog = Catalog(tmp_path_factory.mktemp("data"))
    ingest([shared_file("minute/stocks_1min_2024_2025.parquet")], catalog)
    return catalog


@pytest.fixture(scope="package")
def minutes_result(minutes: Catalog) -> Result:
    """Return the study of three strategies over the real minutes of one quarter."""
    return run(ROOT / "backtest/three_strategies_minutes.toml", data=minutes, first="2024-05-02", last="2024-07-31")
