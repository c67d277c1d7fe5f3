"""Records as frames: rupees, IST and words, and every column consistent with the ledger."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_series_equal

from alpha_panda.backtest.frames import IST_TIME, Names, frame_of
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import run
from alpha_panda.kernels import records
from alpha_panda.kernels.clock import NEVER_NS
from tests.backtest.questions import HOLD, question, small_market

NAMES = Names(("one", "two"), ("NSE:BEL", "NSE:INFY"))


def test_a_record_reads_as_a_person_would_say_it():
    orders = np.zeros(2, records.ORDER)
    orders["strategy"], orders["instrument"] = [1, 0], [0, 1]
    orders["side"], orders["order_type"], orders["status"] = records.SELL, records.SL_M, records.TRIGGERED
    orders["time_ns"], orders["expires_ns"] = 1_733_110_200_000_000_000, [NEVER_NS, 0]
    orders["trigger_e4"], orders["opening"], orders["guard"] = 1_234_567, 1, records.SQUARE_OFF
    row, other = frame_of(orders, NAMES).rows(named=True)
    assert (row["strategy"], row["symbol"], other["strategy"], other["symbol"]) == ("two", "NSE:BEL", "one", "NSE:INFY")
    assert (row["side"], row["order_type"], row["status"], row["guard"]) == ("SELL", "SL-M", "triggered", "square_off")
    # 1,733,110,200 s after 1970 is 2024-12-02 03:30 UTC, as `date -u -d @1733110200` says.
    assert row["time"].strftime("%Y-%m-%d %H:%M:%S %z") == "2024-12-02 09:00:00 +0530"
    assert row["expires"] is other["expires"] is None
    assert row["trigger"] == 123.4567
    assert row["opening"] is True


def test_frames_without_rows_keep_their_columns():
    for dtype in (records.DECISION, records.ORDER, records.FILL, records.SNAPSHOT):
        empty, one = (frame_of(np.zeros(count, dtype), NAMES) for count in (0, 0))
        assert empty.schema == one.schema
        assert empty.schema[next(name for name in empty.columns if name == "time")] == IST_TIME


def test_a_number_without_a_word_does_not_pass():
    with pytest.raises(pl.exceptions.InvalidOperationError):
        frame_of(np.array([(9,)], [("side", "i8")]), NAMES)


def test_the_last_row_of_the_equity_is_the_summary(paper_day: Result):
    end = paper_day.equity.row(-1, named=True)
    for name in ("cash", "equity", "realised", "unrealised", "charges"):
        assert end[name] == paper_day.summary[name]


def test_every_row_of_the_equity_obeys_the_identity_of_the_ledger(minutes_result: Result):
    equity = minutes_result.equity
    assert equity["time"].is_sorted()
    assert len(equity) > 1_000
    said = 1_000_000 + equity["realised"] + equity["unrealised"] - equity["charges"]
    assert_series_equal(equity["equity"], said, check_names=False, abs_tol=1e-6)


def test_charges_add_up_by_item_and_by_strategy(minutes_result: Result):
    charges, total = minutes_result.charges, minutes_result.charges.row(-1, named=True)
    assert charges["strategy"].to_list() == ["momentum", "mean_reversion", "ema_cross", "total"]
    assert total["total"] == minutes_result.summary["charges"]
    for item in records.CHARGES.names:
        assert total[item.removesuffix("_e4")] == minutes_result.account["charges"][item][0] / 10_000
    items = [name for name in charges.columns if name not in ("strategy", "total")]
    assert_series_equal(charges.select(pl.sum_horizontal(items)).to_series(), charges["total"], check_names=False)
    by_strategy = minutes_result.fills.group_by("strategy").agg(pl.col("charges").sum())
    for strategy, paid in by_strategy.rows():
        assert charges.filter(pl.col("strategy") == strategy)["total"].item() == pytest.approx(paid, abs=1e-6)


def test_fills_positions_and_books_agree(minutes_result: Result):
    last = minutes_result.fills.group_by("strategy", "symbol").agg(pl.col("position").last())
    held = last.filter(pl.col("position") != 0).sort("strategy", "symbol")
    positions = minutes_result.positions.sort("strategy", "symbol")
    assert positions.select("strategy", "symbol", position="quantity").equals(held)
    assert positions["unrealised"].sum() == pytest.approx(minutes_result.summary["unrealised"], abs=1e-6)


def test_refusals_are_the_decisions_that_the_account_refused(minutes_result: Result):
    assert len(minutes_result.refusals) == minutes_result.summary["refused"] > 0
    assert minutes_result.refusals["order_id"].unique().to_list() == [0]
    assert len(minutes_result.decisions) == minutes_result.summary["refused"] + minutes_result.summary["approved"]


def test_a_rule_about_money_shows_rupees_and_a_rule_about_age_seconds():
    universe, events = small_market(1_000, 1_000, 1_000)
    hold = question({"strategy": "hold", "size": {"mode": "units", "value": 90}}, risk={"order_value": 50_000})
    clipped = run(hold, events=events, universe=universe, strategies=HOLD).decisions.row(0, named=True)
    assert (clipped["verdict"], clipped["code"], clipped["asked"], clipped["granted"]) == (
        "clipped",
        "order_value",
        90,
        50,
    )
    assert (clipped["figure"], clipped["limit"]) == (90_000, 50_000)
    late = question({"strategy": "hold"}, risk={"entry_open": "10:00"})
    refused = run(late, events=events, universe=universe, strategies=HOLD).refusals.row(0, named=True)
    # 09:16 and 10:00 in seconds since midnight.
    assert (refused["code"], refused["figure"], refused["limit"]) == ("outside_window", 33_360, 36_000)
