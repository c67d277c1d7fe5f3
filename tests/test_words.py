"""The figures of a risk rule are said in the unit of that rule."""

import pytest

from alpha_panda.kernels import risk
from alpha_panda.units import HOUR_NS, MINUTE_NS
from alpha_panda.words import figures_of

ONE_LAKH_E4 = 100_000 * 10_000.0

SAID = {
    "none": ((ONE_LAKH_E4, 0.0), ("₹1,00,000.00", "")),
    "order_value": ((2 * ONE_LAKH_E4, ONE_LAKH_E4), ("₹2,00,000.00", "₹1,00,000.00")),
    "order_equity": ((ONE_LAKH_E4, 0.0), ("₹1,00,000.00", "₹0.00")),
    "concentration": ((ONE_LAKH_E4, ONE_LAKH_E4), ("₹1,00,000.00", "₹1,00,000.00")),
    "gross_exposure": ((ONE_LAKH_E4, ONE_LAKH_E4), ("₹1,00,000.00", "₹1,00,000.00")),
    "nothing_to_buy_with": ((1_234_500.0, 0.0), ("₹123.45", "₹0.00")),
    "order_quantity": ((1_800.0, 1_500.0), ("1,800", "1,500")),
    "positions": ((10.0, 10.0), ("10", "10")),
    "open_orders": ((40.0, 40.0), ("40", "40")),
    "rate_second": ((5.0, 5.0), ("5 a second", "5 a second")),
    "rate_second_strategy": ((3.0, 3.0), ("3 a second", "3 a second")),
    "rate_minute": ((200.0, 200.0), ("200 a minute", "200 a minute")),
    "rate_day": ((1_000.0, 1_000.0), ("1,000", "1,000")),
    "strategy_disabled": ((3.0, 3.0), ("3 refusals in a row", "3 refusals in a row")),
    "collar": ((0.0312, 0.02), ("3.12% from the last price", "2.00% from the last price")),
    "stale_price": ((4.5e9, 3e9), ("4.5 s", "3.0 s")),
    "duplicate": ((1e9, 2e9), ("1.0 s", "2.0 s")),
    "after_market": ((1_795_167_300e9, 0.0), ("2026-11-20 15:05:00", "")),
    "outside_window": ((9.0 * HOUR_NS + 5 * MINUTE_NS, 9.0 * HOUR_NS + 16 * MINUTE_NS), ("09:05:00", "09:16:00")),
    "self_cross": ((12.0, 0.0), ("order 12", "")),
    "halted": ((float(risk.DRAWDOWN_HALT), 0.0), ("drawdown halt", "")),
    "reduce_only": ((float(risk.DAY_LOSS_REDUCE), 0.0), ("day loss reduce", "")),
    "exiting": ((1.0, 0.0), ("stop loss", "")),
}
SILENT = {"no_price", "paused", "killed", "short_delivery"}
NO_RULES = {"day_loss_reduce", "day_loss_halt", "drawdown_halt"}  # what halts; its refusals are `halted`, `reduce_only`


@pytest.mark.parametrize("code", sorted(SAID))
def test_what_was_measured_and_what_is_allowed_are_in_its_unit(code: str):
    figures, words = SAID[code]
    assert figures_of(code, *figures) == words


@pytest.mark.parametrize("code", sorted(SILENT))
def test_a_rule_that_measures_nothing_says_nothing(code: str):
    assert figures_of(code, 0.0, 0.0) == ("", "")


def test_what_is_close_to_its_limit_is_seen_to_be_beyond_it():
    assert figures_of("stale_price", 3.041e9, 3e9) == ("3.04 s", "3.00 s")
    assert figures_of("collar", 0.0200004, 0.02) == ("2.00004% from the last price", "2.00000% from the last price")
    assert figures_of("stale_price", 3e9, 3e9) == ("3.0 s", "3.0 s")


def test_an_exit_that_no_rule_measures_says_nothing():
    assert figures_of("none", 0.0, 0.0) == ("", "")


def test_every_rule_is_one_or_the_other():
    assert {*SAID} | SILENT | NO_RULES == set(risk.CODES.values())
