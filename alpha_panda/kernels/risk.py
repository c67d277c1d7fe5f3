"""Whether an order may be made: approve it, clip it to what a limit leaves, or refuse it with the figures that say why.

Only what *opens* is judged. What reduces a position passes every limit, since a limit that keeps a position open is no
protection; only a person's kill holds it back, see commands.py. Each rule has a code and measures one figure against
one limit; a limit of 0 is switched off.
"""

from typing import Any

from alpha_panda.kernels.clock import ist_midnight_ns
from alpha_panda.kernels.jit import inlined
from alpha_panda.kernels.records import BUY, CNC, EQUITY, HALTED, LIMIT, MARKET, MIS, PAUSED, REDUCING, SL, SL_M

NONE = 0
NO_PRICE = 1
HALT = 2
REDUCE_ONLY = 3
ON_PAUSE = 4
AFTER_KILL = 5
STRATEGY_DISABLED = 6
OUTSIDE_WINDOW = 7
AFTER_MARKET = 8
SHORT_DELIVERY = 9
NOTHING_TO_BUY_WITH = 10
POSITIONS = 11
OPEN_ORDERS = 12
ORDER_QUANTITY = 13
ORDER_VALUE = 14
ORDER_EQUITY = 15
CONCENTRATION = 16
GROSS_EXPOSURE = 17
DAY_LOSS_REDUCE = 18
DAY_LOSS_HALT = 19
DRAWDOWN_HALT = 20
STALE_PRICE = 21
EXITING = 22
RATE_SECOND = 23
RATE_SECOND_STRATEGY = 24
RATE_MINUTE = 25
RATE_DAY = 26
# A refusal from here on says that something is wrong with the strategy, and counts towards disabling it.
COLLAR = 27
DUPLICATE = 28
SELF_CROSS = 29
FIRST_MALFUNCTION = COLLAR

CODES = {
    NONE: "none",
    NO_PRICE: "no_price",
    HALT: "halted",
    REDUCE_ONLY: "reduce_only",
    ON_PAUSE: "paused",
    AFTER_KILL: "killed",
    STRATEGY_DISABLED: "strategy_disabled",
    OUTSIDE_WINDOW: "outside_window",
    AFTER_MARKET: "after_market",
    SHORT_DELIVERY: "short_delivery",
    NOTHING_TO_BUY_WITH: "nothing_to_buy_with",
    POSITIONS: "positions",
    OPEN_ORDERS: "open_orders",
    ORDER_QUANTITY: "order_quantity",
    ORDER_VALUE: "order_value",
    ORDER_EQUITY: "order_equity",
    CONCENTRATION: "concentration",
    GROSS_EXPOSURE: "gross_exposure",
    DAY_LOSS_REDUCE: "day_loss_reduce",
    DAY_LOSS_HALT: "day_loss_halt",
    DRAWDOWN_HALT: "drawdown_halt",
    STALE_PRICE: "stale_price",
    EXITING: "exiting",
    COLLAR: "collar",
    RATE_SECOND: "rate_second",
    RATE_SECOND_STRATEGY: "rate_second_strategy",
    RATE_MINUTE: "rate_minute",
    RATE_DAY: "rate_day",
    DUPLICATE: "duplicate",
    SELF_CROSS: "self_cross",
}
"""The name of every code, as messages and tables show it."""

_SECOND_NS = 1_000_000_000
_MINUTE_NS = 60 * _SECOND_NS


@inlined
def assess_opening(
    terms: Any, state: Any, p: int, draft: Any, opening: int, reducing: int
) -> tuple[int, int, float, float]:
    """Return (code, granted, figure, limit) for the `opening` part of a drafted order that first closes `reducing`.

    The code is NONE when all of it is granted, else the rule that clipped (granted > 0) or refused (granted = 0).
    """
    quote = state.quotes[p, draft.instrument]
    if quote.last_e4 == 0:
        return NO_PRICE, 0, 0.0, 0.0
    code, figure, limit = _gate_state(terms, state, p, draft)
    if code == NONE:
        code, figure, limit = _gate_session(terms, quote, draft)
    if code == NONE:
        code, figure, limit = _gate_price(terms, quote, draft)
    if code == NONE:
        code, figure, limit = _gate_rate(terms, state, p, draft)
    if code == NONE:
        code, figure, limit = _gate_orders(terms, state, p, draft, opening)
    if code != NONE:
        return code, 0, figure, limit
    return _clip(terms, state, p, draft, opening, reducing)


@inlined
def _gate_state(terms: Any, state: Any, p: int, draft: Any) -> tuple[int, float, float]:
    account, limits = state.accounts[p], terms.limits[0]
    sleeve, book = state.sleeves[p, draft.strategy], state.books[p, draft.strategy, draft.instrument]
    mandate = terms.mandates[draft.strategy]
    if account.state == HALTED:
        return HALT, float(account.halt_code), 0.0
    if account.state == PAUSED or sleeve.paused == 1:
        return ON_PAUSE, 0.0, 0.0
    if account.state == REDUCING:
        return REDUCE_ONLY, float(account.halt_code), 0.0
    if sleeve.disabled == 1:
        return STRATEGY_DISABLED, float(sleeve.rejects), float(limits.rejects_max)
    if draft.side != BUY and mandate.product == CNC and terms.instruments[draft.instrument].segment == EQUITY:
        return SHORT_DELIVERY, 0.0, 0.0
    if book.quantity == 0 and limits.positions_max > 0:
        positions = account.positions + _positions_to_come(state, p, draft)
        if positions >= limits.positions_max:
            return POSITIONS, float(positions), float(limits.positions_max)
    return NONE, 0.0, 0.0


@inlined
def _positions_to_come(state: Any, p: int, draft: Any) -> int:
    """Return how many other books are flat with an opening order at work: they count as if it were filled."""
    count = 0
    for k in range(state.accounts[p].orders_working):
        order = state.orders[p, k]
        flat = state.books[p, order.strategy, order.instrument].quantity == 0
        if flat and not _same_book(order, draft):
            count += 1
            for j in range(k):
                if _same_book(state.orders[p, j], order):
                    count -= 1
                    break
    return count


@inlined
def _same_book(one: Any, other: Any) -> bool:
    return one.strategy == other.strategy and one.instrument == other.instrument


@inlined
def _gate_session(terms: Any, quote: Any, draft: Any) -> tuple[int, float, float]:
    limits = terms.limits[0]
    time_ns = draft.time_ns
    if not quote.session_open_ns <= time_ns < quote.session_close_ns:
        # An intraday position begun by an after-market order would surprise its owner in the morning.
        if limits.after_market == 1 and terms.mandates[draft.strategy].product != MIS:
            return NONE, 0.0, 0.0
        return AFTER_MARKET, float(time_ns), float(quote.session_open_ns)
    clock_ns = time_ns - ist_midnight_ns(time_ns)
    if limits.entry_open_ns > 0 and clock_ns < limits.entry_open_ns:
        return OUTSIDE_WINDOW, float(clock_ns), float(limits.entry_open_ns)
    if 0 < limits.entry_close_ns < clock_ns:
        return OUTSIDE_WINDOW, float(clock_ns), float(limits.entry_close_ns)
    return NONE, 0.0, 0.0


@inlined
def _gate_price(terms: Any, quote: Any, draft: Any) -> tuple[int, float, float]:
    limits = terms.limits[0]
    age_ns = draft.time_ns - quote.time_ns
    if 0 < limits.price_age_ns_max < age_ns:
        return STALE_PRICE, float(age_ns), float(limits.price_age_ns_max)
    distance_e4 = 0
    if draft.order_type == LIMIT or draft.order_type == SL:
        distance_e4 = abs(draft.limit_e4 - quote.last_e4)
    if draft.order_type == SL or draft.order_type == SL_M:
        distance_e4 = max(distance_e4, abs(draft.trigger_e4 - quote.last_e4))
    distance = distance_e4 / quote.last_e4
    if limits.collar > 0.0 and distance > limits.collar:
        return COLLAR, distance, limits.collar
    return NONE, 0.0, 0.0


@inlined
def _gate_rate(terms: Any, state: Any, p: int, draft: Any) -> tuple[int, float, float]:
    account, sleeve, limits = state.accounts[p], state.sleeves[p, draft.strategy], terms.limits[0]
    if _too_many(account.message_times_ns, account.message_head, limits.orders_per_second, draft.time_ns, _SECOND_NS):
        return RATE_SECOND, float(limits.orders_per_second), float(limits.orders_per_second)
    allowed = limits.orders_per_second_strategy
    if _too_many(sleeve.message_times_ns, sleeve.message_head, allowed, draft.time_ns, _SECOND_NS):
        return RATE_SECOND_STRATEGY, float(allowed), float(allowed)
    if _too_many(account.message_times_ns, account.message_head, limits.orders_per_minute, draft.time_ns, _MINUTE_NS):
        return RATE_MINUTE, float(limits.orders_per_minute), float(limits.orders_per_minute)
    if 0 < limits.orders_per_day <= account.orders_today:
        return RATE_DAY, float(account.orders_today), float(limits.orders_per_day)
    return NONE, 0.0, 0.0


@inlined
def _too_many(times_ns: Any, head: int, allowed: int, time_ns: int, window_ns: int) -> bool:
    """Say whether `allowed` messages already lie inside the window; the ring holds the latest 2^n of them."""
    if allowed == 0:
        return False
    return times_ns[(head - allowed) & (len(times_ns) - 1)] > time_ns - window_ns


@inlined
def _gate_orders(terms: Any, state: Any, p: int, draft: Any, opening: int) -> tuple[int, float, float]:
    account, limits = state.accounts[p], terms.limits[0]
    if 0 < limits.open_orders_max <= account.orders_working:
        return OPEN_ORDERS, float(account.orders_working), float(limits.open_orders_max)
    if limits.duplicate_ns > 0:
        key = _order_key(draft.instrument, draft.side, opening)
        for k in range(len(account.recent_keys)):
            age_ns = draft.time_ns - account.recent_times_ns[k]
            if account.recent_keys[k] == key and age_ns < limits.duplicate_ns:
                return DUPLICATE, float(age_ns), float(limits.duplicate_ns)
    if limits.self_cross == 1:
        for k in range(account.orders_working):
            if _would_cross(state.orders[p, k], draft):
                return SELF_CROSS, float(state.orders[p, k].order_id), 0.0
    return NONE, 0.0, 0.0


@inlined
def _order_key(instrument: int, side: int, quantity: int) -> int:
    return (quantity << 17) | (instrument << 1) | (1 if side == BUY else 0)


@inlined
def _would_cross(resting: Any, draft: Any) -> bool:
    if resting.instrument != draft.instrument or resting.side == draft.side:
        return False
    if resting.order_type == MARKET or draft.order_type == MARKET:
        return True
    if resting.order_type == LIMIT and draft.order_type == LIMIT:
        return draft.side * (draft.limit_e4 - resting.limit_e4) >= 0
    return False


@inlined
def _clip(terms: Any, state: Any, p: int, draft: Any, opening: int, reducing: int) -> tuple[int, int, float, float]:
    """Cut the opening quantity to the tightest of the limits on size and exposure, in whole lots."""
    account, limits = state.accounts[p], terms.limits[0]
    instrument, quote = terms.instruments[draft.instrument], state.quotes[p, draft.instrument]
    price_e4 = quote.last_e4
    # What the order closes is gone before it opens anything.
    position = quote.position + draft.side * reducing
    gross_e4 = account.gross_e4 + (abs(position) - abs(quote.position)) * price_e4
    equity_e4 = max(account.equity_e4, 0)
    pending_e4, pending_here_e4 = _pending_value_e4(state, p, draft.instrument)
    code, room, limit = NONE, opening, 0
    if 0 < limits.order_quantity_max < room:
        code, room, limit = ORDER_QUANTITY, limits.order_quantity_max, limits.order_quantity_max
    if 0 < instrument.freeze_quantity < room:
        code, room, limit = ORDER_QUANTITY, instrument.freeze_quantity, instrument.freeze_quantity
    if limits.order_value_e4_max > 0 and limits.order_value_e4_max // price_e4 < room:
        code, room, limit = ORDER_VALUE, limits.order_value_e4_max // price_e4, limits.order_value_e4_max
    if limits.order_equity_fraction_max > 0.0:
        most_e4 = int(equity_e4 * limits.order_equity_fraction_max)
        if most_e4 // price_e4 < room:
            code, room, limit = ORDER_EQUITY, most_e4 // price_e4, most_e4
    if limits.instrument_fraction_max > 0.0:
        most_e4 = int(equity_e4 * limits.instrument_fraction_max)
        left_e4 = max(most_e4 - abs(position) * price_e4 - pending_here_e4, 0)
        if left_e4 // price_e4 < room:
            code, room, limit = CONCENTRATION, left_e4 // price_e4, most_e4
    if limits.gross_fraction_max > 0.0:
        most_e4 = int(equity_e4 * limits.gross_fraction_max)
        left_e4 = max(most_e4 - gross_e4 - pending_e4, 0)
        if left_e4 // price_e4 < room:
            code, room, limit = GROSS_EXPOSURE, left_e4 // price_e4, most_e4
    granted = room // instrument.lot * instrument.lot
    figure = opening if code == ORDER_QUANTITY else opening * price_e4
    return code, granted, float(figure), float(limit)


@inlined
def _pending_value_e4(state: Any, p: int, instrument: int) -> tuple[int, int]:
    """Return the value of opening orders at work, in all and in one instrument: they count as if they were filled."""
    total_e4, here_e4 = 0, 0
    for k in range(state.accounts[p].orders_working):
        order = state.orders[p, k]
        if order.opening == 1:
            worth_e4 = (order.quantity - order.filled) * state.quotes[p, order.instrument].last_e4
            total_e4 += worth_e4
            if order.instrument == instrument:
                here_e4 += worth_e4
    return total_e4, here_e4


@inlined
def remember_order(account: Any, sleeve: Any, order: Any, opening: int) -> None:
    """Count an order towards the message rates and remember it for the duplicate check."""
    account.orders_today += 1
    account.message_times_ns[account.message_head] = order.time_ns
    account.message_head = (account.message_head + 1) & (len(account.message_times_ns) - 1)
    sleeve.message_times_ns[sleeve.message_head] = order.time_ns
    sleeve.message_head = (sleeve.message_head + 1) & (len(sleeve.message_times_ns) - 1)
    if opening > 0:
        account.recent_keys[account.recent_head] = _order_key(order.instrument, order.side, opening)
        account.recent_times_ns[account.recent_head] = order.time_ns
        account.recent_head = (account.recent_head + 1) & (len(account.recent_keys) - 1)


@inlined
def count_verdict(sleeve: Any, limits: Any, code: int, granted: int) -> None:
    """Count consecutive refusals that point at a malfunction; enough disable the strategy until a human resets it."""
    if granted > 0:
        sleeve.rejects = 0
    elif code >= FIRST_MALFUNCTION:
        sleeve.rejects += 1
        if 0 < limits.rejects_max <= sleeve.rejects:
            sleeve.disabled = 1
