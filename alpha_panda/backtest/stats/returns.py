"""The period of a run, what it returned, and how far it fell."""

import datetime

from alpha_panda.backtest import metrics
from alpha_panda.backtest.stats.figure import TOO_SHORT, Group, Measured, Statistic, of_days
from alpha_panda.units import ist_datetime

PERIOD, RETURN, DRAWDOWN = Group("Period"), Group("Return"), Group("Drawdown")

_GIPS = "GIPS standards (2020): not for less than a year"
_SHARPE = 'W. F. Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21(1), 1994'
_SORTINO = (
    'F. A. Sortino, L. N. Price, "Performance Measurement in a Downside Risk Framework", J. of Investing 3(3), 1994'
)
_CALMAR = 'T. W. Young, "Calmar Ratio: A Smoother Tool", Futures 20(1), 1991'
_DRAWDOWN = 'M. Magdon-Ismail, A. Atiya, "Maximum Drawdown", Risk 17(10), 2004'


@PERIOD.figure("Start")
def start(run: Measured) -> Statistic:
    """When the first event was known, in IST."""
    return ist_datetime(run.first_ns)


@PERIOD.figure("End")
def end(run: Measured) -> Statistic:
    """When the last event was known, in IST."""
    return ist_datetime(run.last_ns)


@PERIOD.figure("Duration", "End - Start")
def duration(run: Measured) -> Statistic:
    """Calendar time between the two."""
    return ist_datetime(run.last_ns) - ist_datetime(run.first_ns)


@PERIOD.figure("Exposure Time [%]", "time with a position / Duration")
def exposure(run: Measured) -> Statistic:
    """Share of the calendar time, nights included, in which any position was open."""
    return run.account["exposure"] * 100.0


@RETURN.figure("Equity Final [₹]", "cash + positions at their last price")
def equity(run: Measured) -> Statistic:
    """What the account is worth at the end, after charges."""
    return run.account["equity"]


@RETURN.figure("Equity Peak [₹]", "max(equity)")
def equity_peak(run: Measured) -> Statistic:
    """The most that the account was worth, at any event at which a position was held."""
    return run.peak


@RETURN.figure("Return [%]", "Equity Final / capital - 1")
def total_return(run: Measured) -> Statistic:
    """What the run made of its capital, after charges."""
    return run.account["total_return"] * 100.0


@RETURN.figure("Buy & Hold Return [%]", "mean over instruments of last price / first price - 1")
def held_return(run: Measured) -> Statistic:
    """What equal parts in all traded instruments would have made, without charges."""
    return (run.held / run.initial - 1.0) * 100.0


@RETURN.figure("CAGR [%]", "(1 + Return)^(365.25 / calendar days) - 1", _GIPS)
def cagr(run: Measured) -> Statistic:
    """Compound annual growth rate; only for a year or more."""
    growth = metrics.cagr(run.account["total_return"], run.first_ns, run.last_ns)
    return TOO_SHORT if growth is None else growth * 100.0


@RETURN.figure("Volatility (Ann.) [%]", "s × √252, s the standard deviation (n - 1) of daily returns")
@of_days
def volatility(run: Measured) -> Statistic:
    """How much the return varies in a year; only for 63 days or more."""
    return run.account["volatility"] * 100.0


@RETURN.figure("Sharpe Ratio", "mean / s × √252, of daily returns", _SHARPE)
@of_days
def sharpe(run: Measured) -> Statistic:
    """Yearly return over its variation, the riskless rate being zero; only for 63 days or more."""
    return run.account["sharpe"]


@RETURN.figure("Sortino Ratio", "mean / √(mean of min(return, 0)²) × √252, of daily returns", _SORTINO)
@of_days
def sortino(run: Measured) -> Statistic:
    """Yearly return over its downside deviation, the target being zero; only for 63 days or more."""
    return metrics.sortino(run.returns)


@RETURN.figure("Calmar Ratio", "CAGR / Max. Drawdown", _CALMAR)
def calmar(run: Measured) -> Statistic:
    """Growth rate over the deepest fall; only for a year or more."""
    growth, depth = metrics.cagr(run.account["total_return"], run.first_ns, run.last_ns), run.account["max_drawdown"]
    if growth is None:
        return TOO_SHORT
    return growth / depth if depth > 0.0 else None


@DRAWDOWN.figure("Max. Drawdown [%]", "-max(1 - equity / its highest so far)", _DRAWDOWN)
def max_drawdown(run: Measured) -> Statistic:
    """Deepest fall of the equity from a peak, at any event at which a position was held."""
    return -run.account["max_drawdown"] * 100.0


@DRAWDOWN.figure("Avg. Drawdown [%]", "-mean of the depths of all falls")
def average_drawdown(run: Measured) -> Statistic:
    """Mean depth of the falls from a peak until it was reached again, by the snapshots of the equity."""
    return None if run.drawdowns.is_empty() else -float(run.drawdowns["depth"].to_numpy().mean()) * 100.0


@DRAWDOWN.figure("Max. Drawdown Duration", "max(recovery, or End, - peak)")
def max_drawdown_duration(run: Measured) -> Statistic:
    """Longest calendar time until a peak was reached again, by the snapshots of the equity."""
    return None if run.drawdowns.is_empty() else datetime.timedelta(days=float(run.drawdowns["days"].to_numpy().max()))


@DRAWDOWN.figure("Avg. Drawdown Duration", "mean(recovery, or End, - peak)")
def average_drawdown_duration(run: Measured) -> Statistic:
    """Mean calendar time until a peak was reached again, by the snapshots of the equity."""
    return None if run.drawdowns.is_empty() else datetime.timedelta(days=float(run.drawdowns["days"].to_numpy().mean()))
