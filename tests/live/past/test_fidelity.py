"""What a catalog cannot give back of a session is told, kind by kind; of a feed that keeps its rules, nothing is."""

import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_panda.data.events import in_order, with_clocks
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import CLOCK, TICK, Records
from alpha_panda.live.past.fidelity import Fidelity
from alpha_panda.sessions import sessions
from tests.market import MONDAY, TUESDAY, bar, clock, shares, tick, together

TWO = shares(2)


def differences(*events: Records, universe: Universe = TWO) -> tuple[str, ...]:
    """Return what is told of a session of these events."""
    fidelity = Fidelity(universe)
    fidelity.note(together(events))
    return fidelity.differences()


def whole_day(*ticks: Records, first: datetime.date = MONDAY, last: datetime.date = MONDAY) -> Records:
    """Return ticks with the clocks that a catalog makes."""
    return with_clocks(in_order(together(ticks)), sessions("NSE_EQ", first, last))


def test_a_feed_that_keeps_the_catalogs_rules_differs_in_nothing():
    ticks = [
        tick("09:15", 100, volume=0),
        tick("09:15", 50, volume=0, index=1),
        tick("10:00", 101),
        tick("10:00", 102),
    ]
    tomorrow = tick("09:20", 100, volume=0, date=TUESDAY)
    assert differences(whole_day(*ticks)) == ()
    assert differences(whole_day(*ticks, tomorrow, last=TUESDAY)) == ()
    assert differences(tick("10:00", 100)[:0]) == ()


def test_what_is_recorded_are_the_ticks_within_sessions():
    events = together([tick("09:14", 100), clock("09:15"), bar("09:16", 1, 1, 1, 1), tick("09:17", 50, index=1)])
    fidelity = Fidelity(TWO)
    assert fidelity.note(events).tobytes() == events[3:].tobytes()
    assert fidelity.differences()[:2] == (
        "1 bars are not recorded: they are no ticks",
        "1 ticks are not recorded: they lie outside the sessions of their instruments",
    )


def test_ticks_of_one_time_in_another_order_are_told():
    day = whole_day(tick("10:00", 100, volume=0), tick("10:00", 50, volume=0, index=1))
    assert differences(day[[1, 0, *range(2, len(day))]]) == (
        "1 ticks stood behind one of the same time whose instrument comes later",
    )


def test_the_volume_of_first_ticks_is_told():
    day = whole_day(tick("10:00", 100, volume=7), tick("10:00", 50, volume=0, index=1), tick("10:01", 100, volume=9))
    assert differences(day) == ("what the first tick of a day traded is not kept: 7 units, of 1 first ticks",)


def test_a_session_that_ended_early_lacks_the_clocks_of_the_afternoon():
    day = whole_day(tick("10:00", 100, volume=0), tick("11:00", 100))
    morning = day[day["time_ns"] <= day["time_ns"][day["kind"] == TICK][-1]]
    assert differences(morning) == (
        "16,200 clocks are made that the session had not, the first at 2024-04-22 11:00:01 "
        "and the last at 2024-04-22 15:30:00 IST",
    )


def test_clocks_that_no_catalog_makes_are_told():
    day = together([clock("09:00"), whole_day(tick("15:29:59", 100, volume=0)), clock("15:31"), clock("15:31")])
    assert differences(day) == (
        "2 clocks of the session are not made, the first at 2024-04-22 09:00:00 "
        "and the last at 2024-04-22 15:31:00 IST",
        "1 clocks were struck twice",
    )


def test_a_tick_behind_the_clock_of_its_time_is_told():
    day = whole_day(tick("15:29:59", 100, volume=0))
    assert differences(day[[1, 0, 2]]) == ("1 events stood behind the clock of their own time",)


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_it_does_not_matter_how_the_events_were_cut(seed: int):
    random = np.random.default_rng(seed)
    ticks = [
        tick(f"10:0{random.integers(0, 3)}", 100, volume=int(random.integers(0, 2)), index=int(random.integers(0, 2)))
        for _ in range(12)
    ]
    events = whole_day(*ticks)
    events = events[: np.flatnonzero(events["kind"] == TICK)[-1] + int(random.integers(1, 60))]
    stirred = events[np.argsort(events["time_ns"] + random.integers(0, 2, len(events)), kind="stable")]
    fidelity = Fidelity(TWO)
    kept = [fidelity.note(part) for part in np.split(stirred, np.sort(random.integers(0, len(stirred), 9)))]
    assert fidelity.differences() == differences(stirred)
    assert together(kept).tobytes() == stirred[stirred["kind"] != CLOCK].tobytes()


@pytest.mark.parametrize("count", [0, 3])
def test_frames_of_nothing_are_nothing(count: int):
    fidelity = Fidelity(TWO)
    for _ in range(count):
        assert len(fidelity.note(tick("10:00", 100)[:0])) == 0
    assert fidelity.differences() == ()
