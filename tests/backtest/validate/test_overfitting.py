"""The probability of overfitting: equal to the definition, a coin's toss on noise and nothing on an edge."""

import itertools
import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from alpha_panda.backtest.validate.overfitting import pbo
from alpha_panda.errors import ConfigurationError, DataError

NOISE = 0.01


def noise(sets: int, days: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, NOISE, (sets, days))


def by_definition(returns: np.ndarray, blocks: int) -> pl.DataFrame:
    """Return the splits as the paper words them: one after the other, with plain means, deviations and ranks."""
    parts = np.array_split(np.arange(returns.shape[1]), blocks)
    rows: list[dict[str, Any]] = []
    for chosen in itertools.combinations(range(blocks), blocks // 2):
        days = np.concatenate([parts[block] for block in chosen])
        others = np.setdiff1d(np.arange(returns.shape[1]), days)
        inside, outside = (
            part.mean(axis=1) / part.std(axis=1, ddof=1) for part in (returns[:, days], returns[:, others])
        )
        best = int(np.argmax(inside))
        rank = np.sum(outside <= outside[best]) / (len(returns) + 1)
        rows.append(
            {
                "chosen": best,
                "inside": inside[best],
                "outside": outside[best],
                "average_outside": outside.mean(),
                "rank": rank,
                "logit": math.log(rank / (1 - rank)),
            }
        )
    return pl.DataFrame(rows)


def sorted_splits(frame: pl.DataFrame) -> np.ndarray:
    return frame.sort("inside", "outside").to_numpy()


@pytest.mark.parametrize(("sets", "days", "blocks"), [(7, 64, 4), (40, 120, 6), (150, 200, 8), (5, 90, 10)])
def test_it_is_what_the_paper_defines(sets: int, days: int, blocks: int):
    returns = noise(sets, days, seed=sets)
    made, wanted = pbo(returns, blocks), by_definition(returns, blocks)
    assert len(made.splits) == math.comb(blocks, blocks // 2)
    np.testing.assert_allclose(sorted_splits(made.splits), sorted_splits(wanted), rtol=1e-9, atol=1e-12)
    assert made.probability == (wanted["logit"] <= 0).mean()
    assert made.probability_of_loss == (wanted["outside"] < 0).mean()
    slope, intercept = np.polyfit(wanted["inside"].to_numpy(), wanted["outside"].to_numpy(), 1)
    assert (made.slope, made.intercept) == (pytest.approx(slope), pytest.approx(intercept))
    correlation = np.corrcoef(wanted["inside"].to_numpy(), wanted["outside"].to_numpy())[0, 1]
    assert made.determination == pytest.approx(correlation**2)


def test_blocks_of_unequal_length_lose_no_day():
    returns = noise(10, 67, seed=3)
    assert pbo(returns, 4).splits["inside"].max() != pbo(returns[:, :64], 4).splits["inside"].max()


def test_noise_is_overfitted_as_often_as_not():
    found = [pbo(noise(100, 400, seed), 8).probability for seed in range(20)]
    # Ranks outside are uniform whatever was chosen inside, so each expects 1/2; the mean of twenty deviates by 0.05.
    assert np.mean(found) == pytest.approx(0.5, abs=0.15)


def test_an_edge_is_not_overfitted():
    returns = noise(100, 1_000, seed=5)
    returns[17] += 0.5 * NOISE  # a daily Sharpe ratio of a half, which no noise comes near
    found = pbo(returns)
    assert (found.probability, found.probability_of_loss) == (0.0, 0.0)
    assert set(found.splits["chosen"]) == {17}
    assert (found.first_order_dominance, found.second_order_dominance) == (True, True)


def test_what_is_best_inside_because_it_is_worst_outside_is_overfitted_always():
    first, last = np.array([1, 1, 0, 0]), np.array([0, 0, 1, 1])
    levels = np.array([3 * first, 3 * last, 2 * first - last, first * 0 + 0.5])
    returns = np.repeat(levels * NOISE, 20, axis=1) + noise(4, 80, seed=9) / 10
    found = pbo(returns, 2)
    assert found.probability == 1.0
    assert not found.second_order_dominance


def test_a_set_that_never_traded_has_a_ratio_of_zero():
    returns = noise(3, 64, seed=1) - NOISE
    returns[1] = 0.0
    found = pbo(returns, 4)
    assert set(found.splits["chosen"]) == {1}
    assert set(found.splits["outside"]) == {0.0}


def test_equal_sets_share_their_rank():
    returns = np.repeat(noise(1, 64, seed=1), 3, axis=0)
    assert set(pbo(returns, 4).splits["rank"]) == {0.5}


def test_the_order_of_the_sets_changes_nothing():
    returns = noise(50, 160, seed=2)
    assert pbo(returns, 8).probability == pbo(returns[::-1], 8).probability


@pytest.mark.parametrize("blocks", [0, 1, 3, 22, 100])
def test_blocks_that_cannot_be_halved_are_refused(blocks: int):
    with pytest.raises(ConfigurationError, match="blocks"):
        pbo(noise(5, 300, seed=1), blocks)


def test_too_few_days_or_sets_are_refused():
    with pytest.raises(ConfigurationError, match="31 days"):
        pbo(noise(5, 31, seed=1))
    with pytest.raises(ConfigurationError, match="2 sets"):
        pbo(noise(1, 300, seed=1))
    with pytest.raises(ConfigurationError, match="shape"):
        pbo(noise(5, 300, seed=1)[0])


def test_returns_that_are_not_finite_are_refused():
    returns = noise(5, 64, seed=1)
    returns[3, 7] = np.nan
    with pytest.raises(DataError, match="not finite"):
        pbo(returns)
