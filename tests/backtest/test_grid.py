"""Grids of parameters: their combinations in order, and what the strategy or the user would not want."""

import numpy as np
import pytest

from alpha_panda.backtest.grid import Grid, alone, grid_of, with_parameters
from alpha_panda.backtest.inputs import study_of
from alpha_panda.config import Study
from alpha_panda.errors import ConfigurationError
from alpha_panda.strategy import load_strategy
from tests.backtest.questions import question, strategy_file

SMA = load_strategy(strategy_file("sma_cross"))


def study(*strategies: dict, **tables: object) -> Study:
    return study_of(question(*strategies, **tables))[0]


def refused(grid: dict | None) -> str:
    with pytest.raises(ConfigurationError) as raised:
        grid_of(study(), grid, SMA)
    return str(raised.value)


def test_combinations_count_through_the_last_parameter_fastest():
    grid = Grid({"fast": (2, 3), "slow": (10, 20, 30)})
    assert len(grid) == 6
    assert [grid[number] for number in (0, 1, 3, 5)] == [
        {"fast": 2, "slow": 10},
        {"fast": 2, "slow": 20},
        {"fast": 3, "slow": 10},
        {"fast": 3, "slow": 30},
    ]
    assert grid.frame().rows(named=True) == [grid[number] for number in range(6)]


def test_a_grid_is_the_studys_unless_another_is_given():
    asked = study(sweep={"parameters": {"fast": [4, 8]}})
    assert grid_of(asked, None, SMA).parameters == {"fast": (4, 8)}
    assert grid_of(asked, {"slow": [30]}, SMA).parameters == {"slow": (30,)}


def test_a_range_of_numpy_is_a_grid():
    assert grid_of(study(), {"fast": np.arange(2, 5)}, SMA).parameters == {"fast": (2, 3, 4)}


def test_what_the_strategy_would_refuse_is_refused_before_anything_runs():
    assert "has no parameter 'fats' (did you mean 'fast'?)" in refused({"fats": [3]})
    assert "it must lie in [1, 512]" in refused({"fast": [3, 4, 513]})
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
        grid_of(study(), grid, ranking)


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
