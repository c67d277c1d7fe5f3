"""What the figures of a quality report mean, in words."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

GRAVE = 0.02
"""The share of sessions, minutes or bars from which a defect decides results, and not only their last digits."""

_WORTH_SAYING = 0.001  # of all minutes; less are missing in most feeds
_SILENT = 0.2  # of all bars: as many without a trade belong to an illiquid share or were filled in
_BEHIND = 5  # sessions after which data that end early are worth a word
_NAMED_MAX = 3  # days that are named; more are counted


def verdict(row: Mapping[str, Any]) -> str:
    """Return the verdict on one row of a report: good, usable or doubtful, and what is to be said against it."""
    grave, slight = list(_grave(row)), list(_slight(row))
    word = "doubtful" if grave else "usable" if slight else "good"
    return f"{word}: {'; '.join((*grave, *slight))}" if grave or slight else word


def _grave(row: Mapping[str, Any]) -> Iterator[str]:
    if row["action_suspects"]:
        yield f"steps like an unadjusted corporate action on {_days(row['action_suspects'])}"
    if _missing_sessions(row) >= GRAVE:
        yield _sessions_in_words(row)
    if _missing_minutes(row) >= GRAVE:
        yield _minutes_in_words(row)
    if _stale(row) >= GRAVE:
        yield f"{_stale(row):.1%} of its bars stand in runs of equal ones, up to {row['stale_run_max']:,} long"
    if (row["zero_volume"] or 0.0) >= _SILENT:
        yield f"{row['zero_volume']:.0%} of its bars have no volume, so they were filled in or nobody traded"


def _slight(row: Mapping[str, Any]) -> Iterator[str]:
    if row["sessions_behind"] > _BEHIND:
        yield f"it ends on {row['last']}, {row['sessions_behind']:,} sessions before the newest at {row['resolution']}"
    if 0 < _missing_sessions(row) < GRAVE:
        yield _sessions_in_words(row)
    if _WORTH_SAYING <= _missing_minutes(row) < GRAVE:
        yield _minutes_in_words(row)
    if 0 < _stale(row) < GRAVE:
        yield f"{row['stale_bars']:,} bars stand in runs of equal ones"
    if row["outliers"]:
        leaps = "1 price leaps and comes" if row["outliers"] == 1 else f"{row['outliers']:,} prices leap and come"
        yield f"{leaps} back, on {_days(row['outlier_days'])}"


def _missing_sessions(row: Mapping[str, Any]) -> float:
    return 1 - row["sessions_present"] / row["sessions_expected"] if row["sessions_expected"] else 0.0


def _missing_minutes(row: Mapping[str, Any]) -> float:
    return row["minutes_missing"] / row["minutes_expected"] if row["minutes_expected"] else 0.0


def _stale(row: Mapping[str, Any]) -> float:
    return (row["stale_bars"] or 0) / row["rows"]


def _sessions_in_words(row: Mapping[str, Any]) -> str:
    missing = row["sessions_expected"] - row["sessions_present"]
    verb = "is" if missing == 1 else "are"
    return f"{missing:,} of {row['sessions_expected']:,} sessions {verb} missing, on {_days(row['days_missing'])}"


def _minutes_in_words(row: Mapping[str, Any]) -> str:
    return f"{_missing_minutes(row):.1%} of its minutes are missing, up to {row['gap_minutes_max']:,} in a row"


def _days(dates: Sequence[datetime.date]) -> str:
    named = ", ".join(map(str, dates[:_NAMED_MAX]))
    return named if len(dates) <= _NAMED_MAX else f"{named} and {len(dates) - _NAMED_MAX:,} more days"
