"""Whatever the user names is proven: functions, strategies, profiles, on given events, a catalog or made-up markets."""

import datetime
import pathlib
from typing import Any

import polars as pl
import pytest

from alpha_panda.backtest.causality.prove import causality
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.synthetic import synthetic_bars
from alpha_panda.errors import CausalityError, StrategyError
from alpha_panda.strategy import load_strategy
from tests.backtest.causality import leaks
from tests.backtest.questions import ROOT, filled_catalog, question, strategy_file

LEAKS = pathlib.Path(str(leaks.__file__))
UNIVERSE, EVENTS = synthetic_bars(datetime.date(2026, 11, 17), datetime.date(2026, 11, 18), 7, ("SIM:LOTUS",))


def given(target: Any, **options: Any) -> Any:
    return causality(target, events=EVENTS, universe=UNIVERSE, **options)


def test_a_function_of_a_file_is_named_with_a_colon():
    report = given(f"{LEAKS}:next_close")
    assert not report.holds
    first = report.first
    assert (str(first.time), first.symbol) == ("2026-11-17 09:16:00+05:30", "SIM:LOTUS")
    assert (first.before, first.cause) == ("null", "when the bars after 2026-11-17 09:16:00 arrive")
    with pytest.raises(CausalityError, match="next_close is not proven causal: 2026-11-17 09:16:00 SIM:LOTUS"):
        report.check()


def test_a_function_may_be_given_as_an_object():
    report = given(lambda bars: bars["close"].rolling_mean(5))
    assert report.holds
    report.check()


def test_a_strategy_is_named_or_given():
    by_path = given(strategy_file("ema_cross"))
    by_object = given(load_strategy(strategy_file("ema_cross")))
    assert by_path.holds
    assert by_path.checks == by_object.checks


def test_a_profile_is_proven_strategy_by_strategy():
    asked = question({"name": "fast"}, {"name": "slow", "strategy": strategy_file("momentum"), "interval": "5m"})
    report = given(asked)
    assert report.holds
    assert set(report.frame["market"]) == {"fast", "slow"}


def test_an_empty_catalog_is_replaced_by_made_up_markets_and_says_so(tmp_path: pathlib.Path):
    report = causality(strategy_file("sma_cross"), data=tmp_path)
    assert report.holds
    assert set(report.frame["market"]) == {"synthetic 1m", "synthetic 1d"}
    assert all(market.startswith("no data is held, so made up: ") for market in report.markets)


def test_a_profile_over_an_empty_catalog_is_tried_on_a_made_up_market(tmp_path: pathlib.Path):
    report = causality(ROOT / "backtest/ema_cross_sweep.toml", data=tmp_path)
    assert report.holds
    assert report.markets[0].startswith("no data is held")


def test_the_catalog_is_used_where_it_holds_something(tmp_path: pathlib.Path):
    catalog: Catalog = filled_catalog(tmp_path, "1m", UNIVERSE, EVENTS)
    report = causality(strategy_file("sma_cross"), data=catalog)
    assert report.markets == ("1,500 events of SIM:LOTUS from 2026-11-17 to 2026-11-18",)
    assert report.holds


def test_of_a_catalog_the_instruments_of_which_it_holds_most_are_taken(tmp_path: pathlib.Path):
    catalog = filled_catalog(tmp_path, "1m", UNIVERSE, EVENTS)
    day = datetime.date(2026, 11, 18)
    first_by_name = ("SIM:BAMBOO", "SIM:BANYAN", "SIM:KOEL")
    short = synthetic_bars(day, day, 7, first_by_name)
    filled_catalog(tmp_path, "1m", *short)
    (market,) = causality(strategy_file("sma_cross"), data=catalog).markets
    assert " of SIM:BAMBOO, SIM:BANYAN, SIM:LOTUS from " in market


def test_the_report_is_also_a_frame():
    frame = given(f"{LEAKS}:next_close").frame
    assert frame.columns[:4] == ["market", "check", "compared", "holds"]
    assert frame.schema["time"] == pl.Datetime("us", "Asia/Kolkata")
    assert frame.filter(~pl.col("holds"))["time"].null_count() == 0


def test_progress_is_told():
    told: list[tuple[int, int, str]] = []
    report = given(strategy_file("ema_cross"), progress=lambda *news: told.append(news))
    assert [done for done, _, _ in told] == list(range(1, len(report.checks) + 1))


def silent(bars: pl.DataFrame) -> pl.Series:
    return pl.Series([None] * len(bars), dtype=pl.Float64)


def too_short(bars: pl.DataFrame) -> pl.Series:
    return bars["close"].head(3)


def a_number(bars: pl.DataFrame) -> float:
    return 1.0


def failing(bars: pl.DataFrame) -> pl.Series:
    return bars["absent"]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (silent, "says nothing"),
        (too_short, "returned 3 rows of 750 bars without a column time"),
        (a_number, "returned float"),
        (failing, "raised ColumnNotFoundError"),
    ],
)
def test_what_cannot_be_judged_is_refused(function: Any, message: str):
    with pytest.raises(StrategyError, match=message):
        given(function)


def test_a_function_that_is_not_there_is_refused(tmp_path: pathlib.Path):
    with pytest.raises(StrategyError, match="no function 'absent'"):
        given(f"{LEAKS}:absent")
    with pytest.raises(StrategyError, match="no file"):
        given(f"{tmp_path / 'absent.py'}:signal")
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0")
    with pytest.raises(StrategyError, match="ZeroDivisionError"):
        given(f"{broken}:signal")
