"""Momentum against its rule, stated bar by bar."""

import numpy as np
import pytest

from tests.strategies.running import targets_of


def rule(closes_e4: list[int], lookback: int, threshold: float, allow_short: int) -> list[float]:
    targets, side = [np.nan] * lookback, 0
    for earlier, close in zip(closes_e4, closes_e4[lookback:], strict=False):
        change = (close - earlier) / earlier
        if abs(change) > threshold:
            side = 1 if change > 0 else -1
        elif (side > 0 and change <= 0) or (side < 0 and change >= 0):
            side = 0
        targets.append(float(side if side > 0 or allow_short else 0))
    return targets


@pytest.mark.parametrize("allow_short", [0, 1])
@pytest.mark.parametrize(("lookback", "threshold"), [(20, 0.005), (1, 0.001), (375, 0.02), (5, 0.0)])
def test_targets_follow_the_rule(lookback: int, threshold: float, allow_short: int, bars: np.ndarray):
    expected = rule(bars["close_e4"].tolist(), lookback, threshold, allow_short)
    targets = targets_of("momentum", bars, lookback=lookback, threshold=threshold, allow_short=allow_short)
    np.testing.assert_array_equal(targets, expected)
    assert set(expected[lookback:]) == {-1.0, 0.0, 1.0} - ({-1.0} if not allow_short else set())


def test_a_position_outlives_the_threshold_but_not_the_sign(bars: np.ndarray):
    bars = bars[:5].copy()
    bars["close_e4"] = [1_000, 1_020, 1_025, 1_025, 900]
    targets = targets_of("momentum", bars, lookback=1, threshold=0.01, allow_short=1)
    np.testing.assert_array_equal(targets, [np.nan, 1.0, 1.0, 0.0, -1.0])
