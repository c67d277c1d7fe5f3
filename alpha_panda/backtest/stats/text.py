"""Figures as text: each in the unit that its label names, rupees as people in India write them."""

import datetime
import math

from alpha_panda.backtest.stats import FIGURES
from alpha_panda.backtest.stats.figure import Statistic
from alpha_panda.units import format_rupees, to_e4

_LABELS = {figure.name: figure.label for figure in FIGURES}


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


def row(label: str, value: Statistic) -> tuple[str, str]:
    """Return a figure as a row of a table: its name without the unit, and its value with it."""
    return label.partition(" [")[0], shown(label, value)


def swept(name: str, value: float | None) -> str:
    """Return a figure of a sweep, which has fractions where a single run has per cent; a dash where it is undefined."""
    label = _LABELS[name]
    return shown(label, value * 100 if value is not None and label.endswith("[%]") else value)


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
