"""Columns as figures: stamps of every usual form, dates in the names of files, numbers that are none."""

import datetime
import pathlib

import polars as pl
import pytest

from alpha_panda.data.ingest.reading import Given, counts, date_of, dates, instants, prices
from alpha_panda.errors import DataError
from alpha_panda.units import MINUTE_NS, ist_datetime, ist_time_ns, parse_clock

DAY = datetime.date(2025, 1, 6)
MIDNIGHT = ist_time_ns(DAY)
OPEN = ist_time_ns(DAY, parse_clock("09:15"))


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-06 09:15:00",
        "2025-01-06 09:15",
        "2025-01-06T09:15:00",
        "2025-01-06T09:15:00+0530",
        "2025-01-06 09:15:00+05:30",
        "2025-01-06T03:45:00Z",
        "2025-01-06 09:15:00.000",
        "06-01-2025 09:15:00",
        "06/01/2025 09:15",
        "20250106 09:15:00",
        "06-Jan-2025 09:15:00",
        "1736135100",
        "1736135100000",
    ],
)
def test_a_stamp_of_any_usual_form_is_read_as_ist_or_as_the_zone_it_names(text: str):
    assert instants(pl.Series([text, None])).to_list() == [OPEN, None]


@pytest.mark.parametrize(
    "text",
    ["2025-01-06", "06-JAN-2025", "06-Jan-2025", "06-JAN-25", "06-01-2025", "06/01/2025", "20250106", "06JAN2025"],
)
def test_a_date_is_the_midnight_with_which_it_begins(text: str):
    assert instants(pl.Series([text])).to_list() == [MIDNIGHT]
    assert dates(pl.Series([text])).to_list() == [DAY]


def test_a_zone_given_is_that_of_stamps_without_one():
    naive = pl.Series([datetime.datetime(2025, 1, 6, 3, 45)])  # noqa: DTZ001  # that it has no zone is the point
    assert instants(naive, "UTC").to_list() == [OPEN]
    assert instants(naive.dt.replace_time_zone("UTC"), "IST").to_list() == [OPEN]
    assert instants(pl.Series([DAY]), "UTC").to_list() == [MIDNIGHT]


def test_days_and_months_are_told_apart_by_the_whole_file():
    indian, american = pl.Series(["01/12/2025", "13/12/2025"]), pl.Series(["12/01/2025", "12/13/2025"])
    assert dates(indian).to_list() == dates(american).to_list()


def test_what_is_no_stamp_or_cannot_be_true_is_null():
    assert instants(pl.Series(["2025-01-06", "soon", "1970-01-01", "1994-11-02"])).to_list() == [MIDNIGHT, *[None] * 3]
    assert instants(pl.Series([1_736_135_100, 5, -1])).to_list() == [OPEN, None, None]
    assert instants(pl.Series([None, None], dtype=pl.String)).to_list() == [None, None]


def test_whole_numbers_count_in_the_unit_that_makes_sense():
    for unit in (1, 1_000, 1_000_000, 1_000_000_000):
        assert instants(pl.Series([1_736_135_100 * unit])).to_list() == [OPEN]


def test_a_stamp_keeps_its_seconds():
    moment = instants(pl.Series(["2025-01-06 09:15:59"]))[0]
    assert moment - OPEN < MINUTE_NS
    assert f"{ist_datetime(moment):%H:%M:%S}" == "09:15:59"


def test_what_is_no_number_is_null():
    frame = pl.DataFrame({"a": ["00000003.95", "7", "2.5", "cheap", None]})
    assert frame.select(**prices({"b": "a"}))["b"].to_list() == [3.95, 7.0, 2.5, None, None]
    assert frame.select(**counts({"b": "a"}))["b"].to_list() == [None, 7, None, None, None]


@pytest.mark.parametrize(
    "name",
    [
        "kite_2026-08-18.csv.gz",
        "legacy_op18082026.csv",
        "BhavCopy_NSE_FO_0_0_0_20260818_F_0000.csv",
        "fo18AUG2026bhav.csv",
        "x_2026_08_18.csv",
    ],
)
def test_the_day_of_a_list_stands_in_its_name(name: str):
    assert date_of(pathlib.Path(name), Given()) == datetime.date(2026, 8, 18)


def test_a_day_that_is_given_comes_before_that_of_the_name():
    assert date_of(pathlib.Path("list_2026-08-18.csv"), Given(on=DAY)) == DAY


@pytest.mark.parametrize("name", ["instruments.csv", "list_99999999.csv", "from_2026-08-18_to_2026-08-19.csv"])
def test_a_list_of_no_day_or_of_two_is_refused(name: str):
    with pytest.raises(DataError, match="say it with --on YYYY-MM-DD"):
        date_of(pathlib.Path(name), Given())
