"""The trades of a run and what trading cost."""

import datetime
from typing import cast

import numpy as np
import numpy.typing as npt

from alpha_panda.backtest import metrics
from alpha_panda.backtest.stats.figure import Group, Measured, Statistic, percent

TRADES, COSTS = Group("Trades"), Group("Costs")

Floats = npt.NDArray[np.float64]

_SQN = 'V. K. Tharp, "The Definitive Guide to Position Sizing", 2008'
_KELLY = 'J. L. Kelly, "A New Interpretation of Information Rate", Bell System Technical Journal 35(4), 1956'


def _returns(run: Measured) -> Floats:
    return run.trades["return"].to_numpy()


@TRADES.figure("# Trades")
def trades(run: Measured) -> Statistic:
    """Closed trades, each from flat to flat in one book."""
    return int(run.account["trades"])


@TRADES.figure("Win Rate [%]", "trades won / # Trades")
def win_rate(run: Measured) -> Statistic:
    """Share of the trades that made money after charges."""
    return run.account["win_rate"] * 100.0


@TRADES.figure("Best Trade [%]", "max(net / (entry price × quantity))")
def best_trade(run: Measured) -> Statistic:
    """Highest return of a trade, after charges."""
    return None if run.trades.is_empty() else float(_returns(run).max()) * 100.0


@TRADES.figure("Worst Trade [%]", "min(net / (entry price × quantity))")
def worst_trade(run: Measured) -> Statistic:
    """Lowest return of a trade, after charges."""
    return None if run.trades.is_empty() else float(_returns(run).min()) * 100.0


@TRADES.figure("Avg. Trade [%]", "(product of (1 + return))^(1 / # Trades) - 1")
def average_trade(run: Measured) -> Statistic:
    """Geometric mean of the returns of trades."""
    return percent(metrics.geometric_mean(_returns(run)))


@TRADES.figure("Max. Trade Duration", "max(exit - entry)")
def max_trade_duration(run: Measured) -> Statistic:
    """Longest calendar time for which a trade was held."""
    return cast(datetime.timedelta | None, run.trades["held"].max())


@TRADES.figure("Avg. Trade Duration", "mean(exit - entry)")
def average_trade_duration(run: Measured) -> Statistic:
    """Mean calendar time for which trades were held."""
    return cast(datetime.timedelta | None, run.trades["held"].mean())


@TRADES.figure("Profit Factor", "sum of profits / sum of losses")
def profit_factor(run: Measured) -> Statistic:
    """What the trades won over what they lost, in rupees after charges."""
    return run.account["profit_factor"]


@TRADES.figure("Expectancy [%]", "mean(return of a trade)")
def expectancy_return(run: Measured) -> Statistic:
    """Arithmetic mean of the returns of trades."""
    return None if run.trades.is_empty() else float(_returns(run).mean()) * 100.0


@TRADES.figure("SQN", "√n × mean / s, of the n trades' net profits", _SQN)
def system_quality(run: Measured) -> Statistic:
    """System quality number: how steadily the trades made money."""
    return metrics.system_quality(run.trades["net"].to_numpy())


@TRADES.figure("Kelly Criterion", "W - (1 - W) / (mean profit / mean loss), W the share of trades won", _KELLY)
def kelly(run: Measured) -> Statistic:
    """Share of the capital to bet on each trade that would have grown it fastest."""
    return metrics.kelly(run.trades["net"].to_numpy())


@TRADES.figure("Expectancy [₹]", "(profits - losses) / # Trades")
def expectancy(run: Measured) -> Statistic:
    """What a trade made on average, after charges."""
    return run.account["expectancy"]


@TRADES.figure("Realised [₹]")
def realised(run: Measured) -> Statistic:
    """Profit of what was closed, before charges."""
    return run.account["realised"]


@TRADES.figure("Unrealised [₹]")
def unrealised(run: Measured) -> Statistic:
    """Profit of what is still held, at its last price."""
    return run.account["unrealised"]


@COSTS.figure("# Orders")
def orders(run: Measured) -> Statistic:
    """Orders made."""
    return int(run.account["orders"])


@COSTS.figure("# Refused")
def refused(run: Measured) -> Statistic:
    """Orders that risk refused."""
    return int(run.account["refused"])


@COSTS.figure("# Fills")
def fills(run: Measured) -> Statistic:
    """Executions."""
    return int(run.account["fills"])


@COSTS.figure("Turnover [₹]", "sum of quantity × price of all fills")
def turnover(run: Measured) -> Statistic:
    """What was bought and sold."""
    return run.account["turnover"]


@COSTS.figure("Charges [₹]", "sum of the items below")
def charges(run: Measured) -> Statistic:
    """All that trading cost."""
    return run.account["charges"]


@COSTS.figure("Charges of Turnover [%]", "Charges / Turnover")
def charges_of_turnover(run: Measured) -> Statistic:
    """What trading cost of each rupee traded."""
    return run.account["charges_of_turnover"] * 100.0


@COSTS.figure("Brokerage [₹]")
def brokerage(run: Measured) -> Statistic:
    """What the broker takes."""
    return run.charges["brokerage"]


@COSTS.figure("STT [₹]")
def stt(run: Measured) -> Statistic:
    """Securities transaction tax."""
    return run.charges["stt"]


@COSTS.figure("Transaction [₹]")
def transaction(run: Measured) -> Statistic:
    """What the exchange and its investor protection fund take."""
    return run.charges["transaction"]


@COSTS.figure("SEBI [₹]")
def sebi(run: Measured) -> Statistic:
    """Turnover fee of the regulator."""
    return run.charges["sebi"]


@COSTS.figure("Stamp Duty [₹]")
def stamp(run: Measured) -> Statistic:
    """Stamp duty of the states."""
    return run.charges["stamp"]


@COSTS.figure("GST [₹]")
def gst(run: Measured) -> Statistic:
    """Goods and services tax on brokerage and fees."""
    return run.charges["gst"]


@COSTS.figure("DP [₹]")
def depository(run: Measured) -> Statistic:
    """What the depository participant takes for shares sold from delivery."""
    return run.charges["dp"]
