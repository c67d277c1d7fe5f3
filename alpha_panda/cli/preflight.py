"""What `alpha-panda doctor` asks before a session starts; nothing here changes anything.

Each check answers for itself, so that one look says all that stands in the way.
"""

import asyncio
import datetime
import json
import os
import pathlib
import shutil
import stat
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import redis

from alpha_panda.chain import load_strategies
from alpha_panda.cli.findings import Check, Finding, fail, fine, warn
from alpha_panda.config import Profile, load_profile
from alpha_panda.database import database_url
from alpha_panda.errors import LogError
from alpha_panda.kernels.commands import command_block
from alpha_panda.kernels.jit import cache_directory, kernels_digest, python_function
from alpha_panda.kernels.replay import account_block, strategy_block
from alpha_panda.live.build import (
    REDIS_URL,
    has_embedded_log,
    kafka_address,
    log_writer,
    open_log,
    redis_url,
    topic_differences,
)
from alpha_panda.live.control.configured import Beginning, beginning
from alpha_panda.live.control.killswitch import KillSwitch
from alpha_panda.live.envelope import VERSION, version_of
from alpha_panda.live.log.base import Log
from alpha_panda.live.session import blueprint_of, check_profile, read_session
from alpha_panda.live.snapshots import latest_snapshot
from alpha_panda.live.topics import topics_of_session
from alpha_panda.sessions import days, known_years
from alpha_panda.units import SECOND_NS, ist_date, ist_datetime

DISK_WARN_BYTES, DISK_FAIL_BYTES = 5 * 10**9, 500 * 10**6
SKEW_WARN_NS, SKEW_FAIL_NS = SECOND_NS // 2, 2 * SECOND_NS

_ANSWER_S = 5.0
_LOG_S = 30.0
_CALENDAR = "NSE_EQ"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

Answer = TypeVar("Answer")
Clock = Callable[[], int]


@dataclass(frozen=True)
class Preflight:
    """The checks of one session before it starts: its `state` folder, its `profile`, and the machine's `clock`."""

    state: pathlib.Path
    profile: pathlib.Path
    clock: Clock  # nanoseconds UTC

    def checks(self) -> dict[str, Check]:
        """Return every check by its name, in the order in which they are made."""
        return {
            "profile": self._profile,
            "code": self._code,
            "compiled": self._compiled,
            "state folder": self._folder,
            "room": lambda: room(self.state),
            "event log": self._log,
            "session": self._session,
            "messages": self._messages,
            "clock": self._clock,
            "calendar": self._calendar,
            "kill latch": self._latch,
        }

    # ── What it runs ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _loaded(self) -> Profile:
        return load_profile(self.profile)

    @property
    def _folders(self) -> Sequence[pathlib.Path]:
        return [self.profile.parent.parent / "strategies"]

    def _profile(self) -> Finding:
        profile, taken, _ = self._beginning()
        names = ", ".join(terms.name for terms in profile.strategies)
        told = "".join(f"; version {each.version} of {each.name} is the database's" for each in taken)
        return fine(f"{self.profile} trades {names} on {profile.account.broker}{told}")

    def _beginning(self) -> Beginning:
        """Return what the session begins with, where operators may have told strategies something else."""
        return beginning(self.profile, self.state, database_url())

    def _code(self) -> Finding:
        names = dict.fromkeys(strategy.name for strategy in load_strategies(self._beginning().profile, self._folders))
        return fine(f"{', '.join(names)} can be loaded; the kernels are {kernels_digest()}")

    def _compiled(self) -> Finding:
        """Look whether the machine code of each block lies in the cache, by the name that it is kept under."""
        strategies = load_strategies(self._loaded(), self._folders)
        blocks = [account_block, command_block, *(strategy_block(each.step, each.step_all) for each in strategies)]
        names = {str(python_function(block).__qualname__) for block in blocks}
        missing = [name for name in sorted(names) if not any(cache_directory().rglob(f"*.{name}-*.nbc"))]
        if missing:
            return warn(
                f"{len(missing)} of {len(names)} blocks are not compiled yet, which takes the start up to a minute: "
                "start so much earlier"
            )
        return fine(f"all {len(names)} blocks lie in the cache")

    # ── Where it is kept ─────────────────────────────────────────────────────────────────────────────────────────────

    def _folder(self) -> Finding:
        """Look whether the folder can be written, and by nobody else: broker keys will lie in it."""
        if not self.state.exists():
            above = existing(self.state)
            return fine(f"{self.state} will be made") if _writable(above) else fail(_unwritable(above))
        if not _writable(self.state):
            return fail(_unwritable(self.state))
        mode = stat.S_IMODE(self.state.stat().st_mode)
        if mode & _OTHERS:
            return warn(
                f"others on this machine may look into {self.state}, its mode is {mode:o}: chmod 700 {self.state}"
            )
        return fine(f"{self.state} is yours alone")

    def _address(self) -> str:
        return kafka_address(self._loaded(), self.state)

    def _log(self) -> Finding:
        address = self._address()
        if not address:
            return self._embedded_log()
        profile = self._loaded()
        topics = topics_of_session([profile.account.broker], profile.log.partitions)
        different = within(_LOG_S, topic_differences(address, self.state, topics))
        session = self.state.absolute().name
        if different:
            more = f" (and {len(different) - 1} more)" if len(different) > 1 else ""
            advice = f"make missing ones with `alpha-panda topics create --session {session}`, or take another name"
            return fail(f"on Kafka at {address} {different[0]}{more}: {advice}")
        return fine(f"Kafka at {address} answers and has the {len(topics)} topics of {session}")

    def _embedded_log(self) -> Finding:
        writer = log_writer(self.state)
        if writer:
            return fail(f"the event log in {self.state} is in use by {writer}: stop it first, or name another --state")
        kept = "is kept" if has_embedded_log(self.state) else "will be kept"
        return fine(f"the event log {kept} in {self.state}, and nobody writes to it")

    def _session(self) -> Finding:
        """Look whether the session that was begun in the folder is one that this profile and this code go on with."""
        began = within(_LOG_S, self._on_log(self._recorded))
        return fine("a new one will begin" if began is None else f"the one of {began:%Y-%m-%d %H:%M} IST goes on")

    async def _recorded(self, log: Log) -> datetime.datetime | None:
        """Return when the session on the log began; RecoveryError where it was with another profile or other code."""
        session = await read_session(log)
        if session is None:
            return None
        check_profile(session, self._loaded())
        blueprint = blueprint_of(session, self._folders)
        await latest_snapshot(log, blueprint.topics.snapshots, blueprint.code_digest)
        for partition in range(session.partitions):
            await latest_snapshot(log, blueprint.topics.signals_snapshots, blueprint.code_digest, partition)
        return ist_datetime(session.started_ns)

    def _messages(self) -> Finding:
        """Look at the last record of every partition: nothing there may be newer than this program."""
        newest = within(_LOG_S, self._on_log(_newest_version))
        if newest is not None and newest > VERSION:
            return fail(f"the log holds messages of version {newest} and this program knows {VERSION}: run a later one")
        return fine(f"none is newer than version {VERSION}, which this program writes")

    async def _on_log(self, ask: Callable[[Log], Awaitable[Answer]]) -> Answer | None:
        """Return what the log answers; None where there is no log yet."""
        if not self._address() and not has_embedded_log(self.state):
            return None
        async with open_log(self.state, read_only=True, profile=self._loaded()) as log:
            return await ask(log)

    # ── When it runs ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _clock(self) -> Finding:
        """Compare this machine's clock with that of the Redis server: between two readings of ours lies its answer."""
        url = redis_url()
        if not url:
            return fine(f"there is no server to compare it with, as {REDIS_URL} names none")
        with redis.Redis.from_url(url, socket_connect_timeout=_ANSWER_S, socket_timeout=_ANSWER_S) as client:
            client.ping()  # so that connecting is not taken for time that passes
            before_ns = self.clock()
            seconds, microseconds = client.time()
            after_ns = self.clock()
        there_ns = seconds * SECOND_NS + microseconds * 1_000
        # So far apart they are at least, whenever in between it answered.
        skew_ns = max(before_ns - there_ns, there_ns - after_ns, 0)
        detail = f"it is {skew_ns / SECOND_NS:.3f} s from that of the Redis server"
        if skew_ns > SKEW_WARN_NS:
            found = fail if skew_ns > SKEW_FAIL_NS else warn
            return found(f"{detail}: let both follow the same time server, as chrony does")
        return fine(detail)

    def _calendar(self) -> Finding:
        today = ist_date(self.clock())
        first, last = known_years()
        if not first <= today <= last:
            return fail(
                f"holidays are known from {first} to {last}, and {today} is not among those days: run a later version"
            )
        (day,) = days(_CALENDAR, today, today)
        if not day.sessions:
            why = f", {day.reason}" if day.reason else ""
            return warn(
                f"{today} is no day of trading ({day.kind}{why}): only the past or a synthetic day can be traded"
            )
        return fine(f"{today} is a {day.kind}")

    def _latch(self) -> Finding:
        latch = KillSwitch(self.state, lambda: 0.0).engaged()
        if latch is None:
            return fine("it is not engaged")
        when = f" on {ist_datetime(latch.time_ns):%Y-%m-%d at %H:%M:%S} IST" if latch.time_ns else ""
        return fail(f"{latch.who} stopped all trading{when}, {latch.reason}: `alpha-panda reset` lets it go on")


def room(path: pathlib.Path) -> Finding:
    """Look how much room there is on the disk that `path` lies on, or will lie on."""
    free = shutil.disk_usage(existing(path)).free
    detail = f"{free / 10**9:.1f} GB free in {path.absolute()}"
    if free < DISK_FAIL_BYTES:
        return fail(f"{detail}: a session's log would not fit, make room")
    return warn(f"{detail}: enough for a day, make room soon") if free < DISK_WARN_BYTES else fine(detail)


def existing(path: pathlib.Path) -> pathlib.Path:
    """Return `path`, or the nearest folder above it that there is."""
    path = path.absolute()
    return next(each for each in (path, *path.parents) if each.exists())


def _writable(path: pathlib.Path) -> bool:
    return path.is_dir() and os.access(path, os.W_OK | os.X_OK)


def _unwritable(path: pathlib.Path) -> str:
    return f"{path} is no folder in which you may write: name another --state, or correct its rights"


def within(seconds: float, answer: Coroutine[Any, Any, Answer]) -> Answer:
    """Return an answer that is awaited; LogError where it takes longer."""

    async def awaited() -> Answer:
        async with asyncio.timeout(seconds):
            return await answer

    try:
        return asyncio.run(awaited())
    except TimeoutError:
        raise LogError(f"the event log did not answer within {seconds:.0f} s: look whether it is overloaded") from None


async def _newest_version(log: Log) -> int:
    """Return the highest version among the last records of a session's topics."""
    session = await read_session(log)
    if session is None:
        return 0
    broker = json.loads(session.profile)["account"]["broker"]
    newest = 0
    for topic in topics_of_session([broker], session.partitions):
        for partition in range(topic.partitions):
            end = await log.end(topic, partition)
            last = await log.read(topic, partition, end - 1, 1) if end else []
            newest = max([newest, *(version_of(record.value) for record in last)])
    return newest
