"""The alert engine of a process: it looks at the desk twice a second, tells people, and keeps what they did.

It only ever reads the desk's last picture. Nothing waits for it, and neither a database that does not answer nor a
target that hangs keeps it from looking.
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from alpha_panda.apps.alerts import telling
from alpha_panda.apps.alerts.alarms import Alarm, Moment, Shelf
from alpha_panda.apps.alerts.channels import Channels
from alpha_panda.apps.alerts.engine import FLOOD, Alarms, Changes
from alpha_panda.apps.alerts.keeping import Deed, Keeper
from alpha_panda.apps.alerts.lease import Lease
from alpha_panda.apps.alerts.looks import Look, Memory
from alpha_panda.apps.alerts.models import AlarmBoard, Alert, Delivery
from alpha_panda.apps.desk.models import Picture
from alpha_panda.database.repositories import Database
from alpha_panda.errors import ConfigurationError, DatabaseError
from alpha_panda.sessions import is_session, session_of
from alpha_panda.units import DAY_NS, HOUR_NS, ist_date, ist_datetime, ist_time_ns

_EVERY_S = 0.5
_KNOWN_EVERY_S = 2.0  # what other processes did to the alarms, such as `alpha-panda alerts ack`
_FIRST_LOOK_S = 10.0  # so long the desk may take to read its sources for the first time
_PATIENCE_S = 2.0
_DAILY_EVERY_S = 60.0
_DAILY_NS = 9 * HOUR_NS  # of the IST day
DAILY_TEST = "alert.daily_test"
_CALENDAR = "NSE_EQ"


class Shows(Protocol):
    """Whatever has the picture of a session: the desk."""

    @property
    def picture(self) -> Picture:
        """The last picture."""
        ...


class AlertEngine:
    """The alarms of the session that a desk shows; `run` keeps them up to date."""

    def __init__(
        self,
        desk: Shows,
        session: str,
        holder: str,
        database: Database,
        channels: Channels,
        wall_ns: Callable[[], int],
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`session` is the name of the session's folder, `holder` that of this process, which no other one has."""
        self._desk, self._session, self._database, self._channels = desk, session, database, channels
        self._wall_ns, self._monotonic, self._sleep = wall_ns, monotonic, sleep
        self._alarms, self._memory = Alarms(session), Memory()
        self._keeper = Keeper(database, session, wall_ns, sleep)
        self._lease = Lease(database.senders, session, holder, wall_ns, monotonic)
        self._listeners: list[Callable[[AlarmBoard], None]] = []
        self._since_s: float | None = None
        self._has_taken_over = False
        self._board = self._drawn(0)

    # ── What is shown ────────────────────────────────────────────────────────────────────────────────────────────────

    def active(self) -> tuple[Alert, ...]:
        """Return all alarms that there are, what needs a person first."""
        return self._board.alerts

    @property
    def board(self) -> AlarmBoard:
        """All alarms, their counts, and how messages fare."""
        return self._board

    def listen(self, told: Callable[[AlarmBoard], None]) -> Callable[[], None]:
        """Call `told` whenever anything changes; return what ends that."""
        self._listeners.append(told)
        return functools.partial(self._listeners.remove, told)

    # ── What people do ───────────────────────────────────────────────────────────────────────────────────────────────

    async def acknowledge(self, id: str, who: str, correlation_id: str = "", address: str = "") -> Alert:
        """Note that somebody knows of an alarm; the first who did so stands.

        Raises UnknownRowError for one that there is not.
        """
        alarm = self._alarms.acknowledge(id, who, self._wall_ns())
        self._keeper.acknowledged(alarm.episode, who)
        return await self._kept(alarm, Deed(who, "acknowledge", "", correlation_id, address))

    async def resolve(self, id: str, who: str, correlation_id: str = "", address: str = "") -> Alert:
        """Note that somebody has dealt with an alarm.

        Raises UnknownRowError for one that there is not, and ConfigurationError for one that is still so and ends by
        itself with its cause.
        """
        alarm = self._alarms.resolve(id, who, self._wall_ns())
        return await self._kept(alarm, Deed(who, "resolve", alarm.measure.cause, correlation_id, address))

    async def suppress(
        self, id: str, until_ns: int, who: str, reason: str, correlation_id: str = "", address: str = ""
    ) -> Alert:
        """Shelve an alarm until a time, at most until the trading day is over: it is shown, and nobody is told of it.

        Raises UnknownRowError for one that there is not, and ConfigurationError for a time that has passed or comes
        after that.
        """
        now_ns = self._wall_ns()
        latest_ns = shelf_end_ns(now_ns)
        if not now_ns < until_ns <= latest_ns:
            raise ConfigurationError(
                f"an alarm can be shelved until {ist_datetime(latest_ns):%H:%M} IST at most, when the trading day is "
                f"over: name a time between now and then"
            )
        shelf = Shelf(until_ns, who, reason)
        alarm = self._alarms.shelve(id, shelf)
        self._keeper.shelved(alarm, shelf)
        detail = f"until {ist_datetime(until_ns):%H:%M:%S} IST: {reason}"
        return await self._kept(alarm, Deed(who, "suppress", detail, correlation_id, address))

    async def test(self, who: str, correlation_id: str = "", address: str = "") -> tuple[Delivery, ...]:
        """Send a test message to all targets, and return what became of it at each."""
        deliveries = await self._channels.deliver(telling.test_message(self._session, who, self._wall_ns()))
        detail = telling.arrived(deliveries)
        self._keeper.audited(Deed(who, "test", detail, correlation_id, address), self._session)
        return deliveries

    async def _kept(self, alarm: Alarm, deed: Deed) -> Alert:
        """Return an alarm as it stands after a deed, once that is written or the database has had its time."""
        self._keeper.audited(deed, f"{self._session}/{alarm.id}")
        alert = self._alarms.alert(alarm, self._moment())
        self.look()
        await self._keeper.written(_PATIENCE_S)
        return alert

    async def run(self) -> None:
        """Look at the desk until cancelled; one per process."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._channels.run())
            tasks.create_task(self._follow_database())
            tasks.create_task(self._look_on())
            tasks.create_task(self._test_daily())

    async def _look_on(self) -> None:
        while True:
            try:
                self.look()
            except Exception:  # alarms that are told of only until the first mistake are none
                logging.getLogger(__name__).exception("the alarms could not be brought up to date")
            await self._sleep(_EVERY_S)

    # ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def look(self) -> None:
        """Look once, tell people what they are to be told, and note what is to be kept."""
        moment, picture = self._moment(), self._desk.picture
        before = self._memory.counted(picture)
        if self._began(picture, moment):
            sends = self._lease.here
            look = Look(
                picture=picture,
                before=before,
                now_ns=moment.time_ns,
                channels=self._channels.shown(),
                sends=sends,
                kept=self._keeper.well,
                settled=self._alarms.settled,
            )
            self._carry_out(self._alarms.look(look, moment, sends), moment)
        self._draw()

    def _began(self, picture: Picture, moment: Moment) -> bool:
        """Return whether desk and database have had their time to be read, before which nothing is as it seems."""
        if self._since_s is None:
            self._since_s = moment.monotonic_s
        looked = bool(picture.number) and all(source.read_ns for source in picture.sources)
        return (looked and self._has_taken_over) or moment.monotonic_s - self._since_s >= _FIRST_LOOK_S

    def _carry_out(self, changes: Changes, moment: Moment) -> None:
        for alarm in changes.raised:
            self._keeper.raised(alarm, alarm.rule.title_of(alarm.measure.key))
        for alarm in changes.returned:
            self._keeper.returned(alarm)
        for episode, who in changes.closed:
            self._keeper.closed(episode, who)
        for alarm in changes.due:
            message = telling.alarm_message(self._alarms.alert(alarm, moment), alarm.sent)
            self._channels.send(message, functools.partial(self._keeper.told, alarm.episode))
        if changes.all_clear:
            self._channels.send(telling.all_clear_message(self._session, changes.all_clear, moment.time_ns))

    def _draw(self) -> None:
        """Draw the board anew, and tell who listens if it has changed."""
        board = self._drawn(self._board.number)
        if board.model_copy(update={"taken_ns": self._board.taken_ns}) == self._board:
            self._board = board
            return
        self._board = board.model_copy(update={"number": board.number + 1})
        for told in tuple(self._listeners):
            try:
                told(self._board)
            except Exception:  # who only looks on must not keep the alarms from the others
                logging.getLogger(__name__).exception("somebody does not understand the board of alarms")

    def _drawn(self, number: int) -> AlarmBoard:
        moment = self._moment()
        alerts = self._alarms.shown(moment)
        open_ones = [alert.priority for alert in alerts if alert.state not in ("shelved", "suppressed")]
        return AlarmBoard(
            number=number,
            taken_ns=moment.time_ns,
            alerts=alerts,
            critical=open_ones.count("critical"),
            high=open_ones.count("high"),
            low=open_ones.count("low"),
            unacknowledged=sum(alert.state in ("unacknowledged", "returned") for alert in alerts),
            lately=self._alarms.lately(),
            flood=self._alarms.lately() > FLOOD,
            channels=self._channels.shown(),
            kept=self._keeper.well,
            sends=self._lease.here,
        )

    def _moment(self) -> Moment:
        return Moment(self._wall_ns(), self._monotonic())

    # ── What nobody waits for ────────────────────────────────────────────────────────────────────────────────────────

    async def _follow_database(self) -> None:
        """Take over what is known of the session's alarms, then write what happens, and look what others did."""
        async with asyncio.TaskGroup() as tasks:
            await self._ask()
            tasks.create_task(self._keeper.run())
            while True:
                await self._sleep(_KNOWN_EVERY_S)
                await self._ask()

    async def _ask(self) -> None:
        """Ask the database, to the end also where this is cancelled: no connection is left in mid-sentence."""
        asking = asyncio.create_task(self._take_over())
        try:
            await asyncio.shield(asking)
        except asyncio.CancelledError:
            await asyncio.wait([asking], timeout=_PATIENCE_S)
            raise

    async def _take_over(self) -> None:
        try:
            await self._lease.renew(self._channels.able)
        except DatabaseError:
            self._keeper.well = False
            return
        known = await self._keeper.known(self._alarms.numbers())
        if known is not None:
            for alarm in self._alarms.take_over(known, self._moment()):
                self._keeper.acknowledged(alarm.episode, alarm.acknowledged_by)
            self._has_taken_over = True

    async def _test_daily(self) -> None:
        """Send a test message on each trading day at nine, or at the first start after that."""
        while True:
            await self._sleep(_DAILY_EVERY_S)
            if self._channels.shown() and self._lease.here:
                with contextlib.suppress(DatabaseError):
                    await self._test_today(self._wall_ns())

    async def _test_today(self, now_ns: int) -> None:
        today = ist_date(now_ns)
        if now_ns < ist_time_ns(today, _DAILY_NS) or not is_session(_CALENDAR, today):
            return
        last = await self._database.audit.list(limit=1, action=DAILY_TEST)
        if last and ist_date(last[0].time_ns) == today:
            return
        message = telling.test_message(self._session, "the daily test", now_ns)
        detail = telling.arrived(await self._channels.deliver(message))
        await self._database.audit.add("alerts", DAILY_TEST, self._session, detail, "done", "", "", now_ns)


def shelf_end_ns(now_ns: int) -> int:
    """Return when an alarm that is shelved now comes back at the latest: as the exchange closes, else at midnight."""
    today = ist_date(now_ns)
    hours = session_of(_CALENDAR, today)
    return hours[1] if hours is not None and now_ns < hours[1] else ist_time_ns(today) + DAY_NS
