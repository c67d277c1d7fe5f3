"""IST days and exchange sessions as the kernels see them, against the calendar itself."""

import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alpha_panda.kernels import kernel
from alpha_panda.kernels.clock import NEVER_NS, covered_ns, enter_session, ist_midnight_ns, session_row
from alpha_panda.kernels.records import BAR, CLOCK, EVENT, INSTRUMENT, SLOT, TICK
from alpha_panda.sessions import sessions
from alpha_panda.units import DAY_NS, IST_OFFSET_NS, ist_date, ist_time_ns
from tests.market import MONDAY, at

FIRST, LAST = datetime.date(2021, 2, 22), datetime.date(2021, 11, 8)
TABLE = sessions("NSE_EQ", FIRST, LAST)
"""Sessions with the outage of 2021-02-24, which made two of one day, and Muhurat trading on 2021-11-04."""

unhurried = settings(deadline=None)
any_instant = st.integers(ist_time_ns(FIRST), ist_time_ns(LAST) + 2 * DAY_NS)


@kernel
def drive(times_ns: Any, table: Any, instruments: Any, views: Any, found: Any) -> None:
    for i in range(len(times_ns)):
        found[i, 0] = ist_midnight_ns(times_ns[i])
        found[i, 1] = session_row(table, instruments[0].sessions_start, instruments[0].sessions_stop, times_ns[i])
        found[i, 2] = enter_session(views[0], instruments[0], table, times_ns[i])
        found[i, 3] = views[0].session_open_ns
        found[i, 4] = views[0].session_close_ns


def look(*times_ns: int) -> np.ndarray:
    """Return (midnight, row, inside, open, close) at each instant, seen by one view that moves from one to the next."""
    instruments = np.zeros(1, INSTRUMENT)
    instruments["sessions_stop"] = len(TABLE)
    found = np.zeros((len(times_ns), 5), np.int64)
    drive(np.array(times_ns, np.int64), TABLE, instruments, np.zeros(1, SLOT), found)
    return found


@unhurried
@given(any_instant)
@example(at("00:00") - 1)
@example(at("00:00"))
def test_midnight_is_that_of_the_ist_day(time_ns: int):
    assert look(time_ns)[0, 0] == ist_time_ns(ist_date(time_ns))


@unhurried
@given(st.lists(any_instant, min_size=1, max_size=6).map(sorted))
def test_a_view_shows_the_session_of_an_instant_or_the_next_one(times_ns: list[int]):
    for seen, time_ns in zip(look(*times_ns), times_ns, strict=True):
        later = [row for row in TABLE.tolist() if row[1] > time_ns]
        opens_ns, closes_ns = later[0] if later else (NEVER_NS, NEVER_NS)
        assert seen[1:].tolist() == [len(TABLE) - len(later), opens_ns <= time_ns, opens_ns, closes_ns]


@pytest.mark.parametrize(
    ("date", "clock", "inside"),
    [
        ("2021-11-03", "09:14:59", False),
        ("2021-11-03", "09:15", True),
        ("2021-11-03", "15:29:59", True),
        ("2021-11-03", "15:30", False),
        ("2021-02-24", "11:39", True),  # halted by an outage at 11:40,
        ("2021-02-24", "11:40", False),
        ("2021-02-24", "15:45", True),  # and open again until 17:00
        ("2021-02-24", "16:59", True),
        ("2021-11-04", "12:00", False),  # a holiday but for Muhurat trading,
        ("2021-11-04", "18:15", True),  # from 18:15 to 19:15
        ("2021-11-04", "19:15", False),
        ("2021-11-05", "12:00", False),
        ("2021-11-06", "12:00", False),  # a Saturday
    ],
)
def test_sessions_contain_their_open_and_not_their_close(date: str, clock: str, inside: bool):
    assert bool(look(at(clock, datetime.date.fromisoformat(date)))[0, 2]) is inside


def test_a_view_leaves_its_session_at_the_close():
    (_, closes_ns), following = TABLE[:2].tolist()
    before, at_the_close = look(closes_ns - 1, closes_ns)
    assert (bool(before[2]), bool(at_the_close[2])) == (True, False)
    assert tuple(at_the_close[3:]) == following


@kernel
def cover(events: Any, found: Any) -> None:
    for i in range(len(events)):
        found[i] = covered_ns(events[i], BAR)


def test_a_bar_happened_before_it_was_known_and_a_tick_as_it_was():
    events, found = np.zeros(3, EVENT), np.zeros(3, np.int64)
    events["time_ns"], events["kind"] = at("09:16"), (BAR, TICK, CLOCK)
    cover(events, found)
    assert (found - at("09:16")).tolist() == [-1, 0, 0]


def test_the_kernels_and_the_screens_agree_on_the_offset_of_ist():
    assert look(at("12:00"))[0, 0] == ist_time_ns(MONDAY) == at("12:00") - DAY_NS // 2
    assert look(0)[0, 0] == -IST_OFFSET_NS
