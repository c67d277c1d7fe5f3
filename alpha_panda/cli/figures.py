"""Figures as people read them: rupees, per cent, times and plain numbers, told apart by their names."""

import datetime

from alpha_panda.backtest.stats.figure import Statistic
from alpha_panda.units import format_rupees, to_e4

RUPEES = ("equity", "realised", "unrealised", "charges", "turnover", "expectancy")
PERCENT = ("total_return", "cagr", "charges_of_turnover", "win_rate", "max_drawdown", "volatility", "exposure")


def shown(name: str, value: float | str | None) -> str:
    """Return the figure `name` as text; a dash where it is not defined."""
    if value is None or isinstance(value, str):
        return value or "–"
    if name in RUPEES:
        return rupees(value)
    if name in PERCENT:
        return f"{value:.2%}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def statistic(label: str, value: Statistic) -> tuple[str, str]:
    """Return a figure of a run as a row of a table, its name without the unit and its value with it."""
    name, _, unit = label.removesuffix("]").partition(" [")
    if isinstance(value, datetime.datetime):
        return name, f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, datetime.timedelta):
        return name, f"{value.days} d {value.seconds // 3_600:02d}:{value.seconds // 60 % 60:02d}"
    if value is None or isinstance(value, str):
        return name, value or "–"
    if unit == "₹":
        return name, rupees(value)
    number = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
    return name, f"{number} {unit}".rstrip()


def rupees(amount: float, signed: bool = False) -> str:
    """Return an amount in rupees as people in India write it."""
    return format_rupees(to_e4(amount), signed)
