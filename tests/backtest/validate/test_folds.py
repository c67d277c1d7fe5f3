"""Folds of days: what is tested is never within reach of what is trained on, and paths test every day once."""

import itertools
import math
from typing import Any

import numpy as np
import pytest

from alpha_panda.backtest.validate.folds import Folds, combinatorial_folds, purged_folds, stretches
from alpha_panda.errors import ConfigurationError

SHAPES = [
    {"days": 100, "groups": 5, "tests": 1, "purge": 0, "embargo": 0},
    {"days": 103, "groups": 6, "tests": 2, "purge": 3, "embargo": 4},
    {"days": 250, "groups": 10, "tests": 3, "purge": 1, "embargo": 0},
    {"days": 61, "groups": 6, "tests": 5, "purge": 0, "embargo": 2},
]
MADE = [(shape, combinatorial_folds(**shape)) for shape in SHAPES]


@pytest.mark.parametrize(("shape", "folds"), MADE)
def test_a_day_is_trained_on_just_if_no_tested_day_is_within_reach(shape: dict[str, Any], folds: Folds):
    before, after = shape["purge"], shape["purge"] + shape["embargo"]
    for fold in folds.folds:
        for day in range(shape["days"]):
            reached = any(tested - before <= day <= tested + after for tested in fold.test.tolist())
            assert (day in fold.train) == (not reached)


@pytest.mark.parametrize(("shape", "folds"), MADE)
def test_every_choice_of_groups_is_tested_once(shape: dict[str, Any], folds: Folds):
    chosen = [fold.groups for fold in folds.folds]
    assert chosen == list(itertools.combinations(range(shape["groups"]), shape["tests"]))
    for fold in folds.folds:
        spans = [range(folds.groups[group][0], folds.groups[group][1] + 1) for group in fold.groups]
        assert fold.test.tolist() == [day for span in spans for day in span]


@pytest.mark.parametrize(("shape", "folds"), MADE)
def test_each_path_tests_every_group_once_and_all_paths_use_every_test_once(shape: dict[str, Any], folds: Folds):
    assert folds.paths.shape == (math.comb(shape["groups"] - 1, shape["tests"] - 1), shape["groups"])
    used = [(int(fold), group) for path in folds.paths for group, fold in enumerate(path)]
    assert sorted(used) == sorted((number, group) for number, fold in enumerate(folds.folds) for group in fold.groups)


def test_groups_cover_the_days_and_differ_by_a_day_at_most():
    groups = combinatorial_folds(103, groups=6, tests=2).groups
    assert [day for first, last in groups for day in range(first, last + 1)] == list(range(103))
    assert {last - first + 1 for first, last in groups} == {17, 18}  # 103 / 6 lies between


def test_k_folds_test_every_day_once_on_one_path():
    folds = purged_folds(20, folds=4, purge=1, embargo=1)
    assert folds.paths.tolist() == [[0, 1, 2, 3]]
    assert folds.folds[1].test.tolist() == [5, 6, 7, 8, 9]
    assert folds.folds[1].train.tolist() == [0, 1, 2, 3, 12, 13, 14, 15, 16, 17, 18, 19]
    assert folds.folds[1].segments() == [(0, 3), (12, 19)]


def test_stretches_are_unbroken():
    assert stretches(np.array([3, 4, 5, 9, 11, 12])) == [(3, 5), (9, 9), (11, 12)]


@pytest.mark.parametrize(
    "shape",
    [
        {"days": 10, "groups": 1},
        {"days": 3, "groups": 4},
        {"days": 10, "groups": 4, "tests": 0},
        {"days": 10, "groups": 4, "tests": 4},
        {"days": 10, "groups": 4, "purge": -1},
        {"days": 10, "groups": 4, "embargo": -1},
        {"days": 10, "groups": 5, "embargo": 9},
        {"days": 1_000, "groups": 40, "tests": 20},
    ],
)
def test_folds_that_cannot_be_are_refused(shape: dict[str, int]):
    with pytest.raises(ConfigurationError):
        combinatorial_folds(**shape)
