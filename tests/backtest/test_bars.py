"""Bars of a result: the events themselves, or what the kernels make of them for a strategy."""

import polars as pl
import pytest

from alpha_panda.backtest.bars import bars_frame, rows_by_instrument
from alpha_panda.backtest.result import Result
from alpha_panda.errors import DataError
from tests.backtest.conftest import Market
from tests.backtest.questions import scripted
from tests.recording import recorded


def test_without_an_interval_the_bars_are_the_events():
    result = scripted(500, 510, 520, long_at=1)
    bars = result.bars("NSE:BEL")
    assert bars.columns == ["time", "open", "high", "low", "close", "volume"]
    assert bars["close"].to_list() == [500, 510, 520]
    assert bars["time"].dt.strftime("%H:%M").to_list() == ["09:16", "09:17", "09:18"]


@pytest.mark.parametrize("every", ["15m", "1h", "1d"])
def test_bars_are_those_that_a_strategy_sees(weeks: Market, every: str):
    universe, events = weeks
    seen, _ = recorded(events, universe, every)
    rows = rows_by_instrument(events, len(universe))
    for index in range(len(universe)):
        mine = seen.filter(pl.col("instrument") == index)
        bars = bars_frame(events, rows[index], universe[index], every)
        assert len(bars) > 10
        assert bars["time"].dt.epoch("ns").to_list() == mine["time_ns"].to_list()
        assert bars["volume"].to_list() == mine["volume"].to_list()
        for name in ("open", "high", "low", "close"):
            assert (bars[name] * 10_000).round().cast(pl.Int64).to_list() == mine[f"{name}_e4"].to_list()


def test_ticks_become_bars_too(paper_day: Result):
    bars = paper_day.bars("SIM:PANDA", "1h")
    # 09:15 to 15:30 in hours from the open: six whole ones and a quarter.
    assert bars["time"].dt.strftime("%H:%M").to_list()[-2:] == ["15:15", "15:30"]
    assert len(bars) == 7
    ticks = paper_day.bars("SIM:PANDA")
    assert bars["volume"].sum() == ticks["volume"].sum()
    assert bars["high"].max() == ticks["high"].max()


def test_an_unknown_symbol_or_interval_is_refused(paper_day: Result):
    with pytest.raises(DataError, match="SIM:PANDO is not of this run; did you mean SIM:PANDA"):
        paper_day.bars("SIM:PANDO")
    with pytest.raises(DataError, match="is not a bar interval"):
        paper_day.bars("SIM:PANDA", "1w")
