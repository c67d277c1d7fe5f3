"""The composition root: the one place that chooses a clock, a log, a store and a feed, and puts a session together."""

import asyncio
import dataclasses
import datetime
import math
import os
import pathlib
import time
from typing import Literal

from alpha_panda.chain import check_intervals, load_strategies
from alpha_panda.config import Profile, load_profile, with_instruments
from alpha_panda.data.catalog import RESOLUTIONS, Catalog
from alpha_panda.errors import ConfigurationError
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.feed.base import Feed
from alpha_panda.live.feed.pacing import Pacer
from alpha_panda.live.feed.replay import replay_feed
from alpha_panda.live.feed.synthetic import synthetic_feed
from alpha_panda.live.log.base import Log
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.pipeline import run_session
from alpha_panda.live.session import Blueprint
from alpha_panda.live.status import Status
from alpha_panda.live.store.redis import RedisStore
from alpha_panda.units import DAY_NS, MINUTE_NS, ist_datetime

STATES = pathlib.Path("live/state")
"""Where sessions are kept that name no state directory."""

REDIS_URL = "ALPHA_PANDA_REDIS_URL"
"""The environment variable that names a Redis server for the portfolio; without it, the portfolio stays in process."""

_BAR_NS = {"tick": 0, "1m": MINUTE_NS, "1d": DAY_NS}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What a person may ask of a session beyond its profile; None leaves it to the profile."""

    state: pathlib.Path  # where the session is kept
    profile: pathlib.Path = pathlib.Path("live/paper.toml")
    feed: Literal["synthetic", "replay"] | None = None
    data: pathlib.Path | None = None
    first: datetime.date | None = None
    last: datetime.date | None = None
    instruments: tuple[str, ...] = ()
    resolution: Literal["tick", "1m", "1d"] | None = None
    speed: float | None = None  # market seconds per real second, infinite for as fast as possible


def new_status() -> Status:
    """Return the status of a session that has not begun."""
    return Status(time.monotonic)


def new_state() -> pathlib.Path:
    """Return the directory of a session that begins now and was given none."""
    return STATES / f"{ist_datetime(time.time_ns()):%Y-%m-%d-%H%M%S}"


def open_log(state: pathlib.Path, read_only: bool = False) -> Log:
    """Open the log of the session in `state`; LogError where it is in use, or absent and to be read only."""
    return SqliteLog(state, read_only)


async def trade(options: Options, status: Status, stop: asyncio.Event) -> AccountEngine:
    """Trade one session until its feed ends or `stop` is set; return the account as it then is."""
    profile = with_instruments(load_profile(options.profile), options.instruments)
    folders = [options.profile.parent.parent / "strategies"]
    strategies = tuple(load_strategies(profile, folders))
    feed = build_feed(profile, options)
    blueprint = Blueprint(profile, feed.universe, strategies, feed.name, feed.digest)
    async with open_log(options.state) as log, await RedisStore.open(os.environ.get(REDIS_URL)) as store:
        return await run_session(blueprint, feed, log, store, status, time.time_ns(), stop)


def build_feed(profile: Profile, options: Options) -> Feed:
    """Return the feed that the options or else the profile ask for; ConfigurationError for what cannot go together."""
    speed = profile.feed.speed if options.speed is None else options.speed
    pacer = Pacer(speed, time.monotonic, asyncio.sleep)
    symbols = _symbols(profile)
    if (options.feed or profile.feed.source) == "synthetic":
        return synthetic_feed(_synthetic_date(profile, options), profile.feed.seed, symbols, pacer)
    catalog = Catalog(options.data or pathlib.Path("data"))
    symbols = symbols or list(catalog.tradable(options.resolution, options.first, options.last))
    held = [each for each in RESOLUTIONS if all(each in catalog.resolutions(symbol) for symbol in symbols)]
    resolution = options.resolution or next(iter(held), None)
    if resolution is not None:  # where there is none, the catalog says what it holds instead
        check_intervals(profile, _BAR_NS[resolution])
    return replay_feed(catalog, symbols, resolution, options.first, options.last, pacer)


def _symbols(profile: Profile) -> list[str]:
    """Return the instruments of all strategies; none where one of them trades whatever there is."""
    if not all(terms.instruments for terms in profile.strategies):
        return []
    return sorted({symbol for terms in profile.strategies for symbol in terms.instruments})


def _synthetic_date(profile: Profile, options: Options) -> datetime.date:
    if options.data is not None or options.resolution is not None:
        raise ConfigurationError("a synthetic day has no catalog to choose from: give --feed replay as well")
    try:
        first = options.first or datetime.date.fromisoformat(profile.feed.date)
    except ValueError:
        raise ConfigurationError(f"feed.date {profile.feed.date!r} is no date: write it as 2026-11-20") from None
    if options.last not in (None, first):
        raise ConfigurationError(f"a synthetic feed makes one day, not {first} to {options.last}: leave out the last")
    return first


def speed_of(text: str) -> float:
    """Return a speed written as a number or as `max`; ConfigurationError for anything else."""
    try:
        speed = math.inf if text == "max" else float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise ConfigurationError(f"{text!r} is not a speed: give market seconds per second, such as 60, or max")
    return speed
