"""Days, months, drawdowns and the benchmark against arithmetic on paper."""

import datetime

import polars as pl
import pytest

from alpha_panda.backtest import curve
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import run
from alpha_panda.kernels.records import CLOCK
from alpha_panda.units import IST, to_time_ns
from tests.backtest.conftest import Market
from tests.backtest.questions import HOLD, question, scripted, small_market

START = datetime.datetime(2024, 12, 2, 15, 30, tzinfo=IST)


def curve_of(*values: float, hours: int = 24) -> pl.DataFrame:
    times = [START + datetime.timedelta(hours=hours * step) for step in range(len(values))]
    return pl.DataFrame({"time": times, "equity": values}).cast({"time": pl.Datetime("ns", "Asia/Kolkata")})


def drawdowns_of(*values: float, initial: float = 100) -> list[tuple]:
    frame = curve.drawdowns(curve_of(*values), initial, to_time_ns(START - datetime.timedelta(days=1)))
    days = [pl.col(name).dt.day() for name in ("peak", "trough", "recovery")]
    return frame.select(*days, pl.col("depth").round(6), "days").rows()


# ── Days and months ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_daily_returns_run_from_close_to_close_and_begin_at_the_capital():
    # The rows fall on 2 December 15:30, 3 December 03:30, which is the night after, and 15:30, and 4 December 03:30.
    daily = curve.daily_returns(curve_of(100, 104, 110, 121, hours=12), 80)
    assert [day.day for day in daily["date"]] == [2, 3]
    assert daily["return"].to_list() == pytest.approx([0.3, 121 / 104 - 1])


def test_a_day_that_begins_with_debts_has_no_return():
    # From 100 to 50 is half lost, from 50 to -25 all and half as much again; what follows is of nothing.
    daily = curve.daily_returns(curve_of(50, -25, -50, 10, 20), 100)
    assert [day.day for day in daily["date"]] == [2, 3, 6]
    assert daily["return"].to_list() == pytest.approx([-0.5, -1.5, 1.0])


@pytest.mark.parametrize("every", ["15m", "12h", "1d"])
def test_the_spacing_of_the_snapshots_changes_no_daily_return(weeks: Market, every: str):
    universe, events = weeks
    often, seldom = (
        run(question(market={"equity_every": each}), events=events, universe=universe) for each in ("1m", every)
    )
    assert len(seldom.equity) < len(often.equity)
    assert seldom.daily.equals(often.daily)
    # Fifteen weekdays, of which NSE was closed on 10 November 2026, Diwali Balipratipada.
    assert len(often.daily) == often.stats["# Days"] == 14


def test_a_month_compounds_its_days():
    dates = [
        datetime.date(2024, 11, 29),
        datetime.date(2024, 12, 2),
        datetime.date(2024, 12, 3),
        datetime.date(2025, 1, 1),
    ]
    daily = pl.DataFrame({"date": dates, "return": [0.5, 0.1, -0.2, 0.0]})
    rows = curve.monthly_returns(daily).rows()
    assert [row[:2] for row in rows] == [(2024, 11), (2024, 12), (2025, 1)]
    assert [row[2] for row in rows] == pytest.approx([0.5, 1.1 * 0.8 - 1, 0.0])


def test_months_compound_to_the_return_of_the_run(minutes_result: Result):
    total = (1.0 + minutes_result.monthly["return"]).product()
    assert minutes_result.monthly.rows()[0][:2] == (2024, 5)
    assert total == pytest.approx(minutes_result.summary["equity"] / minutes_result.initial, rel=1e-12)


# ── Drawdowns ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_drawdown_lasts_from_the_peak_until_it_is_reached_again():
    # The rows are 2 December and the days after it.
    assert drawdowns_of(100, 110, 105, 99, 110, 111) == [(3, 5, 6, 0.1, 3.0)]


def test_a_drawdown_still_open_lasts_to_the_end():
    assert drawdowns_of(100, 90, 100, 95, 96, 97) == [(2, 3, 4, 0.1, 2.0), (4, 5, None, 0.05, 3.0)]


def test_a_loss_from_the_start_falls_from_the_capital():
    assert drawdowns_of(80, 100, 120) == [(1, 2, 3, 0.2, 2.0)]


def test_a_curve_that_never_fell_has_no_drawdown():
    assert drawdowns_of(100, 101, 101, 102) == []
    assert curve.drawdowns(curve_of(100), 100, to_time_ns(START)).schema == {
        **dict.fromkeys(("peak", "trough", "recovery"), pl.Datetime("ns", "Asia/Kolkata")),
        **dict.fromkeys(("depth", "days"), pl.Float64),
    }


def test_drawdowns_of_a_run_are_those_of_its_snapshots(minutes_result: Result):
    equity = minutes_result.equity["equity"]
    assert minutes_result.drawdowns["depth"].max() == pytest.approx((1 - equity / equity.cum_max()).max(), rel=1e-12)
    assert minutes_result.drawdowns["recovery"].null_count() <= 1
    assert minutes_result.drawdowns["peak"].is_sorted()


# ── Holding ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_benchmark_is_worth_what_the_price_is():
    result = scripted(500, 510, 520, 480, long_at=1)
    assert result.benchmark["time"].to_list() == result.equity["time"].to_list()
    # 10,00,000 rupees put in at 500, the first price known, at the end at 480.
    assert result.benchmark["equity"].to_list()[-1] == pytest.approx(1_000_000 * 480 / 500, rel=1e-12)


def test_the_benchmark_holds_equal_parts_and_cash_until_a_first_price():
    universe, events = small_market(100, 200, 400, symbols=("NSE:BEL", "NSE:IOC"))
    # NSE:IOC, the second by name, is first heard of at 200: it doubles while the other is worth four times as much.
    late = (events["instrument"] == 1) & (events["time_ns"] == events["time_ns"][0])
    held = run(question({"strategy": "hold"}), events=events[~late], universe=universe, strategies=HOLD)
    assert held.benchmark["equity"][-1] == pytest.approx(1_000_000 * (4 + 2) / 2, rel=1e-12)
    one = question({"strategy": "hold", "instruments": ["NSE:IOC"]})
    alone = run(one, events=events[~late], universe=universe, strategies=HOLD)
    assert alone.benchmark["equity"][-1] == pytest.approx(2_000_000, rel=1e-12)


def test_an_instrument_without_a_price_is_no_part_of_the_benchmark():
    universe, events = small_market(100, 200, symbols=("NSE:BEL", "NSE:IOC"))
    heard = events[(events["instrument"] == 0) | (events["kind"] == CLOCK)]
    held = run(question({"strategy": "hold"}), events=heard, universe=universe, strategies=HOLD)
    assert held.benchmark["equity"][-1] == pytest.approx(2_000_000, rel=1e-12)
    silent = question({"strategy": "hold", "instruments": ["NSE:IOC"]})
    alone = run(silent, events=heard, universe=universe, strategies=HOLD)
    assert alone.benchmark["equity"].unique().to_list() == [1_000_000]


def test_the_benchmark_of_real_minutes_is_the_mean_of_their_price_ratios(minutes_result: Result):
    ratios = []
    for symbol in minutes_result.universe.symbols:
        closes = minutes_result.bars(symbol)["close"]
        ratios.append(closes[-1] / closes[0])
    expected = minutes_result.initial * sum(ratios) / len(ratios)
    assert minutes_result.benchmark["equity"][-1] == pytest.approx(expected, rel=1e-9)
