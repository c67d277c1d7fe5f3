"""The windows of a walk-forward: each test window follows on the last one, and on the days it was trained on."""

import bisect
import dataclasses
import datetime
import re
from collections.abc import Sequence

import polars as pl

from alpha_panda.errors import ConfigurationError

Span = int | str
"""So many trading days, or a stretch of the calendar: `10d`, `6w`, `6mo`, `2q` or `1y`."""

_CALENDAR = re.compile(r"[1-9]\d*(d|w|mo|q|y)", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Window:
    """Days by their numbers, first and last included; the strategy sees the training days before it trades the test."""

    train_from: int
    train_to: int
    test_from: int
    test_to: int


def windows_of(dates: Sequence[datetime.date], train: Span, test: Span, anchored: bool = False) -> list[Window]:
    """Return the windows over trading days: `train` before the first test, then `test` after `test` to the end.

    A training window ends the day before its test and is `train` long; anchored, it begins with the first day and
    grows. The last test window may be shorter. Raises ConfigurationError for a span that is none, for too few days, and
    for a gap in the days that leaves a window nothing to train on.
    """
    check_spans(train, test)
    made: list[Window] = []
    moment = dates[0] if isinstance(train, int) else _moved(dates[0], train)
    start = train if isinstance(train, int) else bisect.bisect_left(dates, moment)
    while start < len(dates):
        if isinstance(test, int):
            stop = min(start + test, len(dates))
        else:
            # From the calendar's own edge and not from the first day behind it, so that holidays do not add up.
            moment = _moved(dates[start] if isinstance(train, int) and not made else moment, test)
            stop = bisect.bisect_left(dates, moment)
        if stop > start:
            made.append(Window(0 if anchored else _first(dates, start, train), start - 1, start, stop - 1))
        start = stop
    if not made or made[0].train_to < made[0].train_from:
        raise ConfigurationError(
            f"{len(dates)} trading days from {dates[0]} to {dates[-1]} are too few to train on {train} and test on "
            f"{test}: take shorter windows, or more days"
        )
    for window in made:
        if window.train_to < window.train_from:
            raise ConfigurationError(
                f"no trading day lies in the {train} before {dates[window.test_from]}, when a test begins: train on "
                "longer windows, or leave out the days before the gap"
            )
    return made


def _first(dates: Sequence[datetime.date], start: int, train: Span) -> int:
    if isinstance(train, int):
        return start - train
    return bisect.bisect_left(dates, _moved(dates[start], f"-{train}"))


def _moved(date: datetime.date, span: str) -> datetime.date:
    return pl.Series([date]).dt.offset_by(span)[0]


def check_spans(*spans: object) -> None:
    """Raise ConfigurationError for what is not the length of a window."""
    for span in spans:
        counted = isinstance(span, int) and not isinstance(span, bool) and span >= 1
        if not counted and not (isinstance(span, str) and _CALENDAR.fullmatch(span)):
            raise ConfigurationError(
                f"{span!r} is not the length of a window: give trading days as a whole number, or 10d, 6w, 6mo, 2q "
                "or 1y"
            )
