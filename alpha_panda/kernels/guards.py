"""What protects an open position: stop-loss, target, trailing stop, longest holding and square-off.

Guards watch every event, not just the bars of the strategy. One that is hit closes the book with a market order,
which like any order meets the next event; then the book waits for a changed target. Within a bar the worse order of
events is assumed: a bar that touches both the stop and the target stopped out, and a trailing stop follows the bar's
best price first.
"""

from typing import Any

from alpha_panda.kernels.clock import NEVER_NS, ist_midnight_ns
from alpha_panda.kernels.jit import inlined, kernel
from alpha_panda.kernels.records import MIS, NO_GUARD, STOP_LOSS, TAKE_PROFIT, TRAILING_STOP

SQUARE_OFF_MARGIN_NS = 300_000_000_000
"""A square-off comes at the latest five minutes before its session ends, so that there is a market to trade in."""


@kernel
def arm(book: Any, quote: Any, mandate: Any) -> None:
    """Set the guard levels of a book from its average cost, after a fill that left it with a position."""
    average_e4 = book.cost_e4 / book.quantity
    direction = 1.0 if book.quantity > 0 else -1.0
    book.stop_e4 = int(average_e4 * (1.0 - direction * mandate.stop_loss)) if mandate.stop_loss > 0.0 else 0
    book.profit_e4 = int(average_e4 * (1.0 + direction * mandate.take_profit)) if mandate.take_profit > 0.0 else 0
    if book.extreme_e4 == 0:
        book.extreme_e4 = int(average_e4)
    book.exit_by_ns = exit_by_ns(book, quote, mandate)


@kernel
def exit_by_ns(book: Any, quote: Any, mandate: Any) -> int:
    """Return when a book must be closed: its longest holding or the square-off of its session, whichever is first."""
    due_ns = book.entry_time_ns + mandate.holding_ns_max if mandate.holding_ns_max > 0 else NEVER_NS
    return min(due_ns, square_off_time_ns(quote, mandate))


@kernel
def square_off_time_ns(quote: Any, mandate: Any) -> int:
    """Return when intraday positions of the quote's session are squared off; never for overnight products."""
    if mandate.product != MIS:
        return NEVER_NS
    latest_ns = quote.session_close_ns - SQUARE_OFF_MARGIN_NS
    if mandate.square_off_ns == 0:
        return latest_ns
    due_ns = ist_midnight_ns(quote.session_open_ns) + mandate.square_off_ns
    # A session that opens after that time of day, like Muhurat trading, squares off before its own close.
    return due_ns if quote.session_open_ns < due_ns < latest_ns else latest_ns


@inlined
def guard_hit(book: Any, event: Any, mandate: Any) -> int:
    """Return the guard that the event sets off, NO_GUARD when none; the trailing stop follows the event first."""
    long = book.quantity > 0
    worst_e4 = event.low_e4 if long else event.high_e4
    best_e4 = event.high_e4 if long else event.low_e4
    direction = 1 if long else -1
    if book.stop_e4 > 0 and direction * (worst_e4 - book.stop_e4) <= 0:
        return STOP_LOSS
    if mandate.trailing_stop > 0.0:
        if direction * (best_e4 - book.extreme_e4) > 0:
            book.extreme_e4 = best_e4
        if direction * (worst_e4 - int(book.extreme_e4 * (1.0 - direction * mandate.trailing_stop))) <= 0:
            return TRAILING_STOP
    if book.profit_e4 > 0 and direction * (best_e4 - book.profit_e4) >= 0:
        return TAKE_PROFIT
    return NO_GUARD
