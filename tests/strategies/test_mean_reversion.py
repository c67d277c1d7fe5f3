"""Mean reversion against its rule, stated bar by bar over two-pass deviations and TA-Lib's strength index."""

import numpy as np
import pytest
import talib

from tests.strategies.running import targets_of


def rule(
    closes: np.ndarray,
    lookback: int,
    width: float,
    rsi_length: int,
    oversold: float,
    overbought: float,
    allow_short: int,
) -> list[float]:
    windows = np.lib.stride_tricks.sliding_window_view(closes, lookback)
    strengths, ready = talib.RSI(closes, rsi_length), max(lookback - 1, rsi_length)
    targets, side = [np.nan] * ready, 0
    for i in range(ready, len(closes)):
        window = windows[i - lookback + 1]
        middle, reach = window.mean(), width * window.std()
        if strengths[i] < oversold and closes[i] < middle - reach:
            side = 1
        elif strengths[i] > overbought and closes[i] > middle + reach:
            side = -1
        elif (side > 0 and closes[i] >= middle) or (side < 0 and closes[i] <= middle):
            side = 0
        targets.append(float(side if side > 0 or allow_short else 0))
    return targets


CHOICES = [
    {"lookback": 20, "width": 2.0, "rsi_length": 14, "oversold": 30.0, "overbought": 70.0},
    {"lookback": 5, "width": 1.0, "rsi_length": 3, "oversold": 50.0, "overbought": 50.0},
    {"lookback": 10, "width": 1.5, "rsi_length": 40, "oversold": 45.0, "overbought": 55.0},
]


@pytest.mark.parametrize("allow_short", [0, 1])
@pytest.mark.parametrize("chosen", CHOICES)
def test_targets_follow_the_rule(chosen: dict, allow_short: int, bars: np.ndarray):
    expected = rule(bars["close_e4"].astype(np.float64), **chosen, allow_short=allow_short)
    targets = targets_of("mean_reversion", bars, **chosen, allow_short=allow_short)
    np.testing.assert_array_equal(targets, expected)
    ready = max(chosen["lookback"] - 1, chosen["rsi_length"])
    assert set(expected[ready:]) == {-1.0, 0.0, 1.0} - ({-1.0} if not allow_short else set())
