"""A look at the code: tables and dates are named, wherever they lie; weights, caches and libraries are not."""

import functools
from typing import Any

import numpy as np
import polars as pl
import pytest

from alpha_panda.backtest.causality.sources import NUMBERS_MAX, count_numbers, written_in
from tests.backtest.causality import recorded

TABLE = np.arange(1_000.0)
FRAME = pl.DataFrame({"close": range(100)})
BY_DAY = dict.fromkeys(range(100), 100.0)
NESTED = [[float(place) for place in range(10)] for _ in range(10)]
WEIGHTS = tuple(1.0 / place for place in range(1, NUMBERS_MAX + 1))
NAMES = ["NSE:INFY", "NSE:TCS"] * 50
MARCH_2020_NS = 1_584_921_600_000_000_000


def reads_an_array(bars):
    return TABLE[len(bars)]


def reads_a_frame(bars):
    return FRAME["close"]


def reads_a_mapping(bars):
    return BY_DAY[len(bars)]


def reads_lists_of_lists(bars):
    return NESTED[0]


def reads_another_module(bars):
    return recorded.CLOSES_E4


def reads_it_through_others(bars):
    return [reads_an_array(part) for part in bars]


def reads_a_default(bars, table=TABLE):
    return table


def knows_a_date(bars):
    return MARCH_2020_NS


def writes_a_date(bars):
    return [time_ns > 1_584_921_600_000_000_000 for time_ns in bars]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (reads_an_array, "TABLE holds 1,000 numbers"),
        (reads_a_frame, "FRAME holds 100 numbers"),
        (reads_a_mapping, "BY_DAY holds 200 numbers"),
        (reads_lists_of_lists, "NESTED holds 100 numbers"),
        (reads_another_module, "recorded.CLOSES_E4 holds 400 numbers"),
        (reads_it_through_others, "TABLE holds 1,000 numbers"),
        (reads_a_default, "the defaults of reads_a_default holds 1,000 numbers"),
        (functools.partial(reads_an_array), "TABLE holds 1,000 numbers"),
        (knows_a_date, "MARCH_2020_NS names the instant 2020-03-23"),
        (writes_a_date, "the code of writes_a_date names the instant 2020-03-23"),
    ],
)
def test_what_could_be_the_future_is_named(function: Any, name: str):
    (finding,) = written_in(function)
    assert finding.cause.startswith(name)


def reads_weights(bars):
    return [weight * np.float64(2.0) for weight in WEIGHTS] + NAMES


@functools.cache
def cached(length):
    return length * 375


@pytest.mark.parametrize("function", [reads_weights, cached, np.mean, pl.DataFrame.select])
def test_what_is_no_history_is_not_named(function: Any):
    assert written_in(function) == []


def test_numbers_are_counted_in_whatever_holds_them():
    assert count_numbers({"a": [1, (2.0, {3})], "b": np.zeros((2, 3))}) == 9
    assert count_numbers("1234") == 0
    assert count_numbers(b"1234") == 4
