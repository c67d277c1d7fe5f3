"""Every fill of an account, told again by a plain simulator that knows only buyers and walks event by event."""

import dataclasses
import math
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_panda.chain import build_terms
from alpha_panda.kernels.records import (
    BAR,
    BUY,
    CANCELLED,
    CLOCK,
    COMPLETE,
    EXPIRED,
    IOC,
    LIMIT,
    MARKET,
    SL,
    SLIPPAGE_BASIS_POINTS,
    SLIPPAGE_HALF_SPREAD,
    TICK,
    WORKING,
    Records,
)
from tests.streams import UNIVERSE, Run, any_stream

OVER = (COMPLETE, CANCELLED, EXPIRED)


@dataclasses.dataclass
class Resting:
    """An order at work; a seller's prices are negated, so that everyone buys."""

    order: Any
    filled: int = 0
    hit: bool = False
    gone: bool = False

    def limit(self) -> int:
        return int(self.order["side"] * self.order["limit_e4"])

    def trigger(self) -> int:
        return int(self.order["side"] * self.order["trigger_e4"])


@dataclasses.dataclass(frozen=True)
class Seen:
    """An event as a buyer sees it."""

    opens: int
    high: int
    low: int
    ask: int | None

    @classmethod
    def by(cls, side: int, event: Any) -> "Seen":
        """Return what the event is to a buyer, or turned upside down to a seller."""
        high, low = ("high_e4", "low_e4") if side == BUY else ("low_e4", "high_e4")
        quoted = event["kind"] == TICK and event["bid_e4"] > 0 and event["ask_e4"] > 0
        ask = int(side * event["ask_e4" if side == BUY else "bid_e4"]) if quoted else None
        return cls(*(int(side * event[field]) for field in ("open_e4", high, low)), ask)


class Market:
    """The rules of a simulated market."""

    def __init__(self, terms: Any):
        self.execution, self.instruments, self.sessions = terms.execution[0], terms.instruments, terms.sessions

    def open_at(self, event: Any) -> bool:
        """Say whether the event lies inside a session of its instrument."""
        instrument = self.instruments[event["instrument"]]
        rows = self.sessions[instrument["sessions_start"] : instrument["sessions_stop"]]
        happened = event["time_ns"] - (event["kind"] == BAR)
        return bool(((rows["open_ns"] <= happened) & (happened < rows["close_ns"])).any())

    def slipped(self, price: int, seen: Seen, tick: int) -> int:
        """Return what a buyer pays who takes what there is at `price`."""
        value, mode = Fraction(float(self.execution["slippage"])), self.execution["slippage_mode"]
        if mode == SLIPPAGE_BASIS_POINTS:
            more = Fraction(abs(price)) * value / 10_000
        elif mode == SLIPPAGE_HALF_SPREAD and seen.ask is not None:
            more = Fraction(max(seen.ask - price, 0))
        else:
            more = value * tick
        return math.ceil(Fraction(price + math.floor(more + Fraction(1, 2)), tick)) * tick

    def price(self, resting: Resting, seen: Seen, tick: int) -> int | None:
        """Return what the order pays at this event; None where it does not meet it."""
        kind = resting.order["order_type"]
        if kind == MARKET:
            return self.slipped(seen.opens, seen, tick)
        if kind == LIMIT or (kind == SL and resting.hit):
            return self.patient(resting, seen)
        if resting.hit:
            return self.slipped(seen.opens, seen, tick)
        if seen.high < resting.trigger():
            return None
        resting.hit = True
        gapped = seen.opens >= resting.trigger()
        if kind == SL and gapped:
            return self.patient(resting, seen)
        paid = self.slipped(seen.opens if gapped else resting.trigger(), seen, tick)
        return None if kind == SL and paid > resting.limit() else paid

    def patient(self, resting: Resting, seen: Seen) -> int | None:
        """Return what a limit order pays."""
        if seen.opens < resting.limit():
            return seen.opens
        return resting.limit() if seen.low < resting.limit() else None

    def meet(self, book: list[Resting], event: Any) -> list[tuple[int, int, int, int]]:
        """Return the fills of one event: order, time, quantity and price."""
        if event["kind"] == CLOCK or not self.open_at(event):
            return []
        instrument = self.instruments[event["instrument"]]
        participation = float(self.execution["participation"])
        offered = int(event["volume"] * participation) if participation else None
        fills: list[tuple[int, int, int, int]] = []
        for resting in book:
            order, mine = resting.order, resting.order["instrument"] == event["instrument"]
            late = event["time_ns"] - (event["kind"] == BAR) >= order["expires_ns"]
            if resting.gone or not mine or late or event["time_ns"] <= order["active_ns"]:
                continue
            price = self.price(resting, Seen.by(order["side"], event), int(instrument["tick_e4"]))
            left = int(order["quantity"]) - resting.filled
            quantity = (
                left if offered is None else min(left, offered // int(instrument["lot"]) * int(instrument["lot"]))
            )
            if price is not None and quantity > 0:
                resting.filled += quantity
                offered = offered - quantity if offered is not None else None
                fills.append((int(order["order_id"]), int(event["time_ns"]), quantity, int(order["side"]) * price))
            resting.gone = resting.filled == order["quantity"] or order["validity"] == IOC
        return fills


def told(fills: Records) -> list[tuple[int, int, int, int]]:
    """Return the fills of an account as the simulator tells them."""
    return [tuple(fill[["order_id", "time_ns", "quantity", "price_e4"]].item()) for fill in fills]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32))
def test_a_plain_simulator_fills_the_same_orders_at_the_same_prices(seed: int):
    run = Run(any_stream(seed))
    market, book = Market(build_terms(run.stream.terms, UNIVERSE)), list[Resting]()
    for row, event in enumerate(run.stream.events):
        expected, work = market.meet(book, event), run.step(row)
        assert told(work.fills) == expected
        ended = {int(order["order_id"]) for order in work.orders if order["status"] in OVER}
        made = [order for order in work.orders if order["status"] == WORKING and order["filled"] == 0]
        book = [resting for resting in book if resting.order["order_id"] not in ended]
        book += [Resting(order) for order in made if int(order["order_id"]) not in ended]
