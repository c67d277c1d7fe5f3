"""Buying oversold against its rule, stated bar by bar over TA-Lib's index."""

import numpy as np
import pytest
import talib

from tests.strategies.running import targets_of


def rule(strengths: list[float], oversold: float, overbought: float, allow_short: int) -> list[float]:
    targets, side = [], 0
    for strength in strengths:
        if strength < oversold:
            side = 1
        elif strength > overbought:
            side = -1
        elif (side > 0 and strength >= 50) or (side < 0 and strength <= 50):
            side = 0
        targets.append(np.nan if np.isnan(strength) else float(side if side > 0 or allow_short else 0))
    return targets


@pytest.mark.parametrize("allow_short", [0, 1])
@pytest.mark.parametrize(("length", "oversold", "overbought"), [(14, 30.0, 70.0), (2, 5.0, 90.0), (100, 48.0, 51.0)])
def test_targets_follow_the_rule(length: int, oversold: float, overbought: float, allow_short: int, bars: np.ndarray):
    strengths = talib.RSI(bars["close_e4"].astype(np.float64), length).tolist()
    expected = rule(strengths, oversold, overbought, allow_short)
    chosen = {"length": length, "oversold": oversold, "overbought": overbought, "allow_short": allow_short}
    np.testing.assert_array_equal(targets_of("rsi", bars, **chosen), expected)
    assert set(expected[length:]) == {-1.0, 0.0, 1.0} - ({-1.0} if not allow_short else set())
