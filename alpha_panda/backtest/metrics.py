"""The formulas of the figures by which runs are judged; what each is called and where it comes from is in stats.py.

`account_figures` reads the account's own counters, so a sweep without an equity curve and a single run share every
formula. Ratios are fractions (0.05 is 5 %), money is in rupees, and NaN or None says that a figure is not defined: a
profit factor without a loss, or a sample that is too short.
"""

import math

import numpy as np
import numpy.typing as npt

from alpha_panda.kernels.records import Records
from alpha_panda.units import E4, ist_date

Floats = npt.NDArray[np.float64]

DAYS_A_YEAR = 252
"""Trading days by which daily figures are annualised, the field's convention; NSE has 246 to 252."""

RETURN_DAYS_MIN = 63
"""Fewest daily returns to annualise: with fewer, a quarter of a year, the standard error of a yearly Sharpe ratio,
sqrt(252 / days), exceeds 2 (A. W. Lo, "The Statistics of Sharpe Ratios", Financial Analysts Journal 58(4), 2002)."""

CAGR_DAYS_MIN = 365
"""Fewest calendar days to annualise a return: the GIPS standards (2020) forbid it for less than one year."""


def account_figures(accounts: Records, first_ns: int, last_ns: int) -> dict[str, npt.NDArray[np.number]]:
    """Return the figures that accounts (p,) carry at the end of a run from `first_ns` to `last_ns`, each (p,).

    A trade's result is after charges; the drawdown is measured at every event at which a position was held; exposure is
    the share of the calendar time between the two instants, nights included, in which any position was open.
    """
    profit, loss = accounts["gross_profit_e4"] / E4, accounts["gross_loss_e4"] / E4
    charges, turnover = accounts["charges"]["total_e4"] / E4, accounts["turnover_e4"] / E4
    mean, deviation = daily_moments(accounts)
    return {
        "total_return": accounts["equity_e4"] / accounts["initial_e4"] - 1.0,
        "equity": accounts["equity_e4"] / E4,
        "realised": accounts["realised_e4"] / E4,
        "unrealised": accounts["unrealised_e4"] / E4,
        "charges": charges,
        "turnover": turnover,
        "charges_of_turnover": _ratio(charges, turnover),
        "orders": accounts["orders_made"].copy(),
        "fills": accounts["fills"].copy(),
        "refused": accounts["refused"].copy(),
        "trades": accounts["trades"].copy(),
        "wins": accounts["wins"].copy(),
        "win_rate": _ratio(accounts["wins"], accounts["trades"]),
        "profit_factor": _ratio(profit, loss),
        "expectancy": _ratio(profit - loss, accounts["trades"]),
        "max_drawdown": max_drawdown(accounts),
        "volatility": annual_volatility(deviation),
        "sharpe": annual_ratio(mean, deviation),
        "exposure": exposure(accounts, first_ns, last_ns),
    }


def daily_moments(accounts: Records) -> tuple[Floats, Floats]:
    """Return mean and standard deviation (n - 1) of daily returns, NaN for fewer than RETURN_DAYS_MIN.

    The account adds a day when the next one begins; the last one is added here by the same update (B. P. Welford,
    "Note on a Method for Calculating Corrected Sums of Squares and Products", Technometrics 4(3), 1962). A day that
    began with nothing left, or with debts, has no return and is not added.
    """
    begun = accounts["day_start_equity_e4"] > 0
    days = accounts["days"] + begun
    change = _ratio(accounts["equity_e4"], accounts["day_start_equity_e4"]) - 1.0
    change = np.where(begun, change, accounts["return_mean"])
    from_mean = change - accounts["return_mean"]
    mean = accounts["return_mean"] + from_mean / np.maximum(days, 1)
    squares = accounts["return_m2"] + from_mean * (change - mean)
    deviation = np.sqrt(squares / np.maximum(days - 1, 1))
    enough = days >= RETURN_DAYS_MIN
    return np.where(enough, mean, np.nan), np.where(enough, deviation, np.nan)


def daily_sharpes(accounts: Records) -> Floats:
    """Return the Sharpe ratio of a day of each account, not annualised; NaN where it is not defined or too short."""
    return _ratio(*daily_moments(accounts))


def annual_volatility(deviation: Floats) -> Floats:
    """Return the yearly volatility of daily returns with this standard deviation."""
    return deviation * math.sqrt(DAYS_A_YEAR)


def annual_ratio(mean: Floats, deviation: Floats) -> Floats:
    """Return the yearly ratio of the mean of daily returns to a deviation of theirs; NaN where nothing deviated."""
    return _ratio(mean, deviation) * math.sqrt(DAYS_A_YEAR)


def max_drawdown(accounts: Records) -> Floats:
    """Return the deepest fall of the equity from a peak, as a fraction of it; one still open at the end counts."""
    still_open = (accounts["peak_e4"] - accounts["trough_e4"]) / accounts["peak_e4"]
    return np.maximum(accounts["drawdown_max"], still_open)


def exposure(accounts: Records, first_ns: int, last_ns: int) -> Floats:
    """Return the share of the time from `first_ns` to `last_ns` in which any position was open."""
    since_ns = accounts["exposed_since_ns"]
    exposed_ns = accounts["exposed_ns"] + np.where(since_ns > 0, last_ns - since_ns, 0)
    return exposed_ns / max(last_ns - first_ns, 1)


def _ratio(part: npt.NDArray[np.number], whole: npt.NDArray[np.number]) -> Floats:
    """Return part / whole, NaN where there is no whole."""
    none = whole == 0
    return np.where(none, np.nan, part / np.where(none, 1, whole))


# ── From returns and trades ──────────────────────────────────────────────────────────────────────────────────────────


def sortino(returns: Floats) -> float | None:
    """Return the yearly Sortino ratio of daily returns (n,) over a target of zero; None where none fell."""
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    return float(np.mean(returns)) / downside * math.sqrt(DAYS_A_YEAR) if downside > 0.0 else None


def cagr(total_return: float, first_ns: int, last_ns: int) -> float | None:
    """Return the compound annual growth rate over the IST days of two instants; None below CAGR_DAYS_MIN days."""
    days = (ist_date(last_ns) - ist_date(first_ns)).days + 1
    if days < CAGR_DAYS_MIN:
        return None
    return max(1.0 + total_return, 0.0) ** (365.25 / days) - 1.0


def geometric_mean(returns: Floats) -> float | None:
    """Return the return of each trade (n,) that would compound to theirs; None without one, or where all was lost."""
    if not len(returns) or float(returns.min()) <= -1.0:
        return None
    return math.expm1(float(np.log1p(returns).mean()))


def system_quality(profits: Floats) -> float | None:
    """Return the system quality number of the trades' profits (n,); None for fewer than two or where they are equal."""
    deviation = float(np.std(profits, ddof=1)) if len(profits) > 1 else 0.0
    return math.sqrt(len(profits)) * float(np.mean(profits)) / deviation if deviation > 0.0 else None


def kelly(profits: Floats) -> float | None:
    """Return the share of the capital to bet that grows it fastest; None unless trades were both won and lost."""
    won, lost = profits[profits > 0.0], profits[profits <= 0.0]
    if not len(won) or not len(lost) or float(lost.sum()) == 0.0:
        return None
    share = len(won) / len(profits)
    return share - (1.0 - share) / (float(won.mean()) / -float(lost.mean()))
