"""Honesty: the probability of overfitting of a large sweep, and the paths of a bootstrap."""

import functools

import numpy as np

from alpha_panda.backtest.validate.overfitting import Overfitting, pbo
from alpha_panda.backtest.validate.resampling import MonteCarlo, bootstrap
from tests.benchmarks.markets import SEED
from tests.benchmarks.measuring import Row, measured

BLOCKS = 16
SPLITS = 12_870  # C(16, 8)


@functools.cache
def noise(sets: int, days: int) -> np.ndarray:
    """Return daily returns without any edge."""
    return np.random.default_rng(SEED).normal(0.0, 0.01, (sets, days))


def overfitting(case: str, sets: int = 10_000, days: int = 2_500) -> Row:
    """The probability of overfitting, beside adding up the blocks of every split alone."""
    returns = noise(sets, days)
    sums = returns[:, : days // BLOCKS * BLOCKS].reshape(sets, BLOCKS, -1).sum(axis=2).T
    choices = np.random.default_rng(SEED).integers(0, 2, (SPLITS, BLOCKS)).astype(np.float64)

    def by_hand() -> None:
        for start in range(0, SPLITS, 13):
            np.matmul(choices[start : start + 13], sums)

    return measured(case, SPLITS * sets, lambda _: pbo(returns, BLOCKS), by_hand, _overfitting_note, repeats=3)


def paths(case: str, count: int = 2_000, days: int = 2_500) -> Row:
    """A stationary bootstrap, beside drawing as many days one by one."""
    returns = noise(1, days)[0]

    def by_hand() -> None:
        random = np.random.default_rng(SEED)
        np.cumprod(1.0 + returns[random.integers(0, days, (count, days))], axis=1)

    return measured(case, count * days, lambda _: bootstrap(returns, paths=count), by_hand, _paths_note, repeats=3)


def _overfitting_note(found: Overfitting) -> str:
    return f"ratios; {len(found.splits):,} splits, overfitted {found.probability:.0%} of the time, as noise is"


def _paths_note(drawn: MonteCarlo) -> str:
    return f"days drawn; {len(drawn.outcomes):,} paths in blocks of {drawn.block:.1f} days"
