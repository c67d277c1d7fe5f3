"""The calculator says what the kernel charges."""

import datetime

import pytest

from alpha_panda.costs import TradeClass, charges_of
from alpha_panda.errors import DataError, MoneyOverflowError
from alpha_panda.kernels.rates import DELIVERY, FUTURES, INTRADAY, OPTIONS
from alpha_panda.kernels.records import BUY, SELL
from tests.kernels.golden_charges import GOLDEN, Golden

CLASSES: dict[int, TradeClass] = {
    DELIVERY: "delivery",
    INTRADAY: "intraday",
    FUTURES: "futures",
    OPTIONS: "options",
}
# A whole order: a delivery sale pays the depository, and nothing of it was filled before.
WHOLE = [
    golden
    for golden in GOLDEN
    if golden.before == "0 0"
    and golden.date >= "2020-01-01"
    and golden.dp_due == (golden.trade_class == DELIVERY and golden.side == SELL)
]


@pytest.mark.parametrize("golden", WHOLE, ids=str)
def test_an_order_costs_what_was_worked_out_by_hand(golden: Golden):
    side = "buy" if golden.side == BUY else "sell"
    on = datetime.date.fromisoformat(golden.date)
    charged = charges_of(CLASSES[golden.trade_class], side, golden.quantity, golden.price, on)
    assert list(charged.values()) == pytest.approx([float(item) for item in golden.charges.split()], abs=1e-9)


def test_there_are_cases_for_every_class_of_trade():
    assert {golden.trade_class for golden in WHOLE} == set(CLASSES)


@pytest.mark.parametrize(
    ("quantity", "price", "on", "sentence"),
    [
        (0, 100, datetime.date(2026, 1, 1), "quantity and price are positive"),
        (1, -5, datetime.date(2026, 1, 1), "quantity and price are positive"),
        (1.5, 100, datetime.date(2026, 1, 1), "whole number of units"),
        (1, 100, datetime.date(2019, 12, 31), "are not known"),
    ],
)
def test_what_cannot_be_charged_is_refused(quantity: float, price: float, on: datetime.date, sentence: str):
    with pytest.raises(DataError, match=sentence):
        charges_of("futures", "buy", quantity, price, on)


def test_an_order_beyond_exact_arithmetic_is_refused():
    # 2⁶³ E4 are 922,337,203,685,477.5808 rupees.
    assert charges_of("options", "buy", 10**9, 922_337, datetime.date(2026, 1, 1))["brokerage"] == 20
    with pytest.raises(MoneyOverflowError, match="counted exactly"):
        charges_of("options", "buy", 10**9, 922_338, datetime.date(2026, 1, 1))
