"""Every chart can be drawn, says what it shows, holds few marks whatever it is given, and asks for nothing."""

import dataclasses
import datetime
import importlib.util
import re
import runpy
import zoneinfo
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

import alpha_panda
from alpha_panda.apps import charts
from alpha_panda.apps.charts import DARK, LIGHT, PAGE, Chart, prepare
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.validate.resampling import bootstrap
from alpha_panda.errors import ConfigurationError
from tests.apps.drawing import heaviest, layers, rows, svg, texts

IST = zoneinfo.ZoneInfo("Asia/Kolkata")
Drawn = Callable[[Result], Chart]

SWEPT = pl.DataFrame(
    [
        {"fast": fast, "slow": slow, "stop": stop, "total_return": 0.1, "sharpe": fast / 10 - slow / 50 + stop}
        for fast in (5, 10, 15)
        for slow in (20, 40)
        for stop in (0.01, 0.02, 0.03)
    ]
)
CHAIN = pl.DataFrame({"strike": [100.0, 100.0, 110.0], "kind": ["CE", "PE", "CE"], "open_interest": [150, 75, 300]})


def windows(result: Result) -> pl.DataFrame:
    years = result.daily["date"].dt.year().unique().sort().to_list()
    return pl.DataFrame(
        {
            "test_from": [datetime.date(year, 1, 1) for year in years],
            "test_to": [datetime.date(year, 12, 31) for year in years],
            "train_sharpe": [1.5] * len(years),
            "test_sharpe": [0.5] * len(years),
            "test_return": [0.05] * len(years),
        }
    )


def candles(result: Result) -> Chart:
    symbol = result.universe.symbols[0]
    bars = result.bars(symbol).with_columns(pl.col("close").rolling_mean(20).alias("a.b [0] <i>"))
    return charts.candles(bars, result.fills.filter(pl.col("symbol") == symbol), ["a.b [0] <i>"], title="<b>& Co")


CHARTS: dict[str, Drawn] = {
    "candles": candles,
    "equity": lambda result: charts.equity(result.equity, result.benchmark),
    "exposure": lambda result: charts.exposure(result.equity),
    "monte carlo": lambda result: charts.monte_carlo_fan(bootstrap(result.daily["return"], paths=50).fan),
    "months": lambda result: charts.monthly_heat_map(result.monthly),
    "open interest": lambda result: charts.open_interest(CHAIN, 104.0),
    "parameters": lambda result: charts.parameter_heat_map(SWEPT, "fast", "slow", slider="stop"),
    "returns": lambda result: charts.return_distribution(result.daily),
    "rolling sharpe": lambda result: charts.rolling_sharpe(result.daily),
    "trades": lambda result: charts.trade_scatter(result.trades),
    "underwater": lambda result: charts.underwater(result.equity, result.initial),
    "walk forward": lambda result: charts.walk_forward_equity(result.equity, windows(result)),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_drawn_without_asking_anybody(name: str, years: Result, weeks: Result):
    for result in (years, weeks):
        chart = CHARTS[name](result)
        drawing = svg(chart)
        assert len(re.findall("<path|<text|<line", drawing)) > 3
        assert not re.search(r"NaN|Infinity|undefined|null", drawing)
        assert heaviest(chart) < 5_000


@pytest.mark.parametrize(
    "chart",
    [
        charts.candles(pl.DataFrame(schema={"time": pl.Datetime("ns", "Asia/Kolkata")})),
        charts.equity(pl.DataFrame()),
        charts.exposure(pl.DataFrame()),
        charts.monte_carlo_fan(pl.DataFrame()),
        charts.monthly_heat_map(pl.DataFrame()),
        charts.open_interest(CHAIN.clear()),
        charts.parameter_heat_map(SWEPT.with_columns(pl.lit(None, pl.Float64).alias("sharpe")), "fast", "slow"),
        charts.return_distribution(pl.DataFrame({"return": [0.0, 0.0]})),
        charts.rolling_sharpe(pl.DataFrame({"date": [datetime.date(2024, 4, 22)], "return": [0.1]})),
        charts.trade_scatter(pl.DataFrame()),
        charts.underwater(pl.DataFrame()),
        charts.walk_forward_equity(pl.DataFrame(), pl.DataFrame()),
    ],
)
def test_a_chart_of_nothing_says_why(chart: Chart):
    reason, title = texts(chart)
    assert title[0].isupper()
    assert reason.endswith(".")


def test_a_chart_of_one_point_is_drawn():
    time = [datetime.datetime(2024, 4, 22, 9, 16, tzinfo=IST)]
    bar = pl.DataFrame({"time": time, "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 0})
    account = pl.DataFrame({"time": time, "equity": 100.0, "gross": 0.0})
    month = pl.DataFrame({"year": 2024, "month": 4, "return": 0.0})
    for chart in (
        charts.candles(bar),
        charts.equity(account, account),
        charts.underwater(account),
        charts.exposure(account),
        charts.monthly_heat_map(month),
        charts.open_interest(CHAIN.head(1)),
        charts.parameter_heat_map(SWEPT.head(1), "fast", "slow", slider="stop"),
        charts.trade_scatter(
            pl.DataFrame({"symbol": "A", "side": "long", "mae": 0.0, "mfe": 0.0, "return": 0.0, "net": 0.0})
        ),
    ):
        assert "NaN" not in svg(chart)


def test_candles_hold_the_bars_and_mark_what_was_traded(years: Result):
    chart = candles(years)
    drawn, interval = prepare.candles(years.bars("SIM:BAMBOO"))
    assert interval == "1w"
    assert [row["close"] for row in rows(chart, "rule")] == pytest.approx(drawn["close"].to_list())
    fills = years.fills.filter(pl.col("symbol") == "SIM:BAMBOO")
    assert sum(row["fills"] for row in rows(chart, "point")) == len(fills) > 0
    assert {"<b>& Co", "BUY", "SELL", "a.b [0] <i>"} <= {text.replace("&lt;", "<").replace("&gt;", ">").replace(
        "&amp;", "&") for text in texts(chart)}  # fmt: skip


def test_equity_is_the_result_s_to_the_paisa(years: Result):
    drawn = [row["value"] for row in rows(charts.equity(years.equity, years.benchmark), "line")]
    account, benchmark = years.equity["equity"], years.benchmark["equity"]
    assert drawn == pytest.approx([*account, *benchmark], abs=0.01)


def test_a_result_without_a_benchmark_draws_one_line(years: Result):
    assert {row["line"] for row in rows(charts.equity(years.equity), "line")} == {"strategy"}


def test_money_is_grouped_as_in_india():
    times = [datetime.datetime(2024, 4, day, 15, 30, tzinfo=IST) for day in (22, 23, 24)]
    lakh = charts.equity(pl.DataFrame({"time": times, "equity": [10e5, 12e5, 14e5]}))
    crore = charts.equity(pl.DataFrame({"time": times, "equity": [1e7, 1.2e7, 1.4e7]}))
    rupees = charts.equity(pl.DataFrame({"time": times, "equity": [10_000.0, 12_000.0, 14_000.0]}))
    assert "12 L" in texts(lakh)
    assert "1.2 Cr" in texts(crore)
    assert "12,000" in texts(rupees)
    assert lakh.to_dict()["config"]["locale"]["number"]["grouping"][:2] == [3, 2]


def test_months_are_told_with_their_sign(years: Result):
    chart = charts.monthly_heat_map(years.monthly)
    shown = {row["shown"] for row in rows(chart, "text")}
    assert shown <= set(texts(chart))
    assert any(text.startswith("+") for text in shown)
    assert any(text.startswith("−") for text in shown)


def test_days_without_a_change_are_counted_and_not_drawn(years: Result):
    chart = charts.return_distribution(years.daily)
    idle = (years.daily["return"] == 0).sum()
    assert sum(row["count"] for row in rows(chart, "bar")) == len(years.daily) - idle
    assert any(f"the {idle:,} without a change not drawn" in text for text in texts(chart))


def test_the_best_of_a_sweep_is_outlined_and_named():
    chart = charts.parameter_heat_map(SWEPT, "fast", "slow", slider="stop")
    best = [row for row in rows(chart, "rect") if row["best"]]
    assert {(row["x"], row["y"]) for row in best} == {(15, 20)}
    assert len(best) == 3  # one at each place of the slider
    assert "highest 1.13 at fast 15, slow 20, stop 0.03" in texts(chart)
    median = texts(charts.parameter_heat_map(SWEPT, "fast", "slow"))
    assert "highest 1.12 at fast 15, slow 20 · medians of the combinations in a cell" in median


def test_a_slider_stands_in_a_page_and_not_in_a_notebook():
    page = charts.parameter_heat_map(SWEPT, "fast", "slow", slider="stop").to_dict()
    (slider,) = (each for each in page["params"] if each["name"] == "chosen")
    assert (slider["bind"]["min"], slider["bind"]["max"], slider["value"]) == (0.01, 0.03, 0.03)
    notebook = charts.parameter_heat_map(SWEPT, "fast", "slow", slider="stop", at=0.02)
    assert "params" not in notebook.to_dict()
    assert len(rows(notebook, "rect")) == 6


def test_uneven_values_are_chosen_from_a_list():
    frame = SWEPT.filter(pl.col("stop") != 0.02).vstack(SWEPT.head(1).with_columns(pl.lit(0.5).alias("stop")))
    specification = charts.parameter_heat_map(frame, "fast", "slow", slider="stop").to_dict()
    (choice,) = (each for each in specification["params"] if each["name"] == "chosen")
    assert choice["bind"]["options"] == [0.01, 0.03, 0.5]


def test_a_value_that_was_not_swept_is_refused():
    with pytest.raises(ConfigurationError, match=r"no combination has stop = 0\.5"):
        charts.parameter_heat_map(SWEPT, "fast", "slow", slider="stop", at=0.5)


def test_windows_of_a_walk_forward_lie_next_to_each_other(years: Result):
    bands = rows(charts.walk_forward_equity(years.equity, windows(years)), "rect")
    assert [band["from"] for band in bands[1:]] == [band["to"] for band in bands[:-1]]
    assert bands[0]["from"] == 0
    assert bands[-1]["to"] == len(years.equity)


def test_a_fan_tells_its_quantiles():
    fan = bootstrap(np.random.default_rng(1).normal(0, 0.01, 900), paths=50, initial=1e6).fan
    drawn = rows(charts.monte_carlo_fan(fan, initial=1e6), "area")
    assert len(drawn) <= 400
    assert drawn[0] == {
        "step": 1,
        **{name: pytest.approx(fan[name][0], abs=0.01) for name in fan.columns[1:]},
    }


@pytest.mark.parametrize("theme", [LIGHT, DARK, PAGE])
def test_a_chart_has_the_colours_of_its_theme_only(theme: charts.Theme, years: Result):
    allowed = {*dataclasses.asdict(theme).values(), "transparent", "none"}
    chart = charts.equity(years.equity, years.benchmark, theme=theme)
    drawing = svg(chart)
    assert set(re.findall(r'(?:fill|stroke)="([^"]+)"', drawing)) <= allowed
    assert theme.buy in drawing


def test_lines_under_the_pointer_say_when_in_ist(years: Result):
    told = next(layer for layer in layers(charts.underwater(years.equity).to_dict()) if "tooltip" in layer["encoding"])
    assert told["encoding"]["tooltip"][0]["field"] == "when"
    assert rows(charts.underwater(years.equity), "rule")[0]["when"] == "Mon 3 Jan 2022"


def test_without_altair_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"charts need altair: .*alpha-panda\[notebooks\]"):
        runpy.run_path(charts.__file__)


def test_charts_are_found_in_the_package():
    assert alpha_panda.charts is charts
    assert sorted(charts.__all__, key=str.casefold) == charts.__all__
