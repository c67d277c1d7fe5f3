"""Whether a Sharpe ratio is more than luck: how sure one may be of it, and what the best of many tries would show.

Sharpe ratios here are those of one return, a day's unless said otherwise, and never annualised; the standard deviation
in them is that of the sample (n - 1). A figure that the sample cannot give is NaN.

P2012: D. H. Bailey and M. López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2), 2012.
P2014: the same, "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest Overfitting, and Non-Normality",
Journal of Portfolio Management 40(5), 2014.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SIGNIFICANCE = 0.025
"""The chance of calling luck skill that is accepted: the upper half of a two-sided test at 5 %.

The papers take 5 % on one side. Samples are short and returns not normal, so that a test set to 5 % calls luck skill
somewhat more often than it says; half of it leaves room, and stays below 5 % all the same.
"""

EULER_MASCHERONI = 0.5772156649015329

_NORMAL = NormalDist()
_STILL = 1e-12  # a deviation below this share of the mean return is that of rounding


class Moments(NamedTuple):
    """What a sample of returns says of itself: all that the estimates below need of it."""

    size: int
    sharpe: float
    skewness: float
    kurtosis: float  # 3 where returns are normal


def moments(returns: Floats) -> Moments:
    """Return size, Sharpe ratio, skewness and kurtosis of returns (n,); NaN where they do not vary."""
    size = len(returns)
    deviation = float(np.std(returns, ddof=1)) if size > 1 else 0.0
    mean = float(np.mean(returns)) if size else 0.0
    if deviation <= _STILL * abs(mean) or deviation == 0.0:
        return Moments(size, math.nan, math.nan, math.nan)
    spread = (returns - mean) / float(np.std(returns))
    return Moments(size, mean / deviation, float(np.mean(spread**3)), float(np.mean(spread**4)))


def deviation_of_sharpe(sample: Moments, sharpe: float | None = None) -> float:
    """Return the standard error of the Sharpe ratio of a sample, P2012 equation 8; at its own, or at another `sharpe`.

    sqrt((1 - skewness x SR + (kurtosis - 1) / 4 x SR^2) / (n - 1)).
    """
    if sample.size < 2:
        return math.nan
    ratio = sample.sharpe if sharpe is None else sharpe
    spread = 1.0 - sample.skewness * ratio + (sample.kurtosis - 1.0) / 4.0 * ratio**2
    # Never negative for the moments of one sample: kurtosis is at least skewness^2 + 1.
    return math.sqrt(max(spread, 0.0) / (sample.size - 1))


def probabilistic_sharpe(returns: Floats, benchmark: float = 0.0) -> float:
    """Return how sure one may be that the true Sharpe ratio exceeds `benchmark`, P2012 equation 11."""
    return probability_above(moments(returns), benchmark)


def probability_above(sample: Moments, benchmark: float) -> float:
    """Return the probability that the true Sharpe ratio of a sample exceeds `benchmark`, P2012 equation 11."""
    deviation = deviation_of_sharpe(sample)
    if math.isnan(deviation) or math.isnan(benchmark):
        return math.nan
    excess = sample.sharpe - benchmark
    if deviation == 0.0:
        return 1.0 if excess > 0.0 else 0.0
    return _NORMAL.cdf(excess / deviation)


def expected_maximum_sharpe(trials: int, variance: float) -> float:
    """Return the best Sharpe ratio to expect of `trials` tries without skill, P2014 equation 1.

    `variance` is that of the Sharpe ratios tried. sqrt(V) x ((1 - g) x Z(1 - 1/N) + g x Z(1 - 1/(N e))), Z the normal
    quantile and g the Euler-Mascheroni constant; 0 for one try, which chose nothing.
    """
    if trials < 2:
        return 0.0
    usual, rare = _NORMAL.inv_cdf(1.0 - 1.0 / trials), _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - EULER_MASCHERONI) * usual + EULER_MASCHERONI * rare)


def deflated_sharpe(returns: Floats, trials: int, variance: float) -> float:
    """Return how sure one may be that returns chosen among `trials` tries have skill in them, P2014 equation 2.

    The probabilistic Sharpe ratio against the best to expect of so many tries without skill, whose Sharpe ratios had
    this `variance`.
    """
    return probabilistic_sharpe(returns, expected_maximum_sharpe(trials, variance))


def minimum_track_record(returns: Floats, benchmark: float = 0.0, significance: float = SIGNIFICANCE) -> float:
    """Return how many returns like these would make the Sharpe ratio exceed `benchmark` significantly.

    1 + (1 - skewness x SR + (kurtosis - 1) / 4 x SR^2) x (Z(1 - significance) / (SR - benchmark))^2, P2012 equation 13;
    infinite where the ratio does not exceed it at all.
    """
    return track_record_above(moments(returns), benchmark, significance)


def track_record_above(sample: Moments, benchmark: float, significance: float = SIGNIFICANCE) -> float:
    """Return the minimum track record length of a sample with these moments, P2012 equation 13."""
    if math.isnan(sample.sharpe):
        return math.nan
    if sample.sharpe <= benchmark:
        return math.inf
    variance = deviation_of_sharpe(sample) ** 2 * (sample.size - 1)
    return 1.0 + variance * (_NORMAL.inv_cdf(1.0 - significance) / (sample.sharpe - benchmark)) ** 2
