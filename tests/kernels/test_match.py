"""How orders meet events, against prices worked out by hand; amounts are in rupees and the tick is five paise."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_panda.kernels import kernel
from alpha_panda.kernels.match import fill_price_e4, fill_quantity
from alpha_panda.kernels.records import (
    BUY,
    CANCELLED,
    COMPLETE,
    EVENT,
    EXECUTION,
    EXPIRED,
    LIMIT,
    MARKET,
    ORDER,
    PARTIAL,
    SELL,
    SL,
    SL_M,
    SLIPPAGE_BASIS_POINTS,
    SLIPPAGE_HALF_SPREAD,
    SLIPPAGE_TICKS,
    TICK,
    TRIGGERED,
    WORKING,
    Records,
)
from alpha_panda.units import SECOND_NS, to_e4
from tests.market import TICK_E4, Desk, at, bar, clock, path, profile, rows, shares, strategy_terms, tick


@kernel
def drive(orders: Any, events: Any, tick_e4: int, executions: Any, prices_e4: Any) -> None:
    for i in range(len(orders)):
        prices_e4[i] = fill_price_e4(orders[i], events[i], tick_e4, executions[i])


def meet(orders: Records, events: Records, executions: Records) -> np.ndarray:
    """Return the price at which each order meets its event, 0 where it does not; stops that are hit change status."""
    prices_e4 = np.zeros(len(orders), np.int64)
    drive(orders, events, TICK_E4, executions, prices_e4)
    return prices_e4


class Case(NamedTuple):
    """An order, the event that it meets, and where that leaves it; a price of 0 is no fill."""

    order_type: int
    side: int
    event: Records
    price: float
    limit: float = 0
    trigger: float = 0
    status: int = WORKING
    after: int = WORKING
    slippage: tuple[int, float] = (SLIPPAGE_TICKS, 0)


CALM = bar("10:00", 100, 101, 99, 100.5)
OFF_TICK = bar("10:00", 100.02, 101, 99, 100)
QUOTED = tick("10:00", 100, bid=99.95, ask=100.1)
AT_THE_ASK = tick("10:00", 100.1, bid=99.95, ask=100.1)
BEYOND_ITS_QUOTES = tick("10:00", 100.2, bid=99.95, ask=100.1)
ONE_SIDED = tick("10:00", 100, bid=0, ask=100.1)
QUOTED_BAR = bar("10:00", 100, 101, 99, 100.5)
QUOTED_BAR["bid_e4"], QUOTED_BAR["ask_e4"] = to_e4(100.4), to_e4(100.6)

TWO_TICKS, HALF_A_TICK = (SLIPPAGE_TICKS, 2), (SLIPPAGE_TICKS, 0.5)
TEN_POINTS = (SLIPPAGE_BASIS_POINTS, 10)
HALF_SPREAD = (SLIPPAGE_HALF_SPREAD, 1)

MARKET_ORDERS = {
    "a buyer pays the open": Case(MARKET, BUY, CALM, 100),
    "a seller gets the open": Case(MARKET, SELL, CALM, 100),
    "a buyer between ticks pays the next one up": Case(MARKET, BUY, OFF_TICK, 100.05),
    "a seller between ticks gets the next one down": Case(MARKET, SELL, OFF_TICK, 100),
    "a buyer slips up two ticks": Case(MARKET, BUY, CALM, 100.1, slippage=TWO_TICKS),
    "a seller slips down two ticks": Case(MARKET, SELL, CALM, 99.9, slippage=TWO_TICKS),
    "half a tick costs a buyer a whole one": Case(MARKET, BUY, CALM, 100.05, slippage=HALF_A_TICK),
    "half a tick costs a seller a whole one": Case(MARKET, SELL, CALM, 99.95, slippage=HALF_A_TICK),
    # 10 basis points of 1234.55 are 1.23455: 1235.78455 and 1233.31545 before the tick.
    "a buyer slips ten basis points": Case(
        MARKET, BUY, bar("10:00", 1234.55, 1240, 1230, 1235), 1235.8, slippage=TEN_POINTS
    ),
    "a seller slips ten basis points": Case(
        MARKET, SELL, bar("10:00", 1234.55, 1240, 1230, 1235), 1233.3, slippage=TEN_POINTS
    ),
    "a buyer crosses to the ask": Case(MARKET, BUY, QUOTED, 100.1, slippage=HALF_SPREAD),
    "a seller crosses to the bid": Case(MARKET, SELL, QUOTED, 99.95, slippage=HALF_SPREAD),
    "a trade at the ask is the ask": Case(MARKET, BUY, AT_THE_ASK, 100.1, slippage=HALF_SPREAD),
    "a quote never betters a buyer's trade": Case(MARKET, BUY, BEYOND_ITS_QUOTES, 100.2, slippage=HALF_SPREAD),
    "without a bid a seller slips a tick": Case(MARKET, SELL, ONE_SIDED, 99.95, slippage=HALF_SPREAD),
    "without a bid a buyer slips a tick": Case(MARKET, BUY, ONE_SIDED, 100.05, slippage=HALF_SPREAD),
    "a bar's quotes are not of its open": Case(MARKET, BUY, QUOTED_BAR, 100.05, slippage=HALF_SPREAD),
    "nothing sells below one tick": Case(MARKET, SELL, tick("10:00", 0.05), 0.05, slippage=TWO_TICKS),
}

LIMIT_ORDERS = {
    "a bar above a buyer's limit": Case(LIMIT, BUY, bar("10:00", 101, 102, 100.5, 101), 0, limit=100),
    "a bar that only touches a buyer's limit": Case(LIMIT, BUY, bar("10:00", 101, 102, 100, 101), 0, limit=100),
    "a bar that trades through a buyer's limit": Case(LIMIT, BUY, bar("10:00", 101, 102, 99.95, 101), 100, limit=100),
    "a bar that opens below a buyer's limit": Case(LIMIT, BUY, bar("10:00", 98, 102, 97, 101), 98, limit=100),
    "a bar below a seller's limit": Case(LIMIT, SELL, bar("10:00", 99, 99.5, 98, 99), 0, limit=100),
    "a bar that only touches a seller's limit": Case(LIMIT, SELL, bar("10:00", 99, 100, 98, 99), 0, limit=100),
    "a bar that trades through a seller's limit": Case(LIMIT, SELL, bar("10:00", 99, 100.05, 98, 99), 100, limit=100),
    "a bar that opens above a seller's limit": Case(LIMIT, SELL, bar("10:00", 102, 103, 98, 99), 102, limit=100),
    "a tick below a buyer's limit": Case(LIMIT, BUY, tick("10:00", 99.95), 99.95, limit=100),
    "a tick at a buyer's limit": Case(LIMIT, BUY, tick("10:00", 100), 0, limit=100),
    "a tick at a seller's limit": Case(LIMIT, SELL, tick("10:00", 100), 0, limit=100),
    "a bar that opens at a buyer's limit and rises": Case(LIMIT, BUY, bar("10:00", 100, 102, 100, 101), 0, limit=100),
    "a bar that opens at a buyer's limit and falls": Case(LIMIT, BUY, bar("10:00", 100, 102, 99, 101), 100, limit=100),
    "a tick above a buyer's limit": Case(LIMIT, BUY, tick("10:00", 100.05), 0, limit=100),
    "a limit does not slip": Case(LIMIT, BUY, bar("10:00", 101, 102, 99, 101), 100, limit=100, slippage=TWO_TICKS),
    "a gap through a limit does not slip": Case(
        LIMIT, BUY, bar("10:00", 98, 102, 97, 101), 98, limit=100, slippage=TWO_TICKS
    ),
}

BELOW, TOUCHING = bar("10:00", 104, 104.95, 103, 104), bar("10:00", 104, 105, 103, 104)
ABOVE, TOUCHING_DOWN = bar("10:00", 96, 97, 95.05, 96), bar("10:00", 96, 97, 95, 96)
GAP_UP, GAP_DOWN = bar("10:00", 107, 108, 106, 107), bar("10:00", 93, 94, 92, 93)

STOP_MARKET_ORDERS = {
    "a bar below a buyer's trigger": Case(SL_M, BUY, BELOW, 0, trigger=105),
    "a bar that touches a buyer's trigger": Case(SL_M, BUY, TOUCHING, 105, trigger=105, after=TRIGGERED),
    "a bar that gaps over a buyer's trigger": Case(SL_M, BUY, GAP_UP, 107, trigger=105, after=TRIGGERED),
    "a bar that opens at a buyer's trigger": Case(
        SL_M, BUY, bar("10:00", 105, 106, 104, 105), 105, trigger=105, after=TRIGGERED
    ),
    "a bar above a seller's trigger": Case(SL_M, SELL, ABOVE, 0, trigger=95),
    "a bar that touches a seller's trigger": Case(SL_M, SELL, TOUCHING_DOWN, 95, trigger=95, after=TRIGGERED),
    "a bar that gaps under a seller's trigger": Case(SL_M, SELL, GAP_DOWN, 93, trigger=95, after=TRIGGERED),
    "a buyer's stop slips from its trigger": Case(
        SL_M, BUY, TOUCHING, 105.1, trigger=105, after=TRIGGERED, slippage=TWO_TICKS
    ),
    "a seller's stop slips from the gap": Case(
        SL_M, SELL, GAP_DOWN, 92.9, trigger=95, after=TRIGGERED, slippage=TWO_TICKS
    ),
    "a stop that was hit before fills at the open": Case(
        SL_M, BUY, BELOW, 104, trigger=105, status=TRIGGERED, after=TRIGGERED
    ),
    "what is left of a stop fills at the open": Case(SL_M, BUY, BELOW, 104, trigger=105, status=PARTIAL, after=PARTIAL),
}

STOP_LIMIT_ORDERS = {
    "a bar below the trigger": Case(SL, BUY, BELOW, 0, trigger=105, limit=105.1),
    "a touch within the limit": Case(SL, BUY, TOUCHING, 105, trigger=105, limit=105.1, after=TRIGGERED),
    "a touch that slips to the limit": Case(
        SL, BUY, TOUCHING, 105.1, trigger=105, limit=105.1, after=TRIGGERED, slippage=TWO_TICKS
    ),
    "a touch that slips past the limit is hit, not filled": Case(
        SL, BUY, TOUCHING, 0, trigger=105, limit=105.05, after=TRIGGERED, slippage=TWO_TICKS
    ),
    "a seller's touch that slips past the limit": Case(
        SL, SELL, TOUCHING_DOWN, 0, trigger=95, limit=94.95, after=TRIGGERED, slippage=TWO_TICKS
    ),
    "a gap within the limit": Case(
        SL, BUY, bar("10:00", 105.05, 106, 104, 105), 105.05, trigger=105, limit=105.1, after=TRIGGERED
    ),
    "a gap past the limit is hit, not filled": Case(SL, BUY, GAP_UP, 0, trigger=105, limit=105.1, after=TRIGGERED),
    "a gap past the limit that comes back through it": Case(
        SL, BUY, bar("10:00", 107, 108, 105.05, 106), 105.1, trigger=105, limit=105.1, after=TRIGGERED
    ),
    "once hit it is a limit order that fills": Case(
        SL, BUY, BELOW, 104, trigger=105, limit=105.1, status=TRIGGERED, after=TRIGGERED
    ),
    "once hit it is a limit order that waits": Case(
        SL, BUY, GAP_UP, 0, trigger=105, limit=105.1, status=TRIGGERED, after=TRIGGERED
    ),
}

CASES = [
    pytest.param(case, id=f"{kind}: {name}")
    for kind, cases in (
        ("market", MARKET_ORDERS),
        ("limit", LIMIT_ORDERS),
        ("stop market", STOP_MARKET_ORDERS),
        ("stop limit", STOP_LIMIT_ORDERS),
    )
    for name, case in cases.items()
]


@pytest.mark.parametrize("case", CASES)
def test_an_order_fills_at_the_price_worked_out_by_hand(case: Case):
    orders, executions = np.zeros(1, ORDER), np.zeros(1, EXECUTION)
    orders["order_type"], orders["side"], orders["status"] = case.order_type, case.side, case.status
    orders["limit_e4"], orders["trigger_e4"] = to_e4(case.limit), to_e4(case.trigger)
    executions["slippage_mode"], executions["slippage"] = case.slippage
    assert meet(orders, case.event, executions)[0] == to_e4(case.price)
    assert orders["status"][0] == case.after


# ── What holds for every order ───────────────────────────────────────────────────────────────────────────────────────


def any_orders_and_events(seed: int, count: int) -> tuple[Records, Records, Records]:
    """Return orders of every kind around 100 rupees, an event for each, bars and ticks, and every slippage."""
    random = np.random.default_rng(seed)
    orders, events, executions = np.zeros(count, ORDER), np.zeros(count, EVENT), np.zeros(count, EXECUTION)
    orders["order_type"], orders["side"] = random.integers(0, 4, count), random.choice([BUY, SELL], count)
    orders["trigger_e4"] = random.integers(1_990, 2_011, count) * TICK_E4
    orders["limit_e4"] = orders["trigger_e4"] + orders["side"] * random.integers(-2, 5, count) * TICK_E4
    prices_e4 = np.sort(random.integers(990_000, 1_010_000, (count, 4)), axis=1)
    single = random.random(count) < 0.5
    prices_e4[single] = prices_e4[single, :1]
    events["low_e4"], events["high_e4"] = prices_e4[:, 0], prices_e4[:, 3]
    events["open_e4"], events["close_e4"] = prices_e4[:, 1], prices_e4[:, 2]
    events["kind"] = np.where(events["low_e4"] == events["high_e4"], TICK, 1)
    events["bid_e4"] = events["close_e4"] - random.integers(0, 1_500, count)
    events["ask_e4"] = events["close_e4"] + random.integers(0, 1_500, count)
    executions["slippage_mode"], executions["slippage"] = random.integers(0, 3, count), random.random(count) * 20
    return orders, events, executions


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_no_order_fills_better_than_the_market_or_worse_than_its_limit(seed: int):
    orders, events, executions = any_orders_and_events(seed, 2_000)
    prices_e4 = meet(orders, events, executions)
    kinds, side = orders["order_type"], orders["side"]
    filled, limited = prices_e4 > 0, np.isin(kinds, (LIMIT, SL))
    assert filled[kinds == MARKET].all()
    assert (prices_e4[filled & ~limited] % TICK_E4 == 0).all()
    best_e4 = np.where(side == BUY, events["low_e4"], events["high_e4"])
    assert (side * (prices_e4 - best_e4) >= 0)[filled].all()
    market = filled & (kinds == MARKET)
    assert (side * (prices_e4 - events["open_e4"]) >= 0)[market].all()
    assert (side * (orders["limit_e4"] - prices_e4) >= 0)[filled & limited].all()
    stopped = filled & (kinds == SL_M)
    assert (side * (prices_e4 - orders["trigger_e4"]) >= 0)[stopped].all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_a_stop_is_hit_exactly_where_the_event_reaches_its_trigger(seed: int):
    orders, events, executions = any_orders_and_events(seed, 2_000)
    prices_e4 = meet(orders, events, executions)
    stop = np.isin(orders["order_type"], (SL, SL_M))
    worst_e4 = np.where(orders["side"] == BUY, events["high_e4"], events["low_e4"])
    reached = stop & (orders["side"] * (worst_e4 - orders["trigger_e4"]) >= 0)
    assert ((orders["status"] == TRIGGERED) == reached).all()
    assert (prices_e4[stop & ~reached] == 0).all()
    assert (prices_e4[reached & (orders["order_type"] == SL_M)] > 0).all()


# ── How much ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@kernel
def share(orders: Any, volume_left: int, lot: int, execution: Any) -> int:
    return fill_quantity(orders[0], volume_left, lot, execution[0])


@pytest.mark.parametrize(
    ("participation", "volume_left", "lot", "filled", "quantity"),
    [
        (0.0, 0, 1, 0, 100),  # without participation an order fills whole, whatever traded
        (0.1, 1_000, 1, 0, 100),
        (0.1, 60, 1, 0, 60),
        (0.1, 60, 1, 70, 30),  # no more than is left of the order
        (0.1, 60, 25, 0, 50),  # whole lots
        (0.1, 24, 25, 0, 0),
        (0.1, 0, 1, 0, 0),
    ],
)
def test_an_order_takes_whole_lots_of_its_share_of_the_volume(
    participation: float, volume_left: int, lot: int, filled: int, quantity: int
):
    orders, execution = np.zeros(1, ORDER), np.zeros(1, EXECUTION)
    orders["quantity"], orders["filled"], execution["participation"] = 100, filled, participation
    assert share(orders, volume_left, lot, execution) == quantity


# ── When: through the account ────────────────────────────────────────────────────────────────────────────────────────

HUNDRED = {"size": {"mode": "units", "value": 100}}


@pytest.mark.parametrize(
    ("latency", "fills_at"), [(0, "10:00:01"), (0.5, "10:00:01"), (1, "10:00:02"), (2.5, "10:00:03")]
)
def test_an_order_meets_the_first_event_later_than_its_latency(latency: float, fills_at: str):
    desk = Desk(path("10:00", 100, 101, 102, 103), (0, 1.0), terms=profile(market={"latency_seconds": latency}))
    assert desk.fills("time_ns") == [at(fills_at)]


def test_events_of_other_instruments_fill_nothing():
    events = [*path("10:00", 100), *path("10:00:01", 50, index=1), *path("10:00:02", 101)]
    desk = Desk(events, (0, 1.0), terms=profile(), universe=shares(2))
    assert desk.fills("time_ns", "price_e4") == [(at("10:00:02"), to_e4(101))]


def test_a_day_order_waits_until_the_session_ends():
    terms = profile(strategy_terms(entry={"order_type": "LIMIT", "offset_ticks": 20}))
    desk = Desk(
        [*path("10:00", 100, 100, 100), tick("15:29:59", 100), clock("15:30"), clock("15:31")], (0, 1.0), terms=terms
    )
    assert rows(desk.work.orders, "status", "updated_ns") == [(WORKING, at("10:00")), (EXPIRED, at("15:30"))]


def test_an_immediate_order_meets_one_event_and_is_gone():
    terms = profile(strategy_terms(entry={"order_type": "LIMIT", "offset_ticks": 20, "validity": "IOC"}))
    desk = Desk(path("10:00", 100, 100, 90), (0, 1.0), terms=terms)
    assert rows(desk.work.orders, "status", "updated_ns") == [(WORKING, at("10:00")), (CANCELLED, at("10:00:01"))]
    assert not len(desk.work.fills)


def test_an_immediate_order_keeps_what_it_got():
    terms = profile(strategy_terms(**HUNDRED, entry={"validity": "IOC"}), market={"participation": 0.1})
    desk = Desk([tick("10:00", 100), tick("10:01", 100, volume=300), tick("10:02", 100)], (0, 1.0), terms=terms)
    assert desk.fills("quantity") == [30]
    assert rows(desk.work.orders, "status", "filled") == [(WORKING, 0), (CANCELLED, 30)]
    assert (desk.book()["quantity"], desk.book()["working"]) == (30, 0)


def test_a_large_order_fills_over_several_events():
    terms = profile(strategy_terms(**HUNDRED), market={"participation": 0.1})
    events = [
        tick("10:00", 100),
        *(tick(f"10:0{i}", 100 + i, volume=volume) for i, volume in enumerate((450, 9, 550), 1)),
    ]
    desk = Desk(events, (0, 1.0), terms=terms)
    assert desk.fills("time_ns", "quantity", "price_e4") == [
        (at("10:01"), 45, to_e4(101)),
        (at("10:03"), 55, to_e4(103)),
    ]
    assert rows(desk.work.orders, "status", "filled") == [(WORKING, 0), (PARTIAL, 45), (COMPLETE, 100)]


def test_orders_share_the_volume_of_an_event_oldest_first():
    terms = profile(strategy_terms("a", **HUNDRED), strategy_terms("b", **HUNDRED), market={"participation": 0.1})
    desk = Desk([tick("10:00", 100), tick("10:01", 100, volume=1_500)], (0, 1.0, 0, 1), (0, 1.0, 0, 0), terms=terms)
    assert desk.fills("strategy", "quantity") == [(1, 100), (0, 50)]


def test_latency_is_counted_from_the_event_that_caused_the_order():
    desk = Desk([bar("10:00", 100, 101, 99, 100), bar("10:01", 102, 103, 101, 102)], (0, 1.0), terms=profile())
    assert desk.fills("time_ns", "price_e4") == [(at("10:01"), to_e4(102))]
    assert desk.work.orders["active_ns"][0] == at("10:00")
    later = Desk([bar("10:00", 100, 101, 99, 100)], (0, 1.0), terms=profile(market={"latency_seconds": 5}))
    assert later.work.orders["active_ns"][0] == at("10:00") + 5 * SECOND_NS
