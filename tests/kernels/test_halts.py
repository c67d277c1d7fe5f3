"""Loss limits: where each begins, what it closes, how long it lasts."""

from typing import Any

import pytest

from alpha_panda.kernels import risk
from alpha_panda.kernels.records import (
    CANCELLED,
    HALT_EXIT,
    HALTED,
    NO_GUARD,
    REDUCING,
    REFUSED,
    RUNNING,
    SELL,
    STOP_LOSS,
    Records,
)
from alpha_panda.units import to_e4
from tests.market import TUESDAY, Desk, at, clock, path, profile, rows, shares, strategy_terms, tick

CAPITAL = 1_000
STRICT = {"day_loss_reduce": 0.02, "day_loss_halt": 0.03, "drawdown_halt": 0.20}


def all_in(**terms: Any) -> dict[str, Any]:
    """Return the terms of a strategy that holds its thousand rupees in ten units at a hundred."""
    return strategy_terms(**{"capital": CAPITAL, "size": {"mode": "units", "value": 10}, **terms})


def fall(*prices: float, wanted: tuple[Any, ...] = (), limits: dict[str, float] = STRICT, **terms: Any) -> Desk:
    """Return an account that buys ten units at 100 at 10:00:01 and then sees `prices`, one a second."""
    return Desk(path("10:00", 100, 100, *prices), (0, 1.0), *wanted, terms=profile(all_in(**terms), risk=limits))


def latched(desk: Desk) -> tuple[int, int]:
    """Return the state of the account and the code that explains it."""
    return int(desk.account["state"]), int(desk.account["halt_code"])


# ── Where each begins ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("limit", "fraction", "beyond"),
    [
        ("day_loss_reduce", 0.02, (REDUCING, risk.DAY_LOSS_REDUCE)),
        ("day_loss_halt", 0.03, (HALTED, risk.DAY_LOSS_HALT)),
        ("drawdown_halt", 0.20, (HALTED, risk.DRAWDOWN_HALT)),
    ],
)
def test_a_limit_is_passed_one_e4_below_its_level_and_not_at_it(limit: str, fraction: float, beyond: tuple[int, int]):
    # One unit bought at 100 rupees with all there is: equity is its price, less the charges of the entry.
    terms = profile(strategy_terms(capital=100), risk={limit: fraction})

    def after_a_price_of(price_e4: int) -> Desk:
        events = path("10:00", 100, 100, 1)
        for field in ("open_e4", "high_e4", "low_e4", "close_e4"):
            events[2][field] = price_e4
        return Desk(events, (0, 1.0), terms=terms)

    charges_e4 = int(after_a_price_of(to_e4(100)).account["charges"]["total_e4"])
    level_e4 = round(to_e4(100) * (1 - fraction))
    at_the_level, below = (after_a_price_of(level_e4 + charges_e4 - less_e4) for less_e4 in (0, 1))
    assert at_the_level.account["equity_e4"] == level_e4
    assert latched(at_the_level) == (RUNNING, risk.NONE)
    assert latched(below) == beyond


@pytest.mark.parametrize(
    ("price", "state"),
    [
        (99, (RUNNING, risk.NONE)),
        (97.5, (REDUCING, risk.DAY_LOSS_REDUCE)),
        (96.5, (HALTED, risk.DAY_LOSS_HALT)),
        (79, (HALTED, risk.DRAWDOWN_HALT)),  # of several limits passed at once the one that lasts longest
    ],
)
def test_a_loss_latches_the_state_of_the_lowest_limit_passed(price: float, state: tuple[int, int]):
    assert latched(fall(price)) == state


def test_a_state_stays_when_the_loss_is_made_good():
    assert latched(fall(97.5, 120)) == (REDUCING, risk.DAY_LOSS_REDUCE)


def test_reducing_becomes_halted_when_the_loss_grows():
    assert latched(fall(97.5, 96.5)) == (HALTED, risk.DAY_LOSS_HALT)
    assert latched(fall(97.5, 79)) == (HALTED, risk.DRAWDOWN_HALT)


def test_a_drawdown_is_measured_from_the_highest_equity():
    limits = {"drawdown_halt": 0.20}
    assert latched(fall(200, 170, limits=limits)) == (RUNNING, risk.NONE)
    assert latched(fall(200, 159, limits=limits)) == (HALTED, risk.DRAWDOWN_HALT)


def test_a_day_loss_is_measured_from_the_start_of_the_day():
    limits = {"day_loss_reduce": 0.02}
    assert latched(fall(200, 190, limits=limits)) == (RUNNING, risk.NONE)
    next_day = [tick("10:00", 190, date=TUESDAY), tick("10:01", 185, date=TUESDAY)]
    held = Desk([*path("10:00", 100, 100, 200, 190), *next_day], (0, 1.0), terms=profile(all_in(), risk=limits))
    assert latched(held) == (REDUCING, risk.DAY_LOSS_REDUCE)


def test_the_latest_worst_loss_is_kept_for_the_figures():
    desk = fall(120, 90, 130, limits={})
    peak_e4, trough_e4 = to_e4(1_200), to_e4(900)
    charges_e4 = int(desk.account["charges"]["total_e4"])
    assert desk.account["drawdown_max"] == pytest.approx((peak_e4 - trough_e4) / (peak_e4 - charges_e4))
    assert desk.account["peak_e4"] == desk.account["trough_e4"] == desk.account["equity_e4"]


# ── What it closes ───────────────────────────────────────────────────────────────────────────────────────────────────


def states(work: Records) -> list[tuple[int, int]]:
    return rows(work, "order_id", "status")


def test_reducing_cancels_what_would_open_and_keeps_what_is_held():
    two = strategy_terms("two", capital=CAPITAL, entry={"order_type": "LIMIT", "offset_ticks": 200})
    terms = profile(all_in(), two, risk=STRICT)
    desk = Desk(path("10:00", 100, 100, 95, 95), (0, 1.0, 0, 0), (0, 1.0, 0, 1), terms=terms)
    assert latched(desk) == (REDUCING, risk.DAY_LOSS_REDUCE)
    assert (2, CANCELLED) in states(desk.work.orders)
    assert desk.book()["quantity"] == 10
    assert desk.account["orders_working"] == 0


def test_a_halt_cancels_everything_and_leaves_at_the_market():
    two = strategy_terms("two", capital=CAPITAL, size={"mode": "units", "value": 5})
    terms = profile(all_in(), two, risk={"day_loss_halt": 0.03})
    events = [
        *path("10:00", 100),
        *path("10:00", 100, index=1),
        *path("10:00:01", 100),
        *path("10:00:01", 100, index=1),
    ]
    events += [*path("10:00:02", 90), *path("10:00:03", 89), *path("10:00:04", 99, index=1)]
    desk = Desk(events, (1, 1.0, 0, 0), (1, -1.0, 1, 1), terms=terms, universe=shares(2))
    assert latched(desk) == (HALTED, risk.DAY_LOSS_HALT)
    exits = desk.work.decisions[desk.work.decisions["guard"] == HALT_EXIT]
    assert rows(exits, "strategy", "instrument", "granted", "time_ns") == [
        (0, 0, 10, at("10:00:02")),
        (1, 1, 5, at("10:00:02")),
    ]
    assert desk.fills("guard", "price_e4")[2:] == [(HALT_EXIT, to_e4(89)), (HALT_EXIT, to_e4(99))]
    assert not desk.stage.books["quantity"].any()


def test_an_exit_that_was_under_way_is_not_made_again():
    # The stop at 99 is on its way for five seconds when the loss passes three per cent.
    terms = profile(all_in(guards={"stop_loss": 0.01}), risk={"day_loss_halt": 0.03}, market={"latency_seconds": 5})
    times = {"10:00": 100, "10:00:10": 100, "10:00:20": 98, "10:00:21": 90, "10:00:30": 89}
    desk = Desk([tick(time, price) for time, price in times.items()], (0, 1.0), terms=terms)
    assert latched(desk) == (HALTED, risk.DAY_LOSS_HALT)
    assert desk.decisions("time_ns", "guard")[1:] == [(at("10:00:20"), STOP_LOSS)]
    assert desk.fills("quantity", "price_e4")[1:] == [(10, to_e4(89))]


def test_an_account_that_reduces_refuses_to_open_and_lets_positions_go():
    desk = fall(97.5, 97.5, 97.5, wanted=((2, 0.5), (3, 1.0)), product="MIS")
    assert desk.decisions("code", "granted")[1:] == [(risk.NONE, 5), (risk.REDUCE_ONLY, 0)]
    assert desk.decisions("side", "guard")[1] == (SELL, NO_GUARD)
    assert desk.book()["quantity"] == 5


def test_reducing_keeps_the_exit_of_an_order_that_would_also_have_opened():
    # Long ten of one share, on the way to ten short of it, when the other share takes five per cent of the capital.
    terms = profile(strategy_terms(capital=10_000, size={"mode": "units", "value": 10}), risk={"day_loss_reduce": 0.02})
    events = [*path("10:00", 100, 100), *path("10:00:05", 200, 200, index=1), *path("10:00:10", 100)]
    events += [*path("10:00:11", 150, index=1), *path("10:00:12", 100, 100)]
    desk = Desk(events, (0, 1.0, 0), (2, 1.0, 1), (4, -1.0, 0), terms=terms, universe=shares(2))
    assert latched(desk) == (REDUCING, risk.DAY_LOSS_REDUCE)
    assert desk.stage.books["quantity"].tolist() == [[0, 10]]
    assert (desk.work.decisions["side"][-1], desk.work.decisions["granted"][-1]) == (SELL, 10)


def test_a_drawdown_on_a_day_that_is_already_halted_outlasts_the_day():
    terms = profile(all_in(), risk={"day_loss_halt": 0.03, "drawdown_halt": 0.20})
    events = [*path("10:00", 100, 100, 96, 79), tick("10:00", 79, date=TUESDAY), tick("10:01", 79, date=TUESDAY)]
    desk = Desk(events, (0, 1.0), (4, 0.5), terms=terms)
    assert latched(desk) == (HALTED, risk.DRAWDOWN_HALT)
    assert desk.decisions("verdict", "code")[-1] == (REFUSED, risk.HALT)


# ── How long it lasts ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("price", "next_day"),
    [
        (97.5, (RUNNING, risk.NONE)),
        (96.5, (RUNNING, risk.NONE)),
        (79, (HALTED, risk.DRAWDOWN_HALT)),  # only a human may clear a drawdown
    ],
)
def test_a_day_loss_lasts_for_its_ist_day_and_a_drawdown_for_good(price: float, next_day: tuple[int, int]):
    terms = profile(all_in(), risk=STRICT)
    events = path("10:00", 100, 100, price, price)
    last_instant = clock("23:59:59")
    assert latched(Desk([*events, last_instant], (0, 1.0), terms=terms))[0] > RUNNING
    assert latched(Desk([*events, last_instant, clock("00:00", TUESDAY)], (0, 1.0), terms=terms)) == next_day


def test_a_new_day_measures_its_loss_from_where_it_began():
    terms = profile(all_in(), risk={"day_loss_reduce": 0.02})
    morning = [tick("10:00", price, date=TUESDAY) for price in (97, 96)]
    events = [*path("10:00", 100, 100, 97.5), *morning]
    assert latched(Desk(events, (0, 1.0), terms=terms)) == (RUNNING, risk.NONE)
    events.append(tick("10:01", 95, date=TUESDAY))
    assert latched(Desk(events, (0, 1.0), terms=terms)) == (REDUCING, risk.DAY_LOSS_REDUCE)


def test_an_account_that_ran_on_opens_again_on_the_next_day():
    terms = profile(all_in(), risk={"day_loss_halt": 0.03})
    events = [*path("10:00", 100, 100, 96, 96, 96), *(tick("10:00", 96, date=TUESDAY) for _ in range(2))]
    desk = Desk(events, (0, 1.0), (4, 0.5), (5, 0.6), terms=terms)
    assert desk.decisions("verdict", "code")[-2:] == [(REFUSED, risk.HALT), (0, risk.NONE)]
