"""The table of orders at work: how an order is drafted, judged, placed, filled, cancelled and expired.

A draft is written into the first free row of the table. Only the risk verdict moves the boundary past it: there is no
other way for an order to come to work. The table stays in the order in which the orders were made.
"""

from typing import Any

from alpha_panda.kernels.charges import DELIVERY, add_charges, charge, class_of
from alpha_panda.kernels.guards import arm
from alpha_panda.kernels.jit import inlined, kernel
from alpha_panda.kernels.ledger import apply_fill, begin_trade, end_trade, pay_charges
from alpha_panda.kernels.match import fill_price_e4, fill_quantity, on_tick_e4
from alpha_panda.kernels.records import (
    APPROVED,
    BUY,
    CANCELLED,
    CLIPPED,
    COMPLETE,
    DAY,
    EXPIRED,
    IOC,
    LIMIT,
    MARKET,
    NO_GUARD,
    PARTIAL,
    REFUSED,
    SELL,
    SL,
    WORKING,
)
from alpha_panda.kernels.risk import AFTER_KILL, NONE, OPEN_ORDERS, assess_opening, count_verdict, remember_order

EVERY = -1
"""Stands for every strategy, where one may be named."""

DECISIONS, ORDERS, FILLS, SNAPSHOTS = 0, 1, 2, 3
"""Positions in `Outputs.counts`."""


@inlined
def request(
    terms: Any, state: Any, outputs: Any, p: int, strategy: int, instrument: int, time_ns: int, gap: int, guard: int
) -> bool:
    """Ask for a signed quantity `gap` in one book: draft it, have its opening judged, place what is granted."""
    account, book = state.accounts[p], state.books[p, strategy, instrument]
    reducible = max(abs(book.quantity) - abs(book.working), 0) if gap * book.quantity < 0 else 0
    reducing = min(abs(gap), reducible)
    opening = abs(gap) - reducing
    draft = state.orders[p, account.orders_working]
    draft.strategy, draft.instrument, draft.guard = strategy, instrument, guard
    draft.side = BUY if gap > 0 else SELL
    _fill_draft(terms, state, p, draft, time_ns, reducing > 0)
    code, granted, figure, limit = NONE, 0, 0.0, 0.0
    if account.killed == 1:
        code, reducing = AFTER_KILL, 0
    elif opening > 0:
        code, granted, figure, limit = assess_opening(terms, state, p, draft, opening, reducing)
        count_verdict(state.sleeves[p, strategy], terms.limits[0], code, granted)
    draft.quantity = reducing + granted
    # The last row of the table is for drafts: an order may not take it.
    if account.orders_working + 1 == state.orders.shape[1]:
        draft.quantity, code, figure = 0, OPEN_ORDERS, float(account.orders_working)
    draft.opening = 1 if granted > 0 else 0
    draft.order_id = account.orders_made + 1 if draft.quantity > 0 else 0
    _count_verdict(account, draft.quantity, abs(gap))
    _say_decision(state, outputs, p, draft, abs(gap), code, figure, limit)
    if draft.quantity > 0:
        _place(state, outputs, p, draft, opening if granted > 0 else 0)
    return draft.quantity > 0


@kernel
def refuse(
    terms: Any, state: Any, outputs: Any, p: int, signal: Any, gap: int, code: int, figure: float, limit: float
) -> None:
    """Refuse what a signal asks for before any order is drafted for it."""
    account = state.accounts[p]
    draft = state.orders[p, account.orders_working]
    draft.strategy, draft.instrument, draft.guard = signal.strategy, signal.instrument, NO_GUARD
    draft.side = BUY if signal.target > 0.0 else SELL
    _fill_draft(terms, state, p, draft, signal.time_ns, False)
    draft.quantity = 0
    draft.order_id = 0
    _count_verdict(account, 0, abs(gap))
    _say_decision(state, outputs, p, draft, abs(gap), code, figure, limit)


@inlined
def _fill_draft(terms: Any, state: Any, p: int, draft: Any, time_ns: int, reduces: bool) -> None:
    mandate, quote = terms.mandates[draft.strategy], state.quotes[p, draft.instrument]
    draft.time_ns = time_ns
    draft.updated_ns = time_ns
    draft.active_ns = time_ns + terms.execution[0].latency_ns
    draft.expires_ns = quote.session_close_ns
    # What reduces a position leaves at the market: an exit that waits for a price is no exit.
    exits = reduces or draft.guard != NO_GUARD
    draft.order_type = MARKET if exits else mandate.order_type
    draft.validity = DAY if exits else mandate.validity
    draft.filled = 0
    draft.filled_value_e4 = 0
    draft.brokerage_e4 = 0
    draft.status = WORKING
    _set_prices(draft, quote.last_e4, mandate.offset_ticks, terms.instruments[draft.instrument].tick_e4)


@inlined
def _set_prices(draft: Any, last_e4: int, offset_ticks: int, tick_e4: int) -> None:
    """Price an order around the last trade: a limit waits on the better side, a stop on the worse."""
    offset_e4 = offset_ticks * tick_e4
    draft.limit_e4 = 0
    draft.trigger_e4 = 0
    if draft.order_type == LIMIT:
        draft.limit_e4 = on_tick_e4(last_e4 - draft.side * offset_e4, tick_e4, -draft.side)
    elif draft.order_type != MARKET:
        draft.trigger_e4 = on_tick_e4(last_e4 + draft.side * offset_e4, tick_e4, draft.side)
        if draft.order_type == SL:
            draft.limit_e4 = draft.trigger_e4 + draft.side * offset_e4


@inlined
def _count_verdict(account: Any, granted: int, asked: int) -> None:
    if granted == 0:
        account.refused += 1
    else:
        account.approved += 1
        account.clipped += 1 if granted < asked else 0


@inlined
def _say_decision(
    state: Any, outputs: Any, p: int, draft: Any, asked: int, code: int, figure: float, limit: float
) -> None:
    if len(outputs.decisions) == 0:
        return
    decision = outputs.decisions[outputs.counts[DECISIONS]]
    outputs.counts[DECISIONS] += 1
    decision.time_ns = draft.time_ns
    decision.strategy = draft.strategy
    decision.instrument = draft.instrument
    decision.verdict = REFUSED if draft.quantity == 0 else (CLIPPED if draft.quantity < asked else APPROVED)
    decision.code = code
    decision.side = draft.side
    decision.asked = asked
    decision.granted = draft.quantity
    decision.price_e4 = state.quotes[p, draft.instrument].last_e4
    decision.figure = figure
    decision.limit = limit
    decision.target = state.books[p, draft.strategy, draft.instrument].target
    decision.order_id = draft.order_id
    decision.guard = draft.guard


@inlined
def _place(state: Any, outputs: Any, p: int, draft: Any, opening: int) -> None:
    account, sleeve = state.accounts[p], state.sleeves[p, draft.strategy]
    quote, book = state.quotes[p, draft.instrument], state.books[p, draft.strategy, draft.instrument]
    account.orders_made += 1
    account.orders_working += 1
    quote.working += 1
    book.working += draft.side * draft.quantity
    account.timer_ns = min(account.timer_ns, draft.expires_ns)
    remember_order(account, sleeve, draft, opening)
    commit_capital(sleeve, book, quote.last_e4)
    _say_order(outputs, draft)


@inlined
def commit_capital(sleeve: Any, book: Any, price_e4: int) -> None:
    """Let a book hold as much of its strategy's capital as its position and working orders are worth at `price_e4`."""
    committed_e4 = abs(book.quantity + book.working) * price_e4
    sleeve.committed_e4 += committed_e4 - book.committed_e4
    book.committed_e4 = committed_e4


@inlined
def _say_order(outputs: Any, order: Any) -> None:
    if len(outputs.orders) > 0:
        outputs.orders[outputs.counts[ORDERS]] = order
        outputs.counts[ORDERS] += 1


@inlined
def meet(terms: Any, state: Any, outputs: Any, p: int, row: int, event: Any, covered_ns: int) -> bool:
    """Let the order in `row` meet an event of its instrument inside a session; return whether it left the table."""
    order = state.orders[p, row]
    if covered_ns >= order.expires_ns:
        end_order(state, outputs, p, row, order.expires_ns, EXPIRED)
        return True
    if event.time_ns <= order.active_ns:
        return False
    instrument, quote = terms.instruments[order.instrument], state.quotes[p, order.instrument]
    status_before = order.status
    price_e4 = fill_price_e4(order, event, instrument.tick_e4, terms.execution[0])
    quantity = fill_quantity(order, quote.volume_left, instrument.lot, terms.execution[0]) if price_e4 > 0 else 0
    if quantity > 0:
        _execute(terms, state, outputs, p, order, quantity, price_e4, event.time_ns)
    if order.filled == order.quantity:
        end_order(state, outputs, p, row, event.time_ns, COMPLETE)
        return True
    if order.validity == IOC:
        end_order(state, outputs, p, row, event.time_ns, CANCELLED)
        return True
    if quantity > 0 or order.status != status_before:
        order.updated_ns = event.time_ns
        _say_order(outputs, order)
    return False


@inlined
def _execute(
    terms: Any, state: Any, outputs: Any, p: int, order: Any, quantity: int, price_e4: int, time_ns: int
) -> None:
    account, mandate = state.accounts[p], terms.mandates[order.strategy]
    quote, book = state.quotes[p, order.instrument], state.books[p, order.strategy, order.instrument]
    segment, signed, before = terms.instruments[order.instrument].segment, order.side * quantity, book.quantity
    charges_before_e4 = book.charges_e4
    realised_e4 = apply_fill(account, book, quote, segment, signed, price_e4, time_ns)
    _charge_fill(terms, account, book, quote, order, class_of(segment, mandate.product), quantity, price_e4)
    if order.status == WORKING or order.filled + quantity < order.quantity:
        order.status = PARTIAL
    order.filled += quantity
    quote.volume_left -= quantity
    book.working -= signed
    crossed = before * book.quantity < 0
    if before != 0 and (book.quantity == 0 or crossed):
        end_trade(account, book)
    if book.quantity != 0:
        if before == 0 or crossed:
            # A fill that crosses flat is charged to the trade that it ends.
            begin_trade(book, time_ns, book.charges_e4 if crossed else charges_before_e4)
        arm(book, quote, mandate)
        account.timer_ns = min(account.timer_ns, book.exit_by_ns)
    if book.quantity == 0 and book.working == 0:
        commit_capital(state.sleeves[p, order.strategy], book, price_e4)
    _say_fill(outputs, account, book, order, quantity, price_e4, realised_e4, time_ns)


@inlined
def _charge_fill(
    terms: Any, account: Any, book: Any, quote: Any, order: Any, kind: int, quantity: int, price_e4: int
) -> None:
    delivered = kind == DELIVERY and order.side == SELL and quote.dp_day_ns != account.day_start_ns
    if delivered:
        quote.dp_day_ns = account.day_start_ns
    charges = account.fill_charges
    charge(
        terms.rates[account.rate_row + kind],
        order.side,
        quantity,
        price_e4,
        order.filled_value_e4,
        order.brokerage_e4,
        1 if delivered else 0,
        charges,
    )
    order.filled_value_e4 += quantity * price_e4
    order.brokerage_e4 += charges.brokerage_e4
    add_charges(account.charges, charges)
    pay_charges(account, book, charges)


@inlined
def _say_fill(
    outputs: Any, account: Any, book: Any, order: Any, quantity: int, price_e4: int, realised_e4: int, time_ns: int
) -> None:
    if len(outputs.fills) == 0:
        return
    fill = outputs.fills[outputs.counts[FILLS]]
    outputs.counts[FILLS] += 1
    fill.time_ns = time_ns
    fill.order_id = order.order_id
    fill.strategy = order.strategy
    fill.instrument = order.instrument
    fill.side = order.side
    fill.quantity = quantity
    fill.price_e4 = price_e4
    fill.charges = account.fill_charges
    fill.realised_e4 = realised_e4
    fill.position = book.quantity
    fill.guard = order.guard


@inlined
def end_order(state: Any, outputs: Any, p: int, row: int, time_ns: int, status: int) -> None:
    """Take the order in `row` out of the table as COMPLETE, CANCELLED or EXPIRED, and say so."""
    account, order = state.accounts[p], state.orders[p, row]
    quote, book = state.quotes[p, order.instrument], state.books[p, order.strategy, order.instrument]
    order.status = status
    order.updated_ns = time_ns
    _say_order(outputs, order)
    quote.working -= 1
    book.working -= order.side * (order.quantity - order.filled)
    if status != COMPLETE:
        commit_capital(state.sleeves[p, order.strategy], book, quote.last_e4)
        if order.guard != NO_GUARD:
            # An exit that went unfilled is still owed: let the next event make it again.
            book.exiting = 0
            book.exit_by_ns = time_ns
            account.timer_ns = min(account.timer_ns, time_ns)
    for k in range(row, account.orders_working - 1):
        state.orders[p, k] = state.orders[p, k + 1]
    account.orders_working -= 1


@kernel
def cancel_orders(state: Any, outputs: Any, p: int, strategy: int, instrument: int, time_ns: int) -> None:
    """Cancel what one book has at work."""
    row = 0
    while row < state.accounts[p].orders_working:
        order = state.orders[p, row]
        if order.strategy == strategy and order.instrument == instrument:
            end_order(state, outputs, p, row, time_ns, CANCELLED)
        else:
            row += 1


@kernel
def cancel_openings(state: Any, outputs: Any, p: int, strategy: int, time_ns: int) -> None:
    """Cancel the orders at work of a strategy, or of EVERY one, that would open or add to a position."""
    row = 0
    while row < state.accounts[p].orders_working:
        order = state.orders[p, row]
        if order.opening == 1 and (strategy == EVERY or order.strategy == strategy):
            end_order(state, outputs, p, row, time_ns, CANCELLED)
        else:
            row += 1
