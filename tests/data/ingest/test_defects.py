"""Each defect by itself, on rows made by hand: what is refused, for which reason, and what is not."""

import datetime
import math

import polars as pl
import pytest

from alpha_panda.data.ingest.defects import Defect, check_bars, check_ticks
from alpha_panda.units import ist_time_ns, parse_clock

MONDAY = datetime.date(2025, 1, 6)
NAN = math.nan

BAR = {"symbol": "NSE:AAA", "time": "09:16:00", "open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 5}
TICK = {"symbol": "NSE:AAA", "time": "09:15:01", "price": 10.0, "volume_day": 5, "bid": 0.0, "ask": 0.0}


def at(clock: str | None, date: datetime.date = MONDAY) -> int | None:
    return None if clock is None else ist_time_ns(date, parse_clock(clock))


def rows_of(base: dict[str, object], changes: list[dict[str, object]], calendar: str) -> pl.DataFrame:
    rows = [base | change for change in changes]
    times = [at(row.pop("time"), row.pop("date", MONDAY)) for row in rows]
    floats = dict.fromkeys(["open", "high", "low", "close", "price", "bid", "ask"], pl.Float64)
    integers = dict.fromkeys(["volume", "volume_day", "open_interest"], pl.Int64)
    schema = {name: (floats | integers | {"symbol": pl.String})[name] for name in rows[0]}
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(calendar=pl.lit(calendar))
    return frame.with_columns(pl.Series("time_ns", times, pl.Int64)).with_row_index("row")


def bar_defects(*changes: dict[str, object], resolution: str = "1m", calendar: str = "NSE_EQ") -> list[str | None]:
    checked = check_bars(rows_of(BAR, list(changes), calendar), resolution)
    return checked.sort("row")["defect"].to_list()


def tick_defects(*changes: dict[str, object], calendar: str = "NSE_EQ") -> list[str | None]:
    checked = check_ticks(rows_of(TICK | {"open_interest": 0}, list(changes), calendar))
    assert checked["row"].is_sorted()
    return checked["defect"].to_list()


# ── Bars ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_good_bar_has_no_defect():
    assert bar_defects({}, {"time": "15:30:00"}, {"time": "09:17:00", "volume": 0}) == [None] * 3


@pytest.mark.parametrize(
    ("change", "defect"),
    [
        ({"symbol": None}, Defect.SYMBOL),
        ({"time": None}, Defect.STAMP),
        ({"open": None}, Defect.PRICE),
        ({"high": NAN}, Defect.PRICE),
        ({"high": math.inf}, Defect.PRICE),
        ({"low": 0.0}, Defect.PRICE),
        ({"low": -1.0}, Defect.PRICE),
        ({"high": 10_000_000.01}, Defect.PRICE),
        ({"low": 0.00001}, Defect.PRICE),
        ({"volume": None}, Defect.VOLUME),
        ({"volume": -1}, Defect.VOLUME),
        ({"open": 8.0}, Defect.RANGE),
        ({"close": 13.0}, Defect.RANGE),
        ({"high": 8.0, "low": 12.0}, Defect.RANGE),
        ({"time": "09:15:00"}, Defect.SESSION),  # covers the minute before the open
        ({"time": "15:31:00"}, Defect.SESSION),
        ({"date": datetime.date(2025, 1, 5)}, Defect.SESSION),  # a Sunday
        ({"date": datetime.date(2025, 2, 26)}, Defect.SESSION),  # Mahashivratri
        ({"time": "09:16:30"}, Defect.MINUTE),
    ],
)
def test_a_bar_with_one_defect_is_refused_for_it(change: dict[str, object], defect: Defect):
    assert bar_defects({}, {"time": "09:20:00"} | change) == [None, defect]


def test_the_first_of_two_equal_bars_is_kept():
    assert bar_defects({}, {"time": "09:17:00"}, {}) == [None, None, Defect.DUPLICATE]


def test_the_first_of_two_different_bars_of_one_minute_is_kept():
    assert bar_defects({}, {"close": 10.5}, {"symbol": "NSE:BBB", "close": 10.5}) == [None, Defect.CONFLICT, None]


def test_a_defective_bar_does_not_stand_in_the_way_of_a_good_one():
    assert bar_defects({"close": 13.0}, {}) == [Defect.RANGE, None]


def test_bars_may_come_in_any_order():
    checked = check_bars(rows_of(BAR, [{"time": "09:18:00"}, {"time": "09:16:00"}], "NSE_EQ"), "1m")
    assert checked["row"].to_list() == [1, 0]
    assert checked["defect"].null_count() == 2


def test_the_session_is_that_of_the_calendar():
    change = {"date": datetime.date(2026, 8, 3), "time": "15:20:00"}  # the closing auction began this day
    assert bar_defects(change) == [None]
    assert bar_defects(change, calendar="NSE_EQ_FO") == [Defect.SESSION]


def test_a_daily_bar_is_known_when_its_session_closes():
    days = [MONDAY, datetime.date(2024, 11, 1), datetime.date(2024, 3, 2)]  # normal, Muhurat, two sessions
    rows = rows_of(BAR, [{"date": day, "time": "00:00:00"} for day in days], "NSE_EQ")
    checked = check_bars(rows, "1d").sort("row")
    assert checked["defect"].null_count() == 3
    assert checked["time_ns"].to_list() == [at("15:30", days[0]), at("19:00", days[1]), at("12:30", days[2])]


def test_a_daily_bar_of_a_day_without_a_session_is_refused():
    assert bar_defects({"date": datetime.date(2025, 2, 26), "time": "00:00"}, resolution="1d") == [Defect.SESSION]


# ── Ticks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_good_ticks_have_no_defect():
    ticks = [{}, {"price": 10.5}, {"time": "09:15:02"}, {"time": "15:29:59", "volume_day": 9}]
    assert tick_defects(*ticks) == [None] * 4


@pytest.mark.parametrize(
    ("change", "defect"),
    [
        ({"symbol": None}, Defect.SYMBOL),
        ({"time": None}, Defect.STAMP),
        ({"price": NAN}, Defect.PRICE),
        ({"price": 0.0}, Defect.PRICE),
        ({"price": None}, Defect.PRICE),
        ({"volume_day": -1}, Defect.VOLUME),
        ({"open_interest": None}, Defect.VOLUME),
        ({"bid": NAN}, Defect.QUOTE),
        ({"ask": -1.0}, Defect.QUOTE),
        ({"bid": 10.5, "ask": 10.5}, Defect.QUOTE),
        ({"time": "09:14:59", "price": 10.5}, Defect.SESSION),
        ({"time": "15:30:00", "volume_day": 6}, Defect.SESSION),
        ({"time": "15:30:00"}, Defect.STALE),
        ({"date": datetime.date(2025, 1, 11)}, Defect.STALE),  # a Saturday
        ({"time": "09:15:01"}, Defect.DUPLICATE),
        ({"time": "09:15:00"}, Defect.ORDER),
        ({"volume_day": 4}, Defect.VOLUME_FELL),
    ],
)
def test_a_tick_with_one_defect_is_refused_for_it(change: dict[str, object], defect: Defect):
    assert tick_defects({}, {"time": "09:15:02"} | change) == [None, defect]


def test_a_quote_known_on_one_side_only_is_good():
    assert tick_defects(
        {"bid": 9.0, "ask": 11.0}, {"time": "09:15:02", "bid": 9.0}, {"time": "09:15:03", "ask": 11.0}
    ) == [*(None, None, None)]


def test_a_stale_tick_repeats_its_own_instrument_and_not_another():
    late = {"time": "15:31:00"}
    assert tick_defects({}, {"symbol": "NSE:BBB", **late}, late) == [None, Defect.SESSION, Defect.STALE]


def test_a_late_tick_does_not_make_those_after_it_late():
    seconds = ["09:15:05", "09:15:03", "09:15:04", "09:15:05", "09:15:06"]
    found = tick_defects(*({"time": time, "price": 10.0 + row} for row, time in enumerate(seconds)))
    assert found == [None, Defect.ORDER, Defect.ORDER, None, None]


def test_volume_may_begin_again_on_the_next_day():
    assert tick_defects({"volume_day": 900}, {"date": datetime.date(2025, 1, 7), "volume_day": 5}) == [None, None]


def test_a_refused_tick_does_not_count_for_the_rules_on_those_after_it():
    impossible = {"time": "09:15:30", "price": -1.0, "volume_day": 1_000}
    assert tick_defects({}, impossible, {"time": "09:15:02"}) == [None, Defect.PRICE, None]


def test_instruments_are_held_against_themselves_only():
    ticks = [{"time": "09:15:09", "volume_day": 99}, {"symbol": "NSE:BBB"}, {"time": "09:15:10", "volume_day": 99}]
    assert tick_defects(*ticks) == [None] * 3
