"""What a run works on, and what is refused before it begins: each time in one sentence that says what to do."""

import dataclasses
import datetime
import pathlib
from typing import Any

import numpy as np
import polars as pl
import pytest

from alpha_panda.backtest.inputs import Inputs, Selection, inputs_of, study_of
from alpha_panda.backtest.run import run
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.synthetic import synthetic_bars
from alpha_panda.errors import AlphaPandaError, CatalogError, ConfigurationError, DataError, EventError, StrategyError
from alpha_panda.kernels.records import BAR, CLOCK
from alpha_panda.units import E4
from tests.backtest.conftest import Market
from tests.backtest.questions import filled_catalog, question, small_market
from tests.data.shares import daily, filled, session_dates

WEEK = datetime.date(2026, 11, 16), datetime.date(2026, 11, 20)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Return a catalog of a synthetic week: minutes of two companies, days of one of them."""
    root = tmp_path_factory.mktemp("data")
    filled_catalog(root, "1m", *synthetic_bars(*WEEK, 7, ("SIM:LOTUS", "SIM:PANDA"), "1m"))
    return filled_catalog(root, "1d", *synthetic_bars(*WEEK, 7, ("SIM:PANDA",), "1d"))


def inputs(asked: dict[str, Any], **selection: Any) -> Inputs:
    return inputs_of(study_of(asked)[0], Selection(**selection), {}, ())


def refused(kind: type[AlphaPandaError], asked: Any, **selection: Any) -> str:
    with pytest.raises(kind) as raised:
        run(asked, **selection)
    sentence = str(raised.value)
    assert "\n" not in sentence
    return sentence


# ── What is chosen ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_universe_is_the_instruments_of_all_strategies(catalog: Catalog):
    asked = question({"instruments": ["SIM:PANDA"]}, {"instruments": ["SIM:LOTUS"]})
    found = inputs(asked, data=catalog, resolution="1m")
    assert found.universe.symbols == ("SIM:LOTUS", "SIM:PANDA")
    assert [terms.instruments for terms in found.profile.strategies] == [("SIM:PANDA",), ("SIM:LOTUS",)]


def test_a_strategy_without_instruments_trades_the_ones_named_for_the_run(catalog: Catalog):
    asked = question({}, {"instruments": ["SIM:LOTUS"]})
    found = inputs(asked, data=catalog, resolution="1m", instruments=("SIM:PANDA",))
    assert found.universe.symbols == ("SIM:LOTUS", "SIM:PANDA")
    assert found.profile.strategies[0].instruments == ("SIM:PANDA",)


def test_a_strategy_without_instruments_trades_all_that_the_catalog_holds(catalog: Catalog):
    assert inputs(question(), data=catalog, resolution="1m").universe.symbols == ("SIM:LOTUS", "SIM:PANDA")
    assert inputs(question({"interval": "1d"}), data=catalog, resolution="1d").universe.symbols == ("SIM:PANDA",)


def test_an_index_is_no_part_of_all_that_can_be_traded(tmp_path):
    market = small_market(100, 101, symbols=("NSE:BEL", "NSE:NIFTY 50"))
    data = filled_catalog(tmp_path, "1m", *market)
    data.register([dataclasses.replace(market[0][1], kind="INDEX")])
    assert data.symbols("1m") == ("NSE:BEL", "NSE:NIFTY 50")
    assert inputs(question(), data=data).universe.symbols == ("NSE:BEL",)


def test_a_study_says_which_data_unless_the_caller_does(catalog: Catalog):
    span = {"data": str(catalog.root), "resolution": "1m", "from": "2026-11-17", "to": "2026-11-18"}
    asked = question({"instruments": ["SIM:PANDA"]}, study=span)
    # 375 minutes in a day on NSE, and a clock in each.
    assert len(inputs(asked).events) == 2 * 375 * 2
    assert len(inputs(asked, first=WEEK[0]).events) == 3 * 375 * 2


def test_ticks_are_fine_enough_for_every_strategy(day: Market):
    universe, events = day
    assert len(inputs(question({"interval": "1s"}), events=events, universe=universe).events) == len(events)


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_instrument_is_refused_with_what_was_perhaps_meant(catalog: Catalog):
    sentence = refused(CatalogError, question({"instruments": ["SIM:PANDAS"]}), data=catalog, resolution="1m")
    assert sentence == "SIM:PANDAS is not in the catalog; did you mean SIM:PANDA?"


def test_an_unknown_instrument_is_refused_where_events_are_given(weeks: Market):
    universe, events = weeks
    for asked, named in ((question({"instruments": ["SIM:TIGERS"]}), ()), (question(), ("SIM:TIGERS",))):
        sentence = refused(DataError, asked, universe=universe, events=events, instruments=named)
        assert sentence.startswith("SIM:TIGERS is not of this run")


def test_instruments_that_no_strategy_would_trade_are_refused(catalog: Catalog):
    asked = question({"instruments": ["SIM:PANDA"]})
    sentence = refused(ConfigurationError, asked, data=catalog, instruments=["SIM:LOTUS"])
    assert sentence.startswith("every strategy names its own instruments, so none is left to trade SIM:LOTUS")


def test_an_empty_range_is_refused(catalog: Catalog, weeks: Market):
    universe, events = weeks
    backwards = refused(ConfigurationError, question(), data=catalog, first="2026-11-20", last="2026-11-16")
    assert backwards == "the range from 2026-11-20 to 2026-11-16 is empty: its end lies before its beginning"
    later = refused(CatalogError, question(), data=catalog, resolution="1m", first="2027-01-01")
    assert "holds no 1m data from 2027-01-01 to its end" in later
    assert "holds no event" in refused(EventError, question(), universe=universe, events=events, first="2027-01-01")


def test_a_strategy_finer_than_the_data_is_refused(catalog: Catalog, weeks: Market):
    universe, events = weeks
    assert "strategy s0 wants bars of 60 s" in refused(ConfigurationError, question(), data=catalog, resolution="1d")
    assert "strategy s0 wants bars of 30 s, finer than the data's 60 s" in refused(
        ConfigurationError, question({"interval": "30s"}), universe=universe, events=events
    )


def test_a_resolution_is_not_guessed(catalog: Catalog):
    sentence = refused(CatalogError, question(), data=catalog)
    assert sentence == "the catalog holds 1d and 1m data: name one of them as the resolution"


def test_an_empty_catalog_is_refused(tmp_path):
    assert "is empty: fill it" in refused(CatalogError, question(), data=tmp_path)


def test_events_that_break_a_rule_are_refused(weeks: Market):
    universe, events = weeks
    sentence = refused(EventError, question(), universe=universe, events=events[::-1].copy())
    assert "its time lies before that of the row above" in sentence


def test_events_of_clocks_alone_are_refused(weeks: Market):
    universe, events = weeks
    clocks = events[events["kind"] == CLOCK]
    assert "holds no event of any instrument" in refused(EventError, question(), universe=universe, events=clocks)
    assert "holds no event" in refused(EventError, question(), universe=universe, events=np.zeros(0, events.dtype))


def test_events_and_a_catalog_at_once_are_refused(weeks: Market, catalog: Catalog):
    universe, events = weeks
    assert "belong together" in refused(ConfigurationError, question(), events=events)
    assert "leave them out" in refused(ConfigurationError, question(), events=events, universe=universe, data=catalog)


def test_what_cannot_be_read_is_refused(weeks: Market, tmp_path):
    universe, events = weeks
    assert "'22.4.2024' is not a date" in refused(ConfigurationError, question(), first="22.4.2024")
    assert "there is no file" in refused(ConfigurationError, tmp_path / "absent.toml")
    assert "unknown key riks" in refused(ConfigurationError, question(riks={}))
    assert "there is no strategy 'absent'" in refused(StrategyError, question({"strategy": "absent"}))
    asked = question({"parameters": {"fats": 3}})
    assert "has no parameter 'fats'" in refused(ConfigurationError, asked, events=events, universe=universe)


def test_snapshots_that_do_not_end_each_day_are_refused(weeks: Market):
    universe, events = weeks
    asked = question(market={"equity_every": "7h"})
    assert "equity_every must divide a day" in refused(ConfigurationError, asked, events=events, universe=universe)


# ── Corporate actions ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def split(tmp_path: pathlib.Path) -> Catalog:
    """Return a catalog in which a share of 100 rupees was split 1 to 2 on its fourth day."""
    catalog = filled(tmp_path, AAA=daily([100, 100, 100, 50, 50, 50]))
    action = {"symbol": "NSE:AAA", "ex_date": session_dates(4)[-1], "price_factor": 0.5, "volume_factor": 0.5}
    catalog.store_actions(pl.DataFrame([action | {"source": "test"}]))
    return catalog


def prices_of(found: Inputs) -> set[float]:
    return set((found.events["close_e4"][found.events["kind"] == BAR] / E4).tolist())


@pytest.mark.parametrize(
    ("study", "asked", "expected"),
    [
        ({}, None, {50, 100}),
        ({}, True, {50}),
        ({"adjusted": True}, None, {50}),
        ({"adjusted": True}, False, {50, 100}),
    ],
)
def test_prices_are_adjusted_when_the_caller_or_the_study_says_so(
    split: Catalog, study: dict[str, bool], asked: bool | None, expected: set[float]
):
    tables = question({"interval": "1d", "instruments": ["NSE:AAA"]}) | {"study": study}
    assert prices_of(inputs(tables, data=split, adjusted=asked)) == expected


def test_a_run_is_adjusted_as_of_its_last_day(split: Catalog):
    tables = question({"interval": "1d", "instruments": ["NSE:AAA"]})
    assert prices_of(inputs(tables, data=split, adjusted=True, last=session_dates(3)[-1])) == {100}


def test_events_that_are_given_cannot_be_adjusted_here():
    universe, events = small_market(100.0, 101.0)
    sentence = refused(ConfigurationError, question(), events=events, universe=universe, adjusted=True)
    assert "events are taken as they are given" in sentence
