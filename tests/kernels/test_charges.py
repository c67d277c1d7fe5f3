"""Charges against published rates, worked examples, exact fractions and Kite's own answers."""

import datetime
import json
import math
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_panda.kernels import kernel
from alpha_panda.kernels.charges import add_charges, charge, class_of, rate_row, share_e4
from alpha_panda.kernels.rates import (
    CHANGES,
    CLASSES,
    DELIVERY,
    FIRST_RATE_DATE,
    FUTURES,
    INTRADAY,
    OPTIONS,
    RATE,
    flat_rates,
    rates,
)
from alpha_panda.kernels.records import BUY, CHARGES, CNC, EQUITY, FUTURE, MIS, NRML, OPTION, SELL
from alpha_panda.units import ist_date, ist_time_ns, to_e4
from tests.kernels.golden_charges import GOLDEN, Golden

RATES = rates()
ITEMS = tuple(CHARGES.names or ())
INT64_MAX = 2**63 - 1
VALUE_E4_MAX = 9 * 10**18


@kernel
def charge_row(rates, row, side, quantity, price_e4, value_before_e4, brokerage_before_e4, dp_due, charges):
    charge(rates[row], side, quantity, price_e4, value_before_e4, brokerage_before_e4, dp_due, charges[0])


@kernel
def add_rows(charges):
    add_charges(charges[0], charges[1])


def charges_of(
    row: int, side: int, quantity: int, price_e4: int, before: tuple[int, int] = (0, 0), dp_due: int = 0
) -> dict[str, int]:
    charges = np.zeros(1, CHARGES)
    charge_row(RATES, row, side, quantity, price_e4, *before, dp_due, charges)
    return dict(zip(ITEMS, charges[0].item(), strict=True))


def row_on(date: str, trade_class: int) -> int:
    return rate_row(RATES, ist_time_ns(datetime.date.fromisoformat(date))) + trade_class


def rupees(text: str) -> list[int]:
    return [to_e4(amount) for amount in text.split()]


# ── Worked examples ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: f"{golden.date}-{golden.charges.replace(' ', '-')}")
def test_a_fill_is_charged_what_was_worked_out_by_hand(golden: Golden):
    value_before_e4, brokerage_before_e4 = rupees(golden.before)
    charged = charges_of(
        row_on(golden.date, golden.trade_class),
        golden.side,
        golden.quantity,
        to_e4(golden.price),
        (value_before_e4, brokerage_before_e4),
        golden.dp_due,
    )
    assert charged == dict(zip(ITEMS, rupees(golden.charges), strict=True))


def test_the_worked_examples_lie_on_both_sides_of_every_change():
    dates = {golden.date for golden in GOLDEN}
    assert {date for change in DATES_OF_CHANGE[1:] for date in (day_before(change), change)} <= dates


def day_before(date: str) -> str:
    return str(datetime.date.fromisoformat(date) - datetime.timedelta(days=1))


def test_the_worked_examples_hold_with_the_compiler_off():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", "worked_out_by_hand"]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    root = pathlib.Path(__file__).parents[2]
    finished = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout
    assert f"{len(GOLDEN)} passed" in finished.stdout


def test_a_days_charges_add_up_item_by_item():
    charges = np.zeros(2, CHARGES)
    charges[0] = (1, 2, 3, 4, 5, 6, 7, 28)
    charges[1] = (10, 20, 30, 40, 50, 60, 70, 280)
    add_rows(charges)
    assert charges[0].item() == (11, 22, 33, 44, 55, 66, 77, 308)


# ── What holds for every fill ────────────────────────────────────────────────────────────────────────────────────────

any_row = st.integers(0, len(RATES) - 1)
any_side = st.sampled_from([BUY, SELL])
any_quantity = st.integers(1, 9 * 10**7)
any_price_e4 = st.integers(1, 10**11)  # up to units.PRICE_E4_MAX
any_dp_due = st.sampled_from([0, 1])
any_fill = (any_row, any_side, any_quantity, any_price_e4)

many = settings(deadline=None, max_examples=300)


@many
@given(*any_fill, any_dp_due)
def test_no_item_is_negative_and_the_total_is_their_sum(row: int, side: int, quantity: int, price_e4: int, dp_due: int):
    charged = charges_of(row, side, quantity, price_e4, dp_due=dp_due)
    total_e4 = charged.pop("total_e4")
    assert min(charged.values()) >= 0
    assert total_e4 == sum(charged.values())


@many
@given(any_row, any_side, any_quantity, st.integers(1, 10**10), st.integers(0, 9 * 10**7), st.integers(0, 10**10))
def test_no_item_falls_when_quantity_or_price_rises(
    row: int, side: int, quantity: int, price_e4: int, more: int, dearer_e4: int
):
    charged = charges_of(row, side, quantity, price_e4)
    of_more = charges_of(row, side, quantity + more, price_e4)
    of_dearer = charges_of(row, side, quantity, price_e4 + dearer_e4)
    assert all(charged[item] <= of_more[item] for item in ITEMS)
    assert all(charged[item] <= of_dearer[item] for item in ITEMS)


@many
@given(any_row, any_side, st.lists(st.integers(1, 10**6), min_size=1, max_size=12), st.integers(1, 10**9))
def test_filling_an_order_in_parts_changes_nothing_but_rounding(
    row: int, side: int, quantities: list[int], price_e4: int
):
    whole = charges_of(row, side, sum(quantities), price_e4)
    in_parts = dict.fromkeys(ITEMS, 0)
    value_e4 = 0
    for quantity in quantities:
        part = charges_of(row, side, quantity, price_e4, (value_e4, in_parts["brokerage_e4"]))
        value_e4 += quantity * price_e4
        in_parts = {item: in_parts[item] + part[item] for item in ITEMS}
    assert in_parts["brokerage_e4"] == whole["brokerage_e4"]
    for item in ("stt_e4", "transaction_e4", "sebi_e4", "stamp_e4", "gst_e4", "dp_e4"):
        assert abs(in_parts[item] - whole[item]) <= len(quantities), item


@many
@given(*any_fill, any_dp_due)
def test_every_item_is_its_exact_fraction_rounded_half_up(
    row: int, side: int, quantity: int, price_e4: int, dp_due: int
):
    assert charges_of(row, side, quantity, price_e4, dp_due=dp_due) == exact_charges(
        RATES[row], side, quantity * price_e4, dp_due
    )


@many
@given(st.integers(0, INT64_MAX), st.integers(0, 10**9))
def test_a_share_of_any_value_is_exact(value_e4: int, ppb: int):
    assert share_e4(value_e4, ppb) == half_up(Fraction(value_e4 * ppb, 10**9))


@pytest.mark.parametrize("row", range(len(RATES)))
@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_largest_order_of_all_overflows_nothing(row: int, side: int):
    assert charges_of(row, side, 9 * 10**7, 10**11) == exact_charges(RATES[row], side, VALUE_E4_MAX, dp_due=0)


def exact_charges(rate: Any, side: int, value_e4: int, dp_due: int) -> dict[str, int]:
    """Charge a whole order in fractions; GST is due on the billed amounts."""

    def share(ppb: int) -> int:
        return half_up(Fraction(value_e4) * int(ppb) / 10**9)

    bought = side == BUY
    brokerage_e4 = min(max(share(rate.brokerage_ppb), int(rate.brokerage_e4_min)), int(rate.brokerage_e4_max))
    taxed_ppb = rate.transaction_ppb + (rate.ipft_ppb if rate.gst_on_ipft else 0)
    taxed_e4 = brokerage_e4 + share(taxed_ppb) + (share(rate.sebi_ppb) if rate.gst_on_sebi else 0)
    charged = {
        "brokerage_e4": brokerage_e4,
        "stt_e4": share(rate.stt_buy_ppb if bought else rate.stt_sell_ppb),
        "transaction_e4": share(rate.transaction_ppb + rate.ipft_ppb),
        "sebi_e4": share(rate.sebi_ppb),
        "stamp_e4": share(rate.stamp_buy_ppb if bought else rate.stamp_sell_ppb),
        "gst_e4": half_up(Fraction(taxed_e4) * int(rate.gst_ppb) / 10**9),
        "dp_e4": int(rate.dp_e4) if dp_due else 0,
    }
    return {**charged, "total_e4": sum(charged.values())}


def half_up(exact: Fraction) -> int:
    return math.floor(exact + Fraction(1, 2))


# ── The rates ────────────────────────────────────────────────────────────────────────────────────────────────────────

DATES_OF_CHANGE = (
    *("2020-01-01", "2020-04-01", "2020-06-01", "2020-07-01", "2021-01-01", "2021-04-01", "2022-07-18"),
    *("2023-04-01", "2024-04-01", "2024-10-01", "2026-03-01", "2026-04-01"),
)


def test_the_table_has_one_block_for_each_date_of_change():
    blocks = RATES.reshape(-1, CLASSES)
    assert [str(ist_date(block[0].from_ns)) for block in blocks] == list(DATES_OF_CHANGE)
    assert all(len(set(block["from_ns"])) == 1 for block in blocks)
    assert all(list(block["trade_class"]) == [DELIVERY, INTRADAY, FUTURES, OPTIONS] for block in blocks)
    assert DATES_OF_CHANGE[0] == FIRST_RATE_DATE


def test_the_newest_rates_are_the_published_ones_in_parts_per_billion():
    # Delivery, intraday, futures, options. 0.1 % is 1,000,000 parts per billion and ten rupees per crore 1,000.
    newest = {
        "brokerage_ppb": (0, 300_000, 300_000, 0),
        "brokerage_e4_min": (0, 0, 0, 200_000),
        "brokerage_e4_max": (0, 200_000, 200_000, 200_000),
        "stt_buy_ppb": (1_000_000, 0, 0, 0),
        "stt_sell_ppb": (1_000_000, 250_000, 500_000, 1_500_000),
        "transaction_ppb": (30_699, 30_699, 18_299, 355_299),
        "ipft_ppb": (1, 1, 1, 1),
        "sebi_ppb": (1_000, 1_000, 1_000, 1_000),
        "stamp_buy_ppb": (150_000, 30_000, 20_000, 30_000),
        "stamp_sell_ppb": (0, 0, 0, 0),
        "gst_ppb": (180_000_000, 180_000_000, 180_000_000, 180_000_000),
        "gst_on_sebi": (1, 1, 1, 1),
        "gst_on_ipft": (1, 1, 1, 1),
        "dp_e4": (153_400, 0, 0, 0),
    }
    assert {column: tuple(RATES[-CLASSES:][column]) for column in newest} == newest
    assert set(newest) == set(RATE.names or ()) - {"from_ns", "trade_class"}


def test_every_change_moves_a_rate_and_says_where_it_is_published():
    in_force: dict[tuple[str, int], int] = {}
    for change in sorted(CHANGES, key=lambda change: change.date):
        assert change.source
        for trade_class in change.classes:
            assert in_force.get((change.column, trade_class), 0) != change.value, change
            in_force[change.column, trade_class] = change.value


@pytest.mark.parametrize("date", DATES_OF_CHANGE[1:])
def test_new_rates_come_into_force_at_midnight_in_india(date: str):
    midnight_ns = ist_time_ns(datetime.date.fromisoformat(date))
    row = DATES_OF_CHANGE.index(date) * CLASSES
    assert rate_row(RATES, midnight_ns - 1) == row - CLASSES
    assert rate_row(RATES, midnight_ns) == row


def test_a_trade_before_the_first_date_is_charged_as_on_that_date():
    assert rate_row(RATES, ist_time_ns(datetime.date(1994, 11, 3))) == 0


@pytest.mark.parametrize(
    ("segment", "product", "trade_class"),
    [
        (EQUITY, CNC, DELIVERY),
        (EQUITY, NRML, DELIVERY),
        (EQUITY, MIS, INTRADAY),
        (FUTURE, NRML, FUTURES),
        (FUTURE, MIS, FUTURES),
        (OPTION, NRML, OPTIONS),
        (OPTION, MIS, OPTIONS),
    ],
)
def test_segment_and_product_decide_the_class_of_a_trade(segment: int, product: int, trade_class: int):
    assert class_of(segment, product) == trade_class


# ── Kite's own answers ───────────────────────────────────────────────────────────────────────────────────────────────

KITE_ITEMS = {
    "brokerage": "brokerage_e4",
    "transaction_tax": "stt_e4",
    "exchange_turnover_charge": "transaction_e4",
    "sebi_turnover_charge": "sebi_e4",
}
KITE_CLASSES = {("NSE", "CNC"): DELIVERY, ("NFO", "NRML"): OPTIONS}


def test_kites_virtual_contract_note_agrees_but_for_stamp_duty(shared_file: Callable[[str], pathlib.Path]):
    answer = shared_file("../kite_mocks/virtual_contract_note.json").read_text()
    orders = json.loads(answer, parse_float=Decimal, parse_int=Decimal)["data"]
    orders = [order for order in orders if (order["exchange"], order["product"]) in KITE_CLASSES]
    assert [order["tradingsymbol"] for order in orders] == ["SBIN", "NIFTY2371317900PE"]
    for order in orders:
        # The option, which expired on 2023-07-13, dates the answer.
        row = row_on("2023-07-10", KITE_CLASSES[order["exchange"], order["product"]])
        charged = charges_of(row, BUY, int(order["quantity"]), to_e4(order["price"]))
        said_e4 = {item: order["charges"][name] * 10_000 for name, item in KITE_ITEMS.items()}
        assert order["transaction_type"] == "BUY"
        assert all(abs(said_e4[item] - charged[item]) <= Decimal("0.5") for item in said_e4)
        # Kite takes GST on unrounded amounts, and we on three rounded ones; GST on IPFT would be further off than this.
        gst_e4 = order["charges"]["gst"]["total"] * 10_000
        assert abs(gst_e4 - charged["gst_e4"]) <= Decimal("0.5") + 3 * Decimal("0.5") * Decimal("0.18")


def test_a_flat_fee_is_that_share_of_every_fill_and_nothing_else():
    table, charges = flat_rates(0.00123), np.zeros(1, CHARGES)
    for trade_class in range(CLASSES):
        charge_row(table, trade_class, SELL, 100, to_e4(250), 0, 0, 1, charges)
        assert charges[0]["brokerage_e4"] == charges[0]["total_e4"] == to_e4("30.75")
