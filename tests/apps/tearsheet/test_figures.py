"""The figures of a tear sheet are the result's, under its names, as people in India write them."""

import pytest

from alpha_panda.apps.tearsheet.figures import HEADLINES, grouped, verdict
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.significance import SIGNIFICANCE
from alpha_panda.backtest.stats import FIGURES
from alpha_panda.backtest.stats.figure import TOO_SHORT, Statistic
from alpha_panda.backtest.stats.text import shown

ASKED = f"{100 * (1 - SIGNIFICANCE):g} %"


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
