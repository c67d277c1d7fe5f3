"""What an event does to an account beyond moving prices, and what a signal asks of it.

The order of the steps within one event is in replay.py. Orders made here can first meet the next event. Nothing in this
file knows whether it runs in a backtest or in live.
"""

from typing import Any

from alpha_panda.kernels.charges import rate_row
from alpha_panda.kernels.clock import NEVER_NS, covered_ns, enter_session, ist_midnight_ns
from alpha_panda.kernels.halts import close_book, reduce_again, renew_state, set_floor
from alpha_panda.kernels.jit import inlined, kernel
from alpha_panda.kernels.orders import SNAPSHOTS, cancel_orders, end_order, meet, refuse, request
from alpha_panda.kernels.records import BAR, EXPIRED, HOLDING_TIME, NO_GUARD, SIZE_FRACTION, SQUARE_OFF
from alpha_panda.kernels.risk import (
    AFTER_KILL,
    DAY_LOSS_HALT,
    DAY_LOSS_REDUCE,
    EXITING,
    NO_PRICE,
    NONE,
    NOTHING_TO_BUY_WITH,
)
from alpha_panda.kernels.size import capital_e4, wanted_quantity


@inlined
def match_orders(terms: Any, state: Any, outputs: Any, p: int, event: Any) -> None:
    """Let every working order of the event's instrument meet the event."""
    quote, instrument = state.quotes[p, event.instrument], terms.instruments[event.instrument]
    instant_ns = covered_ns(event, BAR)
    if not enter_session(quote, instrument, terms.sessions, instant_ns):
        return
    quote.volume_left = int(event.volume * terms.execution[0].participation)
    row = 0
    while row < state.accounts[p].orders_working:
        mine = state.orders[p, row].instrument == event.instrument
        if not (mine and meet(terms, state, outputs, p, row, event, instant_ns)):
            row += 1


@kernel
def guard_book(terms: Any, state: Any, outputs: Any, p: int, strategy: int, guard: int, event: Any) -> None:
    """Act on a guard that was set off, unless outside the session or the book is already leaving."""
    quote, instrument = state.quotes[p, event.instrument], terms.instruments[event.instrument]
    inside = enter_session(quote, instrument, terms.sessions, covered_ns(event, BAR))
    if inside and state.books[p, strategy, event.instrument].exiting == 0:
        close_book(terms, state, outputs, p, strategy, event.instrument, event.time_ns, guard)


# ── What happens by itself ───────────────────────────────────────────────────────────────────────────────────────────


@inlined
def take_snapshot(account: Any, outputs: Any, every_ns: int, time_ns: int) -> None:
    """Say how the account stood at the snapshot instant that has passed, and set the next, at or after `time_ns`."""
    if account.snapshot_next_ns > 0:
        say_snapshot(account, outputs, account.snapshot_next_ns)
    account.snapshot_next_ns += every_ns
    # A division is spared where no instant was skipped.
    if time_ns > account.snapshot_next_ns:
        account.snapshot_next_ns = (time_ns + every_ns - 1) // every_ns * every_ns


@kernel
def say_snapshot(account: Any, outputs: Any, time_ns: int) -> None:
    """Say how the account stands, under the name of an instant."""
    if len(outputs.snapshots) == 0:
        return
    snapshot = outputs.snapshots[outputs.counts[SNAPSHOTS]]
    outputs.counts[SNAPSHOTS] += 1
    snapshot.time_ns = time_ns
    snapshot.cash_e4 = account.cash_e4
    snapshot.equity_e4 = account.equity_e4
    snapshot.realised_e4 = account.realised_e4
    snapshot.unrealised_e4 = account.unrealised_e4
    snapshot.charges_e4 = account.charges.total_e4
    snapshot.gross_e4 = account.gross_e4
    snapshot.state = account.state


@kernel
def begin_day(terms: Any, account: Any, time_ns: int) -> None:
    """Close the books on the day before: its return, its counters and the latches that last for a day."""
    if account.day_start_ns > 0 and account.day_start_equity_e4 > 0:
        account.days += 1
        change = account.equity_e4 / account.day_start_equity_e4 - 1.0
        from_mean = change - account.return_mean
        account.return_mean += from_mean / account.days
        account.return_m2 += from_mean * (change - account.return_mean)
    account.day_start_ns = ist_midnight_ns(time_ns)
    account.day_start_equity_e4 = account.equity_e4
    account.day_base_e4 = account.equity_e4
    account.orders_today = 0
    account.rate_row = rate_row(terms.rates, time_ns)
    if account.halt_code == DAY_LOSS_REDUCE or account.halt_code == DAY_LOSS_HALT:
        account.halt_code = NONE
    renew_state(account)
    set_floor(account, terms.limits[0])


@kernel
def run_timers(terms: Any, state: Any, outputs: Any, p: int, time_ns: int, due_ns: int) -> None:
    """Expire the orders and close the books that are due at `due_ns`, as of the event at `time_ns`."""
    account = state.accounts[p]
    row = 0
    while row < account.orders_working:
        order = state.orders[p, row]
        if order.expires_ns <= due_ns:
            strategy, instrument = order.strategy, order.instrument
            end_order(state, outputs, p, row, time_ns, EXPIRED)
            reduce_again(terms, state, outputs, p, strategy, instrument, time_ns)
        else:
            row += 1
    if account.positions > 0:
        _close_due_books(terms, state, outputs, p, time_ns, due_ns)
    _set_timer(terms, state, p)


@kernel
def _close_due_books(terms: Any, state: Any, outputs: Any, p: int, time_ns: int, due_ns: int) -> None:
    for strategy in range(state.books.shape[1]):
        for instrument in range(state.books.shape[2]):
            book = state.books[p, strategy, instrument]
            if book.quantity != 0 and book.exiting == 0 and book.exit_by_ns <= due_ns:
                guard = _guard_of_time(book, terms.mandates[strategy], time_ns)
                close_book(terms, state, outputs, p, strategy, instrument, time_ns, guard)


@kernel
def _guard_of_time(book: Any, mandate: Any, time_ns: int) -> int:
    if book.guard != NO_GUARD:
        return book.guard  # its exit went unfilled and is made again
    held_ns = time_ns - book.entry_time_ns
    return HOLDING_TIME if 0 < mandate.holding_ns_max <= held_ns else SQUARE_OFF


@kernel
def _set_timer(terms: Any, state: Any, p: int) -> None:
    account = state.accounts[p]
    timer_ns = NEVER_NS
    for row in range(account.orders_working):
        timer_ns = min(timer_ns, state.orders[p, row].expires_ns)
    if account.positions > 0:
        for strategy in range(state.books.shape[1]):
            for instrument in range(state.books.shape[2]):
                book = state.books[p, strategy, instrument]
                if book.quantity != 0 and book.exiting == 0:
                    timer_ns = min(timer_ns, book.exit_by_ns)
    account.timer_ns = timer_ns


# ── Signals ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@inlined
def account_on_signal(terms: Any, state: Any, outputs: Any, p: int, signal: Any) -> None:
    """Bring one book to what a signal wants: the order is the difference to its position and working orders."""
    strategy, instrument_row = signal.strategy, signal.instrument
    account, book = state.accounts[p], state.books[p, strategy, instrument_row]
    quote, instrument = state.quotes[p, instrument_row], terms.instruments[instrument_row]
    account.signals += 1
    mandate, sleeve = terms.mandates[strategy], state.sleeves[p, strategy]
    # A book that a guard closed waits for a changed target, however often the old one is said.
    if signal.target == book.target and (mandate.rebalances == 0 or book.guard != NO_GUARD):
        return
    book.target = signal.target
    enter_session(quote, instrument, terms.sessions, signal.time_ns)
    if quote.last_e4 == 0:
        refuse(terms, state, outputs, p, signal, 0, NO_PRICE, 0.0, 0.0)
        return
    own_e4 = capital_e4(mandate, account)
    if mandate.compounds == 0:
        room_e4 = own_e4 - (sleeve.committed_e4 - book.committed_e4)
    else:
        room_e4 = own_e4 - _claims_of_others_e4(mandate, state, p, strategy, instrument_row, own_e4)
    wanted = wanted_quantity(mandate, own_e4, signal.target, quote.last_e4, signal.volatility, room_e4, instrument.lot)
    gap = wanted - book.quantity - book.working
    if book.exiting == 1 and account.killed == 1:
        refuse(terms, state, outputs, p, signal, gap, AFTER_KILL, float(book.guard), 0.0)
        return
    if book.exiting == 1 and gap * book.working < 0:
        refuse(terms, state, outputs, p, signal, gap, EXITING, float(book.guard), 0.0)
        return
    book.wanted = wanted
    book.guard = NO_GUARD
    if gap * book.working < 0:
        cancel_orders(state, outputs, p, strategy, instrument_row, signal.time_ns)
        gap = wanted - book.quantity
    if gap != 0:
        request(terms, state, outputs, p, strategy, instrument_row, signal.time_ns, gap, NO_GUARD)
    elif wanted == 0 and signal.target != 0.0:
        cost_e4 = float(quote.last_e4 * instrument.lot)
        refuse(terms, state, outputs, p, signal, 0, NOTHING_TO_BUY_WITH, cost_e4, float(room_e4))


@kernel
def _claims_of_others_e4(mandate: Any, state: Any, p: int, strategy: int, instrument: int, own_e4: int) -> int:
    """Return what a strategy's other books claim of a capital that compounds, at prices of now, as the equity is.

    A book claims what it holds and has at work. Where targets are sized anew, a share of the capital is all that it
    may claim: what it has grown beyond that is about to be sold.
    """
    claims_e4 = 0
    for other in range(state.books.shape[2]):
        if other != instrument:
            book = state.books[p, strategy, other]
            claim_e4 = abs(book.quantity + book.working) * state.quotes[p, other].last_e4
            if mandate.rebalances == 1 and mandate.size_mode == SIZE_FRACTION:
                claim_e4 = min(claim_e4, int(abs(book.target) * mandate.size_value * own_e4))
            claims_e4 += claim_e4
    return claims_e4
