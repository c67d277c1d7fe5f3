"""Wanted quantities against hand-made arithmetic and against the capital that they may never exceed."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_panda.kernels import kernel
from alpha_panda.kernels.records import ACCOUNT, MANDATE, SIZE_FRACTION, SIZE_NOTIONAL, SIZE_UNITS, SIZE_VOLATILITY
from alpha_panda.kernels.size import capital_e4, wanted_quantity
from alpha_panda.units import E4, to_e4

LAKH_E4 = to_e4(100_000)


@kernel
def drive(mandates: Any, target: float, price_e4: int, volatility: float, room_e4: int, lot: int) -> int:
    return wanted_quantity(mandates[0], mandates[0].capital_e4, target, price_e4, volatility, room_e4, lot)


@kernel
def drive_capital(mandates: Any, accounts: Any) -> int:
    return capital_e4(mandates[0], accounts[0])


def wanted(
    mode: int,
    value: float,
    target: float = 1.0,
    price: float = 1_000,
    volatility: float = 0.0,
    room_e4: int = LAKH_E4,
    lot: int = 1,
) -> int:
    """Return the quantity that a strategy with one lakh of capital wants; prices in rupees."""
    mandates = np.zeros(1, MANDATE)
    mandates["capital_e4"], mandates["size_mode"], mandates["size_value"] = LAKH_E4, mode, value
    mandates["bars_per_year"] = 250
    return int(drive(mandates, target, to_e4(price), volatility, room_e4, lot))


@pytest.mark.parametrize(
    ("mode", "value", "target", "quantity"),
    [
        (SIZE_UNITS, 30, 1.0, 30),
        (SIZE_UNITS, 30, 0.5, 15),
        (SIZE_UNITS, 30, -0.5, -15),
        (SIZE_UNITS, 30, 0.99, 29),  # 29.7 units are 29
        (SIZE_UNITS, 30, 0.0, 0),
        (SIZE_UNITS, 101, 1.0, 100),  # a lakh buys a hundred at 1,000
        (SIZE_NOTIONAL, 50_000 * E4, 1.0, 50),
        (SIZE_NOTIONAL, 50_999 * E4, -1.0, -50),
        (SIZE_NOTIONAL, 50_000 * E4, 0.25, 12),
        (SIZE_NOTIONAL, 500_000 * E4, 1.0, 100),
        (SIZE_FRACTION, 0.5, 1.0, 50),
        (SIZE_FRACTION, 0.5, -0.1, -5),
        (SIZE_FRACTION, 1.0, 1.0, 100),
        (SIZE_FRACTION, 1.0, 0.0, 0),
    ],
)
def test_a_target_becomes_a_quantity(mode: int, value: float, target: float, quantity: int):
    assert wanted(mode, value, target) == quantity


@pytest.mark.parametrize(
    ("volatility_a_year", "quantity", "short_of_half"),
    [
        (0.40, 50, -25),  # what moves twice as much as is asked for gets half of the capital
        (0.80, 25, -12),
        (0.20, 100, -50),
        (0.10, 100, -100),  # what moves half as much would need twice the capital, which there is not
    ],
)
def test_a_volatility_target_buys_less_of_what_moves_more(volatility_a_year: float, quantity: int, short_of_half: int):
    # A thousandth less keeps the exact figure clear of the rounding of the square root.
    per_bar = volatility_a_year / math.sqrt(250) * 0.999
    assert wanted(SIZE_VOLATILITY, 0.20, volatility=per_bar) == quantity
    assert wanted(SIZE_VOLATILITY, 0.20, -0.5, volatility=per_bar) == short_of_half


@pytest.mark.parametrize("units", [1e18, 1e30, 1e300])
def test_units_beyond_64_bits_buy_what_the_capital_buys_and_never_turn_the_side(units: float):
    assert wanted(SIZE_UNITS, units) == 100
    assert wanted(SIZE_UNITS, units, target=-1.0) == -100


def test_an_unknown_volatility_wants_nothing():
    assert wanted(SIZE_VOLATILITY, 0.20, volatility=0.0) == 0


@pytest.mark.parametrize(("lot", "quantity"), [(1, 99), (25, 75), (50, 50), (75, 75), (100, 0)])
def test_quantities_are_whole_lots(lot: int, quantity: int):
    assert wanted(SIZE_UNITS, 99, lot=lot) == quantity
    assert wanted(SIZE_UNITS, 99, target=-1.0, lot=lot) == -quantity


@pytest.mark.parametrize(("room", "quantity"), [(100_000, 30), (29_999, 29), (999, 0), (0, 0), (-5_000, 0)])
def test_a_quantity_is_cut_to_what_other_books_left(room: int, quantity: int):
    assert wanted(SIZE_UNITS, 30, room_e4=to_e4(room)) == quantity
    assert wanted(SIZE_FRACTION, 0.3, room_e4=to_e4(room)) == quantity


any_target = st.floats(-1.0, 1.0)
any_price_e4 = st.integers(1, 10**9)


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from([SIZE_UNITS, SIZE_NOTIONAL, SIZE_FRACTION, SIZE_VOLATILITY]),
    st.floats(1e-3, 1e9),
    any_target,
    any_price_e4,
    st.floats(0.0, 1.0),
    st.integers(-LAKH_E4, LAKH_E4),
    st.integers(1, 10_000),
)
def test_no_quantity_exceeds_the_room_or_breaks_a_lot_or_turns_its_side(
    mode: int, value: float, target: float, price_e4: int, volatility: float, room_e4: int, lot: int
):
    quantity = wanted(mode, value, target, price_e4 / E4, volatility, room_e4, lot)
    assert abs(quantity) * price_e4 <= max(room_e4, 0)
    assert quantity % lot == 0
    assert quantity * target >= 0


@settings(deadline=None, max_examples=300)
@given(st.integers(1, 100_000), any_target, any_price_e4)
def test_units_are_the_share_that_the_target_asks_for(units: int, target: float, price_e4: int):
    asked = math.floor(Fraction(abs(target)) * units)
    most = min(asked + 1, LAKH_E4 // price_e4)
    quantity = abs(wanted(SIZE_UNITS, units, target, price_e4 / E4))
    # One unit more can come of the float product alone, never beyond the capital.
    assert min(asked, LAKH_E4 // price_e4) <= quantity <= most


@pytest.mark.parametrize(
    ("compounds", "equity", "capital"),
    [
        (0, 150_000, 40_000),
        (1, 100_000, 40_000),
        (1, 150_000, 60_000),
        (1, 25_000, 10_000),
        (1, -5, 0),  # what owes money has nothing to commit
    ],
)
def test_only_a_compounding_capital_follows_the_equity(compounds: int, equity: int, capital: int):
    mandates, accounts = np.zeros(1, MANDATE), np.zeros(1, ACCOUNT)
    mandates["capital_e4"], mandates["compounds"] = to_e4(40_000), compounds
    accounts["initial_e4"], accounts["equity_e4"] = LAKH_E4, to_e4(equity)
    assert drive_capital(mandates, accounts) == to_e4(capital)
