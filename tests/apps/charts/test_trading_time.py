"""Trading time: nights take no room, labels are IST, and thinning loses no extreme."""

import datetime
import zoneinfo

import numpy as np
import polars as pl
import pytest

from alpha_panda.apps.charts.trading_time import TICKS_MAX, on_trading_time, rows_at, thinned, ticks

IST = zoneinfo.ZoneInfo("Asia/Kolkata")


def minutes(days: int, first: datetime.date = datetime.date(2024, 4, 22)) -> pl.Series:
    """Return the closes of all one-minute bars of so many days from 09:16 to 15:30 IST, weekends not left out."""
    opens = [
        datetime.datetime.combine(first + datetime.timedelta(day), datetime.time(9, 15), IST) for day in range(days)
    ]
    return pl.Series("time", [each + datetime.timedelta(minutes=n) for each in opens for n in range(1, 376)])


def dates(count: int, step: int = 1) -> pl.Series:
    first = datetime.date(2019, 1, 1)
    return pl.Series("date", [first + datetime.timedelta(step * number) for number in range(count)], dtype=pl.Date)


def test_a_night_is_one_step_wide():
    placed = on_trading_time(pl.DataFrame({"time": minutes(2)}))
    night = placed.filter(pl.col("row").is_in([374, 375]))
    assert night["when"].to_list() == ["Mon 22 Apr 2024, 15:30", "Tue 23 Apr 2024, 09:16"]


def test_the_time_of_day_is_said_only_where_it_differs():
    closes = minutes(3).gather([374, 749, 1124])
    assert on_trading_time(pl.DataFrame({"time": closes}))["when"].to_list() == [
        "Mon 22 Apr 2024",
        "Tue 23 Apr 2024",
        "Wed 24 Apr 2024",
    ]


def test_a_snapshot_of_the_small_hours_is_of_the_day_before():
    midnights_utc = [datetime.datetime(2024, 4, day, 5, 30, tzinfo=IST) for day in (23, 24)]
    placed = on_trading_time(pl.DataFrame({"time": midnights_utc}))
    assert placed["when"].to_list() == ["Mon 22 Apr 2024", "Tue 23 Apr 2024"]


def test_times_of_another_zone_are_shown_in_ist():
    utc = pl.Series("time", [datetime.datetime(2024, 4, 22, 4, minute, tzinfo=datetime.UTC) for minute in (0, 1)])
    assert on_trading_time(utc.to_frame())["when"][0] == "Mon 22 Apr 2024, 09:30"


@pytest.mark.parametrize(
    ("times", "labels"),
    [
        (dates(5 * 365), ["2019", "2020", "2021", "2022", "2023"]),
        (dates(181), ["Jan 2019", "Feb 2019", "Mar 2019", "Apr 2019", "May 2019", "Jun 2019"]),
        (minutes(1), ["09:16", "10:00", "11:00", "12:00", "13:00", "14:00", "15:00"]),
        (minutes(4), ["22 Apr", "23 Apr", "24 Apr", "25 Apr"]),
        (minutes(2), ["22 Apr", "12:00", "14:00", "23 Apr", "12:00", "14:00"]),
    ],
)
def test_labels_stand_where_periods_begin(times: pl.Series, labels: list[str]):
    assert [tick.label for tick in ticks(times)] == labels


@pytest.mark.parametrize("count", [0, 1, 2, 100, 9_000])
def test_labels_are_few_however_many_days(count: int):
    found = ticks(dates(count))
    assert len(found) <= TICKS_MAX
    assert bool(found) == bool(count)


def test_a_moment_lies_at_the_first_row_that_knows_it():
    times = minutes(1)
    moments = times.gather([0, 7]) + pl.Series([datetime.timedelta(0), datetime.timedelta(seconds=1)])
    assert rows_at(times, moments).to_list() == [0, 8]


def test_thinning_keeps_ends_and_extremes_and_order():
    values = np.random.default_rng(5).normal(size=100_000).cumsum()
    values[[123, 77_777]] = 1e6, -1e6
    frame = pl.DataFrame({"row": np.arange(100_000), "value": values})
    thin = thinned(frame, "value", buckets=100)
    assert 100 < len(thin) <= 400
    assert thin["row"].is_sorted()
    assert {0, 123, 77_777, 99_999} <= set(thin["row"])
    assert thinned(frame.head(400), "value", buckets=100).equals(frame.head(400))


def test_thinning_keeps_a_line_without_a_value():
    frame = pl.DataFrame({"row": np.arange(5_000), "value": [None] * 5_000}, schema_overrides={"value": pl.Float64})
    assert len(thinned(frame, "value", buckets=10)) >= 10
