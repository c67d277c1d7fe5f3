"""Small markets written by hand, and an account that trades them with every limit and friction off."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from alpha_panda.chain import AccountStage, Work, joined
from alpha_panda.config import Profile, Risk, validated
from alpha_panda.instruments import Instrument, Universe
from alpha_panda.kernels.records import BAR, CLOCK, EVENT, SIGNAL, TICK, Records
from alpha_panda.units import ist_time_ns, parse_clock, to_e4

MONDAY = datetime.date(2024, 4, 22)
"""A trading day at the usual hours, 09:15 to 15:30."""

TUESDAY = datetime.date(2024, 4, 23)
"""The trading day after it."""

TICK_E4 = 500
"""The tick of the instruments below, five paise."""

CRORE = 10_000_000
"""Rupees enough for any trade in these tests."""


# ── Instruments ──────────────────────────────────────────────────────────────────────────────────────────────────────


def instrument(name: str = "ALPHA", token: int = 1, **fields: Any) -> Instrument:
    """Return a share in ticks of five paise, unless `fields` says otherwise."""
    return Instrument(f"NSE:{name}", token, **{"tick_e4": TICK_E4, **fields})


def shares(count: int) -> Universe:
    """Return so many shares; the names sort as they are numbered."""
    return Universe(instrument(f"SHARE{number:03d}", number + 1) for number in range(count))


ONE_SHARE = shares(1)


# ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def at(clock: str, date: datetime.date = MONDAY) -> int:
    """Return the instant of a time of day in IST."""
    return ist_time_ns(date, parse_clock(clock))


def bar(
    clock: str,
    opens: float,
    high: float,
    low: float,
    close: float,
    volume: int = 1_000,
    index: int = 0,
    date: datetime.date = MONDAY,
) -> Records:
    """Return one bar known at `clock`, its prices in rupees."""
    event = np.zeros(1, EVENT)
    event["time_ns"], event["kind"], event["instrument"], event["volume"] = at(clock, date), BAR, index, volume
    for field, price in zip(("open_e4", "high_e4", "low_e4", "close_e4"), (opens, high, low, close), strict=True):
        event[field] = to_e4(price)
    return event


def tick(
    clock: str,
    price: float,
    bid: float = 0,
    ask: float = 0,
    volume: int = 1_000,
    index: int = 0,
    date: datetime.date = MONDAY,
) -> Records:
    """Return one trade at `clock`, with the quotes around it where they are known."""
    event = bar(clock, price, price, price, price, volume, index, date)
    event["kind"], event["bid_e4"], event["ask_e4"] = TICK, to_e4(bid), to_e4(ask)
    return event


def clock(time: str, date: datetime.date = MONDAY) -> Records:
    """Return a clock event."""
    event = np.zeros(1, EVENT)
    event["time_ns"], event["kind"] = at(time, date), CLOCK
    return event


def path(clock: str, *prices: float, index: int = 0, seconds: int = 1) -> list[Records]:
    """Return trades at these prices, one each `seconds` from `clock` on."""
    trades = [tick(clock, price, index=index) for price in prices]
    for step, trade in enumerate(trades):
        trade["time_ns"] += step * seconds * 1_000_000_000
    return trades


def together(events: Iterable[Records]) -> Records:
    """Return events as one array, in the order given."""
    return np.concatenate(list(events))


# ── Profiles ─────────────────────────────────────────────────────────────────────────────────────────────────────────

NO_LIMITS: Mapping[str, Any] = {
    **{field.alias or name: 0 for name, field in Risk.model_fields.items()},
    "self_cross": False,
    "after_market": False,
    "entry_open": "00:00",
    "entry_close": "00:00",
}

NO_FRICTION: Mapping[str, Any] = {"slippage": {"mode": "ticks", "value": 0}}


def strategy_terms(name: str = "one", **terms: Any) -> dict[str, Any]:
    """Return the table of a strategy that trades one crore, a unit for a full target, and may stay overnight."""
    defaults = {"strategy": "any", "capital": CRORE, "product": "NRML", "size": {"mode": "units", "value": 1}}
    return {"name": name, **defaults, **terms}


def profile(
    *strategies: Mapping[str, Any],
    risk: Mapping[str, Any] | None = None,
    market: Mapping[str, Any] | None = None,
    capital: float = 0,
) -> Profile:
    """Return a profile without limits and frictions, except for what is given here."""
    tables = strategies or (strategy_terms(),)
    document = {
        "account": {"capital": capital or sum(table["capital"] for table in tables)},
        "strategies": list(tables),
        "risk": {**NO_LIMITS, **(risk or {})},
        "market": {**NO_FRICTION, **(market or {})},
    }
    return validated(Profile, document, "the test's profile")


# ── Trading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

Wish = tuple[int, float] | tuple[int, float, int] | tuple[int, float, int, int]
"""The row of the event that causes a signal, its target, and perhaps its instrument and its strategy."""


def wishes(events: Records, *wanted: Wish) -> Records:
    """Return the signals that express these wishes, in the order of their events."""
    signals = np.zeros(len(wanted), SIGNAL)
    for signal, wish in zip(signals, wanted, strict=True):
        row, target, index, strategy = (*wish, 0, 0)[:4]
        signal["event_index"], signal["time_ns"], signal["target"] = row, events[row]["time_ns"], target
        signal["instrument"], signal["strategy"] = index, strategy
    return signals


Command = tuple[int, str, str]
"""The row of the event before which somebody commands the account, the command, and its strategy or nothing."""


def trade(stage: AccountStage, events: Records, signals: Records, commands: Iterable[Command] = ()) -> Work:
    """Pass events and signals through an account whose people command it now and then; return what it did."""
    parts: list[Work] = []
    start = 0
    for row, command, strategy in commands:
        parts.append(stage.advance(events, signals, start, row))
        parts.append(stage.command(command, strategy, int(events["time_ns"][row - 1]) if row else 0))
        start = row
    return joined([*parts, stage.advance(events, signals, start)])


class Desk:
    """An account that trades one array of events and keeps what it said."""

    def __init__(
        self,
        events: Iterable[Records],
        *wanted: Wish,
        terms: Profile,
        universe: Universe = ONE_SHARE,
        commands: Sequence[Command] = (),
    ):
        self.events = together(events)
        self.signals = wishes(self.events, *wanted)
        self.stage = AccountStage(terms, universe)
        self.work: Work = trade(self.stage, self.events, self.signals, commands)

    @property
    def account(self) -> Any:
        """The account after the last event."""
        return self.stage.account

    def book(self, index: int = 0, strategy: int = 0) -> Any:
        """Return one book after the last event."""
        return self.stage.books[strategy, index]

    def fills(self, *fields: str) -> list[Any]:
        """Return these fields of every fill, plain values for one field and tuples for more."""
        return rows(self.work.fills, *fields)

    def decisions(self, *fields: str) -> list[Any]:
        """Return these fields of every risk decision."""
        return rows(self.work.decisions, *fields)


def rows(array: Records, *fields: str) -> list[Any]:
    """Return these fields of every row, plain values for one field and tuples for more."""
    columns = [array[field].tolist() for field in fields]
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
