"""Strategies that know what they cannot, each in one way; all of them must be caught."""

import types
from typing import Any

import numpy as np

from alpha_panda.kernels import kernel, record
from alpha_panda.strategy import Strategy, strategy_from
from tests.backtest.causality import recorded

BARS = record(("bars", "i8"))
SHORT = record(("bars", "i8"), ("closes", "i8", (8,)))

RECORDED_E4 = np.arange(1_000_000, 1_000_400)
RISES = tuple(float(place % 3 == 0) for place in range(100))
CRASH_NS = 1_795_000_000_000_000_000


@kernel
def recorded_closes(state, params, bar):
    state.bars += 1
    return float(RECORDED_E4[state.bars % 400] % 2)


@kernel
def recorded_tuple(state, params, bar):
    state.bars += 1
    return RISES[state.bars % 100]


@kernel
def look_up(place):
    return RISES[place % 100]


@kernel
def recorded_in_a_helper(state, params, bar):
    state.bars += 1
    return look_up(state.bars)


@kernel
def recorded_in_another_module(state, params, bar):
    state.bars += 1
    return float(recorded.CLOSES_E4[state.bars % 400] % 2)


def enclosing(table: np.ndarray) -> Any:
    @kernel
    def recorded_in_a_closure(state, params, bar):
        state.bars += 1
        return table[state.bars % len(table)]

    return recorded_in_a_closure


@kernel
def a_date_in_the_code(state, params, bar):
    return 0.0 if bar.time_ns > 1_795_000_000_000_000_000 else 1.0


@kernel
def a_date_in_the_module(state, params, bar):
    return 0.0 if bar.time_ns > CRASH_NS else 1.0


@kernel
def chance(state, params, bar):
    return np.random.random()


@kernel
def past_the_end_of_its_state(state, params, bar):
    state.bars += 1
    state.closes[state.bars % 8] = bar.close_e4
    return 1.0 if state.closes[state.bars % 16] > bar.close_e4 else 0.0


@kernel
def past_the_last_instrument(states, params, bars, targets):
    for k in range(len(bars)):
        targets[k] = 1.0 if bars[k + 1].close_e4 > bars[k].close_e4 else 0.0


def strategy(step: Any, state: Any = BARS, ranks: bool = False) -> Strategy:
    shape = {"step_all": step} if ranks else {"step": step}
    return strategy_from(types.SimpleNamespace(PARAMETERS={}, STATE=state, **shape), step.__name__)


LEAKING = {
    made.name: made
    for made in (
        strategy(recorded_closes),
        strategy(recorded_tuple),
        strategy(recorded_in_a_helper),
        strategy(recorded_in_another_module),
        strategy(enclosing(np.linspace(0.0, 1.0, 200))),
        strategy(a_date_in_the_code),
        strategy(a_date_in_the_module),
        strategy(chance),
        strategy(past_the_end_of_its_state, SHORT),
        strategy(past_the_last_instrument, ranks=True),
    )
}
