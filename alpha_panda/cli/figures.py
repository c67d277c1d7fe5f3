"""Figures as people read them: rupees, per cent and plain numbers, told apart by their names."""

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


def rupees(amount: float, signed: bool = False) -> str:
    """Return an amount in rupees as people in India write it."""
    return format_rupees(to_e4(amount), signed)
