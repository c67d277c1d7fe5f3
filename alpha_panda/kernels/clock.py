"""Time arithmetic of the kernels: IST days and exchange sessions, from event time alone."""

from typing import Any

from alpha_panda.kernels.jit import inlined, kernel

DAY_NS = 86_400_000_000_000
IST_OFFSET_NS = 19_800_000_000_000
NEVER_NS = 2**62
"""An instant after every event."""


@inlined
def ist_midnight_ns(time_ns: int) -> int:
    """Return the IST midnight at or before an instant."""
    return (time_ns + IST_OFFSET_NS) // DAY_NS * DAY_NS - IST_OFFSET_NS


@kernel
def session_row(sessions: Any, start: int, stop: int, time_ns: int) -> int:
    """Return the first row in [start, stop) whose session closes after `time_ns`; `stop` when there is none."""
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if sessions[middle].close_ns > time_ns:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def enter_session(view: Any, instrument: Any, sessions: Any, time_ns: int) -> bool:
    """Point `view` (a SLOT or a QUOTE) at the session of an instant; return whether the instant lies inside one.

    Between sessions the view shows the next session, after the last one an empty session at the end of time.
    """
    if view.session_open_ns <= time_ns < view.session_close_ns:
        return True
    # Most often the instant lies in the very next session, which saves the search.
    row = view.session_row + 1
    known = instrument.sessions_start < row < instrument.sessions_stop
    if not (known and sessions[row - 1].close_ns <= time_ns < sessions[row].close_ns):
        row = session_row(sessions, instrument.sessions_start, instrument.sessions_stop, time_ns)
    view.session_row = row
    if row == instrument.sessions_stop:
        view.session_open_ns = NEVER_NS
        view.session_close_ns = NEVER_NS
        return False
    view.session_open_ns = sessions[row].open_ns
    view.session_close_ns = sessions[row].close_ns
    return time_ns >= view.session_open_ns


@inlined
def covered_ns(event: Any, bar_kind: int) -> int:
    """Return an instant inside what the event covers: a bar known at 09:16 happened before it, a tick at it."""
    return event.time_ns - (1 if event.kind == bar_kind else 0)
