"""Runs a strategy file over bars, for tests that compare it with a plain statement of its rule."""

import functools
import importlib.util
import pathlib
import types

import numpy as np

from alpha_panda.kernels import kernel, record

FOLDER = pathlib.Path(__file__).parents[2] / "strategies"
ALONE = ("breakout", "ema_cross", "mean_reversion", "momentum", "rsi", "sma_cross")


@functools.cache
def load(name: str) -> types.ModuleType:
    """Return the module of a strategy file."""
    specification = importlib.util.spec_from_file_location(f"strategy_{name}", FOLDER / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def parameters(strategy: types.ModuleType, **chosen: float) -> np.ndarray:
    """Return one parameter set: the defaults, except for what is chosen."""
    assert set(chosen) <= set(strategy.PARAMETERS)
    kinds = {name: "f8" if isinstance(item.default, float) else "i8" for name, item in strategy.PARAMETERS.items()}
    values = np.zeros(1, record(*kinds.items()))
    for name, item in strategy.PARAMETERS.items():
        values[name] = chosen.get(name, item.default)
    return values


def targets_of(name: str, bars: np.ndarray, **chosen: float) -> np.ndarray:
    """Return what a strategy's `step` says after each bar of one instrument."""
    strategy, targets = load(name), np.empty(len(bars))
    _drive(strategy.step, np.zeros(1, strategy.STATE), parameters(strategy, **chosen), bars, targets)
    return targets


def targets_of_all(name: str, bars: np.ndarray, **chosen: float) -> np.ndarray:
    """Return what a strategy's `step_all` says at each row of bars [time, instrument], the latest known then."""
    strategy, targets = load(name), np.full(bars.shape, np.nan)
    _drive_all(
        strategy.step_all, np.zeros(bars.shape[1], strategy.STATE), parameters(strategy, **chosen), bars, targets
    )
    return targets


@kernel
def _drive(step, states, params, bars, targets):
    for i in range(len(bars)):
        targets[i] = step(states[0], params[0], bars[i])


@kernel
def _drive_all(step_all, states, params, bars, targets):
    for i in range(len(bars)):
        step_all(states, params[0], bars[i], targets[i])
