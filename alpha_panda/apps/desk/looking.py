"""Looking at a session's log and its portfolio store, and keeping the facts of both, whatever goes away meanwhile."""

import asyncio
import dataclasses
import logging
import pathlib
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import numpy as np

from alpha_panda.apps.desk.drawing import Facts
from alpha_panda.apps.desk.following import Following, last_that
from alpha_panda.apps.desk.freshness import Freshness
from alpha_panda.apps.desk.holdings import Holdings, OpenStore
from alpha_panda.apps.desk.minutes import Minutes
from alpha_panda.apps.desk.models import Happening
from alpha_panda.apps.desk.reports import Reports, says_money
from alpha_panda.apps.desk.showing import Shower
from alpha_panda.apps.desk.tape import Tape
from alpha_panda.errors import AlphaPandaError, LogError, StoreError
from alpha_panda.kernels.records import EVENT
from alpha_panda.live.build import LOG_FILE
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import PnlSnapshot, Session, StageReport, Ticks
from alpha_panda.live.payloads import events_of
from alpha_panda.live.portfolio import topics_of
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
from alpha_panda.live.watch.redaction import Redaction
from alpha_panda.units import SECOND_NS

_NO_EVENTS = np.zeros(0, EVENT)
_TAPE_RECORDS, _SIGNALS_RECORDS, _REPORTS = 300, 2_000, 64
_MANY = 256  # records at once: there are more, and they are read without a pause
_LOG_EVERY_S, _STORE_EVERY_S, _PROGRESS_EVERY_S = 0.1, 0.25, 1.0
_AGAIN_S = 1.0  # until what was away is tried again


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
    fit: Callable[[str], str] = Redaction(()).text  # makes a sentence fit to be shown: it may quote a secret


class LogLook:
    """Keeps `facts` of what the log and the store say; `news` is called with whatever lines there are of the tape."""

    def __init__(self, surroundings: Surroundings, facts: Facts, news: Callable[[Sequence[Happening]], None]) -> None:
        self.log: Log | None = None  # while it can be read
        self._around = surroundings
        self._facts = facts
        self._news = news
        self._began_ns = surroundings.wall_ns()
        self._following: list[Following] = []
        self._raw: list[Following] = []  # those of them that have the signals
        self._ticks: list[Following] = []

    async def run(self) -> None:
        """Follow the log for as long as it can be read, and again once it can be, until cancelled."""
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
                self.log = None
            self._news(())
            await self._around.sleep(_AGAIN_S)

    async def _follow(self, log: Log) -> None:
        file = self._file()
        while (session := await read_session(log)) is None:
            self._facts.session = None
            self._facts.sources["log"].note(self._around.wall_ns(), "")
            await log.wait(SESSIONS, 0, 0, _AGAIN_S)
            self._check_same(file)
        # What a session said before anybody here looked is no news to those who follow it.
        news = self._facts.session == session or session.started_ns >= self._began_ns
        topics = self._begin(session)
        self.log = log
        holdings = Holdings(self._around.open_store, self._around.folds, session, topics)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_tape(log, news))
                tasks.create_task(self._follow_ticks(log, session.partitions))
                tasks.create_task(self._follow_progress(log, topics, session.partitions))
                tasks.create_task(self._follow_holdings(log, holdings))
                tasks.create_task(self._watch_file(file))
        finally:
            await holdings.close()

    async def _watch_file(self, file: tuple[int, int] | None) -> None:
        """See once a second that the log is still the one that is read: a file that was removed reads on as it was."""
        while True:
            self._check_same(file)
            await self._around.sleep(_PROGRESS_EVERY_S)

    def _check_same(self, file: tuple[int, int] | None) -> None:
        if self._file() != file:
            raise LogError(f"the event log in {self._around.state} was removed, or another one put in its place")

    def _file(self) -> tuple[int, int] | None:
        """Return which file the log is; None where it is none, or not there."""
        try:
            status = (self._around.state / LOG_FILE).stat()
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    def _begin(self, session: Session) -> BrokerTopics:
        """Note what the session is made of, unless it is known already, and return its topics."""
        facts, profile = self._facts, profile_of(session)
        topics = BrokerTopics.of(profile.account.broker, session.partitions)
        if facts.session != session:
            facts.session, facts.embedded = session, self._around.embedded()
            facts.shower = Shower(session, profile)
            facts.tape, facts.reports = Tape(facts.shower), Reports()
            facts.minutes, facts.portfolio = Minutes(len(facts.shower.universe)), None
            facts.freshness = Freshness(topics_of(topics))
            facts.dead_letters = facts.gaps = facts.heard_ns = facts.market_ns = 0
            partitions = range(session.partitions)
            self._raw = [Following(topics.signals_raw, each, _SIGNALS_RECORDS) for each in partitions]
            self._following = [
                Following(STAGES, latest=_REPORTS),
                Following(CONTROL),
                Following(topics.pnl_snapshots),
                *self._raw,
                *(Following(topic, latest=_TAPE_RECORDS) for topic in topics.of_account()[:-1]),
            ]
            self._ticks = [Following(market_ticks(session.partitions), each) for each in partitions]
        return topics

    async def _follow_tape(self, log: Log, news: bool) -> None:
        """Take in what stages, account and people say; `news` says whether what stands there already is any."""
        for each in self._following:
            await each.begin(log)
        self._facts.counts_signals = all(each.is_whole for each in self._raw)
        # All that was there before goes into the order of time together.
        entries = [entry for each in self._following for entry in await each.read_all()]
        lines = self._take(entries, up_to_date=False)
        if not news:
            lines.clear()
        if not self._facts.reports.figures():
            await self._look_back(log)
        while True:
            self._facts.sources["log"].note(self._around.wall_ns(), "")
            self._facts.missing = missing_in(reader for each in self._following for reader in each.missing)
            if entries:
                self._news(lines)
            if len(entries) < _MANY:
                await self._around.sleep(_LOG_EVERY_S)
            entries = [entry for each in self._following for entry in await each.read()]
            lines = self._take(entries, up_to_date=True)

    async def _look_back(self, log: Log) -> None:
        """Find what the account said last, where the others have gone on without it for long."""
        said = await last_that(log, STAGES, says_money)
        if isinstance(said, StageReport):
            self._facts.reports.take(said, min(said.reported_ns, self._around.wall_ns()))

    def _take(self, entries: Sequence[Entry], up_to_date: bool) -> list[Happening]:
        """Keep what was read from several topics, in the order of time, and return the lines of the tape in it.

        Reports come first, since their time is the machine's; those read before the reading was `up_to_date` were said
        when they say. What the account said last knows by itself whether its report is older.
        """
        facts, now_ns = self._facts, self._around.wall_ns()
        assert facts.tape is not None
        lines: list[Happening] = []
        for entry in sorted(entries, key=_in_order):
            data = entry.message.data
            if isinstance(data, StageReport):
                facts.reports.take(data, now_ns if up_to_date else min(data.reported_ns, now_ns))
                continue
            if isinstance(data, PnlSnapshot):
                facts.reports.note(entry.message.sequence, data)
            if line := facts.tape.take(entry):
                lines.append(line)
        return lines

    async def _follow_ticks(self, log: Log, partitions: int) -> None:
        """Add up the session's events, from its beginning on."""
        facts = self._facts
        assert facts.minutes is not None
        for each in self._ticks:
            await each.begin(log)
        past = True
        while True:
            frames = list[Entry]()
            for each in self._ticks:
                read = await each.read()
                events = [events_of(entry.message.data) for entry in read if isinstance(entry.message.data, Ticks)]
                # A frame has some events, and each step in numpy its price: together they are added up at once.
                facts.minutes.add(np.concatenate([_NO_EVENTS, *events]))
                frames += read
            if frames:
                now_ns = self._around.wall_ns()
                # What stood there before was heard when it was appended, where the log knows that.
                heard_ns = max(facts.heard_ns, *(frame.record.appended_ns for frame in frames)) if past else now_ns
                facts.heard_ns = min(heard_ns, now_ns)
            past = past and len(frames) >= _MANY
            # A long log is read while requests are answered.
            await self._around.sleep(0.0 if len(frames) >= _MANY else _LOG_EVERY_S)

    async def _follow_progress(self, log: Log, topics: BrokerTopics, partitions: int) -> None:
        """Look up how far in the market each stage has come, and how much there is that nobody could process."""
        known = {topic.name: topic for topic in topics_of_session([topics.broker], partitions)}
        ticks = market_ticks(partitions)
        letters = [topic for topic in known.values() if topic.name.endswith(".dlq")]
        while True:
            for stage, report in self._facts.reports.shown():
                if report is not None:
                    self._facts.reports.markets_ns[stage, report.holder] = await _market_ns(log, known, report)
            ends = [(ticks, each, await log.end(ticks, each)) for each in range(partitions)]
            self._facts.market_ns = max([await market_time_ns(log, *place) for place in ends])
            self._facts.dead_letters = sum([await log.end(topic, 0) for topic in letters])
            self._facts.gaps = await log.end(GAPS, 0)
            await self._around.sleep(_PROGRESS_EVERY_S)

    async def _follow_holdings(self, log: Log, holdings: Holdings) -> None:
        """Follow the portfolio store, which may go away by itself."""
        facts, begun, compared_ns = self._facts, False, 0
        source, freshness = facts.sources["store"], facts.freshness
        while True:
            try:
                if not begun:
                    await holdings.begin(log)
                    begun = True
                now_ns = self._around.wall_ns()
                changed = await holdings.look()
                if abs(now_ns - compared_ns) >= _PROGRESS_EVERY_S * SECOND_NS:
                    await freshness.compare(log, holdings.places, now_ns)
                    compared_ns = now_ns
                if changed:
                    facts.portfolio, facts.folded = holdings.portfolio, holdings.places
                    self._news(())
                source.note(self._around.wall_ns(), "")
            except StoreError as error:
                source.note(self._around.wall_ns(), str(error))
                begun = False
                await self._around.sleep(_AGAIN_S)
            await self._around.sleep(_STORE_EVERY_S)


def _in_order(entry: Entry) -> tuple[bool, int]:
    return not isinstance(entry.message.data, StageReport), entry.message.time_ns


async def _market_ns(log: Log, known: dict[str, Topic], report: StageReport) -> int:
    """Return how far in the market a stage has come: by what it reads, or by the ticks that it writes."""
    places = [(known[place.topic], place.partition, place.offset) for place in report.places if place.topic in known]
    if not places:
        ticks = known[market_ticks().name]
        places = [(ticks, each, await log.end(ticks, each)) for each in report.partitions]
    return max([await market_time_ns(log, *place) for place in places], default=0)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first failure of a group, or of the groups in it."""
    first = failures.exceptions[0]
    return _first(cast(BaseExceptionGroup[BaseException], first)) if isinstance(first, BaseExceptionGroup) else first
