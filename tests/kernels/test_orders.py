"""The life of orders: how they are priced, what follows what, and that the table and the books always agree."""

import itertools
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_panda.kernels.records import (
    BUY,
    CANCELLED,
    COMPLETE,
    DAY,
    EXPIRED,
    LIMIT,
    MARKET,
    PARTIAL,
    SELL,
    SL,
    SL_M,
    TRIGGERED,
    WORKING,
    Records,
)
from alpha_panda.units import to_e4
from tests.market import TUESDAY, Desk, at, bar, clock, path, profile, rows, strategy_terms, tick
from tests.streams import CAPITAL, UNIVERSE, Run, any_stream, whole

OVER = (COMPLETE, CANCELLED, EXPIRED)
FOLLOWS = {
    WORKING: {TRIGGERED, PARTIAL, *OVER},
    TRIGGERED: {PARTIAL, *OVER},
    PARTIAL: {PARTIAL, *OVER},
    **{status: set[int]() for status in OVER},
}
"""Which status may follow which."""


def hundred(**terms: Any) -> dict[str, Any]:
    """Return the terms of a strategy for which a target of 0.1 is ten units."""
    return strategy_terms(size={"mode": "units", "value": 100}, **terms)


# ── Drafting ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("order_type", "target", "offset_ticks", "last", "limit", "trigger"),
    [
        ("MARKET", 1.0, 4, 100, 0, 0),
        ("LIMIT", 1.0, 4, 100, 99.8, 0),  # a limit waits on the better side,
        ("LIMIT", -1.0, 4, 100, 100.2, 0),
        ("LIMIT", 1.0, 0, 100.02, 100, 0),  # on the tick that is better still
        ("LIMIT", -1.0, 0, 100.02, 100.05, 0),
        ("SL-M", 1.0, 4, 100, 0, 100.2),  # a stop on the worse side,
        ("SL-M", -1.0, 4, 100, 0, 99.8),
        ("SL-M", 1.0, 0, 100.02, 0, 100.05),
        ("SL", 1.0, 4, 100, 100.4, 100.2),  # its limit as far again
        ("SL", -1.0, 4, 100, 99.6, 99.8),
    ],
)
def test_an_entry_is_priced_around_the_last_trade(
    order_type: str, target: float, offset_ticks: int, last: float, limit: float, trigger: float
):
    terms = profile(hundred(entry={"order_type": order_type, "offset_ticks": offset_ticks}))
    order = Desk([tick("10:00", last)], (0, target), terms=terms).work.orders[0]
    assert order["order_type"] == {"MARKET": MARKET, "LIMIT": LIMIT, "SL": SL, "SL-M": SL_M}[order_type]
    assert (order["limit_e4"], order["trigger_e4"]) == (to_e4(limit), to_e4(trigger))
    assert (order["side"], order["quantity"]) == (BUY if target > 0 else SELL, 100)


def test_what_reduces_a_position_leaves_at_the_market_for_the_day():
    terms = profile(hundred(entry={"order_type": "SL-M", "validity": "IOC", "offset_ticks": 0}))
    desk = Desk([*path("10:00", 100, 100, 100)], (0, 1.0), (1, 0.5), terms=terms)
    assert rows(desk.work.orders, "order_id", "order_type", "validity")[2] == (2, MARKET, DAY)


# ── The difference to what there is ──────────────────────────────────────────────────────────────────────────────────


def placed(desk: Desk) -> list[tuple[int, int, bool]]:
    """Return side, quantity and whether it opens, of each order as it was placed."""
    first = [order for order in desk.work.orders if order["status"] == WORKING and order["filled"] == 0]
    return [(int(order["side"]), int(order["quantity"]), bool(order["opening"])) for order in first]


@pytest.mark.parametrize(
    ("targets", "orders"),
    [
        ((1.0, 1.0), [(BUY, 100, True)]),  # a signal seen twice changes nothing
        ((0.5, 1.0), [(BUY, 50, True), (BUY, 50, True)]),
        ((1.0, 0.4), [(BUY, 100, True), (SELL, 60, False)]),
        ((1.0, 0.0), [(BUY, 100, True), (SELL, 100, False)]),
        ((1.0, -0.5), [(BUY, 100, True), (SELL, 150, True)]),  # one order closes and opens
        ((-1.0, 0.3), [(SELL, 100, True), (BUY, 130, True)]),
        ((0.501, 0.509), [(BUY, 50, True)]),  # another target for the same quantity asks for nothing
    ],
)
def test_an_order_is_the_difference_to_the_position(targets: tuple[float, float], orders: list[tuple[int, int, bool]]):
    desk = Desk(path("10:00", 100, 100, 100, 100), (0, targets[0]), (2, targets[1]), terms=profile(hundred()))
    assert placed(desk) == orders


@pytest.mark.parametrize(
    ("targets", "orders", "cancelled"),
    [
        ((0.5, 1.0), [(BUY, 50, True), (BUY, 50, True)], []),
        ((1.0, 0.4), [(BUY, 100, True), (BUY, 40, True)], [1]),  # what works too much is cancelled first
        ((1.0, 0.0), [(BUY, 100, True)], [1]),
        ((1.0, -0.5), [(BUY, 100, True), (SELL, 50, True)], [1]),
    ],
)
def test_an_order_is_the_difference_to_what_is_at_work(
    targets: tuple[float, float], orders: list[tuple[int, int, bool]], cancelled: list[int]
):
    terms = profile(hundred(entry={"order_type": "LIMIT", "offset_ticks": 40}))
    desk = Desk(path("10:00", 100, 100, 100, 100), (0, targets[0]), (2, targets[1]), terms=terms)
    assert placed(desk) == orders
    work = desk.work.orders
    assert work["order_id"][work["status"] == CANCELLED].tolist() == cancelled


def test_an_exit_that_is_cancelled_by_a_new_target_leaves_the_position():
    terms = profile(hundred(), market={"latency_seconds": 5})
    events = [tick("10:00", 100), tick("10:01", 100), tick("10:01:01", 100), tick("10:02", 100)]
    desk = Desk(events, (0, 1.0), (1, 0.0), (2, 1.0), terms=terms)
    assert placed(desk) == [(BUY, 100, True), (SELL, 100, False)]
    assert desk.book()["quantity"] == 100


# ── How orders end ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_made_between_sessions_lasts_until_the_end_of_the_next():
    terms = profile(hundred(entry={"order_type": "LIMIT", "offset_ticks": 40}), risk={"after_market": True})
    events = [tick("15:29", 100), clock("15:45"), tick("09:15", 100, date=TUESDAY), clock("15:30", TUESDAY)]
    desk = Desk(events, (1, 1.0), terms=terms)
    assert rows(desk.work.orders, "status", "updated_ns", "expires_ns") == [
        (WORKING, at("15:45"), at("15:30", TUESDAY)),
        (EXPIRED, at("15:30", TUESDAY), at("15:30", TUESDAY)),
    ]


def test_the_last_bar_of_a_session_still_fills_and_the_next_session_does_not():
    terms = profile(hundred(entry={"order_type": "LIMIT", "offset_ticks": 40}))
    first = [bar("15:29", 100, 100, 100, 100)]
    filled = Desk([*first, bar("15:30", 100, 100, 90, 100)], (0, 1.0), terms=terms)
    assert filled.fills("time_ns", "price_e4") == [(at("15:30"), to_e4(98))]
    late = Desk([*first, bar("09:16", 100, 100, 90, 100, date=TUESDAY)], (0, 1.0), terms=terms)
    assert not len(late.work.fills)
    assert rows(late.work.orders, "status", "updated_ns") == [(WORKING, at("15:29")), (EXPIRED, at("15:30"))]


def test_a_stop_that_is_hit_but_not_filled_says_so():
    terms = profile(hundred(entry={"order_type": "SL", "offset_ticks": 1}))
    desk = Desk(path("10:00", 100, 101, 100.05), (0, 1.0), terms=terms)
    assert rows(desk.work.orders, "status", "filled") == [(WORKING, 0), (TRIGGERED, 0), (COMPLETE, 100)]


# ── Whatever happens ─────────────────────────────────────────────────────────────────────────────────────────────────

some = settings(deadline=None, max_examples=40)
any_seed = st.integers(0, 2**32)


def lives(orders: Records) -> dict[int, list[Any]]:
    """Return everything that was said of each order, in order."""
    said = defaultdict(list)
    for order in orders:
        said[int(order["order_id"])].append(order)
    return said


@some
@given(any_seed)
def test_every_order_lives_legally(seed: int):
    stage, work = whole(any_stream(seed))
    filled_of_order = defaultdict(int)
    for fill in work.fills:
        filled_of_order[int(fill["order_id"])] += int(fill["quantity"])
    for order_id, states in lives(work.orders).items():
        assert (states[0]["status"], states[0]["filled"]) == (WORKING, 0)
        for earlier, later in itertools.pairwise(states):
            assert later["status"] in FOLLOWS[int(earlier["status"])]
            assert later["filled"] >= earlier["filled"]
            assert later["updated_ns"] >= earlier["updated_ns"]
            assert later["quantity"] == earlier["quantity"]
        last = states[-1]
        assert last["filled"] == filled_of_order[order_id] <= last["quantity"]
        assert (last["status"] == COMPLETE) == (last["filled"] == last["quantity"])
        assert last["status"] != PARTIAL or last["filled"] > 0
    working = stage.arrays()["orders"][0, : stage.account["orders_working"]]
    assert working["order_id"].tolist() == [
        key for key, states in lives(work.orders).items() if states[-1]["status"] not in OVER
    ]


@some
@given(any_seed)
def test_a_fill_comes_after_its_order_became_active_and_within_its_session(seed: int):
    _, work = whole(any_stream(seed))
    made = {int(order["order_id"]): order for order in work.orders[::-1]}
    for fill in work.fills:
        order = made[int(fill["order_id"])]
        assert order["active_ns"] < fill["time_ns"] <= order["expires_ns"]
        assert (fill["strategy"], fill["instrument"], fill["side"]) == tuple(order[["strategy", "instrument", "side"]])
        assert fill["quantity"] % UNIVERSE[int(fill["instrument"])].lot == 0


def check_table(run: Run) -> None:
    """Assert that books, quotes, sleeves and the table of orders tell the same."""
    state, account = run.stage.arrays(), run.stage.account
    orders = state["orders"][0, : account["orders_working"]]
    books, quotes, sleeves = run.stage.books, run.stage.quotes, state["sleeves"][0]
    assert (np.diff(orders["order_id"]) > 0).all()
    assert np.isin(orders["status"], (WORKING, TRIGGERED, PARTIAL)).all()
    signed = np.zeros(books.shape, np.int64)
    np.add.at(
        signed, (orders["strategy"], orders["instrument"]), orders["side"] * (orders["quantity"] - orders["filled"])
    )
    assert (books["working"] == signed).all()
    assert (quotes["working"] == np.bincount(orders["instrument"], minlength=len(UNIVERSE))).all()
    assert (quotes["holders"] == (books["quantity"] != 0).sum(axis=0)).all()
    assert (quotes["position"] == books["quantity"].sum(axis=0)).all()
    assert account["positions"] == (books["quantity"] != 0).sum()
    assert (sleeves["committed_e4"] == books["committed_e4"].sum(axis=1)).all()
    idle = (books["quantity"] == 0) & (books["working"] == 0)
    assert (books["committed_e4"][idle] == 0).all()


@some
@given(any_seed)
def test_the_table_and_the_books_agree_after_every_event(seed: int):
    run = Run(any_stream(seed))
    for row in range(len(run.stream.events)):
        run.step(row)
        check_table(run)


@some
@given(any_seed)
def test_no_order_commits_more_than_the_capital_of_its_strategy(seed: int):
    run = Run(any_stream(seed))
    sleeves = run.stage.arrays()["sleeves"][0]
    for row in range(len(run.stream.events)):
        orders = run.step(row).orders
        openings = orders[(orders["status"] == WORKING) & (orders["filled"] == 0) & (orders["opening"] == 1)]
        # Several orders at one event may cancel others, whose positions are then counted at the newer price.
        if len(openings) == len(orders) == 1:
            assert sleeves["committed_e4"][openings["strategy"][0]] <= to_e4(CAPITAL)
