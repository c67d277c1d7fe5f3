"""The figures of a result as people read them: in groups, under the names that the result gives them."""

import datetime
import math
from collections.abc import Mapping
from typing import Any

from alpha_panda.backtest.metrics import RETURN_DAYS_MIN
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.significance import SIGNIFICANCE, deflated_sharpe
from alpha_panda.units import format_rupees, to_e4

HEADLINES = ("Return [%]", "CAGR [%]", "Sharpe Ratio", "Max. Drawdown [%]", "Win Rate [%]", "# Trades")
"""What a reader asks first, of those that a result has."""

_GROUPS = {
    "Start": "Period",
    "Equity Final [₹]": "Return",
    "Volatility (Ann.) [%]": "Risk",
    "# Trades": "Trades",
    "Turnover [₹]": "Costs",
    "# Trials": "Significance",
}
"""The figure that opens each group; whatever a result says after it belongs to the same group."""


def grouped(stats: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the figures as text, in their order, under the names of their groups."""
    groups: dict[str, dict[str, str]] = {}
    name = "Period"
    for label, value in stats.items():
        name = _GROUPS.get(label, name)
        groups.setdefault(name, {})[label] = shown(label, value)
    return groups


def shown(label: str, value: Any) -> str:
    """Return a figure as text, in the unit that its label names in brackets; a dash where it is not defined."""
    match value:
        case None:
            return "–"
        case bool() | str():
            return str(value)
        case int() | float():
            return _number(label, value)
        case datetime.datetime():
            return f"{value:%-d %b %Y, %H:%M}"
        case datetime.date():
            return f"{value:%-d %b %Y}"
        case datetime.timedelta():
            return duration(value)
        case _:
            return str(value)


def _number(label: str, value: float) -> str:
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞"
    if label.endswith("[₹]"):
        return rupees(value)
    size = f"{abs(value):,}" if isinstance(value, int) else f"{abs(value):,.2f}"
    return f"{'−' if value < 0 else ''}{size}{' %' if label.endswith('[%]') else ''}"


def rupees(amount: float, signed: bool = False) -> str:
    """Return an amount in rupees as people in India write it."""
    return format_rupees(to_e4(amount), signed)


def percent(fraction: float | None, signed: bool = True) -> str:
    """Return a fraction in per cent; a dash for none."""
    if fraction is None or not math.isfinite(fraction):
        return "–"
    sign = "−" if fraction < 0 else "+" if signed and fraction > 0 else ""
    return f"{sign}{abs(fraction):.2%}"


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


def verdict(result: Result) -> tuple[str, str]:
    """Return whether the result is more than luck, as `yes`, `no` or `unknown`, and a sentence that says why.

    By the deflated Sharpe ratio of the daily returns over all trials of the same data, at the usual 5 %.
    """
    returns, tried = result.daily["return"].to_numpy(), result.trials
    times = "once" if tried.count == 1 else f"{tried.count:,} times"
    if len(returns) < RETURN_DAYS_MIN:
        return "unknown", f"Too short to judge: {len(returns)} days, and it takes {RETURN_DAYS_MIN}."
    sure = deflated_sharpe(returns, tried.count, tried.variance)
    if math.isnan(sure):
        return "unknown", "Nothing to judge: the equity never changed."
    says = f"this data was asked {times}, and the deflated Sharpe ratio is {sure:.1%} sure that it is more than luck"
    if sure > 1.0 - SIGNIFICANCE:
        return "yes", f"Significant: {says}."
    return "no", f"Not significant: {says}; it takes {1 - SIGNIFICANCE:.0%}."
