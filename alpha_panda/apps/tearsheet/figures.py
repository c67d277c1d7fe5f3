"""The figures of a result as people read them: in groups, under the names that the result gives them."""

from collections.abc import Mapping
from typing import NamedTuple

from alpha_panda.backtest.metrics import RETURN_DAYS_MIN
from alpha_panda.backtest.significance import SIGNIFICANCE
from alpha_panda.backtest.stats import FIGURES, TOO_SHORT
from alpha_panda.backtest.stats.figure import Statistic
from alpha_panda.backtest.stats.text import shown

HEADLINES = ("Return [%]", "CAGR [%]", "Sharpe Ratio", "Max. Drawdown [%]", "Win Rate [%]", "# Trades")
"""What a reader asks first."""


class Line(NamedTuple):
    """One figure as it stands in a list."""

    name: str
    value: str
    meaning: str


def grouped(stats: Mapping[str, Statistic]) -> dict[str, list[Line]]:
    """Return the figures of a result in their groups, in their order."""
    known = {figure.label: figure for figure in FIGURES}
    groups: dict[str, list[Line]] = {}
    for label in stats:
        groups.setdefault(known[label].group, []).append(line(label, stats[label]))
    return groups


def line(label: str, value: Statistic) -> Line:
    """Return a figure with its unit at the value instead of in the label, and what it means."""
    figure = next(figure for figure in FIGURES if figure.label == label)
    formula = f": {figure.formula}" if figure.formula else ""
    return Line(label.partition(" [")[0], shown(label, value), f"{figure.meaning}{formula}")


def verdict(stats: Mapping[str, Statistic]) -> tuple[str, str, str]:
    """Return whether a result is more than luck (`yes`, `no` or `unknown`), the answer in two words, and the reason."""
    days, tried, deflated = stats["# Days"], stats["# Trials"], stats["Deflated Sharpe [%]"]
    if stats["Significant"] == TOO_SHORT:
        return "unknown", "Too short to judge", f"There are {days} daily returns, and it takes {RETURN_DAYS_MIN}."
    if not isinstance(deflated, float):
        return "unknown", "Nothing to judge", "The equity never changed."
    counted = "At the first trial" if tried == 1 else f"Counting {tried:,} trials"
    asked = f"{100.0 * (1.0 - SIGNIFICANCE):g} %"
    reason = f"{counted} of this data, the deflated Sharpe ratio is {deflated:.2f} %; it takes {asked}."
    if stats["Significant"] == "yes":
        return "yes", "Significant", reason
    return "no", "Not significant", f"{reason} Luck alone may have made it."
