"""Cash, books and profit against exact fractions and against identities that know nothing of average costs."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alpha_panda.errors import MoneyOverflowError
from alpha_panda.instruments import Universe
from alpha_panda.kernels import kernel
from alpha_panda.kernels.ledger import cost_share_e4
from alpha_panda.kernels.records import CLOCK, FUTURE, Records
from alpha_panda.units import PRICE_E4_MAX, to_e4
from tests.market import Desk, at, instrument, path, profile, strategy_terms, tick
from tests.streams import UNIVERSE, Run, any_stream

HUNDRED = strategy_terms(size={"mode": "units", "value": 100})
"""A strategy for which a target of 0.1 is ten units."""

ONE_FUTURE = Universe([instrument("FUTURE", segment=FUTURE, calendar="NFO")])

# ── Worked out by hand ───────────────────────────────────────────────────────────────────────────────────────────────


def traded(*steps: tuple[float, float], universe: Universe | None = None) -> Desk:
    """Return the account after these (price, target of a hundred units): each order fills at the price beside it."""
    events = [tick("10:00", steps[0][0])]
    for minute, (price, _) in enumerate(steps, 1):
        events.append(tick(f"10:{minute:02d}", price))
    wanted = [(row, target) for row, (_, target) in enumerate(steps)]
    return Desk(events, *wanted, terms=profile(HUNDRED), **({"universe": universe} if universe else {}))


@pytest.mark.parametrize(
    ("steps", "quantity", "cost", "realised"),
    [
        ([(100, 0.1)], 10, 1_000, 0),
        ([(100, 0.1), (110, 0.2)], 20, 2_100, 0),
        ([(100, 0.1), (110, 0.06)], 6, 600, 40),  # four of ten sold ten higher
        ([(100, 0.1), (110, 0.2), (120, 0.15)], 15, 1_575, 75),  # five sold at 120 that cost 105 on average
        ([(100, 0.1), (90, 0.0)], 0, 0, -100),
        ([(100, -0.1)], -10, -1_000, 0),
        ([(100, -0.1), (90, -0.04)], -4, -400, 60),  # six bought back ten lower
        ([(100, -0.1), (110, 0.0)], 0, 0, -100),
        ([(100, 0.1), (90, -0.15)], -15, -1_350, -100),  # through flat: ten sold at a loss, fifteen short at 90
        ([(100, -0.1), (90, 0.05)], 5, 450, 100),
        ([(100, 0.1), (90, -0.1), (80, 0.1)], 10, 800, 0),  # ten lost, ten won back on the way
    ],
)
def test_a_book_after_trades(steps: list[tuple[float, float]], quantity: int, cost: float, realised: float):
    desk = traded(*steps)
    book, account, last = desk.book(), desk.account, steps[-1][0]
    assert (book["quantity"], book["cost_e4"], book["realised_e4"]) == (quantity, to_e4(cost), to_e4(realised))
    assert account["realised_e4"] == to_e4(realised)
    assert account["unrealised_e4"] == to_e4(quantity * last - cost)
    assert account["gross_e4"] == to_e4(abs(quantity) * last)


def test_shares_are_paid_for_in_full_and_futures_only_settle_profit():
    steps = [(100.0, 0.1), (110.0, 0.06), (120.0, 0.06)]
    shares, future = traded(*steps), traded(*steps, universe=ONE_FUTURE)
    for desk, spent in ((shares, 1_000 - 440), (future, -40)):
        assert desk.account["cash_e4"] == to_e4(10_000_000 - spent) - desk.account["charges"]["total_e4"]
    # Six are left at 120 that cost 100, beside the 40 won on four.
    for desk in (shares, future):
        assert desk.account["equity_e4"] == to_e4(10_000_000 + 160) - desk.account["charges"]["total_e4"]


def test_the_books_of_two_strategies_are_apart_though_their_positions_net():
    terms = profile(HUNDRED, {**HUNDRED, "name": "two"})
    desk = Desk(path("10:00", 100, 100, 110), (0, 0.1, 0, 0), (0, -0.04, 0, 1), terms=terms)
    assert [desk.book(strategy=k)["quantity"] for k in (0, 1)] == [10, -4]
    assert (desk.stage.quotes[0]["position"], desk.stage.quotes[0]["holders"], desk.account["positions"]) == (6, 2, 2)
    assert desk.account["unrealised_e4"] == to_e4(100 - 40)
    assert desk.account["gross_e4"] == to_e4(6 * 110)


def test_a_trade_ends_when_its_book_is_flat_or_turns_and_pays_all_its_charges():
    # Ten won, ten lost, and a turn that breaks even but for its charges, followed by its cover.
    desk = traded((100, 0.1), (110, 0.0), (110, 0.1), (100, 0.0), (100, 0.1), (100, -0.1), (100, 0.0))
    account, fills = desk.account, desk.work.fills
    costs_e4 = fills["charges"]["total_e4"]
    assert (account["trades"], account["wins"], account["fills"]) == (4, 1, 7)
    assert account["gross_profit_e4"] == to_e4(100) - costs_e4[:2].sum()
    assert account["gross_loss_e4"] == to_e4(100) + costs_e4[2:].sum()
    assert account["turnover_e4"] == (fills["quantity"] * fills["price_e4"]).sum()


def test_adding_and_reducing_end_no_trade():
    assert traded((100, 0.1), (110, 0.2), (120, 0.05)).account["trades"] == 0


def test_exposure_is_the_time_in_which_any_book_was_open():
    # One book from 10:01 to 10:03, the other from 10:02 to 10:04; then one again from 10:06.
    terms = profile(HUNDRED, {**HUNDRED, "name": "two"})
    wanted = [(0, 0.1, 0, 0), (1, 0.1, 0, 1), (2, 0.0, 0, 0), (3, 0.0, 0, 1), (5, 0.1, 0, 0)]
    desk = Desk(path("10:00", *[100.0] * 7, seconds=60), *wanted, terms=terms)
    assert desk.account["exposed_ns"] == at("10:04") - at("10:01")
    assert desk.account["exposed_since_ns"] == at("10:06")


# ── Sharing a cost ───────────────────────────────────────────────────────────────────────────────────────────────────


@kernel
def share(cost_e4: int, part: int, whole: int) -> int:
    return cost_share_e4(cost_e4, part, whole)


@settings(deadline=None, max_examples=300)
@given(st.integers(-9 * 10**18, 9 * 10**18), st.integers(1, 3 * 10**9), st.floats(0, 1))
@example(9 * 10**18, 3 * 10**9, 1.0)
@example(-7, 3, 0.4)
def test_a_share_of_a_cost_is_exact_and_rounds_toward_zero(cost_e4: int, whole: int, fraction: float):
    part = int(whole * fraction)
    assert share(cost_e4, part, whole) == math.trunc(Fraction(cost_e4 * part, whole))


# ── Whatever happens ─────────────────────────────────────────────────────────────────────────────────────────────────

SEGMENTS = [item.segment for item in UNIVERSE]


class Oracle:
    """What fills and prices amount to, in integers and fractions of any size."""

    def __init__(self, initial_e4: int):
        self.initial_e4 = initial_e4
        self.quantity: dict[tuple[int, int], int] = {}
        self.cost_e4: dict[tuple[int, int], int] = {}
        self.exact_cost_e4: dict[tuple[int, int], Fraction] = {}
        self.last_e4 = [0] * len(UNIVERSE)
        self.paid_e4 = [0] * len(UNIVERSE)
        self.realised_e4 = 0
        self.exact_realised_e4 = Fraction(0)
        self.charges_e4 = 0
        self.closings = 0

    def fill(self, fill: Any) -> None:
        """Book one fill: what closes leaves at average cost, what opens enters at its price."""
        key, index = (int(fill["strategy"]), int(fill["instrument"])), int(fill["instrument"])
        signed, price_e4 = int(fill["side"] * fill["quantity"]), int(fill["price_e4"])
        held, cost_e4 = self.quantity.get(key, 0), self.cost_e4.get(key, 0)
        exact_e4 = self.exact_cost_e4.get(key, Fraction(0))
        closing = min(abs(signed), abs(held)) if signed * held < 0 else 0
        opening = math.copysign(1, signed) * (abs(signed) - closing)
        proceeds_e4 = int(math.copysign(1, held)) * closing * price_e4
        leaves = Fraction(closing, abs(held)) if closing else Fraction(0)
        removed_e4 = math.trunc(cost_e4 * leaves)
        self.realised_e4 += proceeds_e4 - removed_e4
        self.exact_realised_e4 += proceeds_e4 - exact_e4 * leaves
        self.cost_e4[key] = cost_e4 - removed_e4 + int(opening) * price_e4
        self.exact_cost_e4[key] = exact_e4 * (1 - leaves) + int(opening) * price_e4
        self.quantity[key] = held + signed
        self.paid_e4[index] += signed * price_e4
        self.charges_e4 += int(fill["charges"]["total_e4"])
        self.closings += closing > 0

    def positions(self) -> list[int]:
        """Return the net position in each instrument."""
        return [sum(held for (_, k), held in self.quantity.items() if k == index) for index in range(len(UNIVERSE))]

    def worth_e4(self) -> list[int]:
        """Return what the position in each instrument is worth."""
        return [held * last_e4 for held, last_e4 in zip(self.positions(), self.last_e4, strict=True)]


def compare(oracle: Oracle, run: Run) -> None:
    """Assert that the account is what the oracle says, to the last E4."""
    account = run.stage.account
    equity_e4 = oracle.initial_e4 + sum(oracle.worth_e4()) - sum(oracle.paid_e4) - oracle.charges_e4
    assert account["equity_e4"] == equity_e4
    assert account["charges"]["total_e4"] == oracle.charges_e4
    assert account["realised_e4"] == oracle.realised_e4
    assert account["unrealised_e4"] == sum(oracle.worth_e4()) - sum(oracle.cost_e4.values())
    assert equity_e4 == oracle.initial_e4 + account["realised_e4"] + account["unrealised_e4"] - oracle.charges_e4
    future_e4 = sum(
        held * oracle.last_e4[index] - oracle.cost_e4[strategy, index]
        for (strategy, index), held in oracle.quantity.items()
        if SEGMENTS[index] == FUTURE
    )
    settled_e4 = sum(worth for worth, segment in zip(oracle.worth_e4(), SEGMENTS, strict=True) if segment != FUTURE)
    assert account["cash_e4"] == equity_e4 - settled_e4 - future_e4
    assert account["gross_e4"] == sum(abs(worth) for worth in oracle.worth_e4())
    for (strategy, index), held in oracle.quantity.items():
        book = run.stage.books[strategy, index]
        assert (book["quantity"], book["cost_e4"]) == (held, oracle.cost_e4[strategy, index])


def follow(oracle: Oracle, event: Records, fills: Records) -> None:
    """Let the oracle see an event and what it filled."""
    if event["kind"] != CLOCK:
        oracle.last_e4[event["instrument"]] = int(event["close_e4"])
    for fill in fills:
        oracle.fill(fill)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32))
def test_every_event_leaves_equity_cash_and_costs_exact_to_the_e4(seed: int):
    run = Run(any_stream(seed))
    oracle = Oracle(int(run.stage.account["initial_e4"]))
    for row, event in enumerate(run.stream.events):
        follow(oracle, event, run.step(row).fills)
        compare(oracle, run)
    held = [count for count in oracle.quantity.values() if count]
    assert run.stage.account["positions"] == len(held)
    assert run.stage.quotes["position"].tolist() == oracle.positions()
    books, account = run.stage.books, run.stage.account
    flat = books["quantity"] == 0
    of_trades_e4 = np.where(flat, books["realised_e4"], books["opened_realised_e4"]).sum()
    of_trades_e4 -= np.where(flat, books["charges_e4"], books["opened_charges_e4"]).sum()
    assert account["gross_profit_e4"] - account["gross_loss_e4"] == of_trades_e4
    # Rounding each closed share of a cost to a whole E4 never adds up to more than one for each.
    assert abs(oracle.realised_e4 - oracle.exact_realised_e4) <= oracle.closings


# ── Out of range ─────────────────────────────────────────────────────────────────────────────────────────────────────

HUGE = 922_000_000_000_000
"""Rupees that just fit 64 bits."""


def test_a_fill_whose_value_leaves_the_exact_range_raises():
    terms = profile(strategy_terms(capital=HUGE, size={"mode": "units", "value": 91_000_000}))
    crore = PRICE_E4_MAX / 10_000
    with pytest.raises(MoneyOverflowError, match="left the range of exact arithmetic"):
        Desk(path("10:00", crore, crore), (0, 1.0), terms=terms)


def test_a_price_change_whose_value_leaves_the_exact_range_raises():
    terms = profile(strategy_terms(capital=HUGE, size={"mode": "units", "value": 91_000_000}))
    assert Desk(path("10:00", 10, 10, 1_000), (0, 1.0), terms=terms).account["equity_e4"] > to_e4(HUGE)
    with pytest.raises(MoneyOverflowError, match="check data and sizes"):
        Desk(path("10:00", 10, 10, 10_000_000), (0, 1.0), terms=terms)


def test_a_position_whose_cost_could_not_be_shared_exactly_raises():
    terms = profile(strategy_terms(capital=HUGE, size={"mode": "units", "value": 3_000_000_001}))
    with pytest.raises(MoneyOverflowError, match="left the range of exact arithmetic"):
        Desk(path("10:00", 1, 1), (0, 1.0), terms=terms)


def test_a_profit_that_fits_is_exact_to_the_last_digit():
    terms = profile(strategy_terms(capital=HUGE, size={"mode": "units", "value": 90_000_001}))
    desk = Desk(path("10:00", 10, 10, 9_999_999.95), (0, 1.0), terms=terms)
    assert desk.account["unrealised_e4"] == 90_000_001 * (to_e4(9_999_999.95) - to_e4(10))
