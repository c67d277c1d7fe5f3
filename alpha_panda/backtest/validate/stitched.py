"""Several out-of-sample runs, one after the other, as one: their equity and the figures that a single run has.

Each run trades an account of its own that begins with the same capital C, and what carries over is its return: while
run k trades, the stitched equity is (equity of k) x product over the runs j before it of (last equity of j) / C. After
a run that lost everything nothing is left to carry.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import polars as pl

from alpha_panda.backtest import curve, metrics
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.stats import Measured, Statistic, stats_of
from alpha_panda.backtest.trials import FIRST, Tried
from alpha_panda.kernels.records import ACCOUNT, Records

_COUNTED = ("orders_made", "fills", "refused", "trades", "wins", "realised_e4", "unrealised_e4", "turnover_e4")
_SUMMED = (*_COUNTED, "gross_profit_e4", "gross_loss_e4")


@dataclasses.dataclass(frozen=True)
class Stitched:
    """Results of consecutive stretches of days, at least one."""

    results: Sequence[Result]
    tried: Tried = FIRST

    @property
    def initial(self) -> float:
        """The capital with which each run began, in rupees."""
        return self.results[0].initial

    @functools.cached_property
    def equity(self) -> pl.DataFrame:
        """`time` and `equity` of all runs, in rupees, carried by their returns."""
        return self._carried([result.equity.select("time", "equity") for result in self.results])

    @functools.cached_property
    def benchmark(self) -> pl.DataFrame:
        """What buying and holding the instruments would have made, bought anew with all there is in each run."""
        return self._carried([result.benchmark for result in self.results])

    def _carried(self, curves: Sequence[pl.DataFrame]) -> pl.DataFrame:
        parts, grown = list[pl.DataFrame](), 1.0
        for part in curves:
            parts.append(part.with_columns(pl.col("equity") * grown))
            grown *= max(float(part["equity"][-1]), 0.0) / self.initial
        return pl.concat(parts)

    @functools.cached_property
    def daily(self) -> pl.DataFrame:
        """The return of each day, which carrying over changes nothing of; none after a run that lost everything."""
        ruined = (number for number, result in enumerate(self.results, 1) if result.account["equity_e4"][0] <= 0)
        return pl.concat([result.daily for result in self.results[: next(ruined, None)]])

    @functools.cached_property
    def trades(self) -> pl.DataFrame:
        """The closed trades of all runs."""
        return pl.concat([result.trades for result in self.results])

    @functools.cached_property
    def drawdowns(self) -> pl.DataFrame:
        """Every fall of the stitched equity from a peak."""
        return curve.drawdowns(self.equity, self.initial, self.results[0].first_ns)

    @functools.cached_property
    def figures(self) -> dict[str, float]:
        """The figures of `metrics.account_figures`, NaN where one is not defined.

        Amounts and counts are the sums over the accounts; the drawdown is the deepest of the stitched curve's and of
        any run's own, which is measured at every event.
        """
        account, elapsed_ns = self._account(), sum(result.last_ns - result.first_ns for result in self.results)
        counted = {name: values[0].item() for name, values in metrics.account_figures(account, 0, elapsed_ns).items()}
        returns = self.daily["return"].to_numpy()
        enough = len(returns) >= metrics.RETURN_DAYS_MIN
        deviation = np.array([np.std(returns, ddof=1) if enough else np.nan])
        final = float(self.equity["equity"][-1])
        return counted | {
            "total_return": final / self.initial - 1.0,
            "equity": final,
            "volatility": float(metrics.annual_volatility(deviation)[0]),
            "sharpe": float(metrics.annual_ratio(np.mean(returns, keepdims=True), deviation)[0]),
        }

    def _account(self) -> Records:
        """Return one account that has done what all of them did."""
        accounts = np.concatenate([result.account for result in self.results])
        whole = accounts[:1].copy()
        for name in _SUMMED:
            whole[name] = accounts[name].sum()
        for name in ACCOUNT["charges"].names or ():
            whole["charges"][name] = accounts["charges"][name].sum()
        ends_ns = np.array([result.last_ns for result in self.results])
        open_ns = np.where(accounts["exposed_since_ns"] > 0, ends_ns - accounts["exposed_since_ns"], 0)
        whole["exposed_ns"], whole["exposed_since_ns"] = (accounts["exposed_ns"] + open_ns).sum(), 0
        depths = np.append(self.drawdowns["depth"].to_numpy(), metrics.max_drawdown(accounts))
        whole["drawdown_max"] = depths.max()
        whole["trough_e4"] = whole["peak_e4"]
        return whole

    @functools.cached_property
    def stats(self) -> dict[str, Statistic]:
        """The figures of a single run, under the same labels."""
        itemised = [result.charges.row(-1, named=True) for result in self.results]
        charges = {name: sum(each[name] for each in itemised) for name in itemised[0] if name != "strategy"}
        measured = Measured(
            account=self.figures,
            initial=self.initial,
            peak=max(self.initial, float(np.max(self.equity["equity"].to_numpy()))),
            charges=charges,
            first_ns=self.results[0].first_ns,
            last_ns=self.results[-1].last_ns,
            returns=self.daily["return"].to_numpy(),
            drawdowns=self.drawdowns,
            trades=self.trades,
            held=float(self.benchmark["equity"][-1]),
            tried=self.tried,
        )
        return stats_of(measured)
