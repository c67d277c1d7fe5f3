"""When the exchange trades: normal days, holidays, special sessions, and the closing auction."""

import datetime
import pathlib
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from alpha_panda.errors import DataError
from alpha_panda.sessions import calendars, inside, is_session, session_of, sessions
from alpha_panda.units import DAY_NS, ist_datetime, ist_time_ns, parse_clock

CALENDARS = ("NFO", "NSE_EQ", "NSE_EQ_FO")


def hours(calendar: str, date: str) -> list[str]:
    day = datetime.date.fromisoformat(date)
    return [
        f"{ist_datetime(opens):%H:%M}-{ist_datetime(closes):%H:%M}"
        for opens, closes in sessions(calendar, day, day).tolist()
    ]


@pytest.mark.parametrize(
    ("calendar", "before", "after"),
    # Closing auction: CMTR74466 and FAOP74467 of 2026-05-29, in force from Monday 2026-08-03.
    [
        ("NSE_EQ", "09:15-15:30", "09:15-15:30"),
        ("NSE_EQ_FO", "09:15-15:30", "09:15-15:15"),
        ("NFO", "09:15-15:30", "09:15-15:40"),
    ],
)
def test_the_closing_auction_moved_the_close_of_some_calendars(calendar: str, before: str, after: str):
    assert hours(calendar, "2026-07-31") == [before]
    assert hours(calendar, "2026-08-03") == [after]


def test_there_are_exactly_three_calendars():
    assert calendars() == CALENDARS


@pytest.mark.parametrize("calendar", CALENDARS)
def test_every_day_agrees_with_the_checked_calendar(calendar: str, shared_file: Callable[[str], pathlib.Path]):
    checked = pl.read_csv(shared_file("calendar/nse_calendar_2024_2026.csv"))
    for date, kind, opens, closes, reason in checked.select("date", "kind", "open_ist", "close_ist", "reason").rows():
        if kind == "holiday" or opens is None:  # the hours of Muhurat trading on 2026-11-08 are not known
            assert hours(calendar, date) == [], date
        elif "two short sessions" in reason:
            morning, midday = hours(calendar, date)
            assert (morning[:5], midday[-5:]) == (opens, closes), date
        else:
            assert hours(calendar, date) == [f"{opens}-{closes}"], date


def test_the_weekdays_and_weekends_of_2025_and_2026_are_the_checked_ones_and_no_others(
    shared_file: Callable[[str], pathlib.Path],
):
    checked = pl.read_csv(shared_file("calendar/nse_calendar_2024_2026.csv"), try_parse_dates=True)
    holidays = set(checked.filter(kind="holiday")["date"])
    extra = set(checked.filter(pl.col("kind") != "holiday", pl.col("open_ist").is_not_null())["date"])
    for day in range(730):
        date = datetime.date(2025, 1, 1) + datetime.timedelta(days=day)
        assert is_session("NSE_EQ", date) == ((date.weekday() < 5 and date not in holidays) or date in extra), date


def test_every_published_day_is_a_session_and_only_the_holes_of_the_source_are_not_published(
    shared_file: Callable[[str], pathlib.Path],
):
    published = set(pl.read_parquet(shared_file("daily/raw_eq_2019_2026.parquet"), columns=["date"])["date"])
    expected = {
        ist_datetime(opens).date()
        for opens in sessions("NSE_EQ", datetime.date(2019, 10, 1), max(published))["open_ns"]
    }
    # The source lacks Muhurat trading of 2021 and one Monday of 2022, and of 2019 before October has one day only.
    assert expected - published == {datetime.date(2021, 11, 4), datetime.date(2022, 8, 8)}
    assert published - expected == {datetime.date(2019, 8, 23)}
    assert is_session("NSE_EQ", datetime.date(2019, 8, 23))


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2024-11-01", ["18:00-19:00"]),  # Muhurat trading
        ("2025-02-01", ["09:15-15:30"]),  # the Budget, a Saturday
        ("2024-03-02", ["09:15-10:00", "11:30-12:30"]),  # drill at the disaster recovery site
        ("2021-02-24", ["09:15-11:40", "15:45-17:00"]),  # outage; SEBI's statement of the day
        ("2009-12-31", ["09:55-15:30"]),
        ("2010-01-04", ["09:00-15:30"]),
        ("2010-10-18", ["09:15-15:30"]),
    ],
)
def test_days_out_of_the_ordinary_have_their_own_hours(date: str, expected: list[str]):
    assert hours("NSE_EQ", date) == expected


def test_a_split_day_is_one_span_from_first_open_to_last_close():
    span = session_of("NSE_EQ", datetime.date(2024, 3, 2))
    assert span is not None
    assert [f"{ist_datetime(time_ns):%H:%M}" for time_ns in span] == ["09:15", "12:30"]


def test_an_instant_is_inside_from_the_open_until_just_before_the_close():
    date = datetime.date(2024, 3, 2)
    table = sessions("NSE_EQ", date, date)
    clocks = ["09:14:59", "09:15", "09:59:59", "10:00", "11:29:59", "11:30", "12:29:59", "12:30"]
    times = np.array([ist_time_ns(date, parse_clock(clock)) for clock in clocks])
    assert inside(table, times).tolist() == [False, True, True, False, False, True, True, False]
    assert not inside(table[:0], times).any()


def test_a_day_without_trading_has_no_span():
    assert session_of("NSE_EQ", datetime.date(2026, 1, 26)) is None


def test_every_weekday_is_a_session_in_a_year_without_holidays():
    rows = sessions("NSE_EQ", datetime.date(2030, 1, 1), datetime.date(2030, 12, 31))
    assert len(rows) == np.busday_count("2030-01-01", "2031-01-01")


def test_sessions_lie_in_time_order_and_never_overlap():
    rows = sessions("NFO", datetime.date(2019, 1, 1), datetime.date(2026, 12, 31))
    assert np.all(rows["open_ns"] < rows["close_ns"])
    assert np.all(rows["close_ns"][:-1] < rows["open_ns"][1:])
    assert np.all(rows["close_ns"] - rows["open_ns"] < DAY_NS)


def test_an_unknown_calendar_is_refused_with_those_there_are():
    with pytest.raises(DataError, match="'MCX' is not a calendar that we have: choose one of NFO, NSE_EQ, NSE_EQ_FO"):
        sessions("MCX", datetime.date(2025, 1, 1), datetime.date(2025, 1, 2))


@pytest.mark.parametrize("calendar", CALENDARS)
def test_every_calendar_reaches_back_to_the_year_2000(calendar: str):
    assert len(sessions(calendar, datetime.date(2000, 1, 1), datetime.date(2039, 12, 31))) > 10_000


def test_dates_before_the_first_known_hours_are_refused():
    with pytest.raises(DataError, match="before 2000-01-01 are not known: 1999-12-31 is too early"):
        is_session("NSE_EQ", datetime.date(1999, 12, 31))


def test_dates_the_wrong_way_round_are_refused():
    with pytest.raises(DataError, match="the last date comes before the first"):
        sessions("NSE_EQ", datetime.date(2025, 1, 2), datetime.date(2025, 1, 1))
