"""Windows of a walk-forward: training ends the day before its test, tests follow one another and miss no day."""

import datetime
import itertools
import math

import pytest

from alpha_panda.backtest.validate.windows import Span, Window, windows_of
from alpha_panda.errors import ConfigurationError

WEEKDAYS = [
    date
    for date in (datetime.date(2023, 1, 1) + datetime.timedelta(days=day) for day in range(3 * 365))
    if date.weekday() < 5 and (date.month, date.day) not in ((1, 26), (8, 15), (10, 2))
]


def test_trading_days_are_counted():
    assert windows_of(WEEKDAYS[:10], 4, 3) == [Window(0, 3, 4, 6), Window(3, 6, 7, 9)]
    assert windows_of(WEEKDAYS[:10], 4, 4) == [Window(0, 3, 4, 7), Window(4, 7, 8, 9)]


def test_an_anchored_window_begins_with_the_first_day():
    assert windows_of(WEEKDAYS[:10], 4, 3, anchored=True) == [Window(0, 3, 4, 6), Window(0, 6, 7, 9)]


def test_months_are_those_of_the_calendar():
    windows = windows_of(WEEKDAYS, "1y", "3mo")
    begins = [WEEKDAYS[window.test_from] for window in windows]
    # Days since 2023-01-02, the first Monday; tests begin with the first trading day of each quarter after a year.
    assert begins[:4] == [datetime.date(2024, month, day) for month, day in ((1, 2), (4, 2), (7, 2), (10, 3))]
    assert [WEEKDAYS[window.train_from] for window in windows[:2]] == [WEEKDAYS[0], datetime.date(2023, 4, 3)]


def test_holidays_do_not_add_up_to_a_drift():
    begins = [WEEKDAYS[window.test_from] for window in windows_of(WEEKDAYS, "3mo", "1mo")]
    assert all(date.day <= 4 for date in begins)  # the edges lie on the second of each month


@pytest.mark.parametrize("anchored", [False, True])
@pytest.mark.parametrize(("train", "test"), [(100, 20), ("6mo", "1mo"), ("1y", 21), (50, "2w"), ("26w", "1q")])
def test_tests_follow_one_another_and_training_ends_before_them(train: Span, test: Span, anchored: bool):
    windows = windows_of(WEEKDAYS, train, test, anchored)
    assert windows[-1].test_to == len(WEEKDAYS) - 1
    for window in windows:
        assert window.train_from <= window.train_to == window.test_from - 1 < window.test_to
    for window, later in itertools.pairwise(windows):
        assert later.test_from == window.test_to + 1
        assert later.train_from == 0 if anchored else later.train_from > window.train_from


@pytest.mark.parametrize("span", [0, -3, "", "6", "mo", "0mo", "1.5y", "6 mo", "1h", "-6mo", 20.0, math.nan, True])
def test_what_is_no_span_is_refused(span: Span):
    with pytest.raises(ConfigurationError, match="not the length of a window"):
        windows_of(WEEKDAYS, span, 5)
    with pytest.raises(ConfigurationError, match="not the length of a window"):
        windows_of(WEEKDAYS, 5, span)


@pytest.mark.parametrize("train", [10, 11, "1mo"])
def test_too_few_days_are_refused(train: Span):
    with pytest.raises(ConfigurationError, match="10 trading days"):
        windows_of(WEEKDAYS[:10], train, 5)


def test_a_gap_that_leaves_nothing_to_train_on_is_refused():
    gapped = [date for date in WEEKDAYS if not datetime.date(2023, 3, 1) <= date < datetime.date(2023, 5, 20)]
    with pytest.raises(ConfigurationError, match="no trading day lies in the 2w before 2023-05-22"):
        windows_of(gapped, "2w", "1w")
    assert windows_of(gapped, "2w", "1w", anchored=True)
