"""A feed that falls behind loses ticks and nothing else: no volume, no close, no clock, and no rule of the chain."""

import datetime
import types
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_panda.chain import SignalStage
from alpha_panda.data.events import in_order, validate
from alpha_panda.data.synthetic import SYMBOLS, synthetic_day
from alpha_panda.instruments import Universe
from alpha_panda.kernels import kernel, record
from alpha_panda.kernels.records import BAR, CLOCK, TICK, Records
from alpha_panda.live.conflation import Pressure, conflate
from alpha_panda.strategy import strategy_from
from alpha_panda.units import SECOND_NS
from tests.market import bar, clock, profile, strategy_terms, tick, together
from tests.streams import UNIVERSE, any_events

any_seed = st.integers(0, 2**32 - 1)


def crowded(seed: int, count: int = 200) -> Records:
    """Return valid events of a few seconds, with many ticks, some bars and clocks, and many at equal times."""
    random = np.random.default_rng(seed)
    events = any_events(random, count)
    events = events[events["kind"] != BAR] if seed % 2 else events
    events["instrument_token"] = np.where(events["kind"] == CLOCK, 0, UNIVERSE.tokens[events["instrument"]])
    step_ns = int(random.choice([0, 1, 10_000_000, 400_000_000]))
    start_ns = int(events["time_ns"][0])
    events["time_ns"] = start_ns + np.cumsum(random.integers(0, 2, len(events)) * step_ns)
    bars = np.flatnonzero(events["kind"] == BAR)
    _, first = np.unique(events[["time_ns", "instrument"]][bars], return_index=True)
    repeated = np.setdiff1d(bars, bars[first])
    return np.delete(events, repeated)


@settings(deadline=None)
@given(any_seed)
def test_what_is_left_keeps_the_rules_of_the_chain(seed: int):
    events = crowded(seed)
    validate(events, UNIVERSE)
    conflated, merged = conflate(events)
    validate(conflated, UNIVERSE)
    assert len(conflated) + merged == len(events)


@settings(deadline=None)
@given(any_seed)
def test_no_volume_clock_or_bar_is_lost(seed: int):
    events = crowded(seed)
    conflated, _ = conflate(events)
    for index in range(len(UNIVERSE)):
        before, after = (each["volume"][each["instrument"] == index].sum() for each in (events, conflated))
        assert before == after
    for kind in (BAR, CLOCK):
        assert conflated[conflated["kind"] == kind].tobytes() == events[events["kind"] == kind].tobytes()


@settings(deadline=None)
@given(any_seed)
def test_one_tick_is_left_of_each_instrument_and_second_between_clocks_and_it_is_the_last(seed: int):
    events = crowded(seed)
    conflated, _ = conflate(events)
    last = {}
    for event, stretch in zip(events, np.cumsum(events["kind"] == CLOCK), strict=True):
        if event["kind"] == TICK:
            last[stretch, event["time_ns"] // SECOND_NS, event["instrument"]] = without_volume(event)
    left = [without_volume(event) for event in conflated[conflated["kind"] == TICK]]
    assert sorted(left) == sorted(last.values())


@settings(deadline=None)
@given(any_seed)
def test_what_was_conflated_cannot_be_conflated_further(seed: int):
    conflated, _ = conflate(crowded(seed))
    again, merged = conflate(conflated)
    assert again.tobytes() == conflated.tobytes()
    assert merged == 0


def without_volume(event: Any) -> tuple[Any, ...]:
    return tuple(value for name, value in zip(event.dtype.names, event.tolist(), strict=True) if name != "volume")


def test_ticks_stay_where_they_stood_among_those_of_others():
    events = together([tick("09:20", 100, volume=1), tick("09:20", 50, index=1), tick("09:20", 101, volume=2)])
    conflated, merged = conflate(events)
    assert conflated["instrument"].tolist() == [1, 0]
    assert conflated["close_e4"].tolist() == [500_000, 1_010_000]
    assert conflated["volume"].tolist() == [1_000, 3]
    assert merged == 1


def test_a_tick_on_the_end_of_an_interval_is_not_merged_with_those_before_it():
    """A tick of 09:21:00 belongs to the bar that begins there, though the clock of 09:21:00 comes after it."""
    late, ends = tick("09:20:59", 100), tick("09:21", 101)
    late["time_ns"] += SECOND_NS - 1
    events = together([late, ends, clock("09:21")])
    assert conflate(events)[0].tobytes() == events.tobytes()


@pytest.mark.parametrize("between", [[clock("09:20")], [clock("09:20"), clock("09:20")]])
def test_nothing_is_merged_across_a_clock(between: list[Records]):
    events = together([tick("09:20", 100), *between, tick("09:20", 101)])
    assert conflate(events)[0].tobytes() == events.tobytes()


def test_what_has_no_two_ticks_is_handed_on_as_it_is():
    for events in (tick("09:20", 100)[:0], tick("09:20", 100), together([bar("09:20", 1, 2, 1, 2), clock("09:20")])):
        conflated, merged = conflate(events)
        assert conflated is events
        assert merged == 0


@kernel
def note_bars(state, params, bar):
    """Remember of all bars what may not change, in their order, and what may only shrink."""
    state.bars += 1
    state.chain = (state.chain * 1_000_003 + bar.time_ns + bar.close_e4 * 7 + bar.volume) % 2_147_483_647
    state.highs += bar.high_e4
    state.lows += bar.low_e4
    return np.nan


def noted(universe: Universe, events: Records) -> Records:
    """Return what a strategy remembers of its bars of a minute, a row for each instrument."""
    state = {"bars": "i8", "chain": "i8", "highs": "i8", "lows": "i8"}
    module = types.SimpleNamespace(STATE=record(*state.items()), step=note_bars)
    stage = SignalStage(profile(strategy_terms("noting")), universe, [strategy_from(module, "noting")])
    stage.advance(events)
    return stage.arrays()["noting.states"][0]


def test_strategies_see_the_same_closes_and_volumes_and_no_wider_bars():
    """Of a market with ten times as many ticks as it has: what is left of them makes bars of the same minutes."""
    universe, events = synthetic_day(datetime.date(2026, 11, 20), 1, SYMBOLS[:2])
    events = events[:6_000]
    ticks = events[events["kind"] == TICK]
    crowd = np.repeat(ticks, 10)
    crowd["time_ns"] += np.tile(np.arange(10), len(ticks))
    for field in ("open_e4", "high_e4", "low_e4", "close_e4"):
        crowd[field] += np.tile(np.arange(10), len(ticks)) * 100
    crowd = in_order(np.concatenate([crowd, events[events["kind"] == CLOCK]]))
    conflated, merged = conflate(crowd)
    assert merged > len(crowd) // 2
    before, after = noted(universe, crowd), noted(universe, conflated)
    assert before["bars"].min() > 20
    assert after[["bars", "chain"]].tolist() == before[["bars", "chain"]].tolist()
    assert (after["highs"] <= before["highs"]).all()
    assert (after["lows"] > before["lows"]).all()


# ── Pressure ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Stopwatch:
    """A monotonic clock that a test sets."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def two_ticks(second: int) -> Records:
    """Return two ticks of one instrument within a second of 09:20."""
    events = together([tick(f"09:20:{second:02d}", 100), tick(f"09:20:{second:02d}", 101)])
    events["time_ns"][1] += 1
    return events


def test_a_feed_in_time_is_left_alone_and_a_late_one_conflated_and_counted():
    stopwatch = Stopwatch()
    pressure = Pressure(SECOND_NS, stopwatch)
    for second, now_s, left in ((0, 0.0, 2), (1, 1.0, 2), (2, 2.9, 2), (3, 4.1, 1), (4, 4.9, 2)):
        stopwatch.now_s = 1_000.0 + now_s
        assert len(pressure.relieve(two_ticks(second))) == left
    assert pressure.merged == 1
    assert 0 < pressure.late_ns < SECOND_NS


def test_what_waited_is_judged_by_its_first_event():
    stopwatch = Stopwatch()
    pressure = Pressure(SECOND_NS, stopwatch)
    backlog = together([two_ticks(second) for second in range(5)])
    assert pressure.relieve(backlog)["time_ns"].tolist() == backlog["time_ns"][1::2].tolist()
    assert pressure.merged == 5


def test_a_past_that_is_played_faster_is_never_late():
    stopwatch = Stopwatch()
    pressure = Pressure(SECOND_NS, stopwatch)
    for second in range(60):
        stopwatch.now_s += 1 / 125
        assert len(pressure.relieve(two_ticks(second))) == 2


def test_without_a_limit_nothing_is_ever_merged():
    stopwatch = Stopwatch()
    pressure = Pressure(0, stopwatch)
    pressure.relieve(two_ticks(0))
    stopwatch.now_s += 3_600
    assert len(pressure.relieve(two_ticks(1))) == 2
    assert pressure.merged == 0
