"""The block kernels: all that any driver, backtest, sweep or live, may call.

A block of events passes through each strategy first, which writes its few signals with the index of the event that
caused them, and then through the account, which merges events and signals by that index. The block size never changes
a byte.
"""

import math
from typing import Any

import numpy as np

from alpha_panda.kernels.account import (
    account_on_signal,
    begin_day,
    guard_book,
    match_orders,
    run_timers,
    take_snapshot,
)
from alpha_panda.kernels.aggregate import (
    NOTHING,
    OVERDUE,
    UNPLACED,
    WHOLE,
    absorb,
    close_next_ns,
    note_close,
    overdue,
    place,
)
from alpha_panda.kernels.bundles import borrow_outputs, borrow_stage, borrow_state, borrow_terms
from alpha_panda.kernels.clock import DAY_NS, NEVER_NS, covered_ns
from alpha_panda.kernels.guards import guard_hit
from alpha_panda.kernels.halts import breach, passes_floor
from alpha_panda.kernels.jit import Kernel, block_kernel, borrow, inlined, kernel
from alpha_panda.kernels.ledger import mark
from alpha_panda.kernels.records import BAR, CLOCK, FAULT_BAD_TARGET, FAULT_NONE, FAULT_SIGNALS_FULL, NO_GUARD

# The three names below stand for a strategy in the template; each strategy's block is compiled with its own in place.
_RANKS = False


@kernel
def _step(state: Any, params: Any, bar: Any) -> float:
    return np.nan


@kernel
def _step_all(states: Any, params: Any, bars: Any, targets: Any) -> None:
    pass


def _strategy_template(
    terms: Any, stage: Any, p: int, strategy: int, events: Any, start: int, stop: int, signals: Any
) -> int:
    """Pass events [start, stop) through parameter set `p` of one strategy; return how many signals it wrote."""
    terms, stage, signals = borrow_terms(terms), borrow_stage(stage), borrow(signals)
    instruments, sessions, slot_of = terms.instruments, terms.sessions, stage.slot_of
    slots, building, states, closed_bars = stage.slots, stage.building, stage.states, stage.closed
    control, params = stage.stages[p], stage.params[p]
    count, index = 0, start
    while index < stop:
        event = events[index]
        if event.kind == CLOCK:
            if event.time_ns >= control.close_next_ns:
                for k in range(slots.shape[1]):
                    slot, bar = slots[p, k], building[p, k]
                    if overdue(slot, control, event.time_ns):
                        note_close(control, slot, bar)
                        if _RANKS:
                            closed_bars[p, k] = bar
                            control.fresh += 1
                        else:
                            target = _step(states[p, k], params, bar)
                            if _changes(control, slot, target):
                                count = _say(stage, p, k, event, index, strategy, target, signals, count)
                control.close_next_ns = close_next_ns(slots, p)
            if _RANKS and control.fresh > 0:
                stage.targets[:] = np.nan
                _step_all(states[p], params, stage.closed[p], stage.targets)
                control.fresh = 0
                for k in range(slots.shape[1]):
                    target = stage.targets[k]
                    if _changes(control, slots[p, k], target):
                        count = _say(stage, p, k, event, index, strategy, target, signals, count)
            index += 1
            continue
        k = slot_of[event.instrument]
        if k < 0:
            index += 1
            continue
        slot, bar = slots[p, k], building[p, k]
        closed = absorb(bar, slot, control, event)
        if closed == UNPLACED:
            placed = place(slot, control, instruments[event.instrument], sessions, event)
            index += 0 if placed else 1
            continue
        if closed != NOTHING:
            if closed == WHOLE:
                bar = event
            note_close(control, slot, bar)
            if _RANKS:
                closed_bars[p, k] = bar
                control.fresh += 1
            else:
                target = _step(states[p, k], params, bar)
                if _changes(control, slot, target):
                    count = _say(stage, p, k, event, index, strategy, target, signals, count)
        index += 0 if closed == OVERDUE else 1
    return count


@inlined
def _changes(control: Any, slot: Any, target: float) -> bool:
    """Say whether a target is worth a signal: it is a number, and not the one of before unless that is to be said."""
    return not math.isnan(target) and (target != slot.target or control.repeats == 1)


@kernel
def _say(
    stage: Any, p: int, k: int, event: Any, index: int, strategy: int, target: float, signals: Any, count: int
) -> int:
    """Write a signal for a target; return how many signals there are now."""
    control, slot = stage.stages[p], stage.slots[p, k]
    if not -1.0 <= target <= 1.0:
        control.fault = FAULT_BAD_TARGET
        return count
    if count == len(signals):
        control.fault = FAULT_SIGNALS_FULL
        return count
    slot.target = target
    signal = signals[count]
    signal.time_ns = event.time_ns
    signal.event_index = index
    signal.strategy = strategy
    signal.instrument = stage.instrument_of[k]
    signal.target = target
    signal.volatility = math.sqrt(slot.variance)
    return count + 1


def _account_template(
    terms: Any,
    state: Any,
    outputs: Any,
    p: int,
    events: Any,
    start: int,
    stop: int,
    signals: Any,
    first: int,
    last: int,
) -> int:
    """Pass events [start, stop) and their signals [first, last) through account `p`; return the next event to pass.

    That is less than `stop` when the outputs have no room left, which the caller then drains, or after a fault.
    """
    terms, state, outputs, signals = borrow_terms(terms), borrow_state(state), borrow_outputs(outputs), borrow(signals)
    account, quotes, books = state.accounts[p], state.quotes, state.books
    mandates, limits, every_ns = terms.mandates, terms.limits[0], terms.execution[0].snapshot_ns
    counts, recording = outputs.counts, len(outputs.decisions) > 0
    most = len(outputs.decisions) - outputs_needed(books.shape[1] * books.shape[2], state.orders.shape[1])
    signal = first
    signal_index = signals[signal].event_index if signal < last else stop
    for index in range(start, stop):
        event = events[index]
        if recording and max(counts[0], counts[1], counts[2], counts[3]) > most:
            account.events += index - start
            return index
        # After a bar, those of other instruments at the same instant are still to come: it is not over yet.
        due_ns = covered_ns(event, BAR)
        if account.settle_ns <= due_ns:
            account.settle_ns = NEVER_NS
            if passes_floor(account, limits):
                breach(terms, state, outputs, p, event.time_ns)
        if every_ns > 0 and event.time_ns > account.snapshot_next_ns:
            take_snapshot(account, outputs, every_ns, event.time_ns)
        if event.time_ns >= account.day_start_ns + DAY_NS:
            begin_day(terms, account, event.time_ns)
        if event.kind != CLOCK:
            quote = quotes[p, event.instrument]
            involved = quote.working > 0 or quote.holders > 0
            if quote.working > 0:
                match_orders(terms, state, outputs, p, event)
            mark(account, quote, event)
            if involved:
                for strategy in range(books.shape[1]):
                    book = books[p, strategy, event.instrument]
                    if book.quantity != 0:
                        guard = guard_hit(book, event, mandates[strategy])
                        if guard != NO_GUARD:
                            guard_book(terms, state, outputs, p, strategy, guard, event)
                if event.kind == BAR:
                    account.settle_ns = event.time_ns
                elif passes_floor(account, limits):
                    breach(terms, state, outputs, p, event.time_ns)
        if due_ns >= account.timer_ns:
            run_timers(terms, state, outputs, p, event.time_ns, due_ns)
        while signal_index == index:
            account_on_signal(terms, state, outputs, p, signals[signal])
            signal += 1
            signal_index = signals[signal].event_index if signal < last else stop
        if account.fault != FAULT_NONE:
            account.events += index + 1 - start
            return index + 1
    account.events += stop - start
    return stop


@kernel
def outputs_needed(books: int, orders: int) -> int:
    """Return how many rows of each output one event and its signals may need: every book closed, every order ended."""
    return 4 * (books + orders)


account_block: Kernel = block_kernel(_account_template)
"""The account, compiled once whatever the strategies."""


def strategy_block(step: Kernel | None, step_all: Kernel | None) -> Kernel:
    """Return the strategy stage compiled for one strategy, given by `step` or by `step_all`."""
    if step_all is not None:
        return block_kernel(_strategy_template, _step_all=step_all, _RANKS=True)
    assert step is not None
    return block_kernel(_strategy_template, _step=step)


def _sweep_template(
    terms: Any,
    stage: Any,
    state: Any,
    outputs: Any,
    first: int,
    last: int,
    events: Any,
    start: int,
    stop: int,
    signals: Any,
) -> None:
    """Pass events [start, stop) through parameter sets [first, last), each with an account of its own."""
    for p in range(first, last):
        if stage.stages[p].fault == FAULT_NONE and state.accounts[p].fault == FAULT_NONE:
            count = _strategy_block(terms, stage, p, 0, events, start, stop, signals)
            account_block(terms, state, outputs, p, events, start, stop, signals, 0, count)


@kernel
def _strategy_block(
    terms: Any, stage: Any, p: int, strategy: int, events: Any, start: int, stop: int, signals: Any
) -> int:
    return 0


def sweep_block(step: Kernel | None, step_all: Kernel | None) -> Kernel:
    """Return the chain compiled for one strategy over many parameter sets."""
    return block_kernel(_sweep_template, _strategy_block=strategy_block(step, step_all))
