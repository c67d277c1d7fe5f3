"""The figures of a run: as empyrical measures real returns, and as arithmetic on paper says."""

import datetime
import math
import pathlib
from collections.abc import Callable

import empyrical
import numpy as np
import polars as pl
import pytest

from alpha_panda.backtest import metrics
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import run
from alpha_panda.backtest.stats import FIGURES, TOO_SHORT, figures_frame, stats_of
from alpha_panda.backtest.stats.figure import Measured
from alpha_panda.backtest.trials import Tried
from alpha_panda.data.events import with_clocks
from alpha_panda.instruments import Instrument, Universe, unlisted_token
from alpha_panda.units import DAY_NS, IST, ist_time_ns
from tests.backtest.questions import HOLD, ROOT, question, scripted
from tests.bars import daily_bars
from tests.noise import UNLIMITED

# The names that backtesting.py 0.6 gives, with rupees for dollars, in its order; see its `backtesting/_stats.py`.
BACKTESTING = [
    *("Start", "End", "Duration", "Exposure Time [%]", "Equity Final [₹]", "Equity Peak [₹]", "Return [%]"),
    *("Buy & Hold Return [%]", "CAGR [%]", "Volatility (Ann.) [%]", "Sharpe Ratio", "Sortino Ratio", "Calmar Ratio"),
    *("Max. Drawdown [%]", "Avg. Drawdown [%]", "Max. Drawdown Duration", "Avg. Drawdown Duration", "# Trades"),
    *("Win Rate [%]", "Best Trade [%]", "Worst Trade [%]", "Avg. Trade [%]", "Max. Trade Duration"),
    *("Avg. Trade Duration", "Profit Factor", "Expectancy [%]", "SQN", "Kelly Criterion"),
]


def held_share(symbol: str, path: pathlib.Path) -> Result:
    """Return what buying a share with nearly all capital and keeping it made, free of charges, by its daily bars."""
    universe = Universe([Instrument(f"NSE:{symbol}", unlisted_token(f"NSE:{symbol}"), tick_e4=500)])
    bars = daily_bars(path, symbol)
    bars["instrument_token"] = universe[0].instrument_token
    terms = {"strategy": "hold", "interval": "1d", "size": {"mode": "fraction", "value": 0.95}}
    market = {"fees": 0.0, "equity_every": "1d", "slippage": {"mode": "ticks", "value": 0}}
    asked = question(terms, capital=10_000_000, risk=UNLIMITED, market=market)
    # Before 2021 the file has days of some months only, and an order for the day would end before the next bar.
    return run(asked, events=with_clocks(bars), universe=universe, strategies=HOLD, first="2021-01-01")


# ── Against empyrical ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("symbol", ["INFY", "MRF", "RELIANCE", "SBIN"])
def test_the_figures_of_a_real_share_are_those_of_empyrical(symbol: str, shared_file: Callable[[str], pathlib.Path]):
    result = held_share(symbol, shared_file("daily/raw_eq_2019_2026.parquet"))
    returns, stats = result.daily["return"].to_numpy(), result.stats
    assert len(result.fills) == 1
    assert len(returns) > 1_000
    assert stats["Sharpe Ratio"] == pytest.approx(empyrical.sharpe_ratio(returns), rel=1e-9)
    assert stats["Sortino Ratio"] == pytest.approx(empyrical.sortino_ratio(returns), rel=1e-9)
    assert stats["Volatility (Ann.) [%]"] == pytest.approx(empyrical.annual_volatility(returns) * 100, rel=1e-9)
    assert stats["Return [%]"] == pytest.approx(empyrical.cum_returns_final(returns) * 100, rel=1e-9)
    # Daily bars are marked once a day, so the account falls as deep as its daily returns do.
    assert stats["Max. Drawdown [%]"] == pytest.approx(empyrical.max_drawdown(returns) * 100, rel=1e-9)
    assert result.drawdowns["depth"].max() == pytest.approx(-empyrical.max_drawdown(returns), rel=1e-9)


def test_growth_is_by_the_calendar_where_empyrical_counts_252_days_a_year(shared_file: Callable[[str], pathlib.Path]):
    result = held_share("INFY", shared_file("daily/raw_eq_2019_2026.parquet"))
    returns, stats = result.daily["return"].to_numpy(), result.stats
    days = (stats["End"].date() - stats["Start"].date()).days + 1
    over_all = (1 + stats["CAGR [%]"] / 100) ** (days / 365.25)
    assert over_all == pytest.approx((1 + empyrical.cagr(returns)) ** (len(returns) / 252), rel=1e-9)
    # NSE has about 248 days a year, so the two differ by less than a twentieth of the rate.
    assert stats["CAGR [%]"] / 100 == pytest.approx(empyrical.cagr(returns), rel=0.05)
    assert stats["Calmar Ratio"] == pytest.approx(empyrical.calmar_ratio(returns), rel=0.05)
    assert stats["Calmar Ratio"] == pytest.approx(-stats["CAGR [%]"] / stats["Max. Drawdown [%]"], rel=1e-12)


def test_the_figures_of_many_trades_are_those_of_empyrical(minutes_result: Result):
    returns, stats = minutes_result.daily["return"].to_numpy(), minutes_result.stats
    assert stats["Sharpe Ratio"] == pytest.approx(empyrical.sharpe_ratio(returns), rel=1e-9)
    assert stats["Sortino Ratio"] == pytest.approx(empyrical.sortino_ratio(returns), rel=1e-9)
    assert stats["Volatility (Ann.) [%]"] == pytest.approx(empyrical.annual_volatility(returns) * 100, rel=1e-9)
    # Minutes show deeper falls than the ends of days.
    assert stats["Max. Drawdown [%]"] <= empyrical.max_drawdown(returns) * 100


# ── On paper ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def measured(*nets: float, paid: float = 1_000, days: int = 0, **changes: float) -> Measured:
    """Return a run with these trades, each of which cost `paid` at its entry."""
    start = ist_time_ns(datetime.date(2024, 1, 1))
    hours = [datetime.timedelta(hours=number + 1) for number in range(len(nets))]
    columns = {"net": nets, "return": [net / paid for net in nets], "held": hours}
    schema = {"net": pl.Float64, "return": pl.Float64, "held": pl.Duration("ns")}
    won, lost = sum(net for net in nets if net > 0), -sum(net for net in nets if net <= 0)
    account = {name: 0.0 for figure in FIGURES for name in (figure.name,)}
    account |= {"trades": len(nets), "profit_factor": won / lost if lost else math.nan, "max_drawdown": 0.2} | changes
    return Measured(
        account=account,
        initial=100.0,
        peak=120.0,
        charges=dict.fromkeys(("brokerage", "stt", "transaction", "sebi", "stamp", "gst", "dp"), 1.0),
        first_ns=start,
        last_ns=start + 729 * DAY_NS,
        returns=np.random.default_rng(1).normal(0.001, 0.01, days),
        drawdowns=pl.DataFrame({"depth": [0.2, 0.1], "days": [3.0, 4.0]}),
        trades=pl.DataFrame(columns, schema=schema),
        held=150.0,
        tried=Tried(10, 0.001),
    )


def test_trades_make_the_figures_that_arithmetic_says():
    stats = stats_of(measured(100, -50, 30, -20))
    assert (stats["Best Trade [%]"], stats["Worst Trade [%]"]) == pytest.approx((10, -5))
    assert stats["Expectancy [%]"] == pytest.approx(1.5)
    # The fourth root of 1.1 x 0.95 x 1.03 x 0.98 = 1.0548230, which is 1.01343.
    assert stats["Avg. Trade [%]"] == pytest.approx(1.3433, abs=1e-4)
    assert stats["Profit Factor"] == pytest.approx(130 / 70)
    # Mean 15; deviations 85, -65, 15, -35: squares 7225 + 4225 + 225 + 1225 = 12900, / 3, root 65.574; 2 x 15 / 65.574.
    assert stats["SQN"] == pytest.approx(0.45750, abs=1e-5)
    # Half won, 65 on average, and half lost, 35 on average: 0.5 - 0.5 x 35 / 65.
    assert stats["Kelly Criterion"] == pytest.approx(0.5 - 0.5 * 35 / 65)
    assert stats["Max. Trade Duration"] == datetime.timedelta(hours=4)
    assert stats["Avg. Trade Duration"] == datetime.timedelta(hours=2.5)


def test_drawdowns_and_growth_make_the_figures_that_arithmetic_says():
    stats = stats_of(measured(total_return=0.21))
    assert (stats["Max. Drawdown [%]"], stats["Avg. Drawdown [%]"]) == pytest.approx((-20, -15))
    assert stats["Max. Drawdown Duration"] == datetime.timedelta(days=4)
    assert stats["Avg. Drawdown Duration"] == datetime.timedelta(days=3.5)
    assert stats["Buy & Hold Return [%]"] == pytest.approx(50)
    # 1.21 over 730 days, of which a year has 365.25, is 1.21^(365.25 / 730) = 1.10007 a year, over a fall of a fifth.
    assert stats["CAGR [%]"] == pytest.approx(10.0072, abs=1e-4)
    assert stats["Calmar Ratio"] == pytest.approx(0.100072 / 0.2, abs=1e-5)
    assert (stats["Start"], stats["Duration"]) == (
        datetime.datetime(2024, 1, 1, tzinfo=IST),
        datetime.timedelta(days=729),
    )


@pytest.mark.parametrize("nets", [(), (10,), (10, 10)])
def test_what_trades_cannot_tell_is_not_defined(nets: tuple[float, ...]):
    stats = stats_of(measured(*nets))
    assert stats["SQN"] is stats["Kelly Criterion"] is stats["Profit Factor"] is None
    empty = stats["Best Trade [%]"], stats["Avg. Trade [%]"], stats["Expectancy [%]"], stats["Max. Trade Duration"]
    assert (empty == (None,) * 4) == (not nets)


def test_a_trade_that_lost_everything_has_no_geometric_mean():
    assert stats_of(measured(100, -1_000))["Avg. Trade [%]"] is None
    assert metrics.geometric_mean(np.array([0.1, -0.1])) == pytest.approx(math.sqrt(0.99) - 1)


def test_a_share_of_trades_won_that_are_never_lost_says_nothing_of_kelly():
    assert metrics.kelly(np.array([1.0, 0.0])) is None
    assert metrics.kelly(np.array([-1.0, -2.0])) is None


@pytest.mark.parametrize("days", [0, 1, 62])
def test_too_few_days_say_so(days: int):
    stats = stats_of(measured(days=days))
    judged = ("Sharpe Ratio", "Sortino Ratio", "Volatility (Ann.) [%]", "Probabilistic Sharpe [%]", "Significant")
    assert [stats[label] for label in judged] == [TOO_SHORT] * 5
    assert stats["# Days"] == days
    assert stats_of(measured(days=63))["Significant"] in ("yes", "no")


# ── The table ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_labels_of_backtesting_py_come_first_and_in_its_order():
    labels = [figure.label for figure in FIGURES]
    assert labels[: len(BACKTESTING)] == BACKTESTING
    assert list(scripted(500, 510, 520, long_at=1).stats) == labels
    assert len(set(labels)) == len(labels)


def test_every_figure_is_explained_and_has_a_name_of_its_own():
    frame = figures_frame()
    assert frame["name"].n_unique() == len(frame) == len(FIGURES)
    assert (frame["meaning"].str.len_chars() > 3).all()
    assert frame.filter(pl.col("source") != "", pl.col("formula") == "").is_empty()


def test_a_name_shared_with_a_sweep_means_the_same(minutes_result: Result):
    account = minutes_result.account
    figures = metrics.account_figures(account, minutes_result.first_ns, minutes_result.last_ns)
    shared = [figure for figure in FIGURES if figure.name in figures]
    assert len(shared) == len(figures) - 1  # a sweep also counts the trades won
    for figure in shared:
        scale = (-100 if "Drawdown" in figure.label else 100) if "[%]" in figure.label else 1
        assert minutes_result.stats[figure.label] == pytest.approx(figures[figure.name].item() * scale, rel=1e-12)


def test_the_readme_shows_the_table():
    rows = (ROOT / "backtest/README.md").read_text(encoding="utf-8").splitlines()
    shown = [tuple(cell.strip() for cell in row.split("|")[1:-1]) for row in rows if row.startswith("| ")]
    assert shown[1:] == [(figure.label, figure.meaning, figure.formula, figure.source) for figure in FIGURES]


def test_charges_are_itemised_and_add_up(paper_day: Result):
    stats = paper_day.stats
    items = ("Brokerage", "STT", "Transaction", "SEBI", "Stamp Duty", "GST", "DP")
    assert sum(stats[f"{item} [₹]"] for item in items) == pytest.approx(stats["Charges [₹]"], abs=1e-6)
    assert stats["Charges [₹]"] == paper_day.summary["charges"] > 0
