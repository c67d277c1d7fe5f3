"""The crossover of exponential averages against TA-Lib's averages."""

import numpy as np
import pytest
import talib

from tests.strategies.running import targets_of


@pytest.mark.parametrize("allow_short", [0, 1])
@pytest.mark.parametrize(("fast", "slow"), [(12, 26), (1, 2), (50, 20)])
def test_targets_follow_the_averages(fast: int, slow: int, allow_short: int, bars: np.ndarray):
    closes = bars["close_e4"].astype(np.float64)
    above = talib.EMA(closes, fast) - talib.EMA(closes, slow) if fast > 1 else closes - talib.EMA(closes, slow)
    expected = np.select([above > 0, above < 0], [1.0, -float(allow_short)], np.nan)
    targets = targets_of("ema_cross", bars, fast=fast, slow=slow, allow_short=allow_short)
    np.testing.assert_array_equal(targets, expected)
    assert set(np.unique(expected[~np.isnan(expected)])) == {1.0, -float(allow_short)}


def test_equal_averages_keep_the_last_target(bars: np.ndarray):
    targets = targets_of("ema_cross", bars, fast=20, slow=20)
    assert np.isnan(targets).all()
