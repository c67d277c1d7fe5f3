"""What is drawn is what was measured: candles, fills, returns and cells are those of the frames they come from."""

import datetime
import math
import pathlib
import zoneinfo
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from alpha_panda.apps.charts import prepare
from alpha_panda.backtest.result import Result
from alpha_panda.errors import ConfigurationError

IST = zoneinfo.ZoneInfo("Asia/Kolkata")


def bars_of(times: list[datetime.datetime], closes: list[float]) -> pl.DataFrame:
    """Return flat bars, two rupees high."""
    frame = pl.DataFrame({"time": times, "open": closes, "close": closes, "volume": [10] * len(closes)})
    return frame.with_columns(high=pl.col("close") + 1, low=pl.col("close") - 1)


def test_few_bars_are_drawn_as_they_are(weeks: Result):
    bars = weeks.bars("SIM:PANDA").head(100)
    drawn, interval = prepare.candles(bars)
    assert interval == ""
    assert drawn.equals(bars)


def test_candles_lose_no_price_and_no_volume(weeks: Result):
    bars = weeks.bars("SIM:PANDA")
    drawn, interval = prepare.candles(bars)
    assert interval == "15m"  # 25 of them a day, and 260 at most
    assert len(drawn) == len(bars) / 15
    assert drawn["high"].max() == bars["high"].max()
    assert drawn["low"].min() == bars["low"].min()
    assert drawn["volume"].sum() == bars["volume"].sum()
    assert drawn["open"][0] == bars["open"][0]
    assert drawn["close"][-1] == bars["close"][-1]


def test_hours_begin_at_a_quarter_past_nine_as_the_exchange_does():
    opens = datetime.datetime(2024, 4, 22, 9, 15, tzinfo=IST)
    times = [opens + datetime.timedelta(minutes=number) for number in range(1, 376)]
    drawn, interval = prepare.candles(bars_of(times, [100.0] * 375), count=7)
    assert interval == "1h"
    assert [f"{time:%H:%M}" for time in drawn["time"]] == [
        "10:15",
        "11:15",
        "12:15",
        "13:15",
        "14:15",
        "15:15",
        "15:30",
    ]


def test_real_minutes_of_a_year_become_candles_with_the_same_extremes(shared_file: Callable[[str], pathlib.Path]):
    path = shared_file("minute/stocks_1min_2024_2025.parquet")
    share = pl.scan_parquet(path).filter(pl.col("symbol") == pl.col("symbol").first()).collect().sort("timestamp")
    bars = share.select(
        pl.col("timestamp").dt.replace_time_zone(None).dt.replace_time_zone("Asia/Kolkata").alias("time"),
        *("open", "high", "low", "close", "volume"),
    )
    drawn, interval = prepare.candles(bars)
    assert interval == "1d"
    assert 240 < len(drawn) <= prepare.CANDLES_MAX
    assert (drawn["high"].max(), drawn["low"].min()) == (bars["high"].max(), bars["low"].min())


def test_fills_lie_on_the_candle_that_knew_them(years: Result):
    fills = years.fills.filter(pl.col("symbol") == "SIM:LOTUS")
    bars = years.bars("SIM:LOTUS")
    placed = prepare.fills_on(bars, fills)
    assert placed["fills"].sum() == len(fills) > 10
    by_row = dict(zip(placed["row"], placed["price"], strict=True))
    for time, price in fills.select("time", "price").rows():
        assert math.isclose(by_row[bars["time"].index_of(time)], price)
    # Only long positions are taken, so each purchase enters one and each sale leaves it.
    assert set(placed.select("side", "act").unique().rows()) == {("BUY", "in"), ("SELL", "out")}


def test_fills_before_the_first_candle_are_not_on_the_chart(weeks: Result):
    bars = weeks.bars("SIM:PANDA").tail(1_500)
    fills = weeks.fills.filter(pl.col("symbol") == "SIM:PANDA")
    placed = prepare.fills_on(bars, fills)
    assert placed["fills"].sum() == (fills["time"] >= bars["time"][0]).sum()
    assert len(fills) > placed["fills"].sum() > 0


def test_a_line_that_the_bars_do_not_have_is_named(weeks: Result):
    with pytest.raises(ConfigurationError, match="no column 'sma' to draw"):
        prepare.candles(weeks.bars("SIM:PANDA"), ["sma"])


def test_fills_of_several_instruments_are_refused(years: Result):
    with pytest.raises(ConfigurationError, match="several instruments: filter them"):
        prepare.fills_on(years.bars("SIM:LOTUS"), years.fills)


def test_a_drawdown_begins_at_the_initial_capital():
    equity = pl.DataFrame({"time": [datetime.datetime(2024, 4, 22, 9, 20, tzinfo=IST)], "equity": [90.0]})
    assert prepare.drawdowns(equity, 100.0)["value"].to_list() == [pytest.approx(-0.1)]
    assert prepare.drawdowns(equity, None)["value"].to_list() == [0.0]


def test_the_deepest_drawdown_is_that_of_the_result(years: Result):
    drawn = prepare.drawdowns(years.equity, years.initial)
    assert -drawn["value"].min() == pytest.approx(years.drawdowns["depth"].max())


def test_a_rolling_sharpe_ratio_of_all_days_is_the_result_s(years: Result):
    drawn = prepare.rolling_sharpe(years.daily, len(years.daily))
    assert drawn["value"].to_list() == [pytest.approx(years.stats["Sharpe Ratio"])]


def test_months_compound_to_the_return_of_the_result(years: Result):
    cells = prepare.monthly_cells(years.monthly)
    total = ((1 + cells.filter(pl.col("column") == "Year")["value"]).product() - 1) * 100
    assert total == pytest.approx(years.stats["Return [%]"])
    assert len(cells) == len(years.monthly) + 4


def test_no_bin_of_returns_holds_gains_and_losses(years: Result):
    returns = years.daily["return"].filter(years.daily["return"] != 0)
    bins = prepare.distribution(returns)
    assert bins["count"].sum() == len(returns)
    assert ((bins["from"] >= 0) | (bins["to"] <= 1e-12)).all()
    assert bins.filter(pl.col("from") < -1e-12)["count"].sum() == (returns < 0).sum()


def test_of_many_trades_the_largest_stay():
    net = pl.Series("net", np.random.default_rng(3).normal(size=9_000))
    points = prepare.trade_points(pl.DataFrame({"net": net}), 400)
    assert 300 < len(points) <= 400
    assert {net.min(), net.max()} <= set(points["net"])


def test_a_cell_is_the_median_over_the_other_parameters():
    frame = pl.DataFrame(
        {"fast": [5, 5, 5, 9], "slow": [20] * 4, "stop": [1, 2, 3, 1], "sharpe": [0.1, 0.9, 0.2, None]}
    )
    assert prepare.parameter_cells(frame, "fast", "slow", "sharpe").rows() == [(5, 20, 0.0, 0.2, 3)]
    assert prepare.parameter_cells(frame, "fast", "slow", "sharpe", "stop")["z"].to_list() == [1, 2, 3]


def test_a_large_grid_is_put_together_to_what_a_screen_can_show():
    fast, slow = np.meshgrid(np.arange(1, 101), np.arange(1, 101))
    frame = pl.DataFrame({"fast": fast.ravel(), "slow": slow.ravel(), "sharpe": fast.ravel() / 100})
    cells = prepare.parameter_cells(frame, "fast", "slow", "sharpe")
    assert cells["x"].n_unique() == cells["y"].n_unique() == 34  # three neighbours in each, 34 x 3 = 102
    assert cells.filter(pl.col("x") == 1)["value"].unique().to_list() == [0.02]


def test_a_slider_over_many_values_has_few_places():
    fast, slow, stop = (axis.ravel() for axis in np.meshgrid(*[np.arange(30)] * 3))
    frame = pl.DataFrame({"fast": fast, "slow": slow, "stop": stop, "sharpe": fast + slow + stop})
    cells = prepare.parameter_cells(frame, "fast", "slow", "sharpe", "stop")
    assert [cells[name].n_unique() for name in ("x", "y", "z")] == [15, 15, 8]


@pytest.mark.parametrize("columns", [{"fast": [1, 2]}, {"fast": [1, 2], "slow": [3, 3], "total_return": [0.1, 0.2]}])
def test_a_sweep_of_one_parameter_has_no_heat_map(columns: dict[str, list[float]]):
    with pytest.raises(ConfigurationError, match="in which two parameters vary"):
        prepare.swept(pl.DataFrame(columns))


def test_the_parameters_of_a_sweep_are_those_that_vary():
    assert prepare.swept(pl.DataFrame({"a": [1, 2], "b": [3, 3], "c": [4, 5], "total_return": [0, 1]})) == ["a", "c"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("fast", "sloow", "sharpe"), "no column 'sloow'"),
        (("fast", "fast", "sharpe"), "different columns"),
    ],
)
def test_a_column_that_cannot_be_drawn_is_named(asked: tuple[str, str, str], words: str):
    frame = pl.DataFrame({"fast": [1], "slow": [2], "sharpe": [0.5]})
    with pytest.raises(ConfigurationError, match=words):
        prepare.parameter_cells(frame, *asked)


def test_the_strikes_nearest_to_the_underlying_are_drawn():
    strikes = [float(strike) for strike in range(20_000, 30_000, 50)]
    chain = pl.DataFrame({"strike": strikes * 2, "kind": ["CE"] * 200 + ["PE"] * 200, "open_interest": [75] * 400})
    drawn = prepare.open_interest(chain, 25_010.0, strikes=4)
    assert drawn["strike"].unique().sort().to_list() == [24_950, 25_000, 25_050, 25_100]
    assert len(drawn) == 8
