"""Figures are written as people in India write them, and never to the wrong unit."""

import pytest

from alpha_panda.apps.dashboard import shown
from alpha_panda.units import SECOND_NS
from tests.apps.dashboard.example import NINE_FIFTEEN_NS


def test_a_gain_has_a_plus_and_a_loss_the_minus_of_typesetters():
    assert shown.rupees(1_650_00_00, signed=True) == "+₹1,650.00"
    assert shown.rupees(-1_102_50_00, signed=True) == "−₹1,102.50"
    assert shown.rupees(0, signed=True) == "₹0.00"
    assert shown.count(-210) == "−210"
    assert shown.target(-0.5) == "−0.50"


@pytest.mark.parametrize("write", [shown.rupees, shown.price, shown.count, shown.ratio])
def test_what_was_not_reported_is_a_dash_and_no_zero(write):
    assert write(None) == shown.NOT_REPORTED


@pytest.mark.parametrize(
    ("price_e4", "text"), [(28_473_500, "2,847.35"), (834_525, "83.4525"), (-834_525, "−83.4525"), (100, "0.01")]
)
def test_a_price_keeps_all_its_decimals(price_e4: int, text: str):
    assert shown.price(price_e4) == text


def test_times_are_those_of_india():
    assert shown.clock(NINE_FIFTEEN_NS) == "09:15:00"
    assert shown.day_and_clock(NINE_FIFTEEN_NS) == "Fri 21 Nov 09:15:00"
    assert shown.clock(0) == shown.NOT_REPORTED


def test_an_age_is_said_in_the_unit_that_says_it_best():
    ages = [shown.age(seconds * SECOND_NS) for seconds in (0, 9, 45, 119, 120, 7_199, 7_200)]
    assert ages == ["0.0 s", "9.0 s", "45 s", "119 s", "2 min", "120 min", "2 h"]
