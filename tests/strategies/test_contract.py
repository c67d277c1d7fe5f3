"""What holds for every strategy: ranges, warm-up, no look-ahead, no write past a window, with the compiler or not."""

import hashlib
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from alpha_panda.kernels import Parameter
from tests.bars import random_bars
from tests.strategies.running import ALONE, FOLDER, load, targets_of, targets_of_all

RANKING = ("rank_momentum",)


def test_every_strategy_is_tested():
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == sorted(ALONE + RANKING)


@pytest.mark.parametrize("name", ALONE + RANKING)
def test_parameters_have_a_default_of_one_type_within_their_range(name: str):
    for item in load(name).PARAMETERS.values():
        assert isinstance(item, Parameter)
        assert item.low <= item.default <= item.high
        assert len({type(value) for value in item}) == 1


@pytest.mark.parametrize("name", ALONE)
def test_targets_begin_unknown_and_stay_within_one(name: str, bars: np.ndarray):
    targets = targets_of(name, bars)
    assert np.isnan(targets[:10]).all()
    assert set(np.unique(targets[~np.isnan(targets)])) == {0.0, 1.0}


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("count", [1, 49, 50, 777, 19_999])
def test_later_bars_never_change_an_earlier_target(name: str, count: int, bars: np.ndarray):
    np.testing.assert_array_equal(targets_of(name, bars[:count]), targets_of(name, bars)[:count])


def universe(count: int) -> np.ndarray:
    return np.stack([random_bars(count, seed) for seed in range(8)], axis=1)


@pytest.mark.parametrize("name", RANKING)
@pytest.mark.parametrize("count", [1, 146, 147, 148, 699])
def test_later_bars_never_change_an_earlier_ranking(name: str, count: int):
    rows = universe(700)
    np.testing.assert_array_equal(targets_of_all(name, rows[:count]), targets_of_all(name, rows)[:count])


# ── The compiler ─────────────────────────────────────────────────────────────────────────────────────────────────────


def corners(name: str) -> Iterator[dict[str, float]]:
    """Yield the defaults, every parameter at its lowest, and each in turn at its highest with the others lowest."""
    parameters = load(name).PARAMETERS
    lowest = {key: item.low for key, item in parameters.items()}
    yield from ({}, lowest, *(lowest | {key: item.high} for key, item in parameters.items()))


def everything() -> str:
    """Return a hash of what every strategy says at every corner of its parameters, past the longest of its windows."""
    digest = hashlib.sha256()
    for name in ALONE:
        for chosen in corners(name):
            digest.update(targets_of(name, random_bars(600, seed=8), **chosen).tobytes())
    for name in RANKING:
        for chosen in corners(name):
            digest.update(targets_of_all(name, universe(600), **chosen).tobytes())
    return digest.hexdigest()


def test_every_strategy_is_the_same_with_the_compiler_off_where_a_write_past_a_window_would_raise():
    script = "import sys; from tests.strategies.test_contract import everything; sys.stdout.write(everything())"
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=pathlib.Path(__file__).parents[2],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stdout == everything(), finished.stderr
