"""When the exchange trades: normal days, holidays, special sessions, and the closing auction."""

import datetime
import itertools
import pathlib
from collections.abc import Callable
from typing import Any

import exchange_calendars
import numpy as np
import polars as pl
import pytest

from alpha_panda.errors import DataError
from alpha_panda.sessions import (
    at_day_close,
    calendars,
    days,
    inside,
    is_session,
    next_session,
    phases,
    previous_session,
    session_of,
    sessions,
)
from alpha_panda.units import DAY_NS, ist_datetime, ist_time_ns, parse_clock

CALENDARS = ("NFO", "NSE_DAY", "NSE_EQ", "NSE_EQ_FO")

# The checked calendar names of 2024 only what libraries got wrong; these are exchange_calendars' ordinary holidays.
HOLIDAYS_THAT_IT_OMITS = {
    datetime.date.fromisoformat(f"2024-{day}")
    for day in (
        "01-26",
        "03-08",
        "03-25",
        "03-29",
        "04-11",
        "04-17",
        "05-01",
        "06-17",
        "07-17",
        "08-15",
        "10-02",
        "11-15",
        "12-25",
    )
}


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
        ("NSE_DAY", "09:15-15:30", "09:15-15:40"),
    ],
)
def test_the_closing_auction_moved_the_close_of_some_calendars(calendar: str, before: str, after: str):
    assert hours(calendar, "2026-07-31") == [before]
    assert hours(calendar, "2026-08-03") == [after]


def test_there_are_exactly_these_calendars():
    assert calendars() == CALENDARS


@pytest.mark.parametrize("calendar", CALENDARS)
def test_every_day_of_three_years_agrees_with_the_checked_calendar(
    calendar: str, shared_file: Callable[[str], pathlib.Path]
):
    checked = pl.read_csv(shared_file("calendar/nse_calendar_2024_2026.csv"))
    known = {datetime.date.fromisoformat(row["date"]): row for row in checked.rows(named=True)}
    for day in range((datetime.date(2026, 12, 31) - datetime.date(2024, 1, 1)).days + 1):
        date = datetime.date(2024, 1, 1) + datetime.timedelta(days=day)
        assert hours(calendar, str(date)) == expected_hours(calendar, date, known.get(date)), date


def expected_hours(calendar: str, date: datetime.date, row: dict[str, Any] | None) -> list[str]:
    """Return the hours of a date by the checked calendar; what it leaves out of 2024 is what its heading leaves out."""
    if date in HOLIDAYS_THAT_IT_OMITS or (row is None and date.weekday() >= 5):
        return []
    auction = date >= datetime.date(2026, 8, 3)
    closes = {"NSE_EQ_FO": "15:15", "NFO": "15:40", "NSE_DAY": "15:40"}.get(calendar, "15:30") if auction else "15:30"
    if row is None:
        return [f"09:15-{closes}"]
    if row["kind"] == "holiday" or row["open_ist"] is None:  # the hours of Muhurat trading of 2026 are not known
        return []
    if "two short sessions" in row["reason"]:
        return ["09:15-12:30"] if calendar == "NSE_DAY" else ["09:15-10:00", "11:30-12:30"]
    return [f"{row['open_ist']}-{row['close_ist']}"]


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


def test_weekends_before_2019_are_sessions_where_two_files_saw_them(shared_file: Callable[[str], pathlib.Path]):
    own = pl.read_csv(shared_file("daily/SBIN_raw_2000_2024_nse_securitywise.csv.gz"), try_parse_dates=True)["DATE"]
    vendor = pl.read_parquet(shared_file("daily/adj_daily_2008_2021.parquet"))["date"]
    seen, confirmed = ({day for day in dates if day.weekday() >= 5 and day.year < 2019} for dates in (own, vendor))
    assert (len(seen), len(confirmed), confirmed - seen) == (21, 11, set())
    assert {day for day in seen if is_session("NSE_DAY", day)} == confirmed


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


def test_a_day_of_two_sessions_is_one_to_its_daily_bar():
    assert hours("NSE_DAY", "2024-03-02") == ["09:15-12:30"]
    assert hours("NSE_DAY", "2021-02-24") == ["09:15-17:00"]


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


@pytest.mark.parametrize("year", range(2019, 2027))
def test_the_weekdays_of_a_year_are_those_of_another_library_but_for_its_known_gaps(year: int):
    bombay = exchange_calendars.get_calendar("XBOM", start="2019-01-01", end="2026-12-31")
    theirs = {stamp.date() for stamp in bombay.sessions if stamp.year == year}
    ours = {day.date for day in days("NSE_EQ", datetime.date(year, 1, 1), datetime.date(year, 12, 31)) if day.sessions}
    muhurat = {date for date in map(datetime.date.fromisoformat, MUHURAT) if date.year == year}
    assert theirs <= ours
    # It knows no Muhurat trading, nor the weekend sessions of 2020, of the drills of 2024 and of the Budget of 2026.
    weekend = {
        datetime.date(2020, 2, 1),
        datetime.date(2024, 3, 2),
        datetime.date(2024, 5, 18),
        datetime.date(2026, 2, 1),
    }
    assert ours - theirs == muhurat | {date for date in weekend if date.year == year}


MUHURAT = ["2019-10-27", "2020-11-14", "2021-11-04", "2022-10-24", "2023-11-12", "2024-11-01", "2025-10-21"]


# ── The parts of a day ───────────────────────────────────────────────────────────────────────────────────────────────


def parts(calendar: str, date: str) -> list[str]:
    return [
        f"{ist_datetime(phase.open_ns):%H:%M}-{ist_datetime(phase.close_ns):%H:%M} {phase.name}"
        for phase in phases(calendar, datetime.date.fromisoformat(date))
    ]


def test_a_share_with_futures_ends_its_day_in_the_closing_auction():
    # Pre-open of 2026-09-07 and closing auction: NSE's circulars CMTR74466 and CMTR72394 as summarised in the facts.
    assert parts("NSE_EQ_FO", "2026-09-07") == [
        "09:00-09:05 pre-open: order entry",
        "09:05-09:10 pre-open: limit orders only",
        "09:10-09:12 pre-open: matching",
        "09:12-09:15 pre-open: buffer",
        "09:15-15:15 continuous",
        "15:15-15:20 closing auction: reference price",
        "15:20-15:25 closing auction: order entry",
        "15:25-15:30 closing auction: limit orders only",
        "15:30-15:35 closing auction: matching",
        "15:50-16:00 post-close",
    ]


def test_before_the_closing_auction_every_share_had_the_same_day():
    expected = [
        "09:00-09:08 pre-open: order entry",
        "09:08-09:12 pre-open: matching",
        "09:12-09:15 pre-open: buffer",
        "09:15-15:30 continuous",
        "15:40-16:00 post-close",
    ]
    assert parts("NSE_EQ_FO", "2026-07-31") == parts("NSE_EQ", "2026-07-31") == expected


@pytest.mark.parametrize(("date", "count"), [("2025-12-05", 1), ("2025-12-08", 4)])
def test_futures_have_a_pre_open_since_december_2025(date: str, count: int):  # FAOP71640 of 2025-12-05
    assert len(parts("NFO", date)) == count


def test_a_day_out_of_the_ordinary_has_only_the_phases_known_of_it():
    assert parts("NSE_EQ", "2025-10-21") == ["13:30-13:45 pre-open", "13:45-14:45 continuous"]
    assert parts("NSE_EQ", "2024-03-02") == ["09:15-10:00 continuous", "11:30-12:30 continuous"]
    assert parts("NSE_EQ", "2026-11-08") == []
    assert parts("NSE_EQ", "2026-11-10") == []


def test_the_calendar_of_days_has_no_parts():
    assert parts("NSE_DAY", "2026-09-07") == ["09:15-15:40 whole day"]


def test_phases_never_overlap_and_hold_the_sessions():
    for calendar in CALENDARS:
        for day in days(calendar, datetime.date(2025, 12, 1), datetime.date(2026, 12, 31)):
            found = phases(calendar, day.date)
            assert all(one.close_ns <= other.open_ns for one, other in itertools.pairwise(found))
            assert {(phase.open_ns, phase.close_ns) for phase in found} >= set(day.sessions)


@pytest.mark.parametrize(
    ("date", "kind", "reason"),
    [
        ("2026-02-01", "special session", "Union Budget"),
        ("2026-11-08", "hours not known", "Muhurat trading"),
        ("2026-11-10", "holiday", "Diwali Balipratipada"),
        ("2026-11-07", "weekend", ""),
        ("2026-11-09", "session", ""),
    ],
)
def test_a_date_says_what_it_is_and_why(date: str, kind: str, reason: str):
    day = datetime.date.fromisoformat(date)
    [found] = days("NSE_EQ", day, day)
    assert found.kind == kind
    assert found.reason.startswith(reason)


def test_every_holiday_has_a_name():
    found = days("NSE_EQ", datetime.date(2019, 1, 1), datetime.date(2026, 12, 31))
    assert [day.date for day in found if day.kind == "holiday" and not day.reason] == []


def test_the_sessions_next_to_a_date_pass_over_holidays_and_weekends():
    # The Saturday session of 2024-01-20 stood in for Monday the 22nd.
    assert previous_session("NSE_EQ", datetime.date(2024, 1, 22)) == datetime.date(2024, 1, 20)
    assert next_session("NSE_EQ", datetime.date(2024, 1, 20)) == datetime.date(2024, 1, 23)


# ── Days ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_day_of_every_instrument_is_over_at_the_same_instant():
    noon = np.array([ist_time_ns(datetime.date(2026, 8, day), parse_clock("12:00")) for day in (1, 3, 4)])
    closes = {calendar: at_day_close(calendar, noon).tolist() for calendar in CALENDARS}
    assert len({tuple(times) for times in closes.values()}) == 1
    # Saturday 2026-08-01 had no session, so it keeps its instant.
    assert [f"{ist_datetime(time_ns):%d %H:%M}" for time_ns in closes["NSE_EQ"]] == ["01 12:00", "03 15:40", "04 15:40"]


def test_a_day_of_two_sessions_is_over_at_the_second_close():
    date = datetime.date(2024, 3, 2)
    [close_ns] = at_day_close("NSE_EQ", np.array([ist_time_ns(date)])).tolist()
    assert f"{ist_datetime(close_ns):%H:%M}" == "12:30"


def test_no_instants_have_no_day_to_close():
    assert at_day_close("NSE_EQ", np.array([], dtype=np.int64)).tolist() == []


def test_an_unknown_calendar_is_refused_with_those_there_are():
    with pytest.raises(
        DataError, match="'MCX' is not a calendar that we have: choose one of NFO, NSE_DAY, NSE_EQ, NSE_EQ_FO"
    ):
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
