"""Whole sessions of all four stages in one process, over ticks of many instruments, watched as in production."""

import asyncio
import time
from collections.abc import Callable, Coroutine

import numpy as np

from alpha_panda.config import NO_LIMITS, Profile, validated
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.build import Options, new_status, new_watched
from alpha_panda.live.interpreter import Interpreter
from alpha_panda.live.log.base import Log
from alpha_panda.live.observer import Observer
from alpha_panda.live.watch.observing import observing
from alpha_panda.units import SECOND_NS
from tests.benchmarks import anchors
from tests.benchmarks.feeding import MarketFeed
from tests.benchmarks.markets import CAPITAL_E4
from tests.benchmarks.measuring import timed
from tests.benchmarks.places import Place
from tests.live.trading import blueprint, run_on

_OPEN_ORDERS = 100


def profile(feed: MarketFeed, basket: int, interval_ns: int = SECOND_NS) -> Profile:
    """Return two strategies: momentum on the minutes of every instrument, and a crossover of a basket that trades much.

    No other limit is in force, so that orders are what the strategies make them; the finest interval that a profile can
    name is a second.
    """
    symbols = feed.universe.symbols[:basket]
    tables = {
        "account": {"capital": 100_000_000},
        "strategies": [
            {
                "name": "momentum",
                "strategy": "momentum",
                "capital": 10_000_000,
                "parameters": {"lookback": 20, "threshold": 0.02},
                "size": {"mode": "notional", "value": 50_000},
            },
            {
                "name": "basket",
                "strategy": "sma_cross",
                "instruments": symbols,
                "interval": "1s",
                "capital": 90_000_000,
                "parameters": {"fast": 1, "slow": 2},
                "size": {"mode": "notional", "value": 50_000},
            },
        ],
        "market": {"latency_seconds": 0.05},
        # How many orders may be open decides how large the account's state is, which every step hashes.
        "risk": {**NO_LIMITS, "open_orders": _OPEN_ORDERS},
    }
    made = validated(Profile, tables, "the benchmark's profile")
    momentum, crossover = made.strategies
    return made.model_copy(update={"strategies": (momentum, crossover.model_copy(update={"interval_ns": interval_ns}))})


async def session(
    place: Place,
    feed: MarketFeed,
    terms: Profile,
    watch: Observer | None = None,
    beside: Callable[[Log], Coroutine[None, None, None]] | None = None,
) -> tuple[float, AccountEngine]:
    """Trade until the feed ends; return the seconds from its first batch on, and the account.

    `watch` is told what the stages do, and `beside` runs on the log as long as they do.
    """
    status = new_status()
    async with observing(status, new_watched(Options(state=place.state), None)), place.open() as log:
        status.also = [*status.also, Interpreter(), *([watch] if watch else [])]
        aside = asyncio.create_task(beside(log)) if beside else None
        engine = await run_on(log, feed, blueprint(terms, feed.name, feed.universe), status=status, state=place.state)
        took_s = time.perf_counter() - feed.began_s
        if aside is not None:
            aside.cancel()
        return took_s, engine


def anchored(feed: MarketFeed, repeats: int = 3) -> list[float]:
    """Return how long momentum on all of a feed's ticks takes by hand; of many, it is measured on a part."""
    batches = min(feed.batches_max, 1_000)
    events = np.concatenate([feed.events(number) for number in range(batches)])
    columns = (np.ascontiguousarray(events[field]) for field in ("time_ns", "instrument", "close_e4"))
    arguments = (*columns, len(feed.universe), 20, 0.02, CAPITAL_E4)
    anchors.momentum_on_ticks(*arguments)
    scale = feed.batches_max / batches
    return [timed(lambda: anchors.momentum_on_ticks(*arguments))[0] * scale for _ in range(repeats)]


def done(engine: AccountEngine) -> str:
    """Return what came of a session."""
    account = engine.stage.account
    return f"{account['signals']:,} signals, {account['fills']:,} fills"
