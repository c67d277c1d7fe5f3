"""Whether a run is more than luck: how much was measured, how often it was tried, and the verdict.

SR is the Sharpe ratio of daily log returns, not annualised. An account that bets the same amount whatever it is worth
moves less after gains than after losses, so that luck alone makes the ratio of plain returns look better, by half the
daily deviation times the square root of the days; in log returns that cancels.
"""

import math

import numpy as np

from alpha_panda.backtest import significance
from alpha_panda.backtest.metrics import DAYS_A_YEAR
from alpha_panda.backtest.stats.figure import Floats, Group, Measured, Statistic, of_days
from alpha_panda.backtest.trials import Tried

SKILL = Group("Significance")

_PROBABILISTIC = 'D. H. Bailey, M. López de Prado, "The Sharpe Ratio Efficient Frontier", J. of Risk 15(2), 2012'
_DEFLATED = 'D. H. Bailey, M. López de Prado, "The Deflated Sharpe Ratio", J. of Portfolio Management 40(5), 2014'
_RUIN = 1e-12


def deflated(returns: Floats, tried: Tried) -> float:
    """Return how sure one may be that daily returns (n,) are better than the best of so many trials of luck."""
    return significance.deflated_sharpe(log_returns(returns), tried.count, tried.variance)


def is_significant(returns: Floats, tried: Tried) -> bool:
    """Return the verdict on daily returns (n,): whether luck would have done as well too seldom to be the reason."""
    return deflated(returns, tried) > 1.0 - significance.SIGNIFICANCE


def log_returns(returns: Floats) -> Floats:
    """Return the log returns of plain ones; what lost everything lost almost everything, which is as final."""
    return np.log(np.maximum(1.0 + returns, _RUIN))


@SKILL.figure("# Days")
def days(run: Measured) -> Statistic:
    """Daily returns in the sample."""
    return len(run.returns)


@SKILL.figure("# Trials")
def trials(run: Measured) -> Statistic:
    """How often these instruments had been asked, by the trial ledger, this run included."""
    return run.tried.count


@SKILL.figure(
    "Probabilistic Sharpe [%]",
    "Φ(SR × √(n - 1) / √(1 - skewness × SR + (kurtosis - 1) / 4 × SR²)), of daily log returns",
    _PROBABILISTIC,
)
@of_days
def probabilistic_sharpe(run: Measured) -> Statistic:
    """How sure one may be that the true Sharpe ratio is above zero, had this been the only trial."""
    return significance.probabilistic_sharpe(log_returns(run.returns)) * 100.0


@SKILL.figure(
    "Expected Max. Sharpe",
    "√V × ((1 - γ) × Φ⁻¹(1 - 1/N) + γ × Φ⁻¹(1 - 1/(N e))) × √252, V the variance of the daily ratios of N trials",
    _DEFLATED,
)
def expected_maximum_sharpe(run: Measured) -> Statistic:
    """Yearly Sharpe ratio to expect of the best of all trials, were none of them skilled."""
    return _best_of_luck(run) * math.sqrt(DAYS_A_YEAR)


@SKILL.figure("Deflated Sharpe [%]", "as Probabilistic Sharpe, of SR - Expected Max. Sharpe", _DEFLATED)
@of_days
def deflated_sharpe(run: Measured) -> Statistic:
    """How sure one may be that the run is better than the best that luck would show in so many trials."""
    return deflated(run.returns, run.tried) * 100.0


@SKILL.figure(
    "Min. Track Record [days]",
    "1 + (1 - skewness × SR + (kurtosis - 1) / 4 × SR²) × (Φ⁻¹(0.975) / (SR - Expected Max. Sharpe))²",
    _PROBABILISTIC,
)
@of_days
def minimum_track_record(run: Measured) -> Statistic:
    """Days like these after which the verdict would be yes; none where no number of them would do."""
    needed = significance.minimum_track_record(log_returns(run.returns), _best_of_luck(run))
    return math.ceil(needed) if math.isfinite(needed) else None


@SKILL.figure("Significant", "Deflated Sharpe > 97.5 %", _DEFLATED)
@of_days
def significant(run: Measured) -> Statistic:
    """Whether the run is better than luck: yes or no."""
    return "yes" if is_significant(run.returns, run.tried) else "no"


def _best_of_luck(run: Measured) -> float:
    """Return the daily Sharpe ratio to expect of the best of all trials, were none of them skilled."""
    return significance.expected_maximum_sharpe(run.tried.count, run.tried.variance)
