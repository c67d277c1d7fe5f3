"""Monte Carlo: what is drawn was seen, in blocks of the length that was said, and the same for the same seed."""

import numpy as np
import pytest

from alpha_panda.backtest.validate.resampling import (
    LEVELS,
    Method,
    block_length,
    bootstrap,
    drawn_days,
    shuffled_trades,
)
from alpha_panda.errors import ConfigurationError, DataError

METHODS: list[Method] = ["stationary", "circular"]


def noise(days: int, seed: int = 1, drift: float = 0.0005) -> np.ndarray:
    return np.random.default_rng(seed).normal(drift, 0.01, days)


def autoregressive(days: int, persistence: float, seed: int) -> np.ndarray:
    steps = np.random.default_rng(seed).normal(0.0, 0.01, days)
    for day in range(1, days):
        steps[day] += persistence * steps[day - 1]
    return steps


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_draws_the_same_paths(method: Method):
    one, other, third = (bootstrap(noise(200), paths=50, method=method, seed=seed) for seed in (4, 4, 5))
    assert one.outcomes.equals(other.outcomes)
    assert one.fan.equals(other.fan)
    assert not one.fan.equals(third.fan)


@pytest.mark.parametrize("method", METHODS)
def test_blocks_have_the_mean_length_that_was_said(method: Method):
    days, length = 1_000, 20.0
    places = drawn_days(np.random.default_rng(3), 200, days, length, method)
    unbroken = np.diff(places, axis=1) % days == 1
    # Breaks follow one another every 20 days on average; 200,000 draws estimate that to about 1 %.
    assert 1.0 / (1.0 - unbroken.mean()) == pytest.approx(length, rel=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_every_day_is_drawn_equally_often(method: Method):
    places = drawn_days(np.random.default_rng(8), 4_000, 50, 7.0, method)
    share = np.bincount(places.ravel(), minlength=50) / places.size
    np.testing.assert_allclose(share, 1 / 50, rtol=0.1)
    assert len(np.unique(places[:, 0])) == 50


def test_a_path_in_one_block_is_the_history_from_another_day_on():
    history = noise(100)
    drawn = bootstrap(history, paths=300, method="circular", block=100, seed=2)
    total = np.prod(1.0 + history) - 1.0
    np.testing.assert_allclose(drawn.outcomes["total_return"].to_numpy(), total, rtol=1e-9)
    assert drawn.outcomes["max_drawdown"].n_unique() > 20


def test_the_bands_hold_what_they_say():
    drawn = bootstrap(noise(300), paths=1_000, seed=6)
    for row in drawn.bands.rows(named=True):
        values = drawn.outcomes[row["figure"]].to_numpy()
        for name, level in LEVELS.items():
            assert (values <= row[name]).mean() == pytest.approx(level, abs=0.002)


def test_the_figures_are_those_of_the_returns():
    history = np.array([0.10, -0.50, 0.20])
    observed = dict(bootstrap(history, paths=5, block=1, seed=1).bands.select("figure", "observed").rows())
    assert observed["total_return"] == pytest.approx(1.1 * 0.5 * 1.2 - 1.0)
    assert observed["max_drawdown"] == pytest.approx(0.5)
    assert observed["sharpe"] is None  # three days


def test_a_loss_on_the_first_day_is_a_drawdown_from_the_capital():
    observed = dict(bootstrap([-0.2, 0.1], paths=5, block=1).bands.select("figure", "observed").rows())
    assert observed["max_drawdown"] == pytest.approx(0.2)


def test_the_sharpe_ratio_is_annualised_from_63_days_on():
    history = noise(63)
    observed = dict(bootstrap(history, paths=5).bands.select("figure", "observed").rows())
    assert observed["sharpe"] == pytest.approx(history.mean() / history.std(ddof=1) * np.sqrt(252))


def test_the_fan_is_of_the_equity_and_widens():
    fan = bootstrap(noise(250), paths=500, initial=1_000_000.0, seed=1).fan
    assert fan.columns == ["day", "p05", "p25", "p50", "p75", "p95"]
    assert fan["day"].to_list() == list(range(1, 251))
    assert 990_000 < fan["p50"][0] < 1_010_000
    spread = (fan["p95"] - fan["p05"]).to_numpy()
    assert spread[-1] > 5 * spread[0]


@pytest.mark.parametrize("persistence", [0.3, 0.5, 0.7])
def test_the_block_length_of_an_autoregression_is_the_one_that_theory_gives(persistence: float):
    # Of an AR(1), G = 2 phi / (1 - phi)^2 and g(0) = (1 + phi) / (1 - phi) times the variance, so that
    # b = (G^2 / g(0)^2)^(1/3) n^(1/3) = (2 phi / (1 - phi^2))^(2/3) n^(1/3).
    days = 50_000
    wanted = (2 * persistence / (1 - persistence**2)) ** (2 / 3) * days ** (1 / 3)
    found = np.mean([block_length(autoregressive(days, persistence, seed)) for seed in range(3)])
    assert found == pytest.approx(wanted, rel=0.15)


def test_blocks_of_one_length_are_longer_by_the_ratio_of_the_variances():
    history = autoregressive(5_000, 0.5, seed=1)
    assert block_length(history, "circular") / block_length(history) == pytest.approx(1.5 ** (1 / 3))


def test_independent_days_need_hardly_any_block():
    assert block_length(noise(10_000)) < 10
    assert block_length(np.zeros(100)) == 1.0
    assert block_length(noise(5)) == 1.0


def test_shuffled_trades_end_where_the_account_did():
    profits = np.random.default_rng(3).normal(100, 1_000, 80)
    shuffled = shuffled_trades(profits, 100_000, paths=200, seed=4)
    np.testing.assert_allclose(shuffled.outcomes["total_return"].to_numpy(), profits.sum() / 100_000)
    assert shuffled.outcomes["max_drawdown"].n_unique() > 100
    assert shuffled.fan.columns[0] == "trade"
    assert shuffled.fan["p05"][-1] == pytest.approx(100_000 + profits.sum())


def test_a_drawdown_of_shuffled_trades_is_bounded_by_all_losses_in_a_row():
    shuffled = shuffled_trades([-10.0, -20.0, 30.0], 100, paths=100, seed=1)
    assert shuffled.outcomes["max_drawdown"].max() == pytest.approx(0.3)
    assert shuffled.outcomes["max_drawdown"].min() == pytest.approx(20 / 120)  # the 20 lost after the 30 gained


@pytest.mark.parametrize("returns", [[0.1], [[0.1, 0.2]], [0.1, np.nan], [0.1, -1.5], [0.1, np.inf]])
def test_returns_that_cannot_be_are_refused(returns: list[float]):
    with pytest.raises(DataError):
        bootstrap(returns)


@pytest.mark.parametrize("options", [{"paths": 0}, {"block": 0.5}, {"block": 51}, {"paths": 10**9}])
def test_draws_that_cannot_be_are_refused(options: dict[str, float]):
    with pytest.raises(ConfigurationError):
        bootstrap(noise(50), **options)


def test_trades_without_capital_are_refused():
    with pytest.raises(ConfigurationError):
        shuffled_trades([1.0, 2.0], 0)
