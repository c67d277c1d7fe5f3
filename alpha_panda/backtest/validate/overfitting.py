"""The probability of backtest overfitting: how often the best of many in one half of the days is no good in the other.

D. H. Bailey, J. M. Borwein, M. López de Prado and Q. J. Zhu, "The Probability of Backtest Overfitting", Journal of
Computational Finance 20(4), 2017: combinatorially symmetric cross-validation (CSCV).
"""

import dataclasses
import itertools

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.errors import ConfigurationError, DataError

Floats = npt.NDArray[np.float64]

BLOCKS_MAX = 20
"""More blocks than this, C(20, 10) = 184,756 splits, cost much and say no more."""

_CELLS = 1 << 17  # sets times splits judged at once: one megabyte an array, which stays in the cache
_LEVELS = 201  # at which the distributions outside are compared
_TINY = 1e-30  # the least sum of squares about the mean, so that a set which never traded has a ratio of zero


@dataclasses.dataclass(frozen=True)
class Overfitting:
    """What CSCV says of a matrix of returns; ratios are daily Sharpe ratios, not annualised."""

    probability: float  # of overfitting: the share of splits in which the best was at or below the median outside
    probability_of_loss: float  # the share of splits in which it lost money outside
    slope: float  # of its ratio outside over its ratio inside: below 0, the better inside the worse outside
    intercept: float
    determination: float  # R squared of that line
    first_order_dominance: bool  # the best inside beats the average set outside at every level
    second_order_dominance: bool  # and does so in the integral over the levels, as whoever shuns risk would ask
    splits: pl.DataFrame  # chosen, inside, outside, average_outside, rank, logit; one row for each split
    dominance: pl.DataFrame  # level, chosen, average: the shares of splits at or below a ratio outside


def pbo(returns: npt.ArrayLike, blocks: int = 16) -> Overfitting:
    """Return how likely it is that the best of many parameter sets was chosen by chance.

    `returns` holds daily returns, (sets, days), as `daily_returns_of` makes them; the paper's matrix is its transpose.
    The days are cut into `blocks` stretches, equal or one day apart; each choice of half of them is once the inside, by
    whose Sharpe ratio the best set is chosen, and once the outside, where it is ranked among all sets. A set that never
    traded has a ratio of zero. Takes some megabytes beside the matrix. Raises DataError for returns that are not
    finite and ConfigurationError for too few of anything.
    """
    matrix = _checked(returns, blocks)
    counts, sums, squares = _block_sums(matrix, blocks)
    choices = _halves(blocks)
    parts: list[tuple[npt.NDArray[np.int64], Floats, Floats, Floats, Floats]] = []
    size = max(_CELLS // len(matrix), 1)
    for start in range(0, len(choices), size):
        half = choices[start : start + size]
        one, other = (_ratios(side @ counts, side @ sums, side @ squares) for side in (half, 1.0 - half))
        parts += [_judged(one, other), _judged(other, one)]
    return _summary(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _checked(returns: npt.ArrayLike, blocks: int) -> Floats:
    matrix = np.asarray(returns, dtype=np.float64)
    if not (2 <= blocks <= BLOCKS_MAX and blocks % 2 == 0):
        raise ConfigurationError(f"{blocks} blocks cannot be halved: take an even number from 2 to {BLOCKS_MAX}")
    if matrix.ndim != 2 or len(matrix) < 2:
        raise ConfigurationError(f"returns of shape {matrix.shape} leave no choice: give (sets, days), 2 sets or more")
    if matrix.shape[1] < 2 * blocks:
        raise ConfigurationError(
            f"{matrix.shape[1]} days are too few for {blocks} blocks: each needs two days, so take fewer blocks"
        )
    if not np.isfinite(matrix).all():
        raise DataError("a return is not finite: leave out the days before a set could trade, or give them 0")
    return matrix


def _block_sums(matrix: Floats, blocks: int) -> tuple[Floats, Floats, Floats]:
    """Return days (blocks, 1), and sums and sums of squares of the returns (blocks, sets), which is all CSCV needs."""
    bounds = np.rint(np.arange(blocks + 1) * (matrix.shape[1] / blocks)).astype(np.int64)
    sums, squares = np.empty((blocks, len(matrix))), np.empty((blocks, len(matrix)))
    for block, (first, stop) in enumerate(itertools.pairwise(bounds.tolist())):
        part = matrix[:, first:stop]
        sums[block] = part.sum(axis=1)
        squares[block] = np.einsum("ij,ij->i", part, part)
    return np.diff(bounds).astype(np.float64)[:, None], sums, squares


def _halves(blocks: int) -> Floats:
    """Return every choice of half of the blocks that holds the first, as ones; the others are their complements."""
    rest = list(itertools.combinations(range(1, blocks), blocks // 2 - 1))
    choices = np.zeros((len(rest), blocks))
    choices[:, 0] = 1.0
    choices[np.arange(len(rest))[:, None], np.array(rest, np.int64).reshape(len(rest), -1)] = 1.0
    return choices


def _ratios(days: Floats, sums: Floats, squares: Floats) -> Floats:
    """Return mean / standard deviation (n - 1), each (splits, sets); zero where a set never traded."""
    variance = sums * sums
    variance /= -days
    variance += squares
    np.maximum(variance, _TINY, out=variance)
    np.sqrt(variance, out=variance)
    np.divide(sums, variance, out=variance)
    variance *= np.sqrt((days - 1.0) / days) / np.sqrt(days)
    return variance


def _judged(inside: Floats, outside: Floats) -> tuple[npt.NDArray[np.int64], Floats, Floats, Floats, Floats]:
    """Return, for each split, the best set inside, its ratios, the average ratio outside and its rank there.

    The rank lies between 0 and 1; sets that are equal share theirs.
    """
    best = inside.argmax(axis=1)
    rows = np.arange(len(best))
    reached = outside[rows, best]
    below = [np.count_nonzero(row < ratio) for row, ratio in zip(outside, reached, strict=True)]
    up_to = [np.count_nonzero(row <= ratio) for row, ratio in zip(outside, reached, strict=True)]
    rank = (np.add(below, up_to) + 1) / 2 / (outside.shape[1] + 1)
    return best, inside[rows, best], reached, outside.mean(axis=1), rank


def _summary(
    chosen: npt.NDArray[np.int64], inside: Floats, outside: Floats, average: Floats, rank: Floats
) -> Overfitting:
    logit = np.log(rank / (1.0 - rank))
    spread = np.var(inside)
    slope = float(np.cov(inside, outside, bias=True)[0, 1] / spread) if spread > 0 else 0.0
    unexplained = np.var(outside - slope * inside)
    lowest, highest = min(outside.min(), average.min()), max(outside.max(), average.max())
    levels = lowest + np.arange(_LEVELS) / (_LEVELS - 1) * (highest - lowest)
    below, average_below = _share_below(outside, levels), _share_below(average, levels)
    lead = average_below - below
    return Overfitting(
        probability=float((logit <= 0).mean()),
        probability_of_loss=float((outside < 0).mean()),
        slope=slope,
        intercept=float(outside.mean() - slope * inside.mean()),
        determination=float(1.0 - unexplained / np.var(outside)) if np.var(outside) > 0 else 0.0,
        first_order_dominance=bool((lead >= 0).all() and (lead > 0).any()),
        second_order_dominance=bool((np.cumsum(lead) >= 0).all() and (lead != 0).any()),
        splits=pl.DataFrame(
            {
                "chosen": chosen,
                "inside": inside,
                "outside": outside,
                "average_outside": average,
                "rank": rank,
                "logit": logit,
            }
        ),
        dominance=pl.DataFrame({"level": levels, "chosen": below, "average": average_below}),
    )


def _share_below(values: Floats, levels: Floats) -> Floats:
    return np.searchsorted(np.sort(values), levels, side="right") / len(values)
