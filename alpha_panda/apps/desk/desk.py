"""The desk: the one place in a process that looks at a session, for all its screens, pages and programs.

It reads the event log, the portfolio store and the session's folder, each by itself: where one is away, the screens
keep what it last said, with the time of that, and say what is wrong. It acts through `operator.give` alone.
"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, Callable, Sequence

from alpha_panda.apps.desk.drawing import Facts, draw
from alpha_panda.apps.desk.histories import Folded, find_fills, read_history
from alpha_panda.apps.desk.history_models import Bar, FillsFound, Kind, Lineage, Page
from alpha_panda.apps.desk.lineages import shown_lineage
from alpha_panda.apps.desk.listing import listed_sessions
from alpha_panda.apps.desk.looking import LogLook, Surroundings
from alpha_panda.apps.desk.models import Happening, InstrumentTerms, Picture, SessionListing
from alpha_panda.apps.desk.showing import Shower
from alpha_panda.apps.desk.sources import SOURCES, Reading, SourceName
from alpha_panda.apps.desk.viewers import Queue, Viewers
from alpha_panda.errors import ConfigurationError, LogError
from alpha_panda.live.control.commands import Spool
from alpha_panda.live.control.killswitch import KillSwitch
from alpha_panda.live.control.operator import Operator, Receipt, give
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Session
from alpha_panda.live.past.lineage import Lineages
from alpha_panda.live.topics import (
    BrokerTopics,
)

_FOLDER_EVERY_S = 0.05
_PICTURE_EVERY_S, _STILL_S = 0.1, 1.0  # at most ten pictures a second, and at least one
_TAPE_DEPTH = 1_000
_DIGITS = 15  # of an offset


class Desk:
    """One session, as it is shown; `run` keeps the picture up to date."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.state = surroundings.state
        self.boot_id = surroundings.boot_id
        self._around = surroundings
        self._switch = KillSwitch(surroundings.state, surroundings.monotonic)
        self._spool = Spool(surroundings.state)
        readings: dict[SourceName, Reading] = {name: Reading(surroundings.fit) for name in SOURCES}
        self._facts = Facts(surroundings.state.absolute().name, readings, surroundings.folds)
        self._news = asyncio.Event()
        self._pictures = Viewers[Picture](1)
        self._happenings = Viewers[tuple[Happening, ...]](_TAPE_DEPTH)
        self._listeners: list[Callable[[Picture], None]] = []
        self._log_look = LogLook(surroundings, self._facts, self._on_news)
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

    async def command(
        self, command: str, strategy: str, who: str, reason: str, key: str = "", correlation_id: str = ""
    ) -> Receipt:
        """Give the session a command, and return what became of it; a kill needs neither log nor store.

        `key` makes it count once however often it is given, `correlation_id` names the request. Raises as
        `operator.give` does.
        """
        operator = Operator(
            state=self.state,
            who=who,
            time_ns=self._around.wall_ns(),
            monotonic=self._around.monotonic,
            open_log=self._around.open_log,
            embedded=self._around.embedded(),
            key=key,
            correlation_id=correlation_id,
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

    async def fills_of(self, symbol: str, strategy: str = "") -> FillsFound:
        """Return the fills of an instrument, by one strategy or all, from the log; LogError while that is away."""
        log, session, shower = self._at_hand()
        topics = BrokerTopics.of(shower.profile.account.broker, session.partitions)
        books = self._facts.portfolio.positions if self._facts.portfolio else ()
        place = self._facts.folded.get((topics.orders_filled.name, 0))
        counted = [
            book.fills
            for book in books
            if shower.symbol(book.instrument_token) == symbol and strategy in ("", book.strategy)
        ]
        folded = Folded(sum(counted), place.sequence if place else 0)
        return await find_fills(log, topics, shower, symbol, strategy, folded)

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
        facts, log = self._facts, self._log_look.log
        if log is None or facts.session is None or facts.shower is None:
            raise LogError(f"the event log cannot be read now: {facts.sources['log'].trouble or 'it is being opened'}")
        return log, facts.session, facts.shower

    # ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Look at the session until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._log_look.run())
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

    def _on_news(self, lines: Sequence[Happening]) -> None:
        if lines:
            self._happenings.tell(tuple(lines))
        self._news.set()

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
