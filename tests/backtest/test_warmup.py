"""Warming up: strategies see the days before, the account begins on its day with what they want by then."""

import datetime

import numpy as np
import polars as pl
import pytest

from alpha_panda.backtest.inputs import Selection, inputs_of, study_of
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import run
from alpha_panda.chain import SignalStage
from alpha_panda.data.synthetic import synthetic_bars
from alpha_panda.errors import ConfigurationError, EventError
from alpha_panda.kernels.records import BAR
from alpha_panda.units import ist_date
from tests.backtest.conftest import Market
from tests.backtest.questions import HOLD, SCRIPT, question, strategy_file

DAY = datetime.date(2026, 11, 13)
SLOW = {"interval": "15m", "size": {"mode": "units", "value": 10}, "parameters": {"fast": 5, "slow": 40}}


def held_at_the_close(result: Result) -> pl.DataFrame:
    """Return the position of each book and day by the fills, from DAY on."""
    fills = result.fills.filter(pl.col("time").dt.date() >= DAY)
    return fills.group_by("symbol", pl.col("time").dt.date().alias("date"), maintain_order=True).agg(
        pl.col("position").last()
    )


def test_no_fill_comes_before_the_day_and_the_figures_begin_with_it(weeks: Market):
    universe, events = weeks
    result = run(question(SLOW), events=events, universe=universe, trade_from=DAY)
    assert len(result.fills) > 2
    assert ist_date(result.events["time_ns"][0]) == DAY
    assert result.fills["time"].dt.date().min() == DAY
    assert result.equity["time"].dt.date().min() >= DAY
    assert result.summary["events"] == len(result.events) < len(events)
    assert np.shares_memory(result.events, events)


def test_books_are_what_a_run_that_traded_all_along_would_hold(weeks: Market):
    universe, events = weeks
    all_along = run(question(SLOW), events=events, universe=universe)
    warmed = run(question(SLOW), events=events, universe=universe, trade_from=DAY)
    before = all_along.fills.filter(pl.col("time").dt.date() < DAY).group_by("symbol").agg(pl.col("position").last())
    assert (before["position"] > 0).any(), "nothing was held over the night, so nothing is compared"
    held = warmed.fills.group_by("symbol").agg(pl.col("time").first().dt.date(), pl.col("position").first())
    for symbol, position in before.filter(pl.col("position") > 0).rows():
        assert held.row(by_predicate=pl.col("symbol") == symbol) == (symbol, DAY, position)
    assert (warmed.books["target"] == all_along.books["target"]).all()
    assert (warmed.books["quantity"] == all_along.books["quantity"]).all()
    assert held_at_the_close(all_along).join(held_at_the_close(warmed), on=["symbol", "date", "position"]).height > 3


def test_a_cold_start_would_know_nothing_of_the_past(weeks: Market):
    universe, events = weeks
    warmed = run(question(SLOW), events=events, universe=universe, trade_from=DAY)
    cold = run(question(SLOW), events=events, universe=universe, first=DAY)
    assert cold.fills["time"][0] > warmed.fills["time"][0]


def test_a_standing_target_is_heard_with_the_first_price_of_its_instrument():
    universe, events = synthetic_bars(
        DAY - datetime.timedelta(days=1), DAY, seed=7, symbols=("SIM:LOTUS", "SIM:PANDA", "SIM:TIGER")
    )
    late_ns = 3_600 * 10**9
    first_ns = events["time_ns"][np.argmax([ist_date(time_ns) == DAY for time_ns in events["time_ns"]])]
    silent = (events["kind"] == BAR) & (events["instrument"] == 1)
    silent &= (events["time_ns"] >= first_ns) & (events["time_ns"] < first_ns + late_ns)
    result = run(
        question({"strategy": "hold"}, market={"latency_seconds": 0}),
        events=events[~silent],
        universe=universe,
        strategies=HOLD,
        trade_from=DAY,
    )
    made = result.decisions.sort("time")
    assert made["symbol"].to_list() == ["SIM:LOTUS", "SIM:TIGER", "SIM:PANDA"]
    assert (made["time"].dt.epoch("ns") - first_ns).to_list() == [0, 0, late_ns]
    assert set(made["verdict"]) == {"approved"}


def test_a_standing_target_waits_for_the_hour_at_which_positions_may_be_opened(weeks: Market):
    universe, events = weeks
    asked = question({"strategy": "hold"}, risk={"entry_open": "10:00"})
    result = run(asked, events=events, universe=universe, strategies=HOLD, trade_from=DAY)
    assert result.decisions["time"].dt.strftime("%Y-%m-%d %H:%M").to_list() == [f"{DAY} 10:00"] * 2
    assert set(result.decisions["verdict"]) == {"approved"}


def test_an_intraday_target_does_not_stand_over_the_night(weeks: Market):
    universe, events = weeks
    script = {"strategy": "script", "product": "MIS", "parameters": {"long_at": 2}}
    asked = question({**script, "size": {"mode": "units", "value": 10}})
    along = run(asked, events=events, universe=universe, strategies=SCRIPT)
    assert len(along.trades) == len(universe)
    warmed = run(asked, events=events, universe=universe, strategies=SCRIPT, trade_from=DAY)
    assert len(warmed.fills) == 0


@pytest.mark.parametrize("strategy", ["sma_cross", "rank_momentum"])
def test_the_block_size_changes_no_byte(weeks: Market, strategy: str):
    universe, events = weeks
    asked = question({"strategy": strategy_file(strategy), "interval": "15m", "size": {"mode": "units", "value": 10}})
    whole = run(asked, events=events, universe=universe, trade_from=DAY)
    for block in (1, 997):
        parts = run(asked, events=events, universe=universe, trade_from=DAY, block=block)
        assert parts.ledger_hash == whole.ledger_hash
        assert parts.work.decisions.tobytes() == whole.work.decisions.tobytes()
        assert parts.work.fills.tobytes() == whole.work.fills.tobytes()


def test_what_is_wanted_is_what_the_strategies_say(weeks: Market):
    universe, events = weeks
    study, folders = study_of(question(SLOW))
    inputs = inputs_of(study, Selection(events=events, universe=universe), {}, folders)
    said = SignalStage(inputs.profile, universe, inputs.strategies).advance(events)
    warmed = run(question(SLOW), events=events, universe=universe, trade_from=DAY)
    start = len(events) - len(warmed.events)
    last_before = {int(signal["instrument"]): float(signal["target"]) for signal in said[said["event_index"] < start]}
    assert warmed.summary["signals"] == len(last_before) + int((said["event_index"] >= start).sum())


def test_a_day_from_which_the_data_begins_warms_nothing_up(weeks: Market):
    universe, events = weeks
    plain = run(question(SLOW), events=events, universe=universe)
    assert run(question(SLOW), events=events, universe=universe, trade_from="2026-01-01").ledger_hash == (
        plain.ledger_hash
    )


def test_a_day_after_the_data_is_refused(weeks: Market):
    universe, events = weeks
    with pytest.raises(EventError, match="left to trade on from 2027-01-01"):
        run(question(SLOW), events=events, universe=universe, trade_from="2027-01-01")
    with pytest.raises(ConfigurationError, match="is not a date"):
        run(question(SLOW), events=events, universe=universe, trade_from="someday")
