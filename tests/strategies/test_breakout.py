"""The breakout against its rule, stated bar by bar."""

import numpy as np
import pytest

from tests.strategies.running import targets_of


def rule(bars: np.ndarray, entry: int, exit_length: int, allow_short: int) -> list[float]:
    highs, lows, closes = (bars[field].tolist() for field in ("high_e4", "low_e4", "close_e4"))
    warm_up = max(entry, exit_length)
    targets, side = [np.nan] * warm_up, 0
    for i in range(warm_up, len(bars)):
        if closes[i] > max(highs[i - entry : i]):
            side = 1
        elif closes[i] < min(lows[i - entry : i]):
            side = -1
        elif closes[i] < min(lows[i - exit_length : i]):
            side = min(side, 0)
        elif closes[i] > max(highs[i - exit_length : i]):
            side = max(side, 0)
        targets.append(float(side if side > 0 or allow_short else 0))
    return targets


@pytest.mark.parametrize("allow_short", [0, 1])
@pytest.mark.parametrize(("entry", "exit_length"), [(20, 10), (55, 20), (3, 1)])
def test_targets_follow_the_rule(entry: int, exit_length: int, allow_short: int, bars: np.ndarray):
    expected = rule(bars, entry, exit_length, allow_short)
    targets = targets_of("breakout", bars, entry=entry, exit=exit_length, allow_short=allow_short)
    np.testing.assert_array_equal(targets, expected)
    assert set(expected[entry:]) == {-1.0, 0.0, 1.0} - ({-1.0} if not allow_short else set())


def test_a_close_at_the_highest_high_is_no_breakout(bars: np.ndarray):
    bars = bars[:4].copy()
    bars["high_e4"], bars["low_e4"] = 110, 90
    bars["close_e4"] = [100, 100, 110, 111]
    targets = targets_of("breakout", bars, entry=2, exit=1)
    np.testing.assert_array_equal(targets, [np.nan, np.nan, 0.0, 1.0])
