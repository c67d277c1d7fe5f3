"""The composition root: the one place that chooses a clock, a log, a store and a feed, and puts a session together."""

import asyncio
import contextlib
import dataclasses
import datetime
import importlib.metadata
import math
import os
import pathlib
import socket
import time
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Literal

from alpha_panda.chain import check_intervals, load_strategies
from alpha_panda.config import Profile, load_profile, with_instruments
from alpha_panda.data.catalog import RESOLUTIONS, Catalog
from alpha_panda.database import database_url
from alpha_panda.errors import ConfigurationError, StoreError
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.control.configured import Beginning, Taken, beginning, keep_taken
from alpha_panda.live.durable import write_durably
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.feed.base import Feed
from alpha_panda.live.feed.pacing import Pacer
from alpha_panda.live.feed.replay import replay_feed
from alpha_panda.live.feed.synthetic import synthetic_feed
from alpha_panda.live.log.base import Log
from alpha_panda.live.log.opening import LOCK_FILE, LOG_FILE, lock_holder
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.observer import FEED, PORTFOLIO
from alpha_panda.live.pipeline import STAGES, Parts, Surroundings, run_session
from alpha_panda.live.routing import new_record
from alpha_panda.live.session import Blueprint, blueprint_of, check_profile, open_session, read_session
from alpha_panda.live.status import WAITING, Status
from alpha_panda.live.store.address import parsed
from alpha_panda.live.store.base import Store
from alpha_panda.live.store.redis import RedisStore
from alpha_panda.live.supervision import enduring
from alpha_panda.live.topics import CONTROL, SESSIONS, Topic, topics_of_session
from alpha_panda.live.watch.endpoint import LOOPBACK
from alpha_panda.live.watch.observing import Watched
from alpha_panda.strategy import did_you_mean
from alpha_panda.units import DAY_NS, MINUTE_NS, ist_datetime

if TYPE_CHECKING:
    from alpha_panda.live.log.kafka_topics import KafkaTopics

STATES = pathlib.Path("live/state")
"""Where sessions are kept that name no state directory."""

REDIS_URL = "ALPHA_PANDA_REDIS_URL"
"""The environment variable that names a Redis server for the portfolio; without it, the portfolio stays in process."""

KAFKA = "ALPHA_PANDA_KAFKA"
"""The environment variable that names a Kafka broker, host:port; without it or the profile's, the log is a file."""

KAFKA_NOTE = "kafka"
"""The file in a state folder that names the broker on which its log is kept, for commands that are given the folder."""

_LOOK_EVERY_S = 0.5
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
    stages: tuple[str, ...] = STAGES
    metrics_port: int | None = None  # of the endpoint for metrics and health; None serves none, 0 a free one
    metrics_host: str = LOOPBACK
    redo: bool = False  # do a session again from its beginning whose code has changed


def new_status() -> Status:
    """Return the status of a session that has not begun."""
    return Status(time.monotonic)


def new_state() -> pathlib.Path:
    """Return the directory of a session that begins now and was given none."""
    return STATES / f"{ist_datetime(time.time_ns()):%Y-%m-%d-%H%M%S}"


def kafka_address(profile: Profile | None = None, state: pathlib.Path | None = None) -> str:
    """Return the broker that keeps the log, host:port; empty where the log is a file.

    A session stays where it began: with the file in its folder, or where the environment, the profile or else a note
    in its folder says.
    """
    if state is not None and has_embedded_log(state):
        return ""
    note = None if state is None else state / KAFKA_NOTE
    noted = note.read_text(encoding="utf-8").strip() if note is not None and note.exists() else ""
    return os.environ.get(KAFKA) or (profile.log.kafka if profile else "") or noted


def has_embedded_log(state: pathlib.Path) -> bool:
    """Return whether the log of the session in `state` is a file there."""
    return (state / LOG_FILE).exists()


def open_log(state: pathlib.Path, read_only: bool = False, profile: Profile | None = None) -> Log:
    """Return the log of the session in `state`, to be entered: in Kafka where `kafka_address` names one.

    Raises LogError where it is in use, or absent and to be read only.
    """
    address = kafka_address(profile, state)
    if not address:
        return SqliteLog(state, read_only, time.time_ns)
    with _needs_aiokafka():
        from alpha_panda.live.log.kafka import KafkaLog
    session = state.absolute().name
    if profile is None:
        return KafkaLog(address, session, (), read_only)
    return KafkaLog(address, session, topics_of_session([profile.account.broker], profile.log.partitions), read_only)


def log_writer(state: pathlib.Path) -> str:
    """Return who has the embedded log of the session in `state` open for writing, or nothing."""
    return lock_holder(state)


def worked_on(states: pathlib.Path) -> dict[pathlib.Path, int]:
    """Return the sessions kept in `states`, and when a process last began to work on each, in nanoseconds.

    Whoever begins a session, or goes on with it, writes one of two files; nobody who only looks does.
    """
    notes = [path for name in (LOCK_FILE, KAFKA_NOTE) for path in states.glob(f"*/{name}")]
    return {path.parent: path.stat().st_mtime_ns for path in notes}


def open_topics(address: str) -> "KafkaTopics":
    """Return the topics of all sessions on the Kafka at `address`, to be entered."""
    with _needs_aiokafka():
        from alpha_panda.live.log.kafka_topics import KafkaTopics
    return KafkaTopics(address)


@contextlib.contextmanager
def _needs_aiokafka() -> Generator[None]:
    try:
        yield
    except ImportError:
        raise ConfigurationError("Kafka needs aiokafka: install it with `pip install alpha-panda[kafka]`") from None


async def topic_differences(address: str, state: pathlib.Path, topics: Sequence[Topic]) -> list[str]:
    """Return in what the topics of the session in `state` differ, on the Kafka at `address`, from these."""
    async with open_topics(address) as broker:
        return await broker.differences(state.absolute().name, topics)


def redis_url() -> str:
    """Return the URL of the Redis server that the environment names, or nothing; ConfigurationError if wrong."""
    url = os.environ.get(REDIS_URL)
    return parsed(url).url if url else ""


async def open_store(address: str | None) -> Store:
    """Return the portfolio store on the Redis server at `address`, or one in this process where that is None.

    Raises ConfigurationError for what is no address, StoreError where nobody answers.
    """
    try:
        return await RedisStore.open(address)
    except StoreError as error:
        raise StoreError(f"{str(error).rstrip('.')}; start Redis, or correct its address") from None


def new_surroundings() -> Surroundings:
    """Return who runs a session here, on the clocks of this machine."""
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    return Surroundings(holder=holder, wall_ns=time.time_ns, monotonic=time.monotonic, sleep=asyncio.sleep)


def new_watched(options: Options, tell: Callable[[str], None] | None) -> Watched:
    """Return what is watched of a process with these options; `tell` hears what a person should know."""
    surroundings = new_surroundings()
    return Watched(
        state=options.state,
        stages=options.stages,
        holder=surroundings.holder,
        version=importlib.metadata.version("alpha-panda"),
        environment=os.environ,
        wall_ns=surroundings.wall_ns,
        monotonic=surroundings.monotonic,
        port=options.metrics_port,
        host=options.metrics_host,
        tell=tell,
    )


@dataclasses.dataclass(frozen=True)
class Plan:
    """What the options of a session come to, checked before anything is written."""

    options: Options
    profile: Profile  # with what the database told strategies, in the process that has the feed
    folders: Sequence[pathlib.Path]  # of strategies
    feed: Feed | None
    blueprint: Blueprint | None  # of the process that has the feed; the others read what it recorded
    taken: Sequence[Taken] = ()  # from the database
    paused: Sequence[Envelope] = ()  # the pauses with which the session begins


def planned(options: Options) -> Plan:
    """Return what is to be done; ConfigurationError and its like for what cannot be.

    Stages can only work apart on a log that several processes can write.
    """
    begins = Beginning(load_profile(options.profile))
    if FEED in options.stages:
        begins = beginning(options.profile, options.state, database_url())
    profile = with_instruments(begins.profile, options.instruments)
    if set(options.stages) != set(STAGES) and not kafka_address(profile, options.state):
        raise ConfigurationError(f"stages in processes of their own meet in Kafka: name the broker in {KAFKA}")
    folders = [options.profile.parent.parent / "strategies"]
    if FEED not in options.stages:
        return Plan(options, profile, folders, None, None)
    feed = build_feed(profile, options)
    strategies = tuple(load_strategies(profile, folders))
    told, partitions = tuple(each.name for each in begins.taken), profile.log.partitions
    blueprint = Blueprint(profile, feed.universe, strategies, feed.name, feed.digest, partitions, told)
    return Plan(options, profile, folders, feed, blueprint, begins.taken, begins.paused)


async def trade(plan: Plan, status: Status, stop: asyncio.Event) -> AccountEngine | None:
    """Work on one session until its feed ends or `stop` is set; return the account as it then is, if it was kept here.

    A log that goes away is waited for, and recovered from when it is back.
    """
    options, profile, feed = plan.options, plan.profile, plan.feed
    surroundings = new_surroundings()

    async with contextlib.AsyncExitStack() as resources:
        store = None
        if PORTFOLIO in options.stages:
            # A server that is not there at the start is told; one that goes away later is waited for.
            store = await resources.enter_async_context(await open_store(os.environ.get(REDIS_URL)))

        async def attempt() -> AccountEngine | None:
            async with open_log(options.state, profile=profile) as log:
                if address := kafka_address(profile, options.state):
                    # For the commands that are given the folder alone.
                    write_durably(options.state / KAFKA_NOTE, address.encode())
                if (blueprint := await _blueprint(log, plan, status, stop)) is None:
                    status.on_feed_over(stopped=True)
                    return None
                parts = Parts(
                    log=log,
                    state=options.state,
                    status=status,
                    stop=stop,
                    surroundings=surroundings,
                    feed=feed,
                    store=store,
                    database=database_url(),
                    redo=options.redo,
                )
                return await run_session(blueprint, parts, options.stages)

        return await enduring(attempt, status, stop, surroundings.sleep)


async def _blueprint(log: Log, plan: Plan, status: Status, stop: asyncio.Event) -> Blueprint | None:
    """Return what the session is made of: recorded by the process that has the feed, and awaited by the others.

    None where `stop` was set before there was any.
    """
    if plan.blueprint is not None:
        if await read_session(log) is None:
            # Before the session itself, which then never trades what is switched off, nor is without what it took.
            if plan.paused:
                await log.append([new_record(CONTROL, pause) for pause in plan.paused])
            keep_taken(plan.options.state, plan.taken)
        await open_session(log, plan.blueprint, time.time_ns())
        return plan.blueprint
    status.phase = WAITING
    while (session := await read_session(log)) is None:
        if stop.is_set():
            return None
        await log.wait(SESSIONS, 0, 0, _LOOK_EVERY_S)
    check_profile(session, plan.profile)
    return blueprint_of(session, plan.folders)


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


def stages_of(text: str) -> tuple[str, ...]:
    """Return the stages that a list with commas names, in their order; ConfigurationError for one that there is not."""
    named = [name.strip() for name in text.split(",") if name.strip()]
    for name in named:
        if name not in STAGES:
            known = ", ".join(STAGES)
            raise ConfigurationError(f"there is no stage {name}{did_you_mean(name, STAGES)}; there are {known}")
    if not named:
        raise ConfigurationError("no stage is named: leave out --stages to work all of them in one process")
    return tuple(stage for stage in STAGES if stage in named)
