"""Sliders that offer what a strategy takes, and begin where it begins."""

import pathlib

import pytest

from alpha_panda.apps.controls import STEPS, parameter_sliders, steps_of
from alpha_panda.kernels.records import Parameter
from alpha_panda.strategy import load_strategy

STRATEGIES = pathlib.Path(__file__).parents[2] / "strategies"


@pytest.mark.parametrize("path", sorted(STRATEGIES.glob("*.py")), ids=lambda path: path.stem)
def test_every_slider_of_every_strategy_offers_only_what_it_takes(path: pathlib.Path):
    strategy = load_strategy(str(path))
    for name, slider in parameter_sliders(strategy).elements.items():
        assert slider.value == strategy.parameters[name].default
        for value in steps_of(strategy.parameters[name]):
            strategy.parameter_record({name: value})


def test_a_slider_can_be_asked_for_by_name():
    strategy = load_strategy(str(STRATEGIES / "ema_cross.py"))
    assert list(parameter_sliders(strategy, ["slow"]).elements) == ["slow"]


@pytest.mark.parametrize(
    "parameter", [Parameter(1, 0, 1), Parameter(12, 1, 500), Parameter(0.01, 0.0, 1.0), Parameter(70.0, 50.0, 100.0)]
)
def test_steps_rise_within_the_range_and_hold_the_default(parameter: Parameter):
    steps = steps_of(parameter)
    assert steps == sorted(set(steps))
    assert parameter.default in steps
    assert (steps[0] >= parameter.low, steps[-1] <= parameter.high) == (True, True)
    assert {type(step) for step in steps} == {type(parameter.default)}
    assert 2 <= len(steps) <= STEPS + 2
