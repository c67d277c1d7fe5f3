"""Whether a run is more than luck: how much was measured, how often it was tried, and the verdict."""

import math

from alpha_panda.backtest import significance
from alpha_panda.backtest.metrics import DAYS_A_YEAR
from alpha_panda.backtest.stats.figure import Group, Measured, Statistic, of_days

SKILL = Group("Significance")

_PROBABILISTIC = 'D. H. Bailey, M. López de Prado, "The Sharpe Ratio Efficient Frontier", J. of Risk 15(2), 2012'
_DEFLATED = 'D. H. Bailey, M. López de Prado, "The Deflated Sharpe Ratio", J. of Portfolio Management 40(5), 2014'


def _best_of_luck(run: Measured) -> float:
    """Return the daily Sharpe ratio to expect of the best of all trials, were none of them skilled."""
    return significance.expected_maximum_sharpe(run.tried.count, run.tried.variance)


def _deflated(run: Measured) -> float:
    return significance.deflated_sharpe(run.returns, run.tried.count, run.tried.variance)


@SKILL.figure("# Days")
def days(run: Measured) -> Statistic:
    """Daily returns in the sample."""
    return len(run.returns)


@SKILL.figure("# Trials")
def trials(run: Measured) -> Statistic:
    """How often these instruments had been asked, by the trial ledger, this run included."""
    return run.tried.count


@SKILL.figure(
    "Probabilistic Sharpe [%]", "Φ(SR × √(n - 1) / √(1 - skewness × SR + (kurtosis - 1) / 4 × SR²))", _PROBABILISTIC
)
@of_days
def probabilistic_sharpe(run: Measured) -> Statistic:
    """How sure one may be that the true Sharpe ratio is above zero, had this been the only trial."""
    return significance.probabilistic_sharpe(run.returns) * 100.0


@SKILL.figure(
    "Expected Max. Sharpe",
    "√V × ((1 - γ) Φ⁻¹(1 - 1/N) + γ Φ⁻¹(1 - 1/(N e))) × √252, V of the trials' daily ratios",
    _DEFLATED,
)
def expected_maximum_sharpe(run: Measured) -> Statistic:
    """Yearly Sharpe ratio to expect of the best of all trials, were none of them skilled."""
    return _best_of_luck(run) * math.sqrt(DAYS_A_YEAR)


@SKILL.figure("Deflated Sharpe [%]", "as Probabilistic Sharpe, of SR - Expected Max. Sharpe", _DEFLATED)
@of_days
def deflated_sharpe(run: Measured) -> Statistic:
    """How sure one may be that the run is better than the best that luck would show in so many trials."""
    return _deflated(run) * 100.0


@SKILL.figure(
    "Min. Track Record [days]",
    "1 + (1 - skewness × SR + (kurtosis - 1) / 4 × SR²) × (Φ⁻¹(0.95) / (SR - Expected Max. Sharpe))²",
    _PROBABILISTIC,
)
@of_days
def minimum_track_record(run: Measured) -> Statistic:
    """Days like these after which the verdict would be yes; none where no number of them would do."""
    needed = significance.minimum_track_record(run.returns, _best_of_luck(run))
    return math.ceil(needed) if math.isfinite(needed) else None


@SKILL.figure("Significant", "Deflated Sharpe > 95 %", _DEFLATED)
@of_days
def significant(run: Measured) -> Statistic:
    """Whether the run is better than luck, with a chance of 5 % to be wrong: yes or no."""
    return "yes" if _deflated(run) > 1.0 - significance.SIGNIFICANCE else "no"
