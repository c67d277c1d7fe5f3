"""Bars from finer events, the same way in research and in live: aligned to the session, closed only by events.

A bar covers [start, end) and is known at `end`. Ticks and finer bars that fall inside it are merged; it closes with
the bar that completes it, with the first event that lies beyond it, or with a clock. The last bar of a session ends
with the session, and what happens outside sessions enters no bar.
"""

from typing import Any

from alpha_panda.kernels.clock import NEVER_NS, covered_ns, enter_session
from alpha_panda.kernels.jit import inlined, kernel
from alpha_panda.kernels.records import BAR

VARIANCE_WEIGHT = 0.06
"""Weight of the newest bar in the variance estimate, the decay of 0.94 of RiskMetrics (J.P. Morgan, 1996)."""

NOTHING = 0
BUILT = 1
WHOLE = 2
OVERDUE = 3
UNPLACED = 4


@inlined
def absorb(building: Any, slot: Any, control: Any, event: Any) -> int:
    """Let one event into the bar being built and say what that closed.

    NOTHING; the bar was BUILT; the event is the WHOLE bar by itself; or a bar was OVERDUE, which closes it, and the
    event must be absorbed once more. UNPLACED asks for `place`, since the event lies in no known bar, and then once
    more.
    """
    instant_ns = covered_ns(event, BAR)
    if not slot.bucket_start_ns <= instant_ns < slot.bucket_end_ns:
        if slot.building == 0:
            return UNPLACED
        _begin_next(slot, control)
        return OVERDUE
    completes = event.kind == BAR and event.time_ns == slot.bucket_end_ns
    if completes and slot.building == 0:
        _begin_next(slot, control)
        return WHOLE
    merge_event(building, slot, event)
    control.close_next_ns = min(control.close_next_ns, slot.bucket_end_ns)
    if completes:
        _begin_next(slot, control)
        return BUILT
    return NOTHING


@inlined
def _begin_next(slot: Any, control: Any) -> None:
    """Leave a closed bar behind: the next one follows it directly, as far as the session reaches."""
    slot.building = 0
    slot.bucket_start_ns = slot.bucket_end_ns
    slot.bucket_end_ns = min(slot.bucket_end_ns + control.interval_ns, slot.session_close_ns)


@inlined
def overdue(slot: Any, control: Any, time_ns: int) -> bool:
    """Close the bar being built if a clock says that its time is over; return whether it did."""
    if slot.building == 0 or time_ns < slot.bucket_end_ns:
        return False
    _begin_next(slot, control)
    return True


@kernel
def place(slot: Any, control: Any, instrument: Any, sessions: Any, event: Any) -> bool:
    """Find the bar in which an event lies; return False when it lies outside the sessions and so in none."""
    instant_ns = covered_ns(event, BAR)
    if not enter_session(slot, instrument, sessions, instant_ns):
        return False
    elapsed_ns = instant_ns - slot.session_open_ns
    bars = elapsed_ns // control.interval_ns if elapsed_ns >= control.interval_ns else 0
    slot.bucket_start_ns = slot.session_open_ns + bars * control.interval_ns
    slot.bucket_end_ns = min(slot.bucket_start_ns + control.interval_ns, slot.session_close_ns)
    return True


@kernel
def merge_event(building: Any, slot: Any, event: Any) -> None:
    """Add an event to the bar being built, or begin the bar with it."""
    slot.building += 1
    if slot.building == 1:
        copy_event(building, event)
        building.time_ns = slot.bucket_end_ns
        building.kind = BAR
        return
    building.high_e4 = max(building.high_e4, event.high_e4)
    building.low_e4 = min(building.low_e4, event.low_e4)
    building.close_e4 = event.close_e4
    building.volume += event.volume
    building.bid_e4 = event.bid_e4
    building.ask_e4 = event.ask_e4
    building.open_interest = event.open_interest


@kernel
def copy_event(target: Any, source: Any) -> None:
    """Copy every field of an EVENT."""
    target.time_ns = source.time_ns
    target.instrument_token = source.instrument_token
    target.instrument = source.instrument
    target.kind = source.kind
    target.open_e4 = source.open_e4
    target.high_e4 = source.high_e4
    target.low_e4 = source.low_e4
    target.close_e4 = source.close_e4
    target.volume = source.volume
    target.bid_e4 = source.bid_e4
    target.ask_e4 = source.ask_e4
    target.open_interest = source.open_interest


@inlined
def note_close(control: Any, slot: Any, bar: Any) -> None:
    """Follow the variance of bar returns, for a strategy that is sized by it."""
    if control.estimate_volatility == 1:
        if slot.close_e4 > 0:
            change = bar.close_e4 / slot.close_e4 - 1.0
            # The first return is all that is known: averaging it with nothing would call the market calm.
            weight = VARIANCE_WEIGHT if slot.variance > 0.0 else 1.0
            slot.variance += weight * (change * change - slot.variance)
        slot.close_e4 = bar.close_e4


@kernel
def close_next_ns(slots: Any, p: int) -> int:
    """Return when the next of the bars being built is over."""
    soonest_ns = NEVER_NS
    for k in range(slots.shape[1]):
        if slots[p, k].building > 0:
            soonest_ns = min(soonest_ns, slots[p, k].bucket_end_ns)
    return soonest_ns
