"""The portfolio folded anew from the log, and the portfolio that a store shows held against the log.

Both may be done while the session goes on: whoever folds, a record counts once, and what is compared is what the store
says it has folded.
"""

import asyncio
import dataclasses
import json
import pathlib

import msgspec

from alpha_panda.live.build import open_log, open_store
from alpha_panda.live.log.base import Log
from alpha_panda.live.portfolio import Folding, session_name, topics_of
from alpha_panda.live.session import begun, read_session
from alpha_panda.live.store.base import Change, Dump, Store
from alpha_panda.live.streams import Reader
from alpha_panda.live.topics import BrokerTopics, Topic
from alpha_panda.terminal import Progress

_RECORDS = 4096


@dataclasses.dataclass(frozen=True)
class RebuildReport:
    """What was folded of which session, and where the store differed from it, if that was asked."""

    state: pathlib.Path
    broker: str
    session: str
    records: int
    difference: str = ""

    @property
    def holds(self) -> bool:
        """Whether the store shows what the log says, to the byte."""
        return not self.difference


def rebuild(state: pathlib.Path, redis: str | None, tell: Progress) -> RebuildReport:
    """Fold the portfolio of the session in `state` anew, into the Redis server at `redis`.

    Raises RecoveryError where no session has begun, LogError and StoreError where log or store cannot be reached.
    """
    return asyncio.run(_rebuild(state, redis, tell))


def check(state: pathlib.Path, redis: str | None, tell: Progress) -> RebuildReport:
    """Hold what the Redis server at `redis` shows against a fold of the session in `state` made for it, byte for byte.

    Raises what `rebuild` raises.
    """
    return asyncio.run(_check(state, redis, tell))


async def _rebuild(state: pathlib.Path, redis: str | None, tell: Progress) -> RebuildReport:
    async with open_log(state, read_only=True) as log, await open_store(redis) as store:
        report, topics = await _begun(state, log)
        await store.flush(topics.broker)
        folding, records = Folding(log, store, topics), 0
        await folding.begin()
        total = await folding.behind()
        while entries := await folding.step(_RECORDS):
            records += len(entries)
            tell(records, max(total, records), f"portfolio of {topics.broker}")
        return dataclasses.replace(report, records=records)


async def _check(state: pathlib.Path, redis: str | None, tell: Progress) -> RebuildReport:
    async with open_log(state, read_only=True) as log, await open_store(redis) as store, await open_store(None) as own:
        report, topics = await _begun(state, log)
        held = await store.dump(topics.broker)
        if held.session != report.session:
            shown = f"the session {held.session}" if held.session else f"nothing of {topics.broker}"
            return dataclasses.replace(report, difference=f"it shows {shown}, and the log is that of {report.session}")
        await own.begin(topics.broker, report.session)
        expected = _Expected(log, own, report, held)
        for topic in topics_of(topics):
            if not expected.missing:
                await expected.fold(topic, tell)
        difference = expected.missing or _difference(held, await own.dump(topics.broker))
        if not difference and expected.behind:
            difference = f"it is {expected.behind:,} records behind, and right up to there"
        return dataclasses.replace(report, records=expected.records, difference=difference)


async def _begun(state: pathlib.Path, log: Log) -> tuple[RebuildReport, BrokerTopics]:
    """Return the report of a session of which nothing was folded yet, and the topics of its account."""
    session = begun(await read_session(log), state)
    broker = json.loads(session.profile)["account"]["broker"]
    return RebuildReport(state, broker, session_name(session), 0), BrokerTopics.of(broker)


class _Expected:
    """The fold of as much of the log as a store says that it has folded, in a store of its own."""

    def __init__(self, log: Log, store: Store, report: RebuildReport, held: Dump) -> None:
        self.records = 0
        self.behind = 0
        self.missing = ""
        self._log = log
        self._store = store
        self._report = report
        self._held = held

    async def fold(self, topic: Topic, tell: Progress) -> None:
        """Fold a topic up to where the store is, and count what is left."""
        report, reader = self._report, Reader(self._log, topic)
        place = self._held.places.get((topic.name, 0))
        while left := (place.sequence if place else 0) - reader.sequence:
            entries = await reader.read(min(left, _RECORDS))
            if not entries:
                self.missing = f"it has folded {left:,} records of {topic.name} that are not on the log"
                return
            changes = [Change(entry.next_place, entry.message.data) for entry in entries]
            await self._store.apply(report.broker, report.session, changes)
            self.records += len(entries)
            tell(self.records, self.records + left - len(entries), topic.name)
        while entries := await reader.read(_RECORDS):
            self.behind += len(entries)


def _difference(held: Dump, expected: Dump) -> str:
    """Return the first difference in words; nothing where there is none."""
    for name, field in sorted(held.figures.keys() | expected.figures.keys()):
        ours, theirs = held.figures.get((name, field)), expected.figures.get((name, field))
        if ours != theirs:
            where = f"{_readable(name)} {_readable(field)}" if field else _readable(name)
            return f"{where} is {_readable(ours)} in Redis and {_readable(theirs)} by the log"
    return ""


def _readable(value: bytes | None) -> str:
    """Return what is kept as a person reads it: text as it is, a message by its figures."""
    if not value:
        return "not there" if value is None else "there"
    if value.isascii():
        return value.decode()
    try:
        return str(msgspec.msgpack.decode(value))
    except (msgspec.MsgspecError, ValueError):
        return value.hex()
