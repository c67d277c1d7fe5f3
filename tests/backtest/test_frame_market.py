"""A frame's rows as events: times, symbols and ticks, and what is refused."""

import datetime
from typing import Any

import polars as pl
import pytest

from alpha_panda.backtest.frame_market import market_of
from alpha_panda.errors import AlphaPandaError
from alpha_panda.instruments import Instrument, Universe, unlisted_token
from alpha_panda.kernels.records import BAR, CLOCK
from alpha_panda.units import ist_datetime
from tests.backtest.framed import dated, minutes

BEL = Universe([Instrument("NSE:BEL", unlisted_token("NSE:BEL"), tick_e4=500)])


def test_each_row_is_a_bar_that_is_known_at_its_time_and_followed_by_a_clock():
    frame = pl.concat([minutes([100, 101], "NSE:BEL"), minutes([10, 11], "NSE:ABB")])
    market = market_of(frame, None)
    assert market.universe.symbols == ("NSE:ABB", "NSE:BEL")
    assert market.events["kind"].tolist() == [BAR, BAR, CLOCK, BAR, BAR, CLOCK]
    assert market.events["close_e4"].tolist() == [100_000, 1_000_000, 0, 110_000, 1_010_000, 0]
    assert market.clock.tolist() == [2, 5, 2, 5]
    assert market.instrument.tolist() == [1, 1, 0, 0]
    assert f"{ist_datetime(market.time_ns[0]):%Y-%m-%d %H:%M}" == "2024-07-08 09:16"


def test_a_time_is_ist_unless_it_says_otherwise():
    naive = minutes([100, 101])
    ist = naive.with_columns(pl.col("time").dt.replace_time_zone("Asia/Kolkata"))
    for other in (ist, ist.with_columns(pl.col("time").dt.convert_time_zone("UTC"))):
        assert (market_of(other, None).events == market_of(naive, None).events).all()


def test_a_date_is_the_end_of_the_exchanges_day():
    market = market_of(dated([100, 101]), None)
    assert [f"{ist_datetime(time):%Y-%m-%d %H:%M}" for time in market.time_ns] == [
        "2024-01-01 15:30",
        "2024-01-02 15:30",
    ]
    # Since the closing auction began, a day ends with the last market, at 15:40.
    late = dated([100]).with_columns(date=pl.lit(datetime.date(2026, 8, 3)))
    assert f"{ist_datetime(market_of(late, None).time_ns[0]):%H:%M}" == "15:40"


def test_a_symbol_may_leave_out_its_exchange_or_be_left_out():
    assert market_of(minutes([100], "BEL"), BEL).universe == BEL
    assert market_of(minutes([100]), BEL).universe == BEL
    assert market_of(minutes([100]), None).universe.symbols == ("NSE:SHARE",)


@pytest.mark.parametrize(("last", "tick_e4"), [(249.0, 100), (250.0, 500), (4_000.0, 500)])
def test_an_unknown_symbol_is_a_share_with_the_tick_of_its_last_price(last: float, tick_e4: int):
    # The bands in force in July 2024: one paisa below 250 rupees, else five.
    (share,) = market_of(minutes([3_000.0, last], "NSE:NEW"), None).universe
    assert (share.tick_e4, share.instrument_token < 0, share.lot) == (tick_e4, True, 1)


WITHOUT = minutes([100, 101, 102])


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (WITHOUT.clear(), "the frame of bars has no row"),
        (WITHOUT.drop("close"), "the frame has no column close: it has time, open, high, low"),
        (WITHOUT.drop("time"), "the frame of bars needs one of time and date: it has open, high, low, close"),
        (WITHOUT.with_columns(date=pl.lit(1)), "the frame of bars needs one of time and date"),
        (WITHOUT.rename({"time": "date"}), "column date is Datetime(time_unit='us', time_zone=None): it holds days"),
        (WITHOUT.with_columns(time=pl.lit("09:16")), "column time is String: it holds the instants of the rows"),
        (WITHOUT.with_columns(low=pl.lit("1")), "column low is String: it must hold numbers"),
        (WITHOUT.with_columns(close=pl.Series([100.0, None, 102.0])), "column close: row 1 has no value: fill it"),
        (WITHOUT.with_columns(open=float("nan")), "column open: row 0 has the price nan"),
        (WITHOUT.with_columns(high=float("inf")), "column high: row 0 has the price inf"),
        (WITHOUT.with_columns(low=-1.0), "column low: row 0 has the price -1.0"),
        (WITHOUT.with_columns(volume=0.5), "column volume: row 0 has 0.5, which is not a whole number"),
        (
            WITHOUT.with_columns(low=150.0),
            "row 0, NSE:SHARE at 2024-07-08 09:16:00.000000 IST: open and close do not lie",
        ),
        (WITHOUT.reverse(), "row 1 lies before the row above it: sort by time first"),
        (
            pl.concat([WITHOUT, WITHOUT.tail(1)]),
            "row 3, NSE:SHARE at 2024-07-08 09:18:00.000000 IST: its instrument alr",
        ),
        (
            WITHOUT.with_columns(pl.col("time").dt.offset_by("-1m")),
            "NSE:SHARE has an event at 2024-07-08 09:15:00 IST, when NSE_EQ is closed: the time of a bar is its close",
        ),
        (minutes([100], "lower case"), "'NSE:lower case' cannot be an instrument"),
        (minutes([100], "NSE:BELL"), "NSE:BELL is not of this run; did you mean NSE:BEL?"),
        (
            dated([100]).with_columns(date=pl.lit(datetime.date(2024, 1, 26))),
            "NSE:SHARE has a bar of 2024-01-26, when NSE_DAY is closed",
        ),
        (dated([100, 101]).with_columns(date=pl.lit(None, pl.Date)), "column date: row 0 has no value"),
    ],
)
def test_a_frame_that_cannot_be_is_refused_in_one_sentence(frame: pl.DataFrame, sentence: str, request: Any):
    universe = BEL if "BELL" in sentence else None
    with pytest.raises(AlphaPandaError) as refused:
        market_of(frame, universe)
    assert str(refused.value).startswith(sentence), str(refused.value)
