"""The desk: the one place in a process that looks at a session, for all its screens, pages and programs.

It reads the event log, the portfolio store and the session's folder, each by itself: where one is away, the screens
keep what it last said, with the time of that, and say what is wrong. It acts through `operator.give` alone.
"""

import asyncio
import contextlib
import dataclasses
import functools
import logging
import pathlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import cast

from alpha_panda.apps.desk.drawing import Facts, draw
from alpha_panda.apps.desk.following import Following
from alpha_panda.apps.desk.histories import read_history
from alpha_panda.apps.desk.holdings import Holdings, OpenStore
from alpha_panda.apps.desk.lineages import shown_lineage
from alpha_panda.apps.desk.listing import listed_sessions
from alpha_panda.apps.desk.minutes import Minutes
from alpha_panda.apps.desk.models import (
    Bar,
    Happening,
    InstrumentTerms,
    Kind,
    Lineage,
    Page,
    Picture,
    SessionListing,
)
from alpha_panda.apps.desk.reports import Progress, Reports
from alpha_panda.apps.desk.showing import Shower
from alpha_panda.apps.desk.tape import Tape
from alpha_panda.apps.desk.viewers import Queue, Viewers
from alpha_panda.errors import AlphaPandaError, ConfigurationError, LogError, StoreError
from alpha_panda.live.control.commands import Spool
from alpha_panda.live.control.killswitch import KillSwitch
from alpha_panda.live.control.operator import Operator, Receipt, give
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import PnlSnapshot, Session, StageReport, Ticks
from alpha_panda.live.past.lineage import Lineages
from alpha_panda.live.payloads import events_of
from alpha_panda.live.session import profile_of, read_session
from alpha_panda.live.streams import Entry, missing_in
from alpha_panda.live.topics import (
    CONTROL,
    GAPS,
    SESSIONS,
    STAGES,
    BrokerTopics,
    Topic,
    market_ticks,
    topics_of_session,
)
from alpha_panda.live.watch.overview import market_time_ns

_TAPE_RECORDS, _SIGNALS_RECORDS, _REPORTS = 300, 2_000, 64
_FOLDER_EVERY_S, _LOG_EVERY_S, _STORE_EVERY_S, _PROGRESS_EVERY_S = 0.05, 0.1, 0.25, 1.0
_PICTURE_EVERY_S, _STILL_S = 0.1, 1.0  # at most ten pictures a second, and at least one
_AGAIN_S = 1.0  # until what was away is tried again
_TAPE_DEPTH = 1_000
_DIGITS = 15  # of an offset


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the desk looks at, and on which clocks."""

    state: pathlib.Path  # the session's folder
    open_log: Callable[[bool], Log]  # for reading only, or not; to be entered
    open_store: OpenStore
    folds: bool  # whether the store is this process's own, which nobody else fills
    embedded: Callable[[], bool]  # whether only the session itself can write its log
    running: Callable[[pathlib.Path], str]  # who writes the embedded log in a folder, or nothing
    wall_ns: Callable[[], int]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    boot_id: str  # of this process: another one after each start


class Desk:
    """One session, as it is shown; `run` keeps the picture up to date."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.state = surroundings.state
        self.boot_id = surroundings.boot_id
        self._around = surroundings
        self._switch = KillSwitch(surroundings.state, surroundings.monotonic)
        self._spool = Spool(surroundings.state)
        self._facts = Facts(surroundings.state.absolute().name)
        self._log: Log | None = None
        self._following: list[Following] = []
        self._news = asyncio.Event()
        self._pictures = Viewers[Picture](1)
        self._happenings = Viewers[tuple[Happening, ...]](_TAPE_DEPTH)
        self._listeners: list[Callable[[Picture], None]] = []
        self.picture = draw(self._facts, 0, surroundings.wall_ns())

    # ── What is asked ────────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.asynccontextmanager
    async def watch(self) -> AsyncGenerator[Queue[Picture]]:
        """Give the present picture and each that follows; whoever is too slow for all of them gets the latest."""
        async with self._pictures.watching(self.picture) as queue:
            yield queue

    @contextlib.asynccontextmanager
    async def watch_happenings(self) -> AsyncGenerator[Queue[tuple[Happening, ...]]]:
        """Give what happens from now on, in order; the oldest is dropped, and counted, for whoever is too slow."""
        async with self._happenings.watching() as queue:
            yield queue

    def listen(self, told: Callable[[Picture], None]) -> Callable[[], None]:
        """Call `told` with each picture from now on; return what ends that."""
        self._listeners.append(told)
        return functools.partial(self._listeners.remove, told)

    async def command(self, command: str, strategy: str, who: str, reason: str) -> Receipt:
        """Give the session a command, and return what became of it; a kill needs neither log nor store.

        Raises as `operator.give` does.
        """
        operator = Operator(
            state=self.state,
            who=who,
            time_ns=self._around.wall_ns(),
            monotonic=self._around.monotonic,
            open_log=self._around.open_log,
            embedded=self._around.embedded(),
        )
        receipt = await give(operator, command, strategy, reason)
        self._news.set()
        return receipt

    def instruments(self) -> tuple[InstrumentTerms, ...]:
        """Return what the session trades; nothing before it has begun."""
        return self._facts.shower.instruments() if self._facts.shower else ()

    def bars(self, symbol: str) -> tuple[Bar, ...]:
        """Return the minutes of the market's day of one instrument, oldest first.

        Raises ConfigurationError for an instrument that is none of the session's.
        """
        shower, minutes = self._facts.shower, self._facts.minutes
        if shower is None or minutes is None or symbol not in shower.universe.symbols:
            raise ConfigurationError(f"the session does not trade {symbol}: name one of its instruments")
        return minutes.of(shower.universe.symbols.index(symbol))

    async def history(self, kind: Kind, cursor: str | None, limit: int) -> Page:
        """Return rows of a history from the log, newest first: the newest, or those before a cursor.

        Raises ConfigurationError for a cursor that came with no page of this kind, and for more than a page can hold;
        LogError while the log is away.
        """
        log, session, shower = self._at_hand()
        topics = BrokerTopics.of(shower.profile.account.broker, session.partitions)
        return await read_history(log, topics, shower, kind, cursor, limit)

    async def lineage(self, order_id: int) -> Lineage:
        """Return the way of an order, from the log.

        Raises ConfigurationError for one that the account has not made, LogError while the log is away.
        """
        log, session, shower = self._at_hand()
        return shown_lineage(await Lineages(log, session).of_order(order_id), shower)

    async def lineage_of(self, cursor: str) -> Lineage:
        """Return the way of a refused decision, which its cursor names; raises what `lineage` raises."""
        log, session, shower = self._at_hand()
        topic, _, offset = cursor.rpartition(":")
        rejected = BrokerTopics.of(shower.profile.account.broker).signals_rejected.name
        if topic != rejected or not (offset.isascii() and offset.isdecimal() and len(offset) <= _DIGITS):
            raise ConfigurationError(f"{cursor!r} names no refusal: take the cursor of one that is shown")
        return shown_lineage(await Lineages(log, session).of_refusal(int(offset)), shower)

    def sessions(self) -> tuple[SessionListing, ...]:
        """Return the sessions whose folders lie beside that of this one, the newest first."""
        return listed_sessions(self.state, self._around.running)

    def _at_hand(self) -> tuple[Log, Session, Shower]:
        """Return the log and whose it is, for whoever looks further back; LogError while the log is away."""
        facts = self._facts
        if self._log is None or facts.session is None or facts.shower is None:
            raise LogError(f"the event log cannot be read now: {facts.sources['log'].trouble or 'it is being opened'}")
        return self._log, facts.session, facts.shower

    # ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Look at the session until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_at_log())
            tasks.create_task(self._look_at_folder())
            tasks.create_task(self._take_pictures())

    async def _take_pictures(self) -> None:
        """Draw a picture when there is news, and once a second when there is none."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STILL_S):
                    await self._news.wait()
            self._news.clear()
            self.picture = draw(self._facts, self.picture.number + 1, self._around.wall_ns())
            self._pictures.tell(self.picture)
            for told in list(self._listeners):
                told(self.picture)
            await self._around.sleep(_PICTURE_EVERY_S)

    async def _look_at_folder(self) -> None:
        """Follow the kill latch and the commands that wait, which need no log."""
        facts, source = self._facts, self._facts.sources["folder"]
        while True:
            latch, trouble = self._switch.engaged(), ""
            try:
                waiting = len(self._spool.files())
            except OSError as error:
                waiting, trouble = facts.commands_waiting, f"{self.state} cannot be read: {error.strerror}"
            source.note(self._around.wall_ns(), trouble)
            if (latch, waiting) != (facts.latch, facts.commands_waiting):
                facts.latch, facts.commands_waiting = latch, waiting
                self._news.set()
            await self._around.sleep(_FOLDER_EVERY_S)

    async def _look_at_log(self) -> None:
        """Follow the log for as long as it can be read, and again once it can be."""
        while True:
            try:
                async with self._around.open_log(True) as log:
                    await self._follow(log)
            except* AlphaPandaError as failures:
                self._facts.sources["log"].note(self._around.wall_ns(), str(_first(failures)))
            except* Exception as failures:  # the kill latch and its button are shown whatever defect there is
                logging.getLogger(__name__).exception("the desk cannot show what the log says")
                self._facts.sources["log"].note(self._around.wall_ns(), f"a defect of ours: {_first(failures)}")
            finally:
                self._log = None
            self._news.set()
            await self._around.sleep(_AGAIN_S)

    async def _follow(self, log: Log) -> None:
        while (session := await read_session(log)) is None:
            self._facts.sources["log"].note(self._around.wall_ns(), "")
            await log.wait(SESSIONS, 0, 0, _AGAIN_S)
        topics = self._begin(session)
        self._log = log
        holdings = Holdings(self._around.open_store, self._around.folds, session, topics)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_tape(log))
                tasks.create_task(self._follow_ticks(log, session.partitions))
                tasks.create_task(self._follow_progress(log, topics, session.partitions))
                tasks.create_task(self._follow_holdings(log, holdings))
        finally:
            await holdings.close()

    def _begin(self, session: Session) -> BrokerTopics:
        """Note what the session is made of, unless it is known already, and return its topics."""
        facts, profile = self._facts, profile_of(session)
        topics = BrokerTopics.of(profile.account.broker, session.partitions)
        if facts.session != session:
            facts.session, facts.embedded = session, self._around.embedded()
            facts.shower = Shower(session, profile)
            facts.tape, facts.reports = Tape(facts.shower), Reports()
            facts.minutes, facts.portfolio = Minutes(len(facts.shower.universe)), None
            self._following = [
                Following(STAGES, latest=_REPORTS),
                Following(CONTROL),
                Following(topics.pnl_snapshots),
                *(Following(topics.signals_raw, each, _SIGNALS_RECORDS) for each in range(session.partitions)),
                *(Following(topic, latest=_TAPE_RECORDS) for topic in topics.of_account()[:-1]),
            ]
            self._ticks = [Following(market_ticks(session.partitions), each) for each in range(session.partitions)]
        return topics

    async def _follow_tape(self, log: Log) -> None:
        """Take in what stages, account and people say."""
        for each in self._following:
            await each.begin(log)
        up_to_date = False
        while True:
            entries = [entry for each in self._following for entry in await each.read()]
            lines = self._take(entries, up_to_date)
            self._facts.sources["log"].note(self._around.wall_ns(), "")
            self._facts.missing = missing_in(reader for each in self._following for reader in each.missing)
            if lines:
                self._happenings.tell(tuple(lines))
            if entries:
                self._news.set()
            else:
                up_to_date = True
                await self._around.sleep(_LOG_EVERY_S)

    def _take(self, entries: Sequence[Entry], up_to_date: bool) -> list[Happening]:
        """Keep what was read from several topics, in the order of time, and return the lines of the tape in it.

        Until the reading is `up_to_date`, what the account said may be older than its last report.
        """
        assert self._facts.tape is not None
        lines: list[Happening] = []
        for entry in sorted(entries, key=lambda entry: entry.message.time_ns):
            if isinstance(entry.message.data, StageReport):
                self._facts.reports.take(entry.message.data)
                continue
            if isinstance(entry.message.data, PnlSnapshot) and up_to_date:
                self._facts.reports.note(entry.message.data)
            if line := self._facts.tape.take(entry):
                lines.append(line)
        return lines

    async def _follow_ticks(self, log: Log, partitions: int) -> None:
        """Add up the session's events, from its beginning on."""
        facts = self._facts
        assert facts.minutes is not None
        for each in self._ticks:
            await each.begin(log)
        while True:
            frames = [entry.message.data for each in self._ticks for entry in await each.read()]
            for ticks in frames:
                if isinstance(ticks, Ticks):
                    facts.minutes.add(events_of(ticks))
            if frames:
                facts.heard_ns = self._around.wall_ns()
                await asyncio.sleep(0)  # a long log is read while requests are answered
            else:
                await self._around.sleep(_LOG_EVERY_S)

    async def _follow_progress(self, log: Log, topics: BrokerTopics, partitions: int) -> None:
        """Look up how far each stage is behind the log, and how much there is that nobody could process."""
        known = {topic.name: topic for topic in topics_of_session([topics.broker], partitions)}
        letters = [topic for topic in known.values() if topic.name.endswith(".dlq")]
        while True:
            for stage, report in self._facts.reports.shown():
                if report is not None:
                    self._facts.reports.progress[stage, report.holder] = await _progress(log, known, report)
            self._facts.dead_letters = sum([await log.end(topic, 0) for topic in letters])
            self._facts.gaps = await log.end(GAPS, 0)
            await self._around.sleep(_PROGRESS_EVERY_S)

    async def _follow_holdings(self, log: Log, holdings: Holdings) -> None:
        """Follow the portfolio store, which may go away by itself."""
        source, begun = self._facts.sources["store"], False
        while True:
            try:
                if not begun:
                    await holdings.begin(log)
                    begun = True
                if await holdings.look():
                    self._facts.portfolio = holdings.portfolio
                    self._news.set()
                source.note(self._around.wall_ns(), "")
            except StoreError as error:
                source.note(self._around.wall_ns(), str(error))
                begun = False
                await self._around.sleep(_AGAIN_S)
            await self._around.sleep(_STORE_EVERY_S)


async def _progress(log: Log, known: dict[str, Topic], report: StageReport) -> Progress:
    """Return how far a stage is behind what it reads, and how far in the market it has come."""
    reads = [(known[place.topic], place.partition, place.offset) for place in report.places if place.topic in known]
    if not reads:
        ticks: Sequence[tuple[Topic, int, int]] = [
            (known[market_ticks().name], each, await log.end(known[market_ticks().name], each))
            for each in report.partitions
        ]
        return Progress(None, max([await market_time_ns(log, *place) for place in ticks], default=0))
    lag = sum([await log.end(topic, partition) - offset for topic, partition, offset in reads])
    return Progress(lag, max([await market_time_ns(log, *place) for place in reads]))


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first failure of a group, or of the groups in it."""
    first = failures.exceptions[0]
    return _first(cast(BaseExceptionGroup[BaseException], first)) if isinstance(first, BaseExceptionGroup) else first
