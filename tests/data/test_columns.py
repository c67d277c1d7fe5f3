"""Columns of a frame as integers; what is refused there is tested where frames are asked (indicators, frame_market)."""

import datetime

import numpy as np
import polars as pl
import pytest

from alpha_panda.data.columns import counts, from_first, prices_e4, rows_by_symbol, times_ns
from alpha_panda.errors import DataError

NOON = datetime.datetime(2024, 7, 8, 12)  # noqa: DTZ001  # people write IST without saying so
NOON_NS = 1_720_420_200 * 10**9
"""2024-07-08 06:30 UTC."""


def test_prices_become_e4_whatever_their_type():
    frame = pl.DataFrame({"whole": [12], "real": [12.3456], "decimal": pl.Series(["1.25"]).cast(pl.Decimal(10, 2))})
    assert [prices_e4(frame, name).item() for name in frame.columns] == [120_000, 123_456, 12_500]


def test_counts_may_be_written_as_real_numbers():
    assert counts(pl.DataFrame({"volume": [0.0, 10.0]}), "volume").tolist() == [0, 10]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_are_nanoseconds_utc_in_every_unit_and_zone(unit: str):
    naive = pl.Series("time", [NOON]).dt.cast_time_unit(unit)
    for times in (naive, naive.dt.replace_time_zone("Asia/Kolkata").dt.convert_time_zone("America/New_York")):
        assert times_ns(times.to_frame()).tolist() == [NOON_NS]


def test_rows_of_a_symbol_keep_their_order():
    frame = pl.DataFrame({"symbol": ["B", "A", "B"], "time": [NOON, NOON, NOON]})
    assert [(symbol, rows.tolist()) for symbol, rows in rows_by_symbol(frame)] == [("B", [0, 2]), ("A", [1])]
    assert [(symbol, rows.tolist()) for symbol, rows in rows_by_symbol(frame.drop("symbol"))] == [("", [0, 1, 2])]


def test_rows_of_a_symbol_that_go_back_in_time_are_refused():
    dates = [datetime.date(2024, 7, 9), datetime.date(2024, 7, 8), datetime.date(2024, 7, 8)]
    with pytest.raises(DataError, match="row 2 of A lies before the row above it: sort by date first"):
        list(rows_by_symbol(pl.DataFrame({"symbol": ["A", "B", "A"], "date": dates})))


def test_what_is_unknown_may_only_come_first():
    rows = np.array([4, 7, 9])
    assert from_first("A", rows, np.array([False, True, True])).tolist() == [7, 9]
    assert from_first("A", rows, np.array([False, False, False])).tolist() == []
    with pytest.raises(DataError, match="row 9 of A has no value, but rows before it have"):
        from_first("A", rows, np.array([False, True, False]))
