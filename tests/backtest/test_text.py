"""Figures are shown in their units, as people in India write them."""

import datetime

import pytest

from alpha_panda.backtest.stats.figure import TOO_SHORT, Statistic
from alpha_panda.backtest.stats.text import duration, percent, row, shown, swept


@pytest.mark.parametrize(
    ("label", "value", "text"),
    [
        ("Equity Final [₹]", 2516980.94, "₹25,16,980.94"),
        ("Return [%]", -16.138, "−16.14 %"),
        ("Sharpe Ratio", -0.554, "−0.55"),
        ("# Trades", 1234, "1,234"),
        ("Min. Track Record [days]", 630, "630 days"),
        ("CAGR [%]", TOO_SHORT, "sample too short"),
        ("Profit Factor", None, "–"),
        ("Profit Factor", float("inf"), "∞"),
        ("Start", datetime.datetime(2024, 4, 22, 9, 16), "22 Apr 2024, 09:16"),  # noqa: DTZ001  # only its text counts
        ("Avg. Trade Duration", datetime.timedelta(hours=5, minutes=7), "5 h 7 min"),
    ],
)
def test_a_figure_is_shown_in_its_unit(label: str, value: Statistic, text: str):
    assert shown(label, value) == text


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0 min"), (59, "59 min"), (60, "1 h 0 min"), (1_500, "1 d 1 h"), (15_000, "10 d")]
)
def test_a_duration_has_its_two_largest_units(minutes: int, text: str):
    assert duration(datetime.timedelta(minutes=minutes)) == text


def test_a_fraction_has_its_sign():
    assert [percent(value) for value in (0.1, -0.1, 0.0, None)] == ["+10.00 %", "−10.00 %", "0.00 %", "–"]
    assert percent(0.1, signed=False) == "10.00 %"


def test_a_row_of_a_table_has_the_unit_at_the_value():
    assert row("Avg. Drawdown [%]", -1.444) == ("Avg. Drawdown", "−1.44 %")
    assert row("# Trades", 3_243) == ("# Trades", "3,243")


def test_a_figure_of_a_sweep_reads_like_that_of_a_run():
    assert swept("total_return", -0.1614) == shown("Return [%]", -16.14)
    assert swept("charges", 233_931.88) == "₹2,33,931.88"
    assert (swept("sharpe", None), swept("trades", 57)) == ("–", "57")
