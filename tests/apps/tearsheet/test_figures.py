"""The figures of a tear sheet are the result's, under its names, as people in India write them."""

import datetime

import pytest

from alpha_panda.apps.tearsheet.figures import HEADLINES, duration, grouped, percent, shown, verdict
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.significance import SIGNIFICANCE
from alpha_panda.backtest.stats import FIGURES
from alpha_panda.backtest.stats.figure import TOO_SHORT, Statistic

ASKED = f"{100 * (1 - SIGNIFICANCE):g} %"


@pytest.mark.parametrize(
    ("label", "value", "text"),
    [
        ("Equity Final [₹]", 2516980.94, "₹25,16,980.94"),
        ("Return [%]", -16.138, "−16.14 %"),
        ("Sharpe Ratio", -0.554, "−0.55"),
        ("# Trades", 1234, "1,234"),
        ("Min. Track Record [days]", 630, "630 days"),
        ("CAGR [%]", TOO_SHORT, "sample too short"),
        ("Profit Factor", None, "–"),
        ("Profit Factor", float("inf"), "∞"),
        ("Start", datetime.datetime(2024, 4, 22, 9, 16), "22 Apr 2024, 09:16"),  # noqa: DTZ001  # only its text counts
        ("Avg. Trade Duration", datetime.timedelta(hours=5, minutes=7), "5 h 7 min"),
    ],
)
def test_a_figure_is_shown_in_its_unit(label: str, value: Statistic, text: str):
    assert shown(label, value) == text


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0 min"), (59, "59 min"), (60, "1 h 0 min"), (1_500, "1 d 1 h"), (15_000, "10 d")]
)
def test_a_duration_has_its_two_largest_units(minutes: int, text: str):
    assert duration(datetime.timedelta(minutes=minutes)) == text


def test_a_fraction_has_its_sign():
    assert [percent(value) for value in (0.1, -0.1, 0.0, None)] == ["+10.00 %", "−10.00 %", "0.00 %", "–"]
    assert percent(0.1, signed=False) == "10.00 %"


def test_every_figure_stands_in_its_group_in_order(years: Result):
    groups = grouped(years.stats)
    assert list(groups) == list(dict.fromkeys(figure.group for figure in FIGURES))
    assert [line.value for lines in groups.values() for line in lines] == [
        shown(label, value) for label, value in years.stats.items()
    ]
    assert all(line.meaning for lines in groups.values() for line in lines)


def test_the_headlines_are_figures_of_a_result(years: Result):
    assert set(HEADLINES) <= set(years.stats)


@pytest.mark.parametrize(
    ("significant", "deflated", "answer", "words"),
    [
        (
            "yes",
            97.25,
            "yes",
            f"Counting 12 trials of this data, the deflated Sharpe ratio is 97.25 %; it takes {ASKED}.",
        ),
        ("no", 13.8, "no", f"is 13.80 %; it takes {ASKED}. Luck alone"),
        ("no", None, "unknown", "never changed"),
        (TOO_SHORT, TOO_SHORT, "unknown", "19 daily returns, and it takes 63"),
    ],
)
def test_the_verdict_is_the_result_s_with_its_reason(
    significant: Statistic, deflated: Statistic, answer: str, words: str
):
    stats = {"# Days": 19, "# Trials": 12, "Deflated Sharpe [%]": deflated, "Significant": significant}
    given, _, reason = verdict(stats)
    assert given == answer
    assert words in reason
