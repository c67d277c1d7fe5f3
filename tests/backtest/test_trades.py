"""Trades from fills: where one begins and ends, at which average prices, and that they add up to the ledger."""

import datetime

import polars as pl
import pytest

from alpha_panda.backtest.result import Result
from tests.backtest.questions import scripted


def test_a_trade_runs_from_flat_to_flat():
    result = scripted(500, 510, 520, 530, 540, long_at=1, flat_at=3)
    (trade,) = result.trades.rows(named=True)
    assert (trade["strategy"], trade["symbol"], trade["side"], trade["quantity"]) == ("s0", "NSE:BEL", "long", 100)
    # The bar of 09:16 asks, that of 09:17 fills; the bar of 09:18 lets go, that of 09:19 fills.
    assert trade["entry_time"].strftime("%Y-%m-%d %H:%M %Z") == "2024-12-02 09:17 IST"
    assert trade["exit_time"].strftime("%H:%M") == "09:19"
    assert trade["held"] == datetime.timedelta(minutes=2)
    assert (trade["entry_price"], trade["exit_price"], trade["gross"]) == (510, 530, 2_000)
    assert trade["charges"] == pytest.approx(result.summary["charges"], abs=1e-9)
    assert trade["net"] == pytest.approx(2_000 - trade["charges"], abs=1e-9)
    assert trade["exit_reason"] == "signal"


def test_a_fill_through_flat_ends_one_trade_and_begins_another():
    result = scripted(500, 510, 520, 530, 540, 525, 520, long_at=1, short_at=3, flat_at=5)
    long, short = result.trades.rows(named=True)
    assert (long["side"], long["quantity"], long["entry_price"], long["exit_price"]) == ("long", 100, 510, 530)
    assert (short["side"], short["quantity"], short["entry_price"], short["exit_price"]) == ("short", 100, 530, 525)
    assert (long["gross"], short["gross"]) == (2_000, 500)
    assert long["exit_time"] == short["entry_time"]
    entry, crossing, leaving = result.fills["charges"]
    assert long["charges"] == pytest.approx(entry + crossing, abs=1e-9)
    assert short["charges"] == pytest.approx(leaving, abs=1e-9)


def test_an_exit_in_parts_is_one_trade_at_the_average_price():
    result = scripted(500, 510, 520, 530, 540, 560, 570, long_at=1, half_at=3, flat_at=5)
    (trade,) = result.trades.rows(named=True)
    # 50 of 100 left at 530 and 50 at 560.
    assert (trade["quantity"], trade["entry_price"], trade["exit_price"], trade["gross"]) == (100, 510, 545, 3_500)


def test_money_has_no_more_digits_than_the_ledger():
    # In floats, 219,000 times a ten-thousandth is 21.900000000000002.
    result = scripted(21, 21.9, 22, 23.45, 23.45, long_at=1, flat_at=3)
    (trade,) = result.trades.rows(named=True)
    assert (trade["entry_price"], trade["exit_price"]) == (21.9, 23.45)
    for name in ("gross", "charges", "net"):
        assert trade[name] == round(trade[name], 4)


def test_the_guard_that_closed_a_trade_is_its_exit_reason():
    result = scripted(500, 510, 520, 480, 470, 460, long_at=1, guards={"stop_loss": 0.05})
    (trade,) = result.trades.rows(named=True)
    # The stop of 5 % below 510 is met by the bar at 480, and the order fills at the next, 470.
    assert (trade["exit_reason"], trade["exit_price"]) == ("stop_loss", 470)


def test_excursions_are_what_the_price_did_while_the_trade_was_held():
    result = scripted(500, 510, 490, 540, 530, 600, long_at=1, flat_at=5)
    (trade,) = result.trades.rows(named=True)
    # Bought at 510 and sold at 600: 490 was the lowest on the way, and 600 the highest, for it was sold there.
    assert (trade["entry_price"], trade["exit_price"]) == (510, 600)
    assert (trade["mae"], trade["mfe"]) == pytest.approx((490 / 510 - 1, 600 / 510 - 1), rel=1e-12)
    assert trade["return"] == pytest.approx(trade["net"] / 51_000, rel=1e-12)


def test_a_short_trade_suffers_where_the_price_rises():
    result = scripted(500, 510, 490, 540, 530, 500, 505, short_at=1, flat_at=4)
    (trade,) = result.trades.rows(named=True)
    assert (trade["side"], trade["entry_price"], trade["exit_price"]) == ("short", 510, 530)
    assert (trade["mae"], trade["mfe"]) == pytest.approx((1 - 540 / 510, 1 - 490 / 510), rel=1e-12)


def test_excursions_of_real_minutes_are_those_of_a_plain_search(minutes_result: Result):
    trades = minutes_result.trades
    assert (trades["mae"] <= 0).all()
    assert (trades["mfe"] >= 0).all()
    for trade in trades.sample(25, seed=1).rows(named=True):
        bars = minutes_result.bars(trade["symbol"])
        held = bars.filter((pl.col("time") >= trade["entry_time"]) & (pl.col("time") < trade["exit_time"]))
        lowest = min([*held["low"], trade["entry_price"], trade["exit_price"]]) / trade["entry_price"] - 1
        highest = max([*held["high"], trade["entry_price"], trade["exit_price"]]) / trade["entry_price"] - 1
        expected = (lowest, highest) if trade["side"] == "long" else (-highest, -lowest)
        assert (trade["mae"], trade["mfe"]) == pytest.approx(expected, abs=1e-12)


def test_an_open_position_is_no_trade_yet():
    result = scripted(500, 510, 520, 530, long_at=1)
    assert len(result.trades) == 0
    (position,) = result.positions.rows(named=True)
    assert (position["quantity"], position["average_price"], position["last"]) == (100, 510, 530)
    assert (position["value"], position["unrealised"]) == (53_000, 2_000)


def test_trades_add_up_to_the_ledger_where_it_is_flat(paper_day: Result):
    summary, trades = paper_day.summary, paper_day.trades
    assert len(paper_day.positions) == 0
    assert len(trades) > 20
    assert trades["gross"].sum() == pytest.approx(summary["realised"], abs=1e-6)
    assert trades["net"].sum() == pytest.approx(summary["realised"] - summary["charges"], abs=1e-6)
    assert trades["net"].sum() == pytest.approx(summary["equity"] - 1_000_000, abs=1e-6)


def test_trades_of_real_minutes_are_those_the_account_counted(minutes_result: Result):
    trades, summary = minutes_result.trades, minutes_result.summary
    held = minutes_result.positions.select("strategy", "symbol")
    assert len(trades) == minutes_result.stats["# Trades"] > 500
    assert trades["exit_time"].is_sorted()
    assert set(trades["exit_reason"]) == {
        "signal",
        "stop_loss",
        "take_profit",
        "trailing_stop",
        "square_off",
        "holding_time",
    }
    closed = minutes_result.fills.join(held, on=["strategy", "symbol"], how="anti")["realised"].sum()
    assert trades.join(held, on=["strategy", "symbol"], how="anti")["gross"].sum() == pytest.approx(closed, abs=1e-6)
    assert minutes_result.fills["realised"].sum() == pytest.approx(summary["realised"], abs=1e-6)


def test_the_account_counts_wins_and_losses_as_the_trades_do(minutes_result: Result):
    trades, account = minutes_result.trades, minutes_result.account[0]
    net_e4 = trades.select((pl.col("net") * 10_000).round().cast(pl.Int64)).to_series()
    assert (net_e4 > 0).sum() == account["wins"]
    assert net_e4.filter(net_e4 > 0).sum() == account["gross_profit_e4"]
    assert -net_e4.filter(net_e4 <= 0).sum() == account["gross_loss_e4"]
