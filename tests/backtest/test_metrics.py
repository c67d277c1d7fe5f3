"""Each figure against arithmetic on paper, and the account's counters against the equity curve."""

import datetime
import math

import numpy as np
import polars as pl
import pytest

from alpha_panda.backtest import metrics
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.signals import from_signals
from alpha_panda.backtest.stats import TOO_SHORT
from alpha_panda.kernels.records import ACCOUNT
from alpha_panda.units import DAY_NS, HOUR_NS, ist_time_ns
from tests.backtest.framed import dated
from tests.backtest.questions import scripted


def account(**fields: float) -> np.ndarray:
    made = np.zeros(1, ACCOUNT)
    for name, value in {
        "initial_e4": 1_000,
        "equity_e4": 1_000,
        "peak_e4": 1_000,
        "trough_e4": 1_000,
        **fields,
    }.items():
        made[name] = value
    return made


def figure(name: str, **fields: float) -> float:
    return float(metrics.account_figures(account(**fields), 0, 10 * HOUR_NS)[name][0])


# ── What the account carries ─────────────────────────────────────────────────────────────────────────────────────────


def test_counters_become_ratios():
    counted = {"trades": 8, "wins": 2, "gross_profit_e4": 90_000, "gross_loss_e4": 60_000, "turnover_e4": 5_000_000}
    assert figure("win_rate", **counted) == 0.25
    assert figure("profit_factor", **counted) == 1.5
    assert figure("expectancy", **counted) == 3 / 8
    assert figure("turnover", **counted) == 500
    assert figure("total_return", equity_e4=1_100) == pytest.approx(0.1)


def test_what_is_not_defined_is_not_a_number():
    for name in ("win_rate", "profit_factor", "expectancy", "charges_of_turnover", "sharpe", "volatility"):
        assert math.isnan(figure(name))


def test_the_drawdown_that_is_still_open_counts():
    assert figure("max_drawdown", drawdown_max=0.05, peak_e4=1_000, trough_e4=970) == 0.05
    assert figure("max_drawdown", drawdown_max=0.05, peak_e4=1_000, trough_e4=900) == pytest.approx(0.1)


def test_exposure_is_a_share_of_the_time_and_an_open_position_counts_to_the_end():
    assert figure("exposure", exposed_ns=2 * HOUR_NS) == 0.2
    assert figure("exposure", exposed_ns=2 * HOUR_NS, exposed_since_ns=7 * HOUR_NS) == 0.5


def test_streamed_moments_are_those_of_all_daily_returns():
    returns = np.random.default_rng(5).normal(0.001, 0.01, 80)
    mean, squares = returns[:-1].mean(), ((returns[:-1] - returns[:-1].mean()) ** 2).sum()
    at_open = 10**12
    made = account(
        days=79, return_mean=mean, return_m2=squares, day_start_equity_e4=at_open, equity_e4=at_open * (1 + returns[-1])
    )
    streamed_mean, streamed_deviation = metrics.daily_moments(made)
    assert streamed_mean[0] == pytest.approx(returns.mean(), rel=1e-9)
    assert streamed_deviation[0] == pytest.approx(returns.std(ddof=1), rel=1e-9)


@pytest.mark.parametrize("left_e4", [0, -500])
def test_a_last_day_that_began_with_nothing_is_not_counted(left_e4: int):
    counted = {"days": 63, "return_mean": -0.01, "return_m2": 63 * 0.02**2}
    mean, deviation = metrics.daily_moments(account(day_start_equity_e4=left_e4, equity_e4=-700, **counted))
    assert mean[0] == -0.01
    assert deviation[0] == pytest.approx(0.02 * math.sqrt(63 / 62))


def test_a_ruined_account_and_its_equity_curve_tell_the_same_daily_returns():
    # Sold short at 100 with all there is: at 200 nothing is left, and at 260 six tenths of the capital are owed.
    prices = [100] * 40 + [100 + 4 * day for day in range(1, 41)]
    result = from_signals(dated(prices), pl.lit(False), None, pl.lit(True), product="NRML", fees=0.0)
    returns = result.daily["return"].to_numpy()
    assert result.equity["equity"][-1] < 0
    assert 63 <= len(returns) < len(prices)
    assert returns.max() <= 0.0
    assert metrics.daily_sharpes(result.account)[0] == pytest.approx(returns.mean() / returns.std(ddof=1), rel=1e-9)


def test_sharpe_and_volatility_are_annualised_by_252_days():
    mean, deviation = np.array([0.001]), np.array([0.01])
    # 0.1 a day is 0.1 x 15.8745 a year, the square root of 252 being 15.8745.
    assert metrics.annual_ratio(mean, deviation)[0] == pytest.approx(1.58745, abs=1e-5)
    assert metrics.annual_volatility(deviation)[0] == pytest.approx(0.158745, abs=1e-6)


def test_fewer_than_63_daily_returns_are_not_annualised():
    steady = {"day_start_equity_e4": 1_000, "return_m2": 0.01}
    assert math.isnan(figure("sharpe", days=61, **steady))
    assert not math.isnan(figure("sharpe", days=62, **steady))


# ── From the equity curve ────────────────────────────────────────────────────────────────────────────────────────────


def test_sortino_divides_by_what_fell():
    returns = np.tile([0.02, -0.01], 40)
    # mean 0.005; of squares of falls 0.0001 / 2, whose root is 0.0070711; 0.005 / 0.0070711 x 15.8745 = 11.2250.
    assert metrics.sortino(returns) == pytest.approx(11.2250, abs=1e-4)
    assert metrics.sortino(np.full(80, 0.01)) is None


def test_growth_is_compound_and_only_of_a_year_or_more():
    start = ist_time_ns(datetime.date(2023, 1, 1))
    # 1.21 over 730.5 days is 1.1 a year; two years of 365.25 days, less the half day that no date can hold.
    assert metrics.cagr(0.21, start, start + 730 * DAY_NS) == pytest.approx(0.1, abs=2e-4)
    assert metrics.cagr(0.21, start, start + 364 * DAY_NS) == pytest.approx(0.21, abs=1e-3)
    assert metrics.cagr(0.21, start, start + 363 * DAY_NS) is None
    assert metrics.cagr(-1.5, start, start + 400 * DAY_NS) == -1.0


# ── Of a run ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_account_and_the_equity_curve_tell_the_same_daily_returns(minutes_result: Result):
    returns = minutes_result.daily["return"].to_numpy()
    stats = minutes_result.stats
    assert len(returns) == stats["# Days"] >= metrics.RETURN_DAYS_MIN
    assert stats["Volatility (Ann.) [%]"] == pytest.approx(returns.std(ddof=1) * math.sqrt(252) * 100, rel=1e-9)
    assert stats["Sharpe Ratio"] == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(252), rel=1e-9)


def test_the_drawdown_is_at_least_that_of_the_snapshots(minutes_result: Result):
    equity = minutes_result.equity["equity"]
    of_snapshots = (1 - equity / equity.cum_max()).max()
    assert of_snapshots <= -minutes_result.stats["Max. Drawdown [%]"] / 100 < 1.1 * of_snapshots


def test_turnover_and_charges_are_those_of_the_fills(minutes_result: Result):
    fills, stats = minutes_result.fills, minutes_result.stats
    turnover = (fills["quantity"] * fills["price"]).sum()
    assert stats["Turnover [₹]"] == pytest.approx(turnover, abs=1e-3)
    assert stats["Charges of Turnover [%]"] == pytest.approx(fills["charges"].sum() / turnover * 100, rel=1e-9)


def test_one_day_is_too_short_to_annualise(paper_day: Result):
    for name in ("CAGR [%]", "Sharpe Ratio", "Sortino Ratio", "Volatility (Ann.) [%]", "Calmar Ratio", "Significant"):
        assert paper_day.stats[name] == TOO_SHORT
    assert paper_day.stats["# Days"] == 1


def test_exposure_of_a_script_is_what_it_scripted():
    result = scripted(500, 510, 520, 530, 540, long_at=1, flat_at=3)
    # Held from 09:17 to 09:19, of the time from 09:16 to 09:20.
    assert result.stats["Exposure Time [%]"] == 50
    assert result.stats["Win Rate [%]"] == 100
    assert result.stats["Profit Factor"] is None
