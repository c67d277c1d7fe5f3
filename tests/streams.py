"""Random but repeatable days of events, signals and terms of trade, for what must hold whatever happens."""

from typing import Any, NamedTuple

import numpy as np

from alpha_panda.chain import AccountStage, Work
from alpha_panda.config import Profile
from alpha_panda.data.events import in_order
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import BAR, CLOCK, EVENT, FUTURE, SIGNAL, TICK, Records
from alpha_panda.units import DAY_NS, SECOND_NS
from tests.market import TICK_E4, at, instrument, profile, strategy_terms

UNIVERSE = Universe(
    (
        instrument("BANYAN", 1),
        instrument("FUTURE", 2, segment=FUTURE, lot=25, calendar="NFO", freeze_quantity=500),
        instrument("LOTUS", 3, freeze_quantity=400),
    )
)
"""Two shares and a future in lots of 25, around 100 rupees each."""

CAPITAL = 100_000
"""Rupees of each of the two strategies."""


class Stream(NamedTuple):
    """Two days of three instruments, what two strategies want, and the terms on which they trade."""

    events: Records
    signals: Records
    terms: Profile


def any_stream(seed: int, count: int = 300) -> Stream:
    """Return a stream that `seed` decides in every detail."""
    random = np.random.default_rng(seed)
    events = any_events(random, count)
    return Stream(events, any_signals(random, events), any_terms(random))


def any_events(random: np.random.Generator, count: int) -> Records:
    """Return ticks, bars and clocks of two days, from before the open until after the close, prices on the tick.

    As in a catalog, a clock follows the bars of each time.
    """
    events = np.zeros(count, EVENT)
    clocks_ns = random.integers(at("09:10"), at("15:36"), count) // SECOND_NS * SECOND_NS
    events["time_ns"] = np.sort(clocks_ns + random.integers(0, 2, count) * DAY_NS)
    events["kind"] = random.choice([TICK, TICK, TICK, BAR, CLOCK], count)
    market = events["kind"] != CLOCK
    events["instrument"] = np.where(market, random.integers(0, len(UNIVERSE), count), 0)
    jumps = random.choice([0, 1], count, p=[0.95, 0.05]) * random.integers(-150, 151, count)
    for index in range(len(UNIVERSE)):
        mine = np.flatnonzero(market & (events["instrument"] == index))
        steps = random.integers(-6, 7, len(mine)) + jumps[mine]
        events["open_e4"][mine] = np.maximum(2_000 + np.cumsum(steps), 100) * TICK_E4
    long_bar = events["kind"] == BAR
    up, down, turn = (np.where(long_bar, random.integers(0, 8, count), 0) * TICK_E4 for _ in range(3))
    events["high_e4"], events["low_e4"] = events["open_e4"] + up, events["open_e4"] - down
    events["close_e4"] = np.clip(events["open_e4"] + turn - 3 * TICK_E4, events["low_e4"], events["high_e4"])
    quoted = (events["kind"] == TICK) & (random.random(count) < 0.5)
    events["bid_e4"] = np.where(quoted, events["open_e4"] - random.integers(0, 3, count) * TICK_E4, 0)
    events["ask_e4"] = np.where(quoted, events["open_e4"] + random.integers(0, 3, count) * TICK_E4, 0)
    events["volume"] = np.where(market, random.integers(0, 3_000, count), 0)
    clocks = np.zeros(np.count_nonzero(long_bar), EVENT)
    clocks["time_ns"], clocks["kind"] = events["time_ns"][long_bar], CLOCK
    return in_order(np.concatenate([events, clocks]))


def any_signals(random: np.random.Generator, events: Records) -> Records:
    """Return targets after about every other event, at times several after one."""
    count = len(events) // 2
    signals = np.zeros(count, SIGNAL)
    signals["event_index"] = np.sort(random.integers(0, len(events), count))
    signals["time_ns"] = events["time_ns"][signals["event_index"]]
    signals["strategy"] = random.integers(0, 2, count)
    signals["instrument"] = random.integers(0, len(UNIVERSE), count)
    signals["target"] = random.choice([-1.0, -0.5, 0.0, 0.0, 0.3, 0.7, 1.0], count)
    signals["volatility"] = random.choice([0.0, 0.0005, 0.002], count)
    return signals


def any_terms(random: np.random.Generator) -> Profile:
    """Return a profile of two strategies; in half of them the limits are tight, else they are off."""
    risk = any_limits(random) if random.random() < 0.5 else {"open_orders": 40}
    market = {
        "latency_seconds": float(random.choice([0, 0.5, 90])),
        "slippage": {
            "mode": str(random.choice(["ticks", "basis_points", "half_spread"])),
            "value": float(random.choice([0, 1, 2.5])),
        },
        "participation": float(random.choice([0.0, 0.05, 1.0])),
    }
    return profile(any_strategy(random, "one"), any_strategy(random, "two"), risk=risk, market=market)


def any_strategy(random: np.random.Generator, name: str) -> dict[str, Any]:
    """Return the terms of one strategy."""
    sizes = {"units": random.integers(1, 900), "notional": 60_000, "fraction": 0.8, "volatility": 0.3}
    mode = str(random.choice(list(sizes)))
    guards = {
        "stop_loss": float(random.choice([0, 0.01, 0.03])),
        "take_profit": float(random.choice([0, 0.02])),
        "trailing_stop": float(random.choice([0, 0.015])),
        "holding_seconds": int(random.choice([0, 1_800])),
    }
    entry = {
        "order_type": str(random.choice(["MARKET", "MARKET", "LIMIT", "SL", "SL-M"])),
        "validity": str(random.choice(["DAY", "DAY", "IOC"])),
        "offset_ticks": int(random.integers(0, 5)),
    }
    return strategy_terms(
        name,
        capital=CAPITAL,
        product=str(random.choice(["MIS", "CNC", "NRML"])),
        size={"mode": mode, "value": float(sizes[mode])},
        guards=guards,
        entry=entry,
    )


def any_limits(random: np.random.Generator) -> dict[str, Any]:
    """Return risk limits tight enough for most of them to refuse something now and then."""
    return {
        "collar": 0.02,
        "price_age_seconds": 900,
        "order_value": 40_000,
        "order_equity_fraction": 0.3,
        "order_quantity": int(random.choice([0, 150])),
        "instrument_fraction": 0.4,
        "gross_fraction": 0.9,
        "positions": int(random.integers(2, 5)),
        "open_orders": int(random.integers(2, 6)),
        "orders_per_minute": 3,
        "orders_per_day": 60,
        "duplicate_seconds": 60,
        "self_cross": bool(random.integers(0, 2)),
        "entry_open": "09:16",
        "entry_close": "15:10",
        "after_market": bool(random.integers(0, 2)),
        "day_loss_reduce": float(random.choice([0, 0.003])),
        "day_loss_halt": float(random.choice([0, 0.006])),
        "drawdown_halt": float(random.choice([0, 0.012])),
        "rejects": 3,
    }


class Run:
    """An account that is driven through a stream one event at a time."""

    def __init__(self, stream: Stream):
        self.stream = stream
        self.stage = AccountStage(stream.terms, UNIVERSE)

    def step(self, row: int) -> Work:
        """Pass one event, and the signals that it caused, through the account."""
        return self.stage.advance(self.stream.events, self.stream.signals, row, row + 1)


def whole(stream: Stream) -> tuple[AccountStage, Work]:
    """Return the account after a whole stream, and what it said."""
    stage = AccountStage(stream.terms, UNIVERSE)
    return stage, stage.advance(stream.events, stream.signals)
