"""How the market would have treated a resting order, one event at a time.

A bar is a tick that took a while, so one rule serves both. An order matches events after it became active and until
it expires. What gapped through a price fills at the open and not at the price wished for; inside a bar the worse
order of events is assumed: a stop that the bar touches was hit, a limit fills only when the bar trades *through* it.
Fills of market and stop orders slip against us and land on the instrument's tick.
"""

from typing import Any

from alpha_panda.kernels.jit import kernel
from alpha_panda.kernels.records import (
    BUY,
    LIMIT,
    MARKET,
    SL,
    SLIPPAGE_BASIS_POINTS,
    SLIPPAGE_HALF_SPREAD,
    TICK,
    TRIGGERED,
    WORKING,
)


@kernel
def on_tick_e4(price_e4: int, tick_e4: int, side: int) -> int:
    """Return the price moved against `side` to the next multiple of the tick: up for a buyer, down for a seller."""
    below_e4 = price_e4 // tick_e4 * tick_e4
    if below_e4 == price_e4 or side != BUY:
        return max(below_e4, tick_e4)
    return below_e4 + tick_e4


@kernel
def slipped_e4(price_e4: int, side: int, event: Any, tick_e4: int, execution: Any) -> int:
    """Return a price after slippage against `side`.

    The half spread is charged where the event is a tick with both quotes: there the market is crossed at the opposite
    quote. A bar's quotes are those of its close and say nothing of its open, so bars slip by `slippage` ticks.
    """
    if execution.slippage_mode == SLIPPAGE_BASIS_POINTS:
        distance_e4 = int(price_e4 * execution.slippage / 10_000.0 + 0.5)
    elif (
        execution.slippage_mode == SLIPPAGE_HALF_SPREAD and event.kind == TICK and event.bid_e4 > 0 and event.ask_e4 > 0
    ):
        quote_e4 = event.ask_e4 if side == BUY else event.bid_e4
        distance_e4 = max(side * (quote_e4 - price_e4), 0)
    else:
        distance_e4 = int(execution.slippage * tick_e4 + 0.5)
    return on_tick_e4(price_e4 + side * distance_e4, tick_e4, side)


@kernel
def fill_price_e4(order: Any, event: Any, tick_e4: int, execution: Any) -> int:
    """Return the price at which the order meets the event, 0 when it does not; a stop that is hit becomes TRIGGERED."""
    if order.order_type == MARKET:
        return slipped_e4(event.open_e4, order.side, event, tick_e4, execution)
    if order.order_type == LIMIT:
        return _limit_price_e4(order, event)
    if order.status == WORKING:
        return _stop_price_e4(order, event, tick_e4, execution)
    if order.order_type == SL:
        return _limit_price_e4(order, event)
    return slipped_e4(event.open_e4, order.side, event, tick_e4, execution)


@kernel
def _limit_price_e4(order: Any, event: Any) -> int:
    best_e4 = event.low_e4 if order.side == BUY else event.high_e4
    if order.side * (order.limit_e4 - event.open_e4) > 0:
        return event.open_e4
    # A touch is not enough: others may stand before us in the queue.
    if order.side * (order.limit_e4 - best_e4) > 0:
        return order.limit_e4
    return 0


@kernel
def _stop_price_e4(order: Any, event: Any, tick_e4: int, execution: Any) -> int:
    worst_e4 = event.high_e4 if order.side == BUY else event.low_e4
    if order.side * (worst_e4 - order.trigger_e4) < 0:
        return 0
    order.status = TRIGGERED
    gapped = order.side * (event.open_e4 - order.trigger_e4) >= 0
    if order.order_type == SL:
        # After a gap the rest of the bar is after the trigger, so the whole bar may meet the limit; otherwise the
        # price stood at the trigger when the limit order entered.
        return _limit_price_e4(order, event) if gapped else _stop_limit_price_e4(order, event, tick_e4, execution)
    return slipped_e4(event.open_e4 if gapped else order.trigger_e4, order.side, event, tick_e4, execution)


@kernel
def _stop_limit_price_e4(order: Any, event: Any, tick_e4: int, execution: Any) -> int:
    price_e4 = slipped_e4(order.trigger_e4, order.side, event, tick_e4, execution)
    return price_e4 if order.side * (order.limit_e4 - price_e4) >= 0 else 0


@kernel
def fill_quantity(order: Any, volume_left: int, lot: int, execution: Any) -> int:
    """Return how much of the order the event can take: all of it, or whole lots of its share of the volume."""
    remaining = order.quantity - order.filled
    if execution.participation == 0.0:
        return remaining
    return min(remaining, volume_left // lot * lot)
