"""What happens to alarms, written to the database in order, and kept until it can be."""

import asyncio
import collections
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence

from alpha_panda.apps.alerts.alarms import Adopted, Alarm, Episode, Shelf
from alpha_panda.apps.alerts.engine import BY_ITSELF, Known
from alpha_panda.apps.alerts.rule import id_of
from alpha_panda.apps.alerts.rules import RULES
from alpha_panda.database.alerts import AlertRow, Alerts
from alpha_panda.database.repositories import Database
from alpha_panda.errors import DatabaseError, UnknownRowError

WAITING = 10_000
"""Writings that may wait for the database; the oldest are given up."""

_AGAIN_S = 2.0
_ROWS = 1_000
_SETTLED_BY_HAND = frozenset(rule.name for rule in RULES if rule.settled_by_hand)

Writing = Callable[[Database], Awaitable[object]]


def name_of(session: str, key: str) -> str:
    """Return the key of an alarm in the database, where those of many sessions stand."""
    return f"{session}/{key}"


@dataclasses.dataclass(frozen=True)
class Deed:
    """What somebody did about an alarm, and the request that it came with."""

    who: str
    action: str
    detail: str
    correlation_id: str
    address: str


class Keeper:
    """Writes what happens to the alarms of one session; `well` says whether the database takes it."""

    def __init__(
        self,
        database: Database,
        session: str,
        wall_ns: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.well = True
        self._database, self._session, self._wall_ns, self._sleep = database, session, wall_ns, sleep
        self._waiting: collections.deque[Writing] = collections.deque(maxlen=WAITING)
        self._put_count = 0
        self._something = asyncio.Event()
        self._nothing = asyncio.Event()
        self._nothing.set()

    # ── What is written ──────────────────────────────────────────────────────────────────────────────────────────────

    def raised(self, alarm: Alarm, title: str) -> None:
        """Write that an alarm was raised, or is worse than it was."""
        rule, measure, episode, now_ns = alarm.rule, alarm.measure, alarm.episode, self._wall_ns()
        times = alarm.count - episode.count
        episode.figure, episode.count, episode.returned = measure.figure, alarm.count, False
        key, figures = name_of(self._session, measure.key), {"figure": measure.figure, "limit": measure.limit}
        priority = alarm.priority

        async def write(database: Database) -> None:
            row = await database.alerts.open(rule.name, key, priority, title, measure.cause, figures, now_ns, times)
            episode.number = row.id

        self._put(write)

    def returned(self, alarm: Alarm) -> None:
        """Write that an alarm is no longer so, and that nobody has acknowledged it."""
        alarm.episode.returned, returned_ns = True, alarm.returned_ns
        self._put_of(alarm.episode, lambda alerts, number: alerts.note_returned(number, returned_ns))

    def told(self, episode: Episode) -> None:
        """Write that a message about it has arrived somewhere."""
        now_ns = self._wall_ns()
        self._put_of(episode, lambda alerts, number: alerts.note_told(number, now_ns))

    def acknowledged(self, episode: Episode, who: str) -> None:
        """Write that somebody knows."""
        now_ns = self._wall_ns()
        self._put_of(episode, lambda alerts, number: alerts.acknowledge(number, who, now_ns))

    def closed(self, episode: Episode, who: str) -> None:
        """Write that it is over."""
        now_ns = self._wall_ns()
        self._put_of(episode, lambda alerts, number: alerts.resolve(number, who, now_ns))

    def _put_of(self, episode: Episode, change: Callable[[Alerts, int], Awaitable[object]]) -> None:
        async def write(database: Database) -> None:
            if episode.number is not None:
                await change(database.alerts, episode.number)

        self._put(write)

    def shelved(self, alarm: Alarm, shelf: Shelf) -> None:
        """Write until when an alarm is shelved."""
        rule, key = alarm.rule.name, name_of(self._session, alarm.measure.key)

        async def write(database: Database) -> None:
            await database.alerts.suppress(rule, key, shelf.until_ns, shelf.who, shelf.reason)

        self._put(write)

    def audited(self, deed: Deed, target: str) -> None:
        """Write who did what."""
        now_ns = self._wall_ns()

        async def write(database: Database) -> None:
            who, action = deed.who, f"alert.{deed.action}"
            await database.audit.add(
                who, action, target, deed.detail, "done", deed.correlation_id, deed.address, now_ns
            )

        self._put(write)

    def _put(self, writing: Writing) -> None:
        self._waiting.append(writing)
        self._put_count += 1
        self._nothing.clear()
        self._something.set()

    async def written(self, patience_s: float) -> bool:
        """Wait until all is written, and return whether it is."""
        try:
            async with asyncio.timeout(patience_s):
                await self._nothing.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Write what waits, in order, until cancelled; what cannot be written now is tried again."""
        while True:
            while self._waiting:
                writing = self._waiting[0]
                while not await self._tried(writing):
                    await self._sleep(_AGAIN_S)
                if self._waiting[0] is writing:  # which has not given way meanwhile
                    self._waiting.popleft()
            self._nothing.set()
            self._something.clear()
            await self._something.wait()

    async def _tried(self, writing: Writing) -> bool:
        try:
            await writing(self._database)
        except UnknownRowError:
            logging.getLogger(__name__).warning("somebody has removed the row of an alarm from the database")
        except DatabaseError:
            self.well = False
            return False
        self.well = True
        return True

    # ── What is known ────────────────────────────────────────────────────────────────────────────────────────────────

    async def known(self, shown: Collection[int] = ()) -> Known | None:
        """Return what the database knows of this session's alarms, of which those with these numbers are `shown`.

        None where it does not answer, or not of all.
        """
        alerts, put, within = self._database.alerts, self._put_count, name_of(self._session, "")
        if self._waiting:
            return None
        try:
            open_rows = await alerts.list(("open", "acknowledged"), _ROWS, within=within)
            resolved = await alerts.list(("resolved",), _ROWS, within=within, rules=_SETTLED_BY_HAND)
            gone = [await alerts.get(number) for number in {*shown} - {row.id for row in open_rows}]
            suppressions = await alerts.suppressions(self._wall_ns())
        except DatabaseError:
            self.well = False
            return None
        if self._put_count != put:
            return None  # what was read is older than what happened since
        self.well = True
        # The newest come first, and count.
        settled = {id_of(rule, key): _figure(row) for rule, key, row in reversed(list(self._ours(resolved)))}
        shelves = {
            id_of(each.rule, key): Shelf(each.until_ns, each.who, each.reason)
            for each in suppressions
            if (key := self._key(each.key)) is not None
        }
        adopted = [_adopted(rule, key, row) for rule, key, row in self._ours(open_rows)]
        closed = {row.id: row.resolved_by or BY_ITSELF for row in gone if row is not None and row.state == "resolved"}
        return Known(adopted, shelves, settled, closed)

    def _ours(self, rows: Sequence[AlertRow]) -> Iterator[tuple[str, str, AlertRow]]:
        for row in rows:
            if (key := self._key(row.key)) is not None:
                yield row.rule, key, row

    def _key(self, kept: str) -> str | None:
        """Return the key of an alarm of this session; None for one of another."""
        prefix = name_of(self._session, "")
        return kept.removeprefix(prefix) if kept.startswith(prefix) else None


def _adopted(rule: str, key: str, row: AlertRow) -> Adopted:
    return Adopted(
        number=row.id,
        rule=rule,
        key=key,
        cause=row.detail,
        figure=_figure(row),
        count=row.count,
        raised_ns=row.first_ns,
        returned_ns=row.returned_ns or 0,
        acknowledged_ns=row.acknowledged_ns or 0,
        acknowledged_by=row.acknowledged_by or "",
        told=row.told_count,
        told_ns=row.told_ns or 0,
    )


def _figure(row: AlertRow) -> float:
    return float(row.figures.get("figure") or 0.0)
