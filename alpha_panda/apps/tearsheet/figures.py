"""The figures of a result as people read them: in groups, under the names that the result gives them."""

import datetime
import math
from collections.abc import Mapping
from typing import NamedTuple

from alpha_panda.backtest.metrics import RETURN_DAYS_MIN
from alpha_panda.backtest.significance import SIGNIFICANCE
from alpha_panda.backtest.stats import FIGURES, TOO_SHORT
from alpha_panda.backtest.stats.figure import Statistic
from alpha_panda.units import format_rupees, to_e4

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


def shown(label: str, value: Statistic) -> str:
    """Return a figure as text, in the unit that its label names in brackets; a dash where it is not defined."""
    match value:
        case None:
            return "–"
        case str():
            return value
        case datetime.datetime():
            return moment(value)
        case datetime.timedelta():
            return duration(value)
        case int() | float():
            return number(value, label.partition(" [")[2].removesuffix("]"))


def number(value: float, unit: str = "") -> str:
    """Return a number in its unit, rupees as people in India write them."""
    if unit == "₹":
        return rupees(value)
    size = f"{abs(value):,}" if isinstance(value, int) else f"{abs(value):,.2f}".replace("inf", "∞")
    return f"{'−' if value < 0 else ''}{size} {unit}".rstrip()


def rupees(amount: float, signed: bool = False) -> str:
    """Return an amount in rupees as people in India write it."""
    return format_rupees(to_e4(amount), signed)


def percent(fraction: float | None, signed: bool = True) -> str:
    """Return a fraction in per cent; a dash for none."""
    if fraction is None or not math.isfinite(fraction):
        return "–"
    sign = "−" if fraction < 0 else "+" if signed and fraction > 0 else ""
    return f"{sign}{abs(fraction) * 100:.2f} %"


def duration(length: datetime.timedelta) -> str:
    """Return a length of time in its two largest units."""
    minutes = round(length.total_seconds() / 60)
    days, hours = minutes // 1440, minutes % 1440 // 60
    if days:
        return f"{days} d {hours} h" if hours and days < 10 else f"{days:,} d"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def moment(time: datetime.datetime | None) -> str:
    """Return an instant in IST, to the minute; a dash for none."""
    return "–" if time is None else f"{time:%-d %b %Y, %H:%M}"


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
