"""Figures in words: what decides is said first, what does not matter is not said."""

import datetime
from typing import Any

import pytest

from alpha_panda.data.quality.verdict import verdict

DATES = [datetime.date(2025, 1, day) for day in range(6, 11)]


def row(**figures: Any) -> dict[str, Any]:
    """Return the figures of whole minutes, but for those given."""
    whole = {
        "resolution": "1m",
        "rows": 10_000,
        "last": DATES[-1],
        "sessions_expected": 100,
        "sessions_present": 100,
        "days_missing": [],
        "sessions_behind": 0,
        "minutes_expected": 10_000,
        "minutes_missing": 0,
        "gap_minutes_max": 0,
        "outliers": 0,
        "outlier_days": [],
        "action_suspects": [],
        "stale_bars": 0,
        "stale_run_max": 1,
        "zero_volume": 0.0,
    }
    return whole | figures


def test_whole_data_are_good():
    assert verdict(row()) == "good"
    # Fewer than one minute in a thousand is missing in most feeds, and five sessions are a week.
    assert verdict(row(minutes_missing=9, gap_minutes_max=2, sessions_behind=5)) == "good"


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"sessions_present": 99, "days_missing": DATES[:1]}, "usable: 1 of 100 sessions is missing, on 2025-01-06"),
        (
            {"sessions_present": 95, "days_missing": DATES},
            "doubtful: 5 of 100 sessions are missing, on 2025-01-06, 2025-01-07, 2025-01-08 and 2 more days",
        ),
        (
            {"minutes_missing": 50, "gap_minutes_max": 7},
            "usable: 0.5% of its minutes are missing, up to 7 in a row",
        ),
        (
            {"minutes_missing": 200, "gap_minutes_max": 90},
            "doubtful: 2.0% of its minutes are missing, up to 90 in a row",
        ),
        ({"stale_bars": 10, "stale_run_max": 10}, "usable: 10 bars stand in runs of equal ones"),
        ({"zero_volume": 0.2}, "doubtful: 20% of its bars have no volume, so they were filled in or nobody traded"),
        ({"outliers": 2, "outlier_days": DATES[:1]}, "usable: 2 prices leap and come back, on 2025-01-06"),
        ({"sessions_behind": 6}, "usable: it ends on 2025-01-10, 6 sessions before the newest at 1m"),
    ],
)
def test_each_defect_is_said_in_words(figures: dict[str, Any], expected: str):
    assert verdict(row(**figures)) == expected


def test_what_decides_is_said_before_what_does_not():
    found = verdict(row(action_suspects=DATES[:1], outliers=1, outlier_days=DATES[1:2]))
    assert found == (
        "doubtful: steps like an unadjusted corporate action on 2025-01-06; 1 price leaps and comes back, on 2025-01-07"
    )


def test_figures_that_there_are_none_of_are_not_missed():
    absent = {"minutes_expected": None, "minutes_missing": None, "stale_bars": None, "zero_volume": None}
    assert verdict(row(**absent)) == "good"
