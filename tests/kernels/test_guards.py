"""What takes a position out of the market, at which price and when, and what its book waits for afterwards."""

import datetime
from typing import Any

import pytest

from alpha_panda.kernels.records import (
    BUY,
    CANCELLED,
    EXPIRED,
    HOLDING_TIME,
    MARKET,
    NO_GUARD,
    SELL,
    SQUARE_OFF,
    STOP_LOSS,
    TAKE_PROFIT,
    TRAILING_STOP,
    WORKING,
    Records,
)
from alpha_panda.units import to_e4
from tests.market import MONDAY, TUESDAY, Desk, at, bar, clock, path, profile, rows, strategy_terms, tick


def guarded(target: float, *later: Records, product: str = "NRML", **guards: Any) -> Desk:
    """Return a book that enters at 100 at 10:00:01 for `target` of ten units, and then sees these events."""
    terms = strategy_terms(size={"mode": "units", "value": 10}, product=product, guards=guards)
    return Desk([*path("10:00", 100, 100), *later], (0, target), terms=profile(terms))


def exits(desk: Desk) -> list[tuple[int, int]]:
    """Return when each guard closed the book, and which."""
    return [(time_ns, guard) for time_ns, guard in desk.decisions("time_ns", "guard") if guard != NO_GUARD]


# ── Prices ───────────────────────────────────────────────────────────────────────────────────────────────────────────

STOP, TARGET, TRAIL = {"stop_loss": 0.05}, {"take_profit": 0.10}, {"trailing_stop": 0.05}


@pytest.mark.parametrize(
    ("target", "guards", "event", "guard"),
    [
        (1.0, STOP, bar("10:02", 100, 100, 95.05, 100), NO_GUARD),
        (1.0, STOP, bar("10:02", 100, 100, 95, 100), STOP_LOSS),  # a touch is enough
        (1.0, STOP, bar("10:02", 90, 91, 89, 90), STOP_LOSS),
        (-1.0, STOP, bar("10:02", 100, 104.95, 100, 100), NO_GUARD),
        (-1.0, STOP, bar("10:02", 100, 105, 100, 100), STOP_LOSS),
        (-1.0, STOP, bar("10:02", 100, 100, 50, 50), NO_GUARD),
        (1.0, TARGET, bar("10:02", 100, 109.95, 100, 100), NO_GUARD),
        (1.0, TARGET, bar("10:02", 100, 110.05, 100, 100), TAKE_PROFIT),
        (-1.0, TARGET, bar("10:02", 100, 100, 90.05, 100), NO_GUARD),
        (-1.0, TARGET, bar("10:02", 100, 100, 90, 100), TAKE_PROFIT),
        (1.0, TRAIL, bar("10:02", 100, 100, 95.05, 100), NO_GUARD),
        (1.0, TRAIL, bar("10:02", 100, 100, 95, 100), TRAILING_STOP),  # it begins at the entry price
        (1.0, TRAIL, bar("10:02", 100, 120, 114.05, 120), NO_GUARD),
        (1.0, TRAIL, bar("10:02", 100, 120, 114, 120), TRAILING_STOP),  # the best price of the bar comes first
        (-1.0, TRAIL, bar("10:02", 100, 83.95, 80, 80), NO_GUARD),
        (-1.0, TRAIL, bar("10:02", 100, 84, 80, 80), TRAILING_STOP),
        (1.0, STOP | TARGET, bar("10:02", 100, 111, 95, 111), STOP_LOSS),  # of two, the worse
        (-1.0, STOP | TARGET, bar("10:02", 100, 105, 89, 89), STOP_LOSS),
        (1.0, TRAIL | TARGET, bar("10:02", 100, 111, 105, 111), TRAILING_STOP),
        (1.0, {}, bar("10:02", 100, 1_000, 1, 1), NO_GUARD),
    ],
)
def test_a_guard_watches_the_range_of_a_bar(target: float, guards: dict[str, float], event: Records, guard: int):
    desk = guarded(target, event, **guards)
    assert exits(desk) == ([(at("10:02"), guard)] if guard else [])


def test_a_guard_leaves_at_the_market_at_the_next_event_and_not_at_its_level():
    desk = guarded(1.0, tick("10:02", 94), tick("10:03", 92), **STOP)
    assert rows(desk.work.orders, "side", "order_type", "quantity", "opening", "guard")[-1] == (
        SELL,
        MARKET,
        10,
        0,
        STOP_LOSS,
    )
    assert desk.fills("time_ns", "price_e4", "guard")[-1] == (at("10:03"), to_e4(92), STOP_LOSS)
    short = guarded(-1.0, tick("10:02", 106), tick("10:03", 108), **STOP)
    assert short.fills("side", "price_e4")[-1] == (BUY, to_e4(108))


def test_a_trailing_stop_remembers_the_best_price_since_entry():
    desk = guarded(1.0, tick("10:02", 120), tick("10:03", 115), tick("10:04", 114), **TRAIL)
    assert exits(desk) == [(at("10:04"), TRAILING_STOP)]


def test_the_best_price_of_an_earlier_trade_is_forgotten():
    wanted = [(0, 1.0), (2, 0.0), (4, 1.0)]
    terms = profile(strategy_terms(guards=TRAIL))
    desk = Desk(path("10:00", 100, 100, 150, 150, 100, 100, 96), *wanted, terms=terms)
    assert exits(desk) == []


def test_levels_follow_the_average_cost():
    terms = profile(strategy_terms(size={"mode": "units", "value": 10}, guards=STOP))
    # Five at 100 and five at 110 cost 105 on average: the stop lies at 99.75.
    events = path("10:00", 100, 100, 110, 110, 99.8, 99.75)
    assert exits(Desk(events, (0, 0.5), (2, 1.0), terms=terms)) == [(at("10:00:05"), STOP_LOSS)]


def test_a_book_that_turned_is_guarded_from_its_new_side():
    terms = profile(strategy_terms(guards=STOP))
    # Long from 100, short from 120: the stop lies at 126.
    events = path("10:00", 100, 100, 120, 120, 94, 125.95, 126)
    assert exits(Desk(events, (0, 1.0), (2, -1.0), terms=terms)) == [(at("10:00:06"), STOP_LOSS)]


def test_prices_outside_the_session_set_nothing_off():
    desk = guarded(1.0, tick("15:31", 50), tick("09:14", 50, date=TUESDAY), tick("09:15", 50, date=TUESDAY), **STOP)
    assert exits(desk) == [(at("09:15", TUESDAY), STOP_LOSS)]


# ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("later", [tick("10:10:01", 100), clock("10:10:01")])
def test_a_position_is_held_no_longer_than_allowed(later: Records):
    desk = guarded(1.0, clock("10:10:00"), later, tick("10:11", 100), holding_seconds=600)
    assert exits(desk) == [(at("10:10:01"), HOLDING_TIME)]
    assert desk.book()["quantity"] == 0


def test_adding_to_a_position_does_not_begin_its_time_anew():
    terms = profile(strategy_terms(size={"mode": "units", "value": 10}, guards={"holding_seconds": 600}))
    events = [*path("10:00", 100, 100), tick("10:05", 100), tick("10:06", 100), clock("10:10:01")]
    assert exits(Desk(events, (0, 0.5), (2, 1.0), terms=terms)) == [(at("10:10:01"), HOLDING_TIME)]


def test_turning_a_position_begins_its_time_anew():
    terms = profile(strategy_terms(size={"mode": "units", "value": 10}, guards={"holding_seconds": 600}))
    events = [*path("10:00", 100, 100), tick("10:05", 100), tick("10:06", 100), clock("10:10:01"), clock("10:16")]
    assert exits(Desk(events, (0, 1.0), (2, -1.0), terms=terms)) == [(at("10:16"), HOLDING_TIME)]


MUHURAT = datetime.date(2024, 11, 1)  # 18:00 to 19:00
EARLY_MUHURAT = datetime.date(2025, 10, 21)  # 13:45 to 14:45
TWICE = datetime.date(2021, 2, 24)  # 09:15 to 11:40, and 15:45 to 17:00 after an outage
DRILL = datetime.date(2024, 3, 2)  # 09:15 to 10:00, and 11:30 to 12:30


@pytest.mark.parametrize(
    ("date", "entered", "square_off", "due"),
    [
        (MONDAY, "10:00", "15:10", "15:10"),
        (MONDAY, "10:00", "15:28", "15:25"),  # five minutes before the close at the latest
        (MONDAY, "10:00", "00:00", "15:25"),
        (MUHURAT, "18:10", "00:00", "18:55"),
        (MUHURAT, "18:10", "15:10", "18:55"),  # a time of day before the session opens does not count
        (TWICE, "16:00", "15:10", "16:55"),
        (MUHURAT, "18:10", "18:30", "18:30"),
        (MUHURAT, "18:10", "20:00", "18:55"),
        (EARLY_MUHURAT, "13:50", "15:10", "14:40"),
        (DRILL, "09:20", "15:10", "09:55"),
        (DRILL, "11:40", "15:10", "12:25"),
    ],
)
def test_an_intraday_position_is_squared_off(date: datetime.date, entered: str, square_off: str, due: str):
    terms = profile(strategy_terms(product="MIS", guards={"square_off": square_off}))
    events = [tick(f"{entered}:{second:02d}", 100, date=date) for second in (0, 1)]
    just_before = clock(due, date)
    just_before["time_ns"] -= 1
    desk = Desk([*events, just_before, clock(due, date), tick(due, 100, date=date)], (0, 1.0), terms=terms)
    assert exits(desk) == [(at(due, date), SQUARE_OFF)]


def test_a_position_that_is_entered_after_its_square_off_leaves_at_once():
    terms = profile(strategy_terms(product="MIS", guards={"square_off": "09:45"}))
    desk = Desk(path("10:00", 100, 100, 100), (0, 1.0), terms=terms)
    assert exits(desk) == [(at("10:00:01"), SQUARE_OFF)]
    assert desk.fills("time_ns", "position") == [(at("10:00:01"), 1), (at("10:00:02"), 0)]


@pytest.mark.parametrize("product", ["CNC", "NRML"])
def test_a_position_that_may_stay_overnight_is_not_squared_off(product: str):
    desk = guarded(1.0, clock("15:10"), clock("15:25"), clock("15:29"), clock("10:00", TUESDAY), product=product)
    assert exits(desk) == []
    assert desk.book()["quantity"] == 10


def test_each_session_squares_off_its_own_positions():
    terms = profile(strategy_terms(product="MIS", size={"mode": "units", "value": 10}))
    events = [*path("10:00", 100, 100), clock("15:10"), tick("15:11", 100)]
    events += [tick(time, 100, date=TUESDAY) for time in ("10:00", "10:01", "15:09", "15:10")]
    desk = Desk(events, (0, 1.0), (4, 0.9), terms=terms)
    assert exits(desk) == [(at("15:10"), SQUARE_OFF), (at("15:10", TUESDAY), SQUARE_OFF)]


# ── Afterwards ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_book_that_a_guard_closed_waits_for_a_changed_target():
    terms = profile(strategy_terms(size={"mode": "units", "value": 10}, guards=STOP))
    events = path("10:00", 100, 100, 94, 94, 94, 94, 94)
    same = Desk(events, (0, 1.0), (4, 1.0), terms=terms)
    assert (same.book()["quantity"], same.book()["guard"]) == (0, STOP_LOSS)
    changed = Desk(events, (0, 1.0), (4, 0.9), terms=terms)
    assert (changed.book()["quantity"], changed.book()["guard"]) == (9, NO_GUARD)
    back = Desk(events, (0, 1.0), (4, 0.0), (5, 1.0), terms=terms)
    assert back.book()["quantity"] == 10


def test_an_exit_that_is_under_way_is_made_once():
    terms = profile(strategy_terms(guards=STOP), market={"latency_seconds": 10})
    events = [tick("10:00", 100), tick("10:01", 100), tick("10:02", 94), *path("10:02:01", 93, 92), tick("10:03", 91)]
    desk = Desk(events, (0, 1.0), terms=terms)
    assert exits(desk) == [(at("10:02"), STOP_LOSS)]
    assert desk.fills("price_e4")[-1] == to_e4(91)


def test_an_exit_replaces_what_the_book_has_at_work():
    entry = {"order_type": "SL-M", "offset_ticks": 100}
    terms = profile(strategy_terms(size={"mode": "units", "value": 10}, guards=STOP, entry=entry))
    # Five units at their trigger of 105, then a trigger of 110 for five more; the stop at 99.75 takes out the five.
    desk = Desk(path("10:00", 100, 105, 105, 99.75, 99), (0, 0.5), (2, 1.0), terms=terms)
    assert [status for order_id, status in rows(desk.work.orders, "order_id", "status") if order_id == 2] == [
        WORKING,
        CANCELLED,
    ]
    assert desk.fills("side", "quantity", "guard") == [(BUY, 5, NO_GUARD), (SELL, 5, STOP_LOSS)]
    assert (desk.book()["quantity"], desk.book()["working"]) == (0, 0)


def test_an_exit_that_went_unfilled_is_made_again_in_the_next_session():
    terms = profile(strategy_terms(product="MIS", size={"mode": "units", "value": 10}), market={"participation": 1.0})
    quiet = [clock("15:10"), tick("15:20", 100, volume=4), clock("15:30")]
    morning = [tick("09:15", 100, date=TUESDAY), tick("09:16", 100, date=TUESDAY)]
    desk = Desk([*path("10:00", 100, 100), *quiet, *morning], (0, 1.0), terms=terms)
    assert desk.decisions("time_ns", "granted", "guard")[1:] == [
        (at("15:10"), 10, SQUARE_OFF),
        (at("15:30"), 6, SQUARE_OFF),
    ]
    second = [order for order in desk.work.orders if order["order_id"] == 2]
    assert (second[-1]["status"], second[-1]["filled"]) == (EXPIRED, 4)
    assert desk.fills("time_ns", "quantity")[1:] == [(at("15:20"), 4), (at("09:15", TUESDAY), 6)]
    assert desk.book()["quantity"] == 0


def test_an_exit_that_is_made_again_keeps_its_guard():
    terms = profile(strategy_terms(size={"mode": "units", "value": 10}, guards=STOP), market={"participation": 1.0})
    later = [tick("15:29", 94), tick("15:29:30", 94, volume=4), clock("15:30")]
    desk = Desk([*path("10:00", 100, 100), *later], (0, 1.0), terms=terms)
    assert exits(desk) == [(at("15:29"), STOP_LOSS), (at("15:30"), STOP_LOSS)]


def test_a_guard_is_deaf_while_its_exit_works():
    terms = profile(strategy_terms(size={"mode": "units", "value": 10}, guards=STOP), market={"participation": 0.001})
    desk = Desk(path("10:00", 100, *[100.0] * 12, 94, 93, 92), (0, 1.0), terms=terms)
    assert next(order["status"] for order in desk.work.orders if order["guard"] == STOP_LOSS) == WORKING
    assert exits(desk) == [(at("10:00:13"), STOP_LOSS)]
