"""Combinations of parameters: grids in order, samples by chance, and what the strategy or the user would not want."""

import numpy as np
import polars as pl
import pytest

from alpha_panda.backtest.grid import alone, combinations_of, with_parameters
from alpha_panda.backtest.inputs import study_of
from alpha_panda.config import Study
from alpha_panda.errors import ConfigurationError
from alpha_panda.kernels import Parameter
from alpha_panda.strategy import load_strategy
from tests.backtest.questions import notebook_strategy, question, strategy_file

SMA = load_strategy(strategy_file("sma_cross"))
RANGES = {"fast": range(2, 52), "slow": range(20, 220)}


def study(*strategies: dict, **tables: object) -> Study:
    return study_of(question(*strategies, **tables))[0]


def combinations(grid: dict | None, **choice: object) -> pl.DataFrame:
    return combinations_of(study(), SMA, grid, **choice)


def refused(grid: dict | None, **choice: object) -> str:
    with pytest.raises(ConfigurationError) as raised:
        combinations(grid, **choice)
    return str(raised.value)


# ── Grids ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_combinations_count_through_the_last_parameter_fastest():
    rows = combinations({"fast": (2, 3), "slow": (10, 20, 30)}).rows()
    assert rows == [(2, 10), (2, 20), (2, 30), (3, 10), (3, 20), (3, 30)]


def test_a_grid_is_the_studys_unless_another_is_given():
    asked = study(sweep={"parameters": {"fast": [4, 8]}})
    assert combinations_of(asked, SMA)["fast"].to_list() == [4, 8]
    assert combinations_of(asked, SMA, {"slow": [30]})["slow"].to_list() == [30]


def test_a_range_of_numpy_is_a_grid():
    assert combinations({"fast": np.arange(2, 5)})["fast"].to_list() == [2, 3, 4]


def test_the_bounds_of_a_whole_parameter_are_a_grid():
    assert combinations({"fast": Parameter(2, 3, 6)})["fast"].to_list() == [3, 4, 5, 6]


def test_a_column_is_of_its_parameters_type():
    momentum = load_strategy(strategy_file("momentum"))
    frame = combinations_of(study(), momentum, {"lookback": [5, 10], "threshold": [0, 0.5]})
    assert frame.dtypes == [pl.Int64, pl.Float64]


def test_what_the_strategy_would_refuse_is_refused_before_anything_runs():
    assert "has no parameter 'fats' (did you mean 'fast'?)" in refused({"fats": [3]})
    assert "it must lie in [1, 512]" in refused({"fast": [3, 4, 513]})
    assert "it must lie in [1, 512]" in refused({"fast": Parameter(3, 1, 513)})
    assert "must be a whole number" in refused({"fast": [3.5]})


def test_a_grid_of_nothing_or_of_one_value_twice_is_refused():
    assert "there is nothing to sweep" in refused({})
    assert "there is nothing to sweep" in refused(None)
    assert "one value or more, each once" in refused({"fast": []})
    assert "one value or more, each once" in refused({"fast": [3, 3]})


def test_a_grid_beyond_reason_is_refused():
    ranking = load_strategy(strategy_file("rank_momentum"))
    grid = {"lookback": range(1, 301), "rebalance": range(1, 301), "top": range(1, 301)}
    with pytest.raises(ConfigurationError, match="the grid has 27,000,000 combinations, more than 10,000,000"):
        combinations_of(study(), ranking, grid)
    momentum = load_strategy(strategy_file("momentum"))
    with pytest.raises(ConfigurationError, match="the grid has no end of combinations"):
        combinations_of(study(), momentum, {"threshold": Parameter(0.01, 0.0, 0.05)})


# ── Conditions ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("where", [pl.col("fast") < pl.col("slow"), "fast < slow"])
def test_combinations_against_the_condition_do_not_exist(where: pl.Expr | str):
    rows = combinations({"fast": (5, 20, 40), "slow": (10, 20, 30)}, where=where).rows()
    assert rows == [(5, 10), (5, 20), (5, 30), (20, 30)]


def test_a_condition_may_name_a_parameter_that_stays_as_it_is():
    asked = study({"parameters": {"slow": 30}})
    assert combinations_of(asked, SMA, {"fast": (5, 29, 30)}, "fast < slow")["fast"].to_list() == [5, 29]


def test_the_studys_condition_also_holds_for_another_grid():
    asked = study(sweep={"parameters": {"fast": [4, 8]}, "where": "fast < slow"})
    assert combinations_of(asked, SMA, {"fast": (9, 10), "slow": (10,)}).rows() == [(9, 10)]


def test_what_is_no_condition_is_refused_in_one_sentence():
    assert "the condition 'fast <' cannot be read" in refused(RANGES, where="fast <")
    assert "names 'slwo', which is no parameter of strategy sma_cross (did you mean 'slow'?)" in refused(
        RANGES, where="fast < slwo"
    )
    assert "fast + slow is no condition on parameters: filter predicate must be of type" in refused(
        RANGES, where="fast + slow"
    )
    assert "no combination satisfies fast > slow + 500: loosen it" in refused(RANGES, where="fast > slow + 500")


# ── Samples ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sample_holds_combinations_of_the_grid_each_once():
    sampled = combinations(RANGES, where="fast < slow", sample=1_000, seed=1)
    assert sampled.shape == (1_000, 2)
    assert sampled.n_unique() == 1_000
    assert len(sampled.join(combinations(RANGES, where="fast < slow"), on=["fast", "slow"], how="semi")) == 1_000


def test_a_seed_decides_the_sample_and_a_larger_one_continues_it():
    once = combinations(RANGES, sample=50, seed=3)
    # Drawn once, and written down: an upgrade that changes the draws would change what a study says.
    assert once.rows()[:4] == [(46, 117), (36, 149), (47, 207), (13, 71)]
    assert combinations(RANGES, sample=80, seed=3).head(50).equals(once)
    assert not combinations(RANGES, sample=50, seed=4).equals(once)


def test_a_sample_is_spread_evenly():
    sampled = combinations(RANGES, sample=5_000, seed=1)
    # Half of all combinations, so half of each fast length's 200: 7.1 is the standard deviation of such a count.
    counts = sampled["fast"].value_counts()["count"]
    assert len(counts) == 50
    assert counts.is_between(100 - 4 * 7.1, 100 + 4 * 7.1).all()


def test_without_a_grid_the_sample_is_of_all_that_the_strategy_allows():
    sampled = combinations(None, sample=2_000, seed=1)
    assert sampled.columns == ["fast", "slow", "allow_short"]
    assert sampled["fast"].is_between(1, 512).all()
    assert sampled["fast"].n_unique() > 450
    assert set(sampled["allow_short"]) == {0, 1}


def test_a_range_of_floats_can_be_sampled():
    tuned = notebook_strategy("tuned", SMA.step, level=Parameter(0.5, 0.25, 0.75), count=Parameter(1, 1, 10**12))
    drawn = combinations_of(study(), tuned, sample=3_000, seed=5, where="level < 0.5")
    assert drawn.dtypes == [pl.Float64, pl.Int64]
    assert drawn["level"].is_between(0.25, 0.5).all()
    assert drawn["level"].n_unique() == 3_000
    assert combinations_of(study(), tuned, sample=100, seed=5, where="level < 0.5").equals(drawn.head(100))
    with pytest.raises(ConfigurationError, match="there are only 0 combinations to sample"):
        combinations_of(study(), tuned, sample=10, where="level > 0.75")


def test_a_study_may_ask_for_a_sample():
    asked = study(sweep={"parameters": {"fast": [2, 3, 4], "slow": [10, 20]}, "sample": 4, "seed": 9})
    assert combinations_of(asked, SMA).equals(combinations({"fast": [2, 3, 4], "slow": [10, 20]}, sample=4, seed=9))
    assert len(combinations_of(asked, SMA, {"fast": [2, 3]})) == 2


def test_a_sample_of_more_than_there_is_is_refused():
    assert "there are only 6 combinations to sample" in refused({"fast": [2, 3, 4], "slow": [10, 20]}, sample=7)
    assert "a sample of 0 with the seed 0 cannot be taken" in refused(RANGES, sample=0)
    assert "a sample of 3 with the seed -1 cannot be taken" in refused(RANGES, sample=3, seed=-1)


# ── Strategies ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_strategy_is_swept_and_the_others_are_left_out():
    asked = study({}, {}, sweep={"strategy": "s1", "parameters": {"fast": [4]}})
    assert [terms.name for terms in alone(asked, None).profile.strategies] == ["s1"]
    assert [terms.name for terms in alone(asked, "s0").profile.strategies] == ["s0"]
    assert [terms.name for terms in alone(study({}), None).profile.strategies] == ["s0"]


def test_the_strategy_to_sweep_is_not_guessed():
    with pytest.raises(ConfigurationError, match="several strategies: say which one to sweep, s0, s1"):
        alone(study({}, {}), None)
    with pytest.raises(ConfigurationError, match="has no strategy 's9'"):
        alone(study({}, {}), "s9")


def test_a_combination_replaces_only_its_own_parameters():
    profile = study({"parameters": {"fast": 7, "allow_short": 1}}).profile
    (terms,) = with_parameters(profile, {"fast": 9, "slow": 40}).strategies
    assert terms.parameters == {"fast": 9, "slow": 40, "allow_short": 1}
