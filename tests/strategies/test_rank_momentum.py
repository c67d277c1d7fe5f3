"""The ranking against its rule, stated with sorted lists, on real days with gaps."""

import numpy as np
import pytest

from alpha_panda.kernels.records import EVENT
from tests.bars import daily_bars, random_bars
from tests.strategies.running import targets_of_all

SYMBOLS = ("ETERNAL", "GMRINFRA", "GROWW", "INFY", "MRF", "RELIANCE", "SBIN", "TCS", "ZOMATO")


def latest(series: list[np.ndarray]) -> np.ndarray:
    """Return bars [time, instrument]: at each time of any instrument, the latest bar of every one."""
    times = np.unique(np.concatenate([bars["time_ns"] for bars in series]))
    rows = np.zeros((len(times), len(series)), EVENT)
    for k, bars in enumerate(series):
        known = np.searchsorted(bars["time_ns"], times, side="right")
        rows[known > 0, k] = bars[known[known > 0] - 1]
    return rows


@pytest.fixture(scope="module", params=["random walks", "real days"])
def universe(request: pytest.FixtureRequest) -> np.ndarray:
    if request.param == "real days":
        path = request.getfixturevalue("shared_file")("daily/raw_eq_2019_2026.parquet")
        return latest([daily_bars(path, symbol) for symbol in SYMBOLS])
    # Every second and third walk trades now and then only, and some begin late.
    traded = np.random.default_rng(7).random((12, 900)) < np.array([1.0, 0.7, 0.1])[np.arange(12) % 3, None]
    return latest([random_bars(900, seed=k)[(k % 4) * 50 :][traded[k, (k % 4) * 50 :]] for k in range(12)])


def rule(rows: np.ndarray, lookback: int, rebalance: int, top: int) -> np.ndarray:
    closes, times = rows["close_e4"].tolist(), rows["time_ns"]
    targets = np.full(rows.shape, np.nan)
    for i in range(rebalance - 1, len(rows), rebalance):
        if i < lookback:
            continue
        current = np.flatnonzero(times[i] == times[i].max()).tolist()
        ranked = [k for k in current if closes[i - lookback][k] > 0]
        ranked.sort(key=lambda k: -(closes[i][k] - closes[i - lookback][k]) / closes[i - lookback][k])
        if ranked:
            targets[i] = 0.0
            targets[i, ranked[:top]] = 1.0 / top
    return targets


CHOICES = [(126, 21, 3), (20, 5, 2), (10, 10, 5), (7, 3, 50), (1, 1, 1), (3, 7, 2), (21, 20, 4)]


@pytest.mark.parametrize(("lookback", "rebalance", "top"), CHOICES)
def test_targets_follow_the_rule(lookback: int, rebalance: int, top: int, universe: np.ndarray):
    expected = rule(universe, lookback, rebalance, top)
    targets = targets_of_all("rank_momentum", universe, lookback=lookback, rebalance=rebalance, top=top)
    np.testing.assert_array_equal(targets, expected)
    assert (expected > 0).any()


def test_of_equal_returns_the_first_listed_wins():
    rows = np.repeat(random_bars(300, seed=9)[:, None], 4, axis=1)
    rows["close_e4"][:, 3] += 1_000 * np.arange(300)  # the last listed is the best, and must displace the second
    targets = targets_of_all("rank_momentum", rows, lookback=2, rebalance=3, top=2)
    held = targets[~np.isnan(targets[:, 0])]
    assert len(held) == 300 / 3
    np.testing.assert_array_equal(held, np.tile([0.5, 0.0, 0.0, 0.5], (len(held), 1)))


def test_a_bar_that_comes_late_counts_as_no_bar(universe: np.ndarray):
    twice = np.repeat(universe, 2, axis=0)
    chosen = {"lookback": 20, "rebalance": 5, "top": 2}
    once = targets_of_all("rank_momentum", universe, **chosen)
    targets = targets_of_all("rank_momentum", twice, **chosen)
    np.testing.assert_array_equal(targets[::2], once)
    assert np.isnan(targets[1::2]).all()
