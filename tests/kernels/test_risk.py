"""Every rule of risk with its figures, where each begins, and what a malfunction costs."""

from collections.abc import Callable
from typing import Any

import pytest

from alpha_panda.instruments import Universe
from alpha_panda.kernels import risk
from alpha_panda.kernels.records import APPROVED, CLIPPED, REFUSED, STOP_LOSS
from alpha_panda.units import SECOND_NS, parse_clock, to_e4
from tests.market import TUESDAY, Desk, at, clock, instrument, path, profile, shares, strategy_terms, tick


def hundred(**terms: Any) -> dict[str, Any]:
    """Return the terms of a strategy for which a target of 0.1 is ten units."""
    return strategy_terms(size={"mode": "units", "value": 100}, **terms)


LIMIT_ENTRY = {"order_type": "LIMIT", "offset_ticks": 20}
"""An entry one rupee better than the last price, which waits."""

# ── Each rule ────────────────────────────────────────────────────────────────────────────────────────────────────────

Scenario = Callable[[], Desk]


def no_price() -> Desk:
    return Desk(path("10:00", 100), (0, 1.0, 1), terms=profile(hundred()), universe=shares(2))


def loss(fraction: float, **limits: float) -> Desk:
    """Return an account that is all in ten units, which fall by `fraction`, and then wants to be ten short."""
    terms = profile(strategy_terms(capital=1_000, size={"mode": "units", "value": 10}), risk=limits)
    return Desk(path("10:00", 100, 100, 100 * (1 - fraction)), (0, 1.0), (2, -1.0), terms=terms)


def commanded(command: str, strategy: str = "") -> Desk:
    return Desk(path("10:00", 100, 100), (1, 1.0), terms=profile(hundred()), commands=[(1, command, strategy)])


def disabled() -> Desk:
    terms = profile(hundred(entry={"order_type": "LIMIT", "offset_ticks": 60}), risk={"collar": 0.02, "rejects": 2})
    return Desk(path("10:00", 100, 100, 100), (0, 0.1), (1, 0.2), (2, 0.3), terms=terms)


def window(time: str) -> Desk:
    terms = profile(hundred(), risk={"entry_open": "09:16", "entry_close": "15:10"})
    return Desk([tick(time, 100)], (0, 1.0), terms=terms)


def after_market(product: str = "MIS", allowed: bool = True) -> Desk:
    terms = profile(hundred(product=product), risk={"after_market": allowed})
    return Desk([tick("15:29", 100), clock("15:30")], (1, 1.0), terms=terms)


def short_delivery() -> Desk:
    return Desk(path("10:00", 100, 100), (0, 0.1), (1, -0.1), terms=profile(hundred(product="CNC")))


def nothing_to_buy_with() -> Desk:
    return Desk(path("10:00", 100), (0, 1.0), terms=profile(hundred(capital=99.99)))


def positions() -> Desk:
    events = [*path("10:00", 100), *path("10:00:01", 50, index=1), *path("10:00:02", 100)]
    terms = profile(hundred(), risk={"positions": 1})
    return Desk(events, (0, 0.1), (2, 0.1, 1), terms=terms, universe=shares(2))


def open_orders() -> Desk:
    terms = profile(hundred(entry=LIMIT_ENTRY), risk={"open_orders": 2})
    return Desk(path("10:00", 100, 100, 100), (0, 0.1), (1, 0.2), (2, 0.3), terms=terms)


def entry_of(target: float = 1.0, universe: Universe | None = None, **limits: float) -> Desk:
    """Return an entry of a hundred units at 100 rupees, out of a hundred thousand rupees."""
    terms = profile(hundred(capital=100_000), capital=100_000, risk=limits)
    return Desk(path("10:00", 100), (0, target), terms=terms, **({"universe": universe} if universe else {}))


def concentration() -> Desk:
    """Thirty at work in one share and twenty in another, of which a fifth of the equity may stand in one."""
    terms = profile(hundred(capital=20_000, entry=LIMIT_ENTRY), capital=20_000, risk={"instrument_fraction": 0.2})
    events = [tick("10:00", 100), tick("10:00", 100, index=1), tick("10:01", 100), tick("10:02", 100)]
    return Desk(events, (1, 0.2, 1), (2, 0.3), (3, 1.0), terms=terms, universe=shares(2))


def gross_exposure() -> Desk:
    """The same, with half of the equity for everything together."""
    terms = profile(hundred(capital=20_000, entry=LIMIT_ENTRY), capital=20_000, risk={"gross_fraction": 0.5})
    events = [tick("10:00", 100), tick("10:00", 100, index=1), tick("10:01", 100), tick("10:02", 100)]
    return Desk(events, (1, 0.2, 1), (2, 0.3), (3, 1.0), terms=terms, universe=shares(2))


def stale_price(time: str = "10:00:03.5") -> Desk:
    late = clock("10:00:03")
    late["time_ns"] = at("10:00") + round(float(time[-3:]) * SECOND_NS)
    return Desk([tick("10:00", 100), late], (1, 1.0), terms=profile(hundred(), risk={"price_age_seconds": 3}))


def exiting() -> Desk:
    """A stop-loss on its way out when the strategy wants in again."""
    terms = profile(hundred(guards={"stop_loss": 0.05}), market={"latency_seconds": 1.5})
    return Desk(path("10:00", 100, 100, 100, 94, 94), (0, 1.0), (4, 0.5), terms=terms)


def collar(offset_ticks: int = 41, order_type: str = "LIMIT") -> Desk:
    entry = {"order_type": order_type, "offset_ticks": offset_ticks}
    return Desk(path("10:00", 100), (0, 1.0), terms=profile(hundred(entry=entry), risk={"collar": 0.02}))


def burst(count: int, seconds: int = 0, strategies: int = 1, **limits: float) -> Desk:
    """Return one entry after another, `seconds` apart, each adding to the one before."""
    terms = profile(*(hundred(name=f"s{k}") for k in range(strategies)), risk={"open_orders": 40, **limits})
    events = path("10:00", *[100.0] * count, seconds=seconds)
    wanted = [(row, 0.1 * (row // strategies + 1), 0, row % strategies) for row in range(count)]
    return Desk(events, *wanted, terms=terms)


def duplicate(seconds: int = 1) -> Desk:
    events = path("10:00", 100, 100, 100, seconds=seconds)
    return Desk(events, (0, 0.1), (1, 0.2), terms=profile(hundred(), risk={"duplicate_seconds": 2}))


def self_cross() -> Desk:
    terms = profile(hundred(name="a", entry=LIMIT_ENTRY), hundred(name="b"), risk={"self_cross": True})
    return Desk(path("10:00", 100, 100), (0, 0.1, 0, 0), (1, -0.1, 0, 1), terms=terms)


# What the last decision of each scenario says: the asked and the granted quantity, the figure and its limit.
REFUSALS: dict[int, tuple[Scenario, int, int, float, float]] = {
    risk.NO_PRICE: (no_price, 0, 0, 0, 0),
    risk.HALT: (lambda: loss(0.04, day_loss_halt=0.03), 10, 0, risk.DAY_LOSS_HALT, 0),
    risk.REDUCE_ONLY: (lambda: loss(0.025, day_loss_reduce=0.02), 20, 10, risk.DAY_LOSS_REDUCE, 0),
    risk.ON_PAUSE: (lambda: commanded("pause"), 100, 0, 0, 0),
    risk.AFTER_KILL: (lambda: commanded("kill"), 100, 0, 0, 0),
    risk.STRATEGY_DISABLED: (disabled, 30, 0, 2, 2),
    risk.OUTSIDE_WINDOW: (lambda: window("09:15:59"), 100, 0, parse_clock("09:15:59"), parse_clock("09:16")),
    risk.AFTER_MARKET: (after_market, 100, 0, at("15:30"), at("09:15", TUESDAY)),
    risk.SHORT_DELIVERY: (short_delivery, 20, 10, 0, 0),
    risk.NOTHING_TO_BUY_WITH: (nothing_to_buy_with, 0, 0, to_e4(100), to_e4(99.99)),
    risk.POSITIONS: (positions, 10, 0, 1, 1),
    risk.OPEN_ORDERS: (open_orders, 10, 0, 2, 2),
    risk.ORDER_QUANTITY: (lambda: entry_of(order_quantity=30), 100, 30, 100, 30),
    risk.ORDER_VALUE: (lambda: entry_of(order_value=4_999), 100, 49, to_e4(10_000), to_e4(4_999)),
    risk.ORDER_EQUITY: (lambda: entry_of(order_equity_fraction=0.055), 100, 55, to_e4(10_000), to_e4(5_500)),
    risk.CONCENTRATION: (concentration, 70, 10, to_e4(7_000), to_e4(4_000)),
    risk.GROSS_EXPOSURE: (gross_exposure, 70, 50, to_e4(7_000), to_e4(10_000)),
    risk.STALE_PRICE: (stale_price, 100, 0, 3.5 * SECOND_NS, 3 * SECOND_NS),
    risk.EXITING: (exiting, 50, 0, STOP_LOSS, 0),
    risk.COLLAR: (collar, 100, 0, 0.0205, 0.02),
    risk.RATE_SECOND: (lambda: burst(5, orders_per_second=4), 10, 0, 4, 4),
    risk.RATE_SECOND_STRATEGY: (lambda: burst(5, strategies=2, orders_per_second_strategy=2), 10, 0, 2, 2),
    risk.RATE_MINUTE: (lambda: burst(4, seconds=19, orders_per_minute=3), 10, 0, 3, 3),
    risk.RATE_DAY: (lambda: burst(4, seconds=90, orders_per_day=3), 10, 0, 3, 3),
    risk.DUPLICATE: (duplicate, 10, 0, 1 * SECOND_NS, 2 * SECOND_NS),
    risk.SELF_CROSS: (self_cross, 10, 0, 1, 0),
}

LATCHES = {risk.DAY_LOSS_REDUCE: 0.025, risk.DAY_LOSS_HALT: 0.04, risk.DRAWDOWN_HALT: 0.25}
"""What latches the account, and a loss that does so at limits of 2, 3 and 20 per cent."""


@pytest.mark.parametrize("code", REFUSALS, ids=lambda code: risk.CODES[code])
def test_a_rule_speaks_with_the_figures_that_caused_it(code: int):
    scenario, asked, granted, figure, limit = REFUSALS[code]
    said = scenario().work.decisions[-1]
    assert risk.CODES[int(said["code"])] == risk.CODES[code]
    assert (said["asked"], said["granted"]) == (asked, granted)
    assert said["figure"] == pytest.approx(figure, rel=1e-12)
    assert said["limit"] == pytest.approx(limit, rel=1e-12)
    assert said["verdict"] == (CLIPPED if granted else REFUSED)
    assert (said["order_id"] > 0) == (granted > 0)


@pytest.mark.parametrize("code", LATCHES, ids=lambda code: risk.CODES[code])
def test_a_loss_latches_under_its_own_code(code: int):
    desk = loss(LATCHES[code], day_loss_reduce=0.02, day_loss_halt=0.03, drawdown_halt=0.2)
    assert desk.account["halt_code"] == code


def test_every_code_has_a_name_and_a_test():
    assert set(REFUSALS) | set(LATCHES) | {risk.NONE} == set(risk.CODES)
    assert len(set(risk.CODES.values())) == len(risk.CODES)


def test_only_malfunctions_have_the_last_codes():
    assert {code for code in risk.CODES if code >= risk.FIRST_MALFUNCTION} == {
        risk.COLLAR,
        risk.DUPLICATE,
        risk.SELF_CROSS,
    }


# ── Where each rule begins ───────────────────────────────────────────────────────────────────────────────────────────


AT_THE_LIMIT: dict[str, Scenario] = {
    "the first instant of the window": lambda: window("09:16"),
    "the last instant of the window": lambda: window("15:10"),
    "after the market, to stay overnight": lambda: after_market(product="NRML"),
    "the oldest price": lambda: stale_price("10:00:03.0"),
    "the furthest limit": lambda: collar(40),
    "the furthest trigger": lambda: collar(40, "SL-M"),
    "the furthest trigger with a limit": lambda: collar(20, "SL"),
    "the largest quantity": lambda: entry_of(order_quantity=100),
    "the largest value": lambda: entry_of(order_value=10_000),
    "the largest share of equity": lambda: entry_of(order_equity_fraction=0.1),
    "the largest position": lambda: entry_of(instrument_fraction=0.1),
    "the largest exposure": lambda: entry_of(gross_fraction=0.1),
    "the last order in a second": lambda: burst(4, orders_per_second=4),
    "an order a second": lambda: burst(5, seconds=1, orders_per_second=1),
    "three orders a minute": lambda: burst(5, seconds=20, orders_per_minute=3),
    "the same order two seconds later": lambda: duplicate(seconds=2),
}

BEYOND_THE_LIMIT: dict[str, Scenario] = {
    "a second after the window": lambda: window("15:10:01"),
    "after a market that is not open to it": lambda: after_market(product="NRML", allowed=False),
    "a trigger too far": lambda: collar(41, "SL-M"),
    "a limit twice as far as its trigger": lambda: collar(21, "SL"),
    "less than a lot": lambda: entry_of(universe=Universe([instrument(lot=25)]), order_quantity=24),
    "a second order in a second": lambda: burst(2, orders_per_second=1),
}


@pytest.mark.parametrize("name", AT_THE_LIMIT)
def test_a_figure_at_its_limit_is_approved(name: str):
    assert set(AT_THE_LIMIT[name]().decisions("verdict", "code")) == {(APPROVED, risk.NONE)}


@pytest.mark.parametrize("name", BEYOND_THE_LIMIT)
def test_beyond_its_limit_nothing_is_granted(name: str):
    assert BEYOND_THE_LIMIT[name]().decisions("verdict")[-1] == REFUSED


@pytest.mark.parametrize("lot", [1, 7, 25])
def test_what_a_limit_leaves_is_granted_in_whole_lots(lot: int):
    universe = Universe([instrument(lot=lot)])
    granted = entry_of(universe=universe, order_quantity=60).decisions("granted")[0]
    assert granted == 60 // lot * lot


def test_the_largest_order_of_the_exchange_is_a_limit_too():
    desk = entry_of(universe=Universe([instrument(freeze_quantity=40)]))
    assert desk.decisions("code", "granted", "figure", "limit") == [(risk.ORDER_QUANTITY, 40, 100, 40)]


def test_of_several_limits_the_tightest_is_named():
    desk = entry_of(order_quantity=50, order_value=2_000, gross_fraction=0.03)
    assert desk.decisions("code", "granted") == [(risk.ORDER_VALUE, 20)]


def test_message_rates_count_exits_too():
    events = path("10:00", 100, 100, 100, 100, seconds=0)
    for third, event in enumerate(events):
        event["time_ns"] += third * SECOND_NS // 3
    terms = profile(hundred(), risk={"orders_per_second": 2})
    desk = Desk(events, (0, 0.1), (1, 0.0), (2, 0.1), (3, 0.2), terms=terms)
    assert desk.decisions("code") == [risk.NONE, risk.NONE, risk.RATE_SECOND, risk.NONE]


@pytest.mark.parametrize(
    ("first", "second", "target", "code"),
    [
        ("MARKET", "MARKET", -0.1, risk.SELF_CROSS),
        ("MARKET", "MARKET", 0.1, risk.NONE),  # two on one side never meet
        ("LIMIT apart", "MARKET", -0.1, risk.SELF_CROSS),
        ("LIMIT touching", "LIMIT touching", -0.1, risk.SELF_CROSS),
        ("LIMIT apart", "LIMIT apart", -0.1, risk.NONE),
    ],
)
def test_an_order_may_not_meet_one_of_our_own(first: str, second: str, target: float, code: int):
    entries = {
        "MARKET": {},
        "LIMIT apart": {"order_type": "LIMIT", "offset_ticks": 1},
        "LIMIT touching": {"order_type": "LIMIT", "offset_ticks": 0},
    }
    both = (hundred(name=name, entry=entries[entry]) for name, entry in (("a", first), ("b", second)))
    desk = Desk(path("10:00", 100), (0, 0.1, 0, 0), (0, target, 0, 1), terms=profile(*both, risk={"self_cross": True}))
    assert desk.decisions("code") == [risk.NONE, code]


def test_positions_that_are_still_at_work_count():
    events = [tick("10:00", 100, index=index) for index in range(3)]
    terms = profile(hundred(), risk={"positions": 2, "open_orders": 40})
    wanted = [(2, 0.1, 0), (2, 0.1, 1), (2, 0.2, 1), (2, 0.1, 2)]
    desk = Desk(events, *wanted, terms=terms, universe=shares(3))
    assert desk.decisions("code") == [risk.NONE, risk.NONE, risk.NONE, risk.POSITIONS]
    assert desk.decisions("figure", "limit")[-1] == (2, 2)


@pytest.mark.parametrize("limits", [{"instrument_fraction": 0.2}, {"gross_fraction": 0.2}])
def test_what_an_order_closes_makes_room_for_what_it_opens(limits: dict[str, float]):
    terms = profile(strategy_terms(capital=10_000, size={"mode": "units", "value": 19}), risk=limits)
    desk = Desk(path("10:00", 100, 100, 100), (0, 1.0), (1, -1.0), terms=terms)
    assert desk.decisions("code", "granted") == [(risk.NONE, 19), (risk.NONE, 38)]


def test_an_opening_that_was_refused_is_not_remembered_as_an_order():
    # Long ten; a turn on a stale price only closes them; a second later ten short are no duplicate of anything.
    terms = profile(hundred(), risk={"duplicate_seconds": 60, "price_age_seconds": 1})
    events = [*path("10:00", 100, 100), clock("10:00:03"), tick("10:00:04", 100)]
    desk = Desk(events, (0, 0.1), (2, -0.1), (3, -0.1001), terms=terms)
    assert desk.decisions("code", "granted") == [(risk.NONE, 10), (risk.STALE_PRICE, 10), (risk.NONE, 10)]


# ── Malfunctions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_consecutive_malfunctions_disable_a_strategy_and_no_other():
    far = {"order_type": "LIMIT", "offset_ticks": 60}
    terms = profile(hundred(name="a", entry=far), hundred(name="b"), risk={"collar": 0.02, "rejects": 2})
    events = path("10:00", 100, 100, 100, 100)
    desk = Desk(events, (0, 0.1, 0, 0), (1, 0.2, 0, 0), (2, 0.3, 0, 0), (3, 0.1, 0, 1), terms=terms)
    assert desk.decisions("code") == [risk.COLLAR, risk.COLLAR, risk.STRATEGY_DISABLED, risk.NONE]
    assert desk.stage.arrays()["sleeves"][0]["disabled"].tolist() == [1, 0]


def test_an_approval_between_malfunctions_begins_the_count_anew():
    terms = profile(hundred(), risk={"duplicate_seconds": 2, "rejects": 2})
    events = path("10:00", *[100.0] * 6)
    # Ten units more each time are a duplicate; twenty more are not.
    desk = Desk(events, (0, 0.1), (1, 0.2), (2, 0.3), (3, 0.5), (4, 0.6), terms=terms)
    assert desk.decisions("code") == [risk.NONE, risk.DUPLICATE, risk.NONE, risk.DUPLICATE, risk.NONE]


def test_a_disabled_strategy_may_still_leave():
    terms = profile(hundred(), risk={"duplicate_seconds": 2, "rejects": 1})
    desk = Desk(path("10:00", *[100.0] * 4), (0, 0.1), (1, 0.2), (2, 0.0), terms=terms)
    assert desk.decisions("code", "granted") == [(risk.NONE, 10), (risk.DUPLICATE, 0), (risk.NONE, 10)]
    assert desk.book()["quantity"] == 0
