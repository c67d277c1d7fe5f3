"""The account as a whole: what one event does in which order, days, snapshots, charges and what signals ask for."""

import datetime
from typing import Any

import numpy as np
import pytest

from alpha_panda.instruments import Universe
from alpha_panda.kernels import risk
from alpha_panda.kernels.rates import DELIVERY, FUTURES, INTRADAY, OPTIONS, rates
from alpha_panda.kernels.records import BUY, CHARGES, FUTURE, NO_GUARD, OPTION, REFUSED, SELL, STOP_LOSS
from alpha_panda.units import MINUTE_NS, ist_time_ns, to_e4
from tests.market import (
    MONDAY,
    TUESDAY,
    Desk,
    at,
    bar,
    clock,
    instrument,
    path,
    profile,
    rows,
    shares,
    strategy_terms,
    tick,
)

TEN = {"size": {"mode": "units", "value": 10}}

# ── One event after the other ────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_never_meets_the_event_that_caused_it():
    desk = Desk([bar("10:00", 100, 105, 95, 101), bar("10:01", 102, 103, 101, 102)], (0, 1.0), terms=profile())
    assert desk.fills("time_ns", "price_e4") == [(at("10:01"), to_e4(102))]


def test_a_bar_that_fills_an_entry_may_also_stop_it_out():
    terms = profile(strategy_terms(guards={"stop_loss": 0.05}))
    events = [bar("10:00", 100, 100, 100, 100), bar("10:01", 100, 101, 90, 99), bar("10:02", 98, 99, 97, 98)]
    desk = Desk(events, (0, 1.0), terms=terms)
    assert desk.decisions("time_ns", "guard") == [(at("10:00"), NO_GUARD), (at("10:01"), STOP_LOSS)]
    assert desk.fills("time_ns", "price_e4") == [(at("10:01"), to_e4(100)), (at("10:02"), to_e4(98))]


def test_a_guard_acts_before_the_signals_of_its_event():
    terms = profile(strategy_terms(**TEN, guards={"stop_loss": 0.05}))
    desk = Desk(path("10:00", 100, 100, 94, 94), (0, 1.0), (2, 0.5), terms=terms)
    # The signal comes when the exit is at work: it would turn it around, and is refused.
    assert desk.decisions("guard", "code") == [(NO_GUARD, risk.NONE), (STOP_LOSS, risk.NONE), (NO_GUARD, risk.EXITING)]
    assert desk.book()["quantity"] == 0


def test_signals_of_one_event_act_in_their_order():
    terms = profile(strategy_terms("a", **TEN), strategy_terms("b", **TEN))
    desk = Desk(path("10:00", 100, 101), (0, 1.0, 0, 1), (0, -1.0, 0, 0), terms=terms)
    assert desk.decisions("strategy", "side", "order_id") == [(1, BUY, 1), (0, SELL, 2)]
    assert desk.fills("order_id") == [1, 2]


def test_a_clock_moves_no_price_and_fills_no_order():
    desk = Desk([tick("10:00", 100), clock("10:01"), clock("10:02")], (0, 1.0), terms=profile())
    assert not len(desk.work.fills)
    assert desk.stage.quotes[0]["time_ns"] == at("10:00")
    assert desk.account["events"] == 3


def test_events_outside_a_session_move_the_price_and_fill_nothing():
    events = [tick("15:29", 100), tick("15:31", 120), tick("09:15", 110, date=TUESDAY)]
    terms = profile(strategy_terms(entry={"order_type": "LIMIT", "offset_ticks": 20}))
    desk = Desk(events[:2], (0, -1.0), terms=terms)
    assert desk.stage.quotes[0]["last_e4"] == to_e4(120)
    assert not len(desk.work.fills)


# ── What a signal asks ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_target_that_was_refused_is_not_asked_for_again():
    terms = profile(strategy_terms(**TEN), risk={"entry_open": "10:00", "entry_close": "15:10"})
    desk = Desk([tick("09:59", 100), tick("10:00", 100), tick("10:01", 100)], (0, 1.0), (1, 1.0), (2, 0.5), terms=terms)
    assert desk.decisions("code", "granted") == [(risk.OUTSIDE_WINDOW, 0), (risk.NONE, 5)]
    assert (desk.book()["target"], desk.book()["wanted"]) == (0.5, 5)


def test_a_target_too_small_for_a_unit_is_refused_and_one_of_nothing_is_not():
    terms = profile(strategy_terms(**TEN))
    desk = Desk(path("10:00", 100, 100, 100), (0, 0.05), (1, 0.0), terms=terms)
    assert desk.decisions("verdict", "code") == [(REFUSED, risk.NOTHING_TO_BUY_WITH)]


def test_the_books_of_a_strategy_share_its_capital():
    terms = profile(strategy_terms(capital=1_500, size={"mode": "fraction", "value": 1.0}))
    universe = Universe([instrument("ALPHA", 1), instrument("BETA", 2)])
    events = [tick("10:00", 100), tick("10:00", 100, index=1), tick("10:01", 100), tick("10:01", 100, index=1)]
    desk = Desk(events, (1, 0.7, 0), (1, 0.7, 1), (3, 0.0, 0), terms=terms, universe=universe)
    # Seventy per cent of 1,500 rupees are ten units; five are left for the other.
    assert desk.decisions("granted") == [10, 5, 10]
    assert desk.stage.arrays()["sleeves"][0]["committed_e4"].tolist() == [to_e4(500)]


def test_a_repeated_target_is_sized_anew_only_where_that_is_asked_for():
    half = {"capital": 2_000, "size": {"mode": "fraction", "value": 1.0, "rebalance": True}}
    events, again = path("10:00", 100, 100, 50, 50), ((0, 0.5), (2, 0.5))
    assert Desk(events, *again, terms=profile(strategy_terms(**half))).decisions("granted") == [10, 10]
    still = {**half, "size": {"mode": "fraction", "value": 1.0}}
    assert Desk(events, *again, terms=profile(strategy_terms(**still))).decisions("granted") == [10]


def test_a_book_that_a_guard_closed_waits_for_a_changed_target_though_targets_are_sized_anew():
    sizes = {"mode": "units", "value": 10, "rebalance": True}
    terms = profile(strategy_terms(size=sizes, guards={"stop_loss": 0.05}))
    desk = Desk(path("10:00", 100, 100, 94, 94, 94, 94), (0, 1.0), (4, 1.0), terms=terms)
    assert desk.decisions("guard", "granted") == [(NO_GUARD, 10), (STOP_LOSS, 10)]


def test_a_compounding_capital_buys_with_what_it_has_become():
    sizes = {"mode": "fraction", "value": 1.0, "compounding": True}
    terms = profile(strategy_terms(capital=1_000, size=sizes), market={"fees": 0.0})
    desk = Desk(path("10:00", 100, 100, 200, 200, 200), (0, 1.0), (2, 0.0), (3, 0.9), terms=terms)
    # Ten units gained a thousand rupees; nine tenths of two thousand are nine units at 200.
    assert desk.decisions("granted") == [10, 10, 9]


@pytest.mark.parametrize("later", [50, 200])
def test_a_compounding_capital_is_shared_at_prices_of_now(later: float):
    sizes = {"mode": "fraction", "value": 1.0, "compounding": True}
    terms = profile(strategy_terms(capital=1_000, size=sizes), market={"fees": 0.0})
    universe = Universe([instrument("ALPHA", 1), instrument("BETA", 2)])
    events = [*path("10:00", 100, 100, later), tick("10:03", 100, index=1), tick("10:04", 100, index=1)]
    desk = Desk(events, (0, 0.5, 0), (3, 1.0, 1), terms=terms, universe=universe)
    # Five units of one share cost 500; what became of them is not for the other share to buy with.
    assert desk.decisions("granted") == [5, 5]


def test_a_share_that_grew_beyond_its_part_leaves_the_rest_to_the_others():
    sizes = {"mode": "fraction", "value": 1.0, "compounding": True, "rebalance": True}
    terms = profile(strategy_terms(capital=1_000, size=sizes), market={"fees": 0.0})
    universe = Universe([instrument("ALPHA", 1), instrument("BETA", 2)])
    prices = [(100, 100), (100, 100), (100, 300)]
    events = [
        tick(f"10:0{minute}", price, index=index)
        for minute, both in enumerate(prices)
        for index, price in enumerate(both)
    ]
    # Five units each; then one has tripled, so that both are to be worth a thousand: ten units, and three at 300.
    desk = Desk(events, (1, 0.5, 0), (1, 0.5, 1), (5, 0.5, 0), (5, 0.5, 1), terms=terms, universe=universe)
    assert desk.decisions("granted") == [5, 5, 5, 2]


def test_a_decision_says_what_was_decided():
    terms = profile(strategy_terms(**TEN), risk={"order_quantity": 4})
    said = Desk(path("10:00", 100), (0, -1.0), terms=terms).work.decisions[0]
    assert (said["time_ns"], said["side"], said["asked"], said["granted"]) == (at("10:00"), SELL, 10, 4)
    assert (said["price_e4"], said["target"], said["order_id"]) == (to_e4(100), -1.0, 1)


# ── Charges ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def charged(product: str = "CNC", segment: int = 0, date: datetime.date = MONDAY) -> Any:
    """Return the charges of a purchase of ten units at 100 rupees."""
    calendar = "NSE_EQ" if segment == 0 else "NFO"
    terms = {"kind": "CE", "expiry": date, "strike_e4": to_e4(100)} if segment == OPTION else {}
    universe = Universe([instrument(segment=segment, calendar=calendar, **terms)])
    events = [tick("10:00", 100, date=date), tick("10:01", 100, date=date)]
    return Desk(events, (0, 1.0), terms=profile(strategy_terms(**TEN, product=product)), universe=universe).work.fills[
        "charges"
    ][0]


@pytest.mark.parametrize(
    ("product", "segment", "trade_class"),
    [
        ("CNC", 0, DELIVERY),
        ("NRML", 0, DELIVERY),
        ("MIS", 0, INTRADAY),
        ("MIS", FUTURE, FUTURES),
        ("NRML", FUTURE, FUTURES),
        ("NRML", OPTION, OPTIONS),
    ],
)
def test_a_fill_is_charged_as_its_segment_and_product(product: str, segment: int, trade_class: int):
    table = rates()
    row = table[table["from_ns"] <= at("10:01")][-4:][trade_class]
    value_e4 = 10 * to_e4(100)
    expected = {
        "brokerage_e4": min(
            max(value_e4 * row["brokerage_ppb"] / 1e9, row["brokerage_e4_min"]), row["brokerage_e4_max"]
        ),
        "stt_e4": value_e4 * row["stt_buy_ppb"] / 1e9,
        "transaction_e4": value_e4 * (row["transaction_ppb"] + row["ipft_ppb"]) / 1e9,
        "sebi_e4": value_e4 * row["sebi_ppb"] / 1e9,
        "stamp_e4": value_e4 * row["stamp_buy_ppb"] / 1e9,
    }
    charges = charged(product, segment)
    assert {name: int(charges[name]) for name in expected} == {name: int(item + 0.5) for name, item in expected.items()}


def test_the_rates_are_those_of_the_trade_date():
    before, after = (charged("MIS", date=datetime.date(2024, month, day)) for month, day in ((9, 30), (10, 1)))
    # NSE lowered its charge for shares from 0.00322 % to 0.00297 % on 2024-10-01; IPFT adds 10 rupees a crore.
    assert (before["transaction_e4"], after["transaction_e4"]) == (332, 307)


def test_the_depository_is_paid_once_a_day_for_an_instrument():
    terms = profile(strategy_terms(**TEN, product="CNC"))
    later = [tick("10:00", 100, date=TUESDAY), tick("10:01", 100, date=TUESDAY)]
    desk = Desk([*path("10:00", 100, 100, 100, 100), *later], (0, 1.0), (1, 0.9), (2, 0.8), (4, 0.0), terms=terms)
    # 13.50 rupees and 18 % GST, until October 2024.
    assert [int(fill["charges"]["dp_e4"]) for fill in desk.work.fills] == [0, to_e4(15.93), 0, to_e4(15.93)]


@pytest.mark.parametrize(
    ("price", "brokerage"),
    [
        (10, [1.2, 1.2, 0.6]),  # 0.03 % of 4,000, 4,000 and 2,000 rupees
        (125, [15, 5, 0]),  # 30 rupees after the second fill, of which 20 are the most an order pays
        (1_000, [20, 0, 0]),
    ],
)
def test_an_order_that_fills_in_parts_pays_the_brokerage_of_one_order(price: float, brokerage: list[float]):
    terms = strategy_terms(product="MIS", size={"mode": "units", "value": 1_000})
    events = [tick("10:00", price), *(tick(f"10:0{minute}", price, volume=800) for minute in (1, 2, 3))]
    fills = Desk(events, (0, 1.0), terms=profile(terms, market={"participation": 0.5})).work.fills
    assert fills["quantity"].tolist() == [400, 400, 200]
    assert fills["charges"]["brokerage_e4"].tolist() == [to_e4(paid) for paid in brokerage]


def test_the_account_adds_up_its_charges_item_by_item():
    desk = Desk(path("10:00", 100, 100, 101, 102), (0, 1.0), (1, -0.5), (2, 0.0), terms=profile(strategy_terms(**TEN)))
    for item in CHARGES.names or ():
        assert desk.account["charges"][item] == desk.work.fills["charges"][item].sum()
    assert desk.book()["charges_e4"] == desk.account["charges"]["total_e4"]


# ── Days ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_day_begins_with_the_first_event_after_ist_midnight():
    events = [*path("10:00", 100, 100), clock("23:59:59"), clock("00:00", TUESDAY), tick("10:00", 110, date=TUESDAY)]
    desk = Desk(events, (0, 1.0), terms=profile(strategy_terms(**TEN)))
    assert desk.account["day_start_ns"] == ist_time_ns(TUESDAY)
    assert desk.account["day_start_equity_e4"] == to_e4(10_000_000) - desk.account["charges"]["total_e4"]
    assert (desk.account["orders_made"], desk.account["orders_today"]) == (1, 0)


def test_daily_returns_are_followed_by_their_mean_and_variance():
    prices = {MONDAY: 110, TUESDAY: 105, datetime.date(2024, 4, 24): 120, datetime.date(2024, 4, 25): 118}
    events = [*path("10:00", 100, 100), *(tick("15:00", price, date=date) for date, price in prices.items())]
    desk = Desk(
        [*events, clock("10:00", datetime.date(2024, 4, 26))],
        (0, 1.0),
        terms=profile(strategy_terms(**TEN, capital=1_000)),
    )
    cash_e4 = int(desk.account["cash_e4"])
    equity = np.array([to_e4(1_000), *(cash_e4 + 10 * to_e4(price) for price in prices.values())])
    returns = equity[1:] / equity[:-1] - 1
    assert desk.account["days"] == 4
    assert desk.account["return_mean"] == pytest.approx(returns.mean(), rel=1e-12)
    assert desk.account["return_m2"] == pytest.approx(((returns - returns.mean()) ** 2).sum(), rel=1e-12)


# ── Snapshots ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_snapshot_shows_the_account_at_an_instant_once_that_has_passed():
    events = [
        tick("10:00:10", 100),
        tick("10:00:50", 101),
        tick("10:01", 102),
        tick("10:01:10", 103),
        tick("10:04:30", 104),
    ]
    desk = Desk(events, (0, 1.0), terms=profile(strategy_terms(**TEN), market={"equity_every": "1m"}))
    snapshots = desk.work.snapshots
    # The event at 10:01 itself still belongs to that instant; of the quiet minutes there is one.
    assert snapshots["time_ns"].tolist() == [at("10:01"), at("10:02")]
    assert snapshots["unrealised_e4"].tolist() == [to_e4(10), to_e4(20)]


def test_snapshots_obey_the_identity_of_the_ledger():
    events = path("10:00", *(100 + step % 7 for step in range(200)), seconds=20)
    desk = Desk(events, (0, 1.0), (50, -1.0), (150, 0.2), terms=profile(strategy_terms(**TEN)))
    taken = desk.work.snapshots
    assert np.diff(taken["time_ns"]).tolist() == [MINUTE_NS] * (len(taken) - 1)
    initial_e4 = int(desk.account["initial_e4"])
    equity_e4 = initial_e4 + taken["realised_e4"] + taken["unrealised_e4"] - taken["charges_e4"]
    assert (taken["equity_e4"] == equity_e4).all()
    assert len(taken) > 60


def test_every_figure_is_counted_once():
    desk = Desk(path("10:00", 100, 100, 100, 100), (0, 1.0), (1, 1.0), (2, 0.5), terms=profile(strategy_terms(**TEN)))
    account = desk.account
    counted = {
        name: int(account[name]) for name in ("events", "signals", "approved", "refused", "orders_made", "fills")
    }
    assert counted == {"events": 4, "signals": 3, "approved": 2, "refused": 0, "orders_made": 2, "fills": 2}
    assert rows(desk.work.fills, "position") == [10, 5]


# ── An instant is over when a clock or a later event says so ─────────────────────────────────────────────────────────


def test_every_instrument_meets_its_own_bar_before_the_orders_of_the_day_expire():
    after_hours = profile(strategy_terms(), risk={"after_market": True})
    events = [
        bar("15:30", 100, 100, 100, 100, index=index, date=date) for date in (MONDAY, TUESDAY) for index in (0, 1)
    ]
    events.insert(2, clock("15:30"))
    desk = Desk(events, (2, 1.0, 0), (2, 1.0, 1), terms=after_hours, universe=shares(2))
    assert desk.fills("time_ns", "instrument") == [(at("15:30", TUESDAY), 0), (at("15:30", TUESDAY), 1)]


@pytest.mark.parametrize(("target", "left"), [(0.0, 0), (0.4, 4), (-1.0, 0)])
def test_an_exit_that_expired_is_made_again_in_the_next_session(target: float, left: int):
    terms = profile(strategy_terms(**TEN))
    events = [*path("10:00", 100, 100), tick("15:29", 100), clock("15:30"), clock("16:00")]
    morning = [tick("09:15", 95, date=TUESDAY), tick("09:16", 96, date=TUESDAY), clock("15:30", TUESDAY)]
    desk = Desk([*events, *morning], (0, 1.0), (2, target), terms=terms)
    # Nobody traded after 15:29, so the order found nobody; what it would have opened is not asked for again.
    assert desk.fills("time_ns", "quantity", "price_e4") == [
        (at("10:00", MONDAY) + 1_000_000_000, 10, to_e4(100)),
        (at("09:15", TUESDAY), 10 - left, to_e4(95)),
    ]
    assert desk.book()["quantity"] == left
    assert desk.account["orders_working"] == 0


def test_an_entry_that_expired_is_not_made_again():
    events = [tick("15:29", 100), clock("15:30"), tick("09:15", 95, date=TUESDAY)]
    desk = Desk(events, (0, 1.0), terms=profile(strategy_terms(**TEN)))
    assert not len(desk.work.fills)
    assert desk.book()["target"] == 1.0


@pytest.mark.parametrize(("second_close", "halt_code"), [(110, risk.NONE), (100, risk.DAY_LOSS_HALT)])
def test_bars_of_one_instant_are_judged_together(second_close: float, halt_code: int):
    # Two thousand rupees lose five per cent by the first bar of 10:02; the second may win them back.
    terms = profile(strategy_terms(capital=2_000, size={"mode": "units", "value": 10}), risk={"day_loss_halt": 0.03})
    times, closes = ("10:00", "10:01", "10:02"), ((100, 100), (100, 100), (90, second_close))
    events = [
        bar(time, price, price, price, price, index=index)
        for time, both in zip(times, closes, strict=True)
        for index, price in enumerate(both)
    ]
    desk = Desk([*events, clock("10:02")], (1, 1.0, 0), (1, 1.0, 1), terms=terms, universe=shares(2))
    assert len(desk.work.fills) == 2
    assert desk.account["halt_code"] == halt_code
