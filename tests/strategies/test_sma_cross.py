"""The crossover of simple averages against integer arithmetic, ties included."""

import numpy as np
import pytest

from tests.bars import random_bars
from tests.strategies.running import targets_of


def sums_of(closes_e4: np.ndarray, length: int) -> np.ndarray:
    sums = np.convolve(closes_e4, np.ones(length, np.int64))[: len(closes_e4)]
    assert sums.dtype == np.int64
    return sums


@pytest.mark.parametrize("allow_short", [0, 1])
@pytest.mark.parametrize(("fast", "slow"), [(20, 50), (1, 2), (60, 7)])
def test_targets_follow_the_averages(fast: int, slow: int, allow_short: int, bars: np.ndarray):
    above = sums_of(bars["close_e4"], fast) * slow - sums_of(bars["close_e4"], slow) * fast
    expected = np.select([above > 0, above < 0], [1.0, -float(allow_short)], np.nan)
    expected[: max(fast, slow) - 1] = np.nan
    targets = targets_of("sma_cross", bars, fast=fast, slow=slow, allow_short=allow_short)
    np.testing.assert_array_equal(targets, expected)
    assert set(np.unique(expected[~np.isnan(expected)])) == {1.0, -float(allow_short)}


def test_ties_happen_on_real_and_random_prices(bars: np.ndarray):
    targets = targets_of("sma_cross", bars, fast=2, slow=4)
    assert np.isnan(targets[3:]).any()


def test_a_tie_keeps_the_last_target():
    bars = random_bars(7, seed=5)
    # Averages of 1 and 3: 5 against 4 is above, 3 against 3 and 3 against 3 tie, 2 against 8/3 is below.
    bars["close_e4"] = [3, 4, 5, 1, 3, 5, 1]
    targets = targets_of("sma_cross", bars, fast=1, slow=3, allow_short=1)
    np.testing.assert_array_equal(targets, [np.nan, np.nan, 1.0, -1.0, np.nan, 1.0, -1.0])


def test_averages_that_differ_only_by_rounding_tie():
    # In floats, the mean of ten prices of 0.1 rupee is not 0.1 rupee, and a float crossover would trade on that.
    bars = random_bars(40, seed=6)
    bars["close_e4"] = 1_000
    assert np.isnan(targets_of("sma_cross", bars, fast=3, slow=10)).all()
    assert sum([0.1] * 10) / 10 != 0.1
