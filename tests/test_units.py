"""Rupees, times of day, intervals and instants, there and back."""

import datetime
import re
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_panda.errors import DataError, MoneyOverflowError
from alpha_panda.units import (
    DAY_NS,
    HOUR_NS,
    IST,
    MINUTE_NS,
    SECOND_NS,
    format_rupees,
    ist_date,
    ist_datetime,
    ist_time_ns,
    parse_clock,
    parse_interval,
    to_e4,
    to_rupees,
    to_time_ns,
)

INT64_MAX = 2**63 - 1

# ── Money ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rupees", "amount_e4"),
    [
        (0, 0),
        (1, 10_000),
        (1234.5, 12_345_000),
        ("12.5", 125_000),
        (0.1, 1_000),  # a float that has no exact binary form
        (Decimal("0.0001"), 1),
        ("0.00005", 1),  # half a unit rounds up,
        ("0.00004999", 0),
        ("-0.00005", -1),  # and away from zero for a debt
        (2.67505, 26_751),  # the shortest text of the float decides, not its binary tail
        ("922337203685477.5807", INT64_MAX),
    ],
)
def test_rupees_become_e4_rounded_half_up(rupees: float | str | Decimal, amount_e4: int):
    assert to_e4(rupees) == amount_e4


@given(st.decimals(-(10**12), 10**12, places=6))
def test_rupees_round_as_decimal_arithmetic_says(rupees: Decimal):
    assert to_e4(rupees) == int((rupees * 10_000).quantize(Decimal(1), ROUND_HALF_UP))


@given(st.integers(-(2**53), 2**53))
def test_what_a_screen_shows_in_rupees_converts_back_exactly(amount_e4: int):
    assert to_e4(to_rupees(amount_e4)) == amount_e4


@pytest.mark.parametrize("rupees", [float("nan"), float("inf"), float("-inf"), "NaN", "Infinity"])
def test_an_amount_that_is_not_finite_is_refused(rupees: float | str):
    with pytest.raises(DataError, match=r"is not a finite amount in rupees"):
        to_e4(rupees)


@pytest.mark.parametrize("rupees", ["", "ten", "1,000", "₹5"])
def test_text_that_is_no_amount_is_refused_by_name(rupees: str):
    with pytest.raises(DataError, match=f"'{rupees}' is not an amount in rupees: give a number"):
        to_e4(rupees)


@pytest.mark.parametrize("rupees", ["922337203685477.5808", 1e18, -1e18])
def test_an_amount_beyond_64_bits_raises(rupees: float | str):
    with pytest.raises(MoneyOverflowError, match="do not fit 64 bits"):
        to_e4(rupees)


@pytest.mark.parametrize(
    ("amount_e4", "shown", "shown_signed"),
    [
        (0, "₹0.00", "₹0.00"),
        (25_169_809_400, "₹25,16,980.94", "+₹25,16,980.94"),
        (-25_169_809_400, "−₹25,16,980.94", "−₹25,16,980.94"),
        (9_990_000, "₹999.00", "+₹999.00"),
        (10_000_000, "₹1,000.00", "+₹1,000.00"),
        (1_000_000_000, "₹1,00,000.00", "+₹1,00,000.00"),
        (1_234_567_890_000_000, "₹1,23,45,67,89,000.00", "+₹1,23,45,67,89,000.00"),
        (49, "₹0.00", "₹0.00"),  # less than half a paisa is nothing, and nothing has no sign
        (-49, "₹0.00", "₹0.00"),
        (50, "₹0.01", "+₹0.01"),
        (-50, "−₹0.01", "−₹0.01"),
        (9_999_950, "₹1,000.00", "+₹1,000.00"),
    ],
)
def test_rupees_are_grouped_as_in_india(amount_e4: int, shown: str, shown_signed: str):
    assert format_rupees(amount_e4) == shown
    assert format_rupees(amount_e4, signed=True) == shown_signed


@given(st.integers(-(10**17), 10**17))
def test_grouping_moves_no_digit(amount_e4: int):
    digits = format_rupees(amount_e4).replace("₹", "").replace(",", "").replace("−", "-")
    assert Decimal(digits) == (Decimal(amount_e4) / 10_000).quantize(Decimal("0.01"), ROUND_HALF_UP)


# ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "clock_ns"),
    [
        ("00:00", 0),
        ("09:15", 9 * HOUR_NS + 15 * MINUTE_NS),
        ("15:29:59", 15 * HOUR_NS + 29 * MINUTE_NS + 59 * SECOND_NS),
        ("23:59", 23 * HOUR_NS + 59 * MINUTE_NS),
    ],
)
def test_a_time_of_day_is_counted_from_midnight(text: str, clock_ns: int):
    assert parse_clock(text) == clock_ns


@pytest.mark.parametrize(
    "text", ["", "9:15", "25:00", "09:60", "nine", "15.30", "09:15:30.5", "09:15+05:30", "0915", "T09:15"]
)
def test_what_is_no_time_of_day_is_refused_by_name(text: str):
    with pytest.raises(DataError, match=rf"'{re.escape(text)}' is not a time of day: write it as HH:MM"):
        parse_clock(text)


@pytest.mark.parametrize(
    ("text", "interval_ns"),
    [("1s", SECOND_NS), ("30s", 30 * SECOND_NS), ("15m", 15 * MINUTE_NS), ("1h", HOUR_NS), ("1d", DAY_NS)],
)
def test_an_interval_is_a_number_and_a_unit(text: str, interval_ns: int):
    assert parse_interval(text) == interval_ns


@pytest.mark.parametrize("text", ["", "m", "0m", "-1m", "1.5m", "1w", "15", "1 m"])
def test_what_is_no_interval_is_refused_by_name(text: str):
    with pytest.raises(DataError, match=f"'{text}' is not a bar interval: write it as 30s, 1m, 15m, 1h or 1d"):
        parse_interval(text)


def test_no_bar_is_longer_than_a_session():
    with pytest.raises(DataError, match="the longest bar is one session, 1d"):
        parse_interval("2d")


def test_ist_is_five_and_a_half_hours_ahead_of_utc():
    # 09:15 in Mumbai on 2024-04-22 is 03:45 UTC, which is 19,835 days and 13,500 seconds after the epoch.
    assert ist_time_ns(datetime.date(2024, 4, 22), parse_clock("09:15")) == (19_835 * 86_400 + 13_500) * SECOND_NS


@given(st.datetimes(timezones=st.just(IST)).filter(lambda moment: 1970 < moment.year < 2100))
def test_an_instant_survives_the_way_to_nanoseconds_and_back(moment: datetime.datetime):
    time_ns = to_time_ns(moment)
    assert ist_datetime(time_ns) == moment
    assert ist_date(time_ns) == moment.date()
    since_midnight = moment - datetime.datetime.combine(moment.date(), datetime.time(), IST)
    assert ist_time_ns(moment.date(), since_midnight // datetime.timedelta(microseconds=1) * 1_000) == time_ns


def test_the_zone_of_a_moment_counts():
    moment = datetime.datetime(2024, 4, 22, 3, 45, tzinfo=datetime.UTC)
    assert to_time_ns(moment) == ist_time_ns(datetime.date(2024, 4, 22), parse_clock("09:15"))


def test_nanoseconds_below_a_microsecond_are_cut_for_screens():
    assert ist_datetime(1_999).microsecond == 1


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(DataError, match="has no time zone"):
        to_time_ns(datetime.datetime(2024, 4, 22))  # noqa: DTZ001  # the point of the test
