"""The block kernels: no block size changes a byte, a sweep is many replays, and what wakes a strategy."""

import datetime
import functools
import itertools
import pathlib
import types
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_panda.chain import (
    AccountStage,
    SignalStage,
    Work,
    build_outputs,
    build_stage,
    build_state,
    build_terms,
    load_strategies,
    raise_stage_fault,
    signals_needed,
    snapshot_bytes,
)
from alpha_panda.config import Profile
from alpha_panda.data.synthetic import synthetic_bars
from alpha_panda.errors import KernelError, StrategyError
from alpha_panda.instruments import Universe
from alpha_panda.kernels import kernel, record
from alpha_panda.kernels.records import FAULT_SIGNALS_FULL, SIGNAL, Records
from alpha_panda.kernels.replay import account_block, outputs_needed, strategy_block, sweep_block
from alpha_panda.strategy import Strategy, strategy_from
from tests.market import MONDAY, ONE_SHARE, bar, clock, path, profile, shares, strategy_terms, tick, together
from tests.streams import UNIVERSE, Stream, any_stream, whole

FOLDER = pathlib.Path(__file__).parents[2] / "strategies"

some = settings(deadline=None, max_examples=25)
any_seed = st.integers(0, 2**32)


def cuts(length: int, seed: int) -> list[int]:
    """Return where to cut `length` events into blocks: some of one event, some long, some of none."""
    random = np.random.default_rng(seed)
    return [0, *np.sort(random.integers(0, length + 1, random.integers(1, 40))).tolist(), length]


def joined(parts: list[Work]) -> list[bytes]:
    """Return everything that was said over several blocks, as bytes."""
    names = ("decisions", "orders", "fills", "snapshots")
    return [np.concatenate([getattr(part, name) for part in parts]).tobytes() for name in names]


# ── The account ──────────────────────────────────────────────────────────────────────────────────────────────────────


def in_blocks(stream: Stream, at_rows: list[int]) -> tuple[AccountStage, list[Work]]:
    """Return an account that passed a stream in these blocks, and what it said in each."""
    stage = AccountStage(stream.terms, UNIVERSE)
    blocks = itertools.pairwise(at_rows)
    return stage, [stage.advance(stream.events, stream.signals, start, stop) for start, stop in blocks]


@some
@given(any_seed)
def test_the_size_of_a_block_changes_no_byte_of_the_account(seed: int):
    stream = any_stream(seed)
    stage, work = whole(stream)
    expected, said = snapshot_bytes(stage.arrays()), joined([work])
    count = len(stream.events)
    for at_rows in (list(range(count + 1)), cuts(count, seed), cuts(count, seed + 1)):
        other, parts = in_blocks(stream, at_rows)
        assert snapshot_bytes(other.arrays()) == expected
        assert joined(parts) == said
        assert other.ledger_hash() == stage.ledger_hash()


@some
@given(any_seed)
def test_micro_batches_as_live_makes_them_change_no_byte(seed: int):
    stream = any_stream(seed)
    expected = whole(stream)[0]
    stage = AccountStage(stream.terms, UNIVERSE)
    at_rows = cuts(len(stream.events), seed)
    for start, stop in itertools.pairwise(at_rows):
        index = stream.signals["event_index"]
        signals = stream.signals[(index >= start) & (index < stop)].copy()
        signals["event_index"] -= start
        stage.advance(stream.events[start:stop].copy(), signals)
    assert snapshot_bytes(stage.arrays()) == snapshot_bytes(expected.arrays())


@some
@given(any_seed)
def test_outputs_that_run_full_are_drained_without_a_trace(seed: int):
    stream = any_stream(seed)
    terms, state = build_terms(stream.terms, UNIVERSE), build_state(stream.terms, len(UNIVERSE))
    outputs = build_outputs(outputs_needed(state.books.size, state.orders.shape[1]) + 1)
    cursor, fills, calls = 0, [], 0
    while cursor < len(stream.events):
        first = int(np.searchsorted(stream.signals["event_index"], cursor))
        rest = (stream.events, cursor, len(stream.events), stream.signals, first, len(stream.signals))
        cursor = account_block(terms, state, outputs, 0, *rest)
        fills.append(outputs.fills[: outputs.counts[2]].copy())
        outputs.counts[:] = 0
        calls += 1
    stage, work = whole(stream)
    assert np.concatenate(fills).tobytes() == work.fills.tobytes()
    assert snapshot_bytes(state._asdict()) == snapshot_bytes(stage.arrays())
    assert calls > 1 or len(work.orders) < 2


@some
@given(any_seed)
def test_an_account_that_says_nothing_comes_out_the_same(seed: int):
    stream = any_stream(seed)
    terms, state = build_terms(stream.terms, UNIVERSE), build_state(stream.terms, len(UNIVERSE), accounts=3)
    untouched = snapshot_bytes(build_state(stream.terms, len(UNIVERSE))._asdict())
    count = len(stream.events)
    rest = (stream.events, 0, count, stream.signals, 0, len(stream.signals))
    assert account_block(terms, state, build_outputs(0), 1, *rest) == count
    stage, _ = whole(stream)
    for p, expected in ((0, untouched), (1, snapshot_bytes(stage.arrays())), (2, untouched)):
        assert {name: array[p].tobytes() for name, array in state._asdict().items()} == expected


def test_signals_outside_the_block_are_left_alone():
    stream = any_stream(7)
    stage = AccountStage(stream.terms, UNIVERSE)
    stage.advance(stream.events, stream.signals, 0, 100)
    assert stage.account["signals"] == (stream.signals["event_index"] < 100).sum()
    assert stage.account["events"] == 100


# ── Strategies ───────────────────────────────────────────────────────────────────────────────────────────────────────


@functools.cache
def market() -> tuple[Universe, Records]:
    """Return three days of minute bars of eight companies that do not exist."""
    return synthetic_bars(MONDAY, MONDAY + datetime.timedelta(days=2), seed=5)


QUICK: dict[str, dict[str, Any]] = {
    "momentum": {"lookback": 5, "threshold": 0.001, "allow_short": 1},
    "rank_momentum": {"lookback": 3, "rebalance": 2, "top": 3},
}
"""Parameters that trade often."""


def quick(*names: str) -> Profile:
    """Return a profile that trades these strategies on five minutes."""
    size = {"mode": "fraction", "value": 0.9}
    return profile(
        *(
            strategy_terms(name, strategy=name, parameters=QUICK[name], interval="5m", capital=100_000, size=size)
            for name in names
        )
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_size_of_a_block_changes_no_signal(seed: int):
    universe, events = market()
    terms = quick("momentum", "rank_momentum")
    strategies = load_strategies(terms, [FOLDER])
    one, many = (SignalStage(terms, universe, strategies) for _ in range(2))
    expected = one.advance(events)
    at_rows = cuts(len(events), seed)
    parts = [many.advance(events, start, stop) for start, stop in itertools.pairwise(at_rows)]
    assert np.concatenate(parts).tobytes() == expected.tobytes()
    assert snapshot_bytes(one.arrays()) == snapshot_bytes(many.arrays())
    assert set(expected["strategy"].tolist()) == {0, 1}


def test_signals_come_in_the_order_of_their_causes_and_then_of_the_strategies():
    universe, events = market()
    terms = quick("rank_momentum", "momentum")
    signals = SignalStage(terms, universe, load_strategies(terms, [FOLDER])).advance(events)
    order = signals["event_index"] * 2 + signals["strategy"]
    assert (np.diff(order) >= 0).all()
    assert (events["time_ns"][signals["event_index"]] == signals["time_ns"]).all()
    assert (np.abs(signals["target"]) <= 1).all()


GRIDS = {
    "momentum": [{"lookback": lookback, "threshold": 0.001, "allow_short": 1} for lookback in (2, 5, 9)],
    "rank_momentum": [{"lookback": 3, "rebalance": rebalance, "top": 2} for rebalance in (2, 3, 7)],
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_sweep_is_as_many_replays_to_the_byte(name: str):
    universe, events = market()
    terms = quick(name)
    (strategy,) = load_strategies(terms, [FOLDER])
    grid, (strategy_part,) = GRIDS[name], terms.strategies
    bundle = build_terms(terms, universe)
    stage, state = build_stage(strategy_part, strategy, universe, grid), build_state(terms, len(universe), len(grid))
    block = sweep_block(strategy.step, strategy.step_all)
    at_rows = cuts(len(events), 3)
    for start, stop in itertools.pairwise(at_rows):
        needed = signals_needed(stage, events[start:stop], strategy.step_all is not None)
        block(bundle, stage, state, build_outputs(0), 0, len(grid), events, start, stop, np.zeros(needed, SIGNAL))
    hashes = set()
    for p, parameters in enumerate(grid):
        alone = quick(name).model_copy(
            update={"strategies": (strategy_part.model_copy(update={"parameters": parameters}),)}
        )
        signals_stage, account_stage = SignalStage(alone, universe, [strategy]), AccountStage(alone, universe)
        account_stage.advance(events, signals_stage.advance(events))
        assert {key: array[p].tobytes() for key, array in state._asdict().items()} == snapshot_bytes(
            account_stage.arrays()
        )
        for field in ("stages", "slots", "building", "closed", "states"):
            assert getattr(stage, field)[p].tobytes() == signals_stage.arrays()[f"{name}.{field}"].tobytes()
        hashes.add(account_stage.ledger_hash())
        assert account_stage.account["fills"] > 0
    assert len(hashes) == len(grid)


# ── What wakes a strategy, and what it may say ───────────────────────────────────────────────────────────────────────


def strategy_of(step: Any = None, step_all: Any = None, **fields: str) -> Strategy:
    """Return a strategy written in a test."""
    state = record(*(fields or {"unused": "i8"}).items())
    module = types.SimpleNamespace(STATE=state, **({"step": step} if step else {"step_all": step_all}))
    return strategy_from(module, "written")


def signals_of(strategy: Strategy, events: Records, universe: Universe = ONE_SHARE, **terms: Any) -> SignalStage:
    """Return the stage of one strategy on its universe."""
    return SignalStage(profile(strategy_terms("written", **terms)), universe, [strategy])


@kernel
def follow_the_price(state, params, bar):
    """Ask for the hundredth part of the price in rupees, and keep the last target at a price of one rupee."""
    return bar.close_e4 / 1_000_000 if bar.close_e4 != 10_000 else np.nan


def test_only_a_changed_target_is_a_signal_and_not_a_number_keeps_the_last():
    prices = (0.0001, 50, 50, 1, 50, 60, 1, 1, 50)
    events = together(bar(f"10:{minute:02d}", price, price, price, price) for minute, price in enumerate(prices))
    signals = signals_of(strategy_of(follow_the_price), events).advance(events)
    assert list(zip(signals["event_index"].tolist(), signals["target"].tolist(), strict=True)) == [
        (0, 0.000001),
        (1, 0.5),
        (5, 0.6),
        (8, 0.5),
    ]


def test_a_target_is_said_at_every_bar_where_it_is_to_be_sized_anew():
    events = together(bar(f"10:{minute:02d}", *[price] * 4) for minute, price in enumerate((50, 50, 1, 60)))
    size = {"mode": "fraction", "value": 1.0, "rebalance": True}
    signals = signals_of(strategy_of(follow_the_price), events, size=size).advance(events)
    assert signals["event_index"].tolist() == [0, 1, 3]


@pytest.mark.parametrize("price", [100.01, 1_000])
def test_a_target_beyond_one_stops_the_strategy_by_name(price: float):
    events = together([bar("10:00", price, price, price, price)])
    stage = signals_of(strategy_of(follow_the_price), events)
    with pytest.raises(StrategyError, match=r"strategy written returned a target outside \[-1, 1\]"):
        stage.advance(events)


def test_a_target_of_one_is_allowed():
    events = together([bar("10:00", 100, 100, 100, 100)])
    assert signals_of(strategy_of(follow_the_price), events).advance(events)["target"].tolist() == [1.0]


@kernel
def swing(state, params, bar):
    """Ask for another target at every bar."""
    state.count += 1
    return float(state.count % 2)


def test_more_signals_than_there_is_room_for_stop_the_strategy():
    strategy = strategy_of(swing, count="i8")
    events = together(bar(f"10:0{minute}", 100, 100, 100, 100) for minute in range(5))
    terms = profile(strategy_terms())
    stage = build_stage(terms.strategies[0], strategy, ONE_SHARE, [{}])
    signals = np.zeros(3, SIGNAL)
    count = strategy_block(strategy.step, None)(build_terms(terms, ONE_SHARE), stage, 0, 0, events, 0, 5, signals)
    assert (count, stage.stages[0]["fault"]) == (3, FAULT_SIGNALS_FULL)


def test_a_fault_that_is_not_the_strategys_names_the_kernel():
    with pytest.raises(KernelError, match="wrote more signals than its block can cause"):
        raise_stage_fault(FAULT_SIGNALS_FULL, "written")


def test_an_instrument_that_is_not_the_strategys_reaches_it_never():
    events = together(
        [bar("10:00", 100, 100, 100, 100, index=0), bar("10:00", 50, 50, 50, 50, index=1), clock("10:00")]
    )
    strategy = strategy_of(follow_the_price)
    stage = signals_of(strategy, events, shares(2), instruments=["NSE:SHARE001"])
    signals = stage.advance(events)
    assert (signals["instrument"].tolist(), signals["target"].tolist()) == ([1], [0.5])


@kernel
def roll_call(states, params, bars, targets):
    """Count the calls in the first state and the bars of the latest time in all; ask for the counts in hundredths."""
    states[0].calls += 1
    latest_ns = 0
    for k in range(len(bars)):
        latest_ns = max(latest_ns, bars[k].time_ns)
    for k in range(len(bars)):
        if bars[k].time_ns == latest_ns:
            states[k].bars += 1
            targets[k] = states[0].calls / 100
        # What a target held at the last call must not be seen again.
        states[k].stale += 0 if np.isnan(targets[k]) or bars[k].time_ns == latest_ns else 1


def ranked(*events: Records, count: int = 2, **terms: Any) -> tuple[SignalStage, Records]:
    """Return a ranking strategy after these events, and what it said."""
    array = together(events)
    strategy = strategy_of(step_all=roll_call, calls="i8", bars="i8", stale="i8")
    stage = signals_of(strategy, array, shares(count), **terms)
    return stage, stage.advance(array)


def test_a_ranking_strategy_wakes_once_after_the_bars_of_a_time():
    minutes = [
        event
        for minute in (1, 2, 3)
        for event in (*(bar(f"10:0{minute}", 100, 100, 100, 100, index=k) for k in (0, 1)), clock(f"10:0{minute}"))
    ]
    stage, signals = ranked(*minutes)
    states = stage.arrays()["written.states"][0]
    assert (states["calls"].tolist(), states["bars"].tolist(), states["stale"].tolist()) == ([3, 0], [3, 3], [0, 0])
    assert signals["event_index"].tolist() == [2, 2, 5, 5, 8, 8]
    assert signals["instrument"].tolist() == [0, 1] * 3


def test_a_ranking_strategy_sleeps_through_clocks_that_close_nothing():
    stage, signals = ranked(
        *path("10:00", 100, 100), clock("10:00:30"), clock("10:01"), clock("10:01:30"), clock("10:02")
    )
    assert stage.arrays()["written.states"][0]["calls"].tolist() == [1, 0]
    assert signals["event_index"].tolist() == [3]


def test_a_late_bar_wakes_a_ranking_strategy_once_more():
    stage, _ = ranked(
        bar("10:01", 100, 100, 100, 100, index=0),
        clock("10:01"),
        bar("10:01", 100, 100, 100, 100, index=1),
        clock("10:01:01"),
    )
    assert stage.arrays()["written.states"][0]["calls"].tolist() == [2, 0]


def test_bars_of_ticks_close_for_a_ranking_strategy_with_the_clock():
    events = [tick("10:00:10", 100), tick("10:00:20", 100, index=1), clock("10:01"), tick("10:01:05", 100)]
    stage, signals = ranked(*events)
    assert stage.arrays()["written.closed"]["time_ns"].tolist() == [[events[2]["time_ns"][0]] * 2]
    assert signals["event_index"].tolist() == [2, 2]
