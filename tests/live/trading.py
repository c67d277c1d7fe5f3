"""A small market to trade in tests of the live pipeline, and the plain replay that it is held against."""

import asyncio
import datetime
import functools
import itertools
import pathlib
import random
from collections.abc import AsyncIterator, Sequence
from multiprocessing.connection import Connection

from alpha_panda.chain import AccountStage, load_strategies
from alpha_panda.config import Profile, load_profile
from alpha_panda.data.synthetic import synthetic_day
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import Records
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.build import Options, new_status, new_surroundings, planned, trade
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.feed.base import Batch, Feed
from alpha_panda.live.log.base import Commit, Log, NewRecord, Record
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.pipeline import Parts, run_session
from alpha_panda.live.session import Blueprint, open_session
from alpha_panda.live.status import Status
from alpha_panda.live.store.redis import RedisStore
from alpha_panda.live.streams import Reader
from alpha_panda.live.topics import SESSIONS, BrokerTopics, Topic, market_ticks
from tests.live.forwarding import ForwardingLog

ROOT = pathlib.Path(__file__).parents[2]
PAPER_TOML = ROOT / "live" / "paper.toml"
SYMBOLS = ("SIM:PANDA", "SIM:TIGER")
DATE = datetime.date(2026, 11, 20)
MORNING = 20_000
"""Events of the two companies until about 11:00, in which eleven orders are made."""

PAPER = BrokerTopics.of("paper")
TOPICS = (
    market_ticks(),
    market_ticks().dead_letters,
    SESSIONS,
    PAPER.signals_raw,
    *PAPER.of_account(),
    PAPER.journal,
    PAPER.snapshots,
    PAPER.signals_snapshots,
)
"""Every topic that a session on paper writes."""


@functools.cache
def market() -> tuple[Universe, Records]:
    """Return a whole day of two companies that do not exist."""
    return synthetic_day(DATE, 1, SYMBOLS)


def morning() -> Records:
    """Return the events of that day until eleven."""
    return market()[1][:MORNING]


def paper() -> Profile:
    """Return the profile that comes with the platform."""
    return load_profile(PAPER_TOML)


def blueprint(profile: Profile | None = None, feed: str = "a morning", universe: Universe | None = None) -> Blueprint:
    """Return what a session in that market is made of."""
    profile, universe = profile or paper(), universe or market()[0]
    return Blueprint(profile, universe, tuple(load_strategies(profile, [ROOT / "strategies"])), feed, "")


class ChoppedFeed(Feed):
    """Hands events on in batches of any size: a seed decides where they are cut."""

    def __init__(self, events: Records, seed: int = 0, longest: int = 3_000) -> None:
        self.universe = market()[0]
        self.name = "a morning"
        self.digest = ""
        self._events = events
        self._random = random.Random(seed)
        self._longest = longest

    async def batches(self, index: int) -> AsyncIterator[Batch]:
        while index < len(self._events):
            stop = min(index + self._random.randint(1, self._longest), len(self._events))
            yield Batch(self._events[index:stop], stop)
            index = stop

    async def between(self, start: int, stop: int) -> Records:
        return self._events[start:stop]


class CrashError(Exception):
    """What ends a session in the middle."""


class CrashingLog(ForwardingLog):
    """A log that ends the session at one of its appends, before or after it took effect."""

    def __init__(self, log: Log, append: int, after: bool) -> None:
        self.exclusive = log.exclusive
        super().__init__(log)
        self._appends = itertools.count(1)
        self._append = append
        self._after = after

    async def append(self, batch: Sequence[NewRecord], commits: Sequence[Commit] = ()) -> list[int]:
        number = next(self._appends)
        if number > self._append or (number == self._append and not self._after):
            raise CrashError
        offsets = await self._log.append(batch, commits)
        if number == self._append:
            raise CrashError
        return offsets


async def run_on(
    log: Log,
    feed: Feed,
    made_of: Blueprint | None = None,
    stop: asyncio.Event | None = None,
    status: Status | None = None,
    redo: bool = False,
    state: pathlib.Path = pathlib.Path("never-made"),
) -> AccountEngine:
    """Trade one session on `log` until its feed ends."""
    made_of = made_of or blueprint()
    await open_session(log, made_of, 1_700_000_000_000_000_000)
    async with await RedisStore.open(None) as store:
        parts = Parts(
            log=log,
            state=state,
            status=status or new_status(),
            stop=stop or asyncio.Event(),
            surroundings=new_surroundings(),
            feed=feed,
            store=store,
            redo=redo,
        )
        engine = await run_session(made_of, parts)
        assert engine is not None
        return engine


async def run_in(state: pathlib.Path, feed: Feed, made_of: Blueprint | None = None) -> AccountEngine:
    """Trade one session in `state` until its feed ends."""
    async with SqliteLog(state) as log:
        return await run_on(log, feed, made_of, state=state)


def replayed(events: Records, universe: Universe | None = None) -> AccountStage:
    """Return the account after a plain replay, all events in one block, without log, stages or messages."""
    made_of = blueprint(universe=universe)
    account = made_of.account_stage()
    account.advance(events, made_of.signal_stage().advance(events))
    return account


async def messages_of(log: Log, *topics: Topic) -> list[Envelope]:
    """Return the messages that belong on some topics, as a reader takes them."""
    readers = [Reader(log, topic) for topic in topics]
    return [entry.message for reader in readers for entry in await reader.read(10**6)]


async def records_of(log: Log, topic: Topic) -> list[Record]:
    """Return every record of a topic."""
    return await log.read(topic, 0, 0, await log.end(topic, 0) or 1)


def trade_until_killed(state: pathlib.Path, speed: float, started: Connection) -> None:
    """Trade the day of two companies in a process of its own, which says when it has begun."""
    started.send(True)
    options = Options(profile=PAPER_TOML, instruments=SYMBOLS, speed=speed, state=state)
    asyncio.run(trade(planned(options), new_status(), asyncio.Event()))
