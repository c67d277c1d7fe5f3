"""Cash, books and profit, exact to the E4.

The identity that everything rests on, at every instant and to the last digit:

    equity = initial + realised + unrealised - charges
    cash   = equity - sum over cash-settled books of (quantity x last) - sum over futures of (quantity x last - cost)

A book keeps its signed cost instead of an average price, so nothing is lost to a division: closing part of a position
removes a rounded share of the cost, and the rest of the cost stays with the rest of the position.
"""

from typing import Any

from alpha_panda.kernels.clock import NEVER_NS
from alpha_panda.kernels.jit import inlined, kernel
from alpha_panda.kernels.records import FAULT_OVERFLOW, FUTURE, NO_GUARD

_EXACT_MAX = 9.0e18
_QUANTITY_MAX = 3_000_000_000  # the product of two quantities stays inside int64


@inlined
def value_e4(account: Any, price_e4: int, quantity: int) -> int:
    """Return price x quantity; when that leaves int64 the account is faulted and its driver raises."""
    if abs(float(price_e4) * float(quantity)) > _EXACT_MAX:
        account.fault = FAULT_OVERFLOW
        return 0
    return price_e4 * quantity


@kernel
def cost_share_e4(cost_e4: int, part: int, whole: int) -> int:
    """Return cost x part / whole, rounded toward zero, without overflowing on the way; 0 <= part <= whole."""
    size_e4 = abs(cost_e4)
    share_e4 = size_e4 // whole * part + size_e4 % whole * part // whole
    return share_e4 if cost_e4 >= 0 else -share_e4


@inlined
def mark(account: Any, quote: Any, event: Any) -> None:
    """Take over the prices of an event and revalue the position: unrealised profit, equity, gross exposure."""
    if quote.position != 0:
        change_e4 = event.close_e4 - quote.last_e4
        profit_e4 = value_e4(account, change_e4, quote.position)
        account.unrealised_e4 += profit_e4
        account.equity_e4 += profit_e4
        account.gross_e4 += abs(quote.position) * change_e4
    quote.time_ns = event.time_ns
    quote.last_e4 = event.close_e4
    quote.bid_e4 = event.bid_e4
    quote.ask_e4 = event.ask_e4


@kernel
def apply_fill(account: Any, book: Any, quote: Any, segment: int, quantity: int, price_e4: int, time_ns: int) -> int:
    """Book a fill of a signed `quantity` and return the profit that it realised, before charges."""
    traded_e4 = value_e4(account, price_e4, quantity)
    before = book.quantity
    if abs(before + quantity) > _QUANTITY_MAX:
        account.fault = FAULT_OVERFLOW
    cost_change_e4 = _cost_change_e4(book, quantity, price_e4)
    realised_e4 = cost_change_e4 - traded_e4
    book.quantity += quantity
    book.cost_e4 += cost_change_e4
    book.realised_e4 += realised_e4
    account.realised_e4 += realised_e4
    account.turnover_e4 += abs(traded_e4)
    account.fills += 1
    # Futures settle only their profit in cash; everything else is paid for in full.
    account.cash_e4 += realised_e4 if segment == FUTURE else -traded_e4
    unrealised_e4 = value_e4(account, quote.last_e4, quantity) - cost_change_e4
    account.unrealised_e4 += unrealised_e4
    account.equity_e4 += realised_e4 + unrealised_e4
    _move_position(account, quote, quantity)
    _count_positions(account, book, quote, before, time_ns)
    return realised_e4


@kernel
def _cost_change_e4(book: Any, quantity: int, price_e4: int) -> int:
    """Return how the signed cost of a book changes: what closes leaves at cost, what opens enters at the price."""
    closing = min(abs(quantity), abs(book.quantity)) if quantity * book.quantity < 0 else 0
    removed_e4 = cost_share_e4(book.cost_e4, closing, abs(book.quantity)) if closing > 0 else 0
    opening = abs(quantity) - closing
    return (opening if quantity > 0 else -opening) * price_e4 - removed_e4


@kernel
def _move_position(account: Any, quote: Any, quantity: int) -> None:
    before = abs(quote.position)
    quote.position += quantity
    account.gross_e4 += (abs(quote.position) - before) * quote.last_e4


@kernel
def _count_positions(account: Any, book: Any, quote: Any, before: int, time_ns: int) -> None:
    opened = 1 if before == 0 else 0
    closed = 1 if book.quantity == 0 else 0
    quote.holders += opened - closed
    account.positions += opened - closed
    if opened == 1 and account.positions == 1:
        account.exposed_since_ns = time_ns
    if closed == 1 and account.positions == 0:
        account.exposed_ns += time_ns - account.exposed_since_ns
        account.exposed_since_ns = 0


@kernel
def pay_charges(account: Any, book: Any, charges: Any) -> None:
    """Take the charges of a fill out of cash and equity."""
    account.cash_e4 -= charges.total_e4
    account.equity_e4 -= charges.total_e4
    book.charges_e4 += charges.total_e4


@kernel
def begin_trade(book: Any, time_ns: int, charges_e4: int) -> None:
    """Remember where a trade began and what the book had paid until then: at the fill that left flat, or crossed it."""
    book.entry_time_ns = time_ns
    book.opened_realised_e4 = book.realised_e4
    book.opened_charges_e4 = charges_e4
    book.extreme_e4 = 0


@kernel
def end_trade(account: Any, book: Any) -> None:
    """Count a closed trade with its profit after charges, and clear what belonged to it."""
    profit_e4 = (book.realised_e4 - book.opened_realised_e4) - (book.charges_e4 - book.opened_charges_e4)
    account.trades += 1
    if profit_e4 > 0:
        account.wins += 1
        account.gross_profit_e4 += profit_e4
    else:
        account.gross_loss_e4 -= profit_e4
    book.stop_e4 = 0
    book.profit_e4 = 0
    book.extreme_e4 = 0
    book.exiting = NO_GUARD
    book.exit_by_ns = NEVER_NS
