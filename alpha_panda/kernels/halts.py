"""Loss limits: latched states, and how a book or the whole account is taken out of the market.

Bars are judged when their instant is over, not one by one, where the equity would be half old and half new.
A day loss first lets nothing open (REDUCING), then closes everything (HALTED); both last for the day. A drawdown
halts for good: only a human may clear it. What people command, in commands.py, may be in force beside it.
"""

from typing import Any

from alpha_panda.kernels.clock import NEVER_NS, enter_session
from alpha_panda.kernels.jit import inlined, kernel
from alpha_panda.kernels.orders import EVERY, cancel_openings, cancel_orders, request
from alpha_panda.kernels.records import HALT_EXIT, HALTED, KILLED, NO_GUARD, PAUSED, REDUCING, RUNNING
from alpha_panda.kernels.risk import DAY_LOSS_HALT, DAY_LOSS_REDUCE, DRAWDOWN_HALT, NONE


@kernel
def renew_state(account: Any) -> None:
    """Set the account's state to the most severe of what loss limits latched and people commanded."""
    if account.killed == 1:
        account.state = KILLED
    elif account.halt_code == DAY_LOSS_HALT or account.halt_code == DRAWDOWN_HALT:
        account.state = HALTED
    elif account.paused == 1:
        account.state = PAUSED
    else:
        account.state = REDUCING if account.halt_code == DAY_LOSS_REDUCE else RUNNING


@inlined
def passes_floor(account: Any, limits: Any) -> bool:
    """Follow the peak and the trough of the equity; return whether it fell below a level that a loss limit watches."""
    if account.equity_e4 > account.drawdown_base_e4:
        _rise(account, limits)
    if account.equity_e4 < account.trough_e4:
        account.trough_e4 = account.equity_e4
    return account.equity_e4 < account.floor_e4


@kernel
def _rise(account: Any, limits: Any) -> None:
    account.drawdown_base_e4 = account.equity_e4
    # After a reset the base may lie below the peak, which goes on counting for the figures.
    if account.equity_e4 > account.peak_e4:
        account.drawdown_max = max(account.drawdown_max, (account.peak_e4 - account.trough_e4) / account.peak_e4)
        account.peak_e4 = account.equity_e4
        account.trough_e4 = account.equity_e4
    set_floor(account, limits)


@kernel
def set_floor(account: Any, limits: Any) -> None:
    """Set the highest equity below which some loss limit must be looked at."""
    floor_e4 = -NEVER_NS
    if account.halt_code != DRAWDOWN_HALT:
        # Watched on a halted day too: what its exits lose may be a drawdown, which outlasts the day.
        floor_e4 = max(floor_e4, _level_e4(account.drawdown_base_e4, limits.drawdown_halt))
    if account.halt_code == NONE or account.halt_code == DAY_LOSS_REDUCE:
        floor_e4 = max(floor_e4, _level_e4(account.day_base_e4, limits.day_loss_halt))
    if account.halt_code == NONE:
        floor_e4 = max(floor_e4, _level_e4(account.day_base_e4, limits.day_loss_reduce))
    account.floor_e4 = floor_e4


@kernel
def _level_e4(base_e4: int, fraction: float) -> int:
    return int(base_e4 * (1.0 - fraction)) if fraction > 0.0 else -NEVER_NS


@kernel
def breach(terms: Any, state: Any, outputs: Any, p: int, time_ns: int) -> None:
    """Latch the state that the lowest passed limit asks for; a halt leaves everything at the market."""
    account, limits = state.accounts[p], terms.limits[0]
    code = DAY_LOSS_REDUCE
    if account.equity_e4 < _level_e4(account.drawdown_base_e4, limits.drawdown_halt):
        code = DRAWDOWN_HALT
    elif account.equity_e4 < _level_e4(account.day_base_e4, limits.day_loss_halt):
        code = DAY_LOSS_HALT
    account.halt_code = code
    renew_state(account)
    set_floor(account, limits)
    if code == DAY_LOSS_REDUCE:
        stop_opening(terms, state, outputs, p, EVERY, time_ns)
    else:
        cancel_openings(state, outputs, p, EVERY, time_ns)
        close_all(terms, state, outputs, p, EVERY, time_ns, HALT_EXIT)


@kernel
def stop_opening(terms: Any, state: Any, outputs: Any, p: int, strategy: int, time_ns: int) -> None:
    """Cancel what a strategy, or EVERY one, has at work to open; a part of it that would have closed is asked again."""
    cancel_openings(state, outputs, p, strategy, time_ns)
    for each in range(state.books.shape[1]):
        if strategy == EVERY or each == strategy:
            for instrument in range(state.books.shape[2]):
                reduce_again(terms, state, outputs, p, each, instrument, time_ns)


@kernel
def reduce_again(terms: Any, state: Any, outputs: Any, p: int, strategy: int, instrument: int, time_ns: int) -> None:
    """Ask again for what a lost order would have closed: the last target still wants it closed.

    What the order would have opened stays lost, and a book that a guard is closing needs no other exit.
    """
    book = state.books[p, strategy, instrument]
    kept = book.wanted if book.wanted * book.quantity > 0 else 0
    gap = kept - book.quantity - book.working
    if book.guard == NO_GUARD and gap * book.quantity < 0:
        enter_session(state.quotes[p, instrument], terms.instruments[instrument], terms.sessions, time_ns)
        request(terms, state, outputs, p, strategy, instrument, time_ns, gap, NO_GUARD)


@kernel
def close_all(terms: Any, state: Any, outputs: Any, p: int, strategy: int, time_ns: int, guard: int) -> None:
    """Let the open books of a strategy, or of EVERY one, leave at the market, but for those already leaving."""
    for each in range(state.books.shape[1]):
        if strategy == EVERY or each == strategy:
            for instrument in range(state.books.shape[2]):
                book = state.books[p, each, instrument]
                if book.quantity != 0 and book.exiting == 0:
                    close_book(terms, state, outputs, p, each, instrument, time_ns, guard)


@kernel
def close_book(
    terms: Any, state: Any, outputs: Any, p: int, strategy: int, instrument: int, time_ns: int, guard: int
) -> None:
    """Cancel what a book has at work and leave its position at the market; it then waits for a changed target."""
    book = state.books[p, strategy, instrument]
    cancel_orders(state, outputs, p, strategy, instrument, time_ns)
    book.wanted = 0
    book.guard = guard
    enter_session(state.quotes[p, instrument], terms.instruments[instrument], terms.sessions, time_ns)
    made = request(terms, state, outputs, p, strategy, instrument, time_ns, -book.quantity, guard)
    # An exit that a kill holds back is refused once, not at every event; the reset makes it.
    if made or state.accounts[p].killed == 1:
        book.exiting = 1
