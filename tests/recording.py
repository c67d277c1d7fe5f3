"""A strategy that writes down every bar it is shown, to see what strategies see."""

import types

import numpy as np
import polars as pl

from alpha_panda.chain import SignalStage
from alpha_panda.instruments import Universe
from alpha_panda.kernels import kernel, record
from alpha_panda.kernels.records import Records
from alpha_panda.strategy import Strategy, strategy_from
from tests.market import profile, strategy_terms

CAPACITY = 8_192
"""The most bars that it remembers of an instrument."""

FIELDS = ("time_ns", "open_e4", "high_e4", "low_e4", "close_e4", "volume", "bid_e4", "ask_e4", "open_interest")
STATE = record(("count", "i8"), *((field, "i8", (CAPACITY,)) for field in FIELDS))


@kernel
def step(state, params, bar):
    """Remember `bar` and ask for another target than the last time, so that each bar gives a signal."""
    place = min(state.count, CAPACITY - 1)
    state.time_ns[place] = bar.time_ns
    state.open_e4[place] = bar.open_e4
    state.high_e4[place] = bar.high_e4
    state.low_e4[place] = bar.low_e4
    state.close_e4[place] = bar.close_e4
    state.volume[place] = bar.volume
    state.bid_e4[place] = bar.bid_e4
    state.ask_e4[place] = bar.ask_e4
    state.open_interest[place] = bar.open_interest
    state.count += 1
    return 1.0 if state.count % 2 == 1 else 0.5


def recorder() -> Strategy:
    """Return the strategy."""
    return strategy_from(types.SimpleNamespace(step=step, STATE=STATE), "recorder")


def recorded(events: Records, universe: Universe, interval: str) -> tuple[pl.DataFrame, Records]:
    """Return the bars of `interval` that a strategy is shown, by instrument and time, and the signals they caused."""
    overnight = profile(strategy_terms("recorder", interval=interval, product="NRML"))
    stage = SignalStage(overnight, universe, [recorder()])
    signals = stage.advance(events)
    states = stage.arrays()["recorder.states"][0]
    assert states["count"].max() <= CAPACITY, "the recorder cannot remember so many bars"
    frames = [
        pl.DataFrame(
            {"instrument": np.full(state["count"], index), **{name: state[name][: state["count"]] for name in FIELDS}}
        )
        for index, state in enumerate(states)
    ]
    return pl.concat(frames), signals
