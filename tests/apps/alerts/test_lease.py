"""Of several processes that look at one session, one sends its messages; whatever dies or is away, none is lost."""

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Iterator

import pytest

from alpha_panda.apps.alerts import watching
from alpha_panda.apps.alerts.channels import Channels
from alpha_panda.apps.alerts.lease import LEASE_S, Lease
from alpha_panda.apps.alerts.watching import AlertEngine
from alpha_panda.database import open_database
from alpha_panda.database.repositories import Database
from alpha_panda.database.senders import Sender
from alpha_panda.errors import DatabaseError
from alpha_panda.units import DAY_NS, SECOND_NS
from tests.apps.alerts.engines import WITHIN_S, World, at_work, is_kept, open_rows, until
from tests.apps.alerts.looking import all_of, having, with_account, with_source
from tests.apps.alerts.receiving import Receiver, receiver

# apprise looks for a module that later Pythons do not have, as it loads its services.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

KILLED = with_account(state="killed")


# ── The lease ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclasses.dataclass
class Held:
    """A database in which somebody else sends until a time of their own clock."""

    until_ns: int
    asked: list[int] = dataclasses.field(default_factory=list[int])
    away: bool = False

    async def get(self, session: str) -> Sender:
        if self.away:
            raise DatabaseError("the database is away")
        return Sender(session, "another", True, self.until_ns)

    async def claim(self, session: str, holder: str, able: bool, until_ns: int, now_ns: int) -> Sender:
        self.asked.append(now_ns)
        return Sender(session, "another" if now_ns < self.until_ns else holder, True, self.until_ns)


class Clocked:
    """A lease on clocks that the test moves."""

    def __init__(self, until_ns: int) -> None:
        self.now_s = 0.0
        self.held = Held(until_ns)
        self.lease = Lease(self.held, "paper", "one", lambda: int(self.now_s * SECOND_NS), lambda: self.now_s)

    async def look(self, now_s: float) -> bool:
        self.now_s = now_s
        with contextlib.suppress(DatabaseError):
            await self.lease.renew(able=True)
        return self.lease.here


async def test_before_anybody_could_be_asked_each_sends():
    assert Clocked(0).lease.here


async def test_a_lease_that_its_holder_renews_is_its_holders():
    clocked = Clocked(6 * SECOND_NS)
    for now_s in range(0, 60, 2):
        clocked.held.until_ns = (now_s + 6) * SECOND_NS
        assert not await clocked.look(now_s)


async def test_a_lease_that_stands_still_has_run_out_whatever_its_holders_clock_says():
    clocked = Clocked(3_600 * SECOND_NS)  # by a clock that is an hour ahead
    assert not await clocked.look(0)
    assert not await clocked.look(LEASE_S - 1)
    assert await clocked.look(LEASE_S)
    assert clocked.held.asked[-1] == 3_600 * SECOND_NS


async def test_where_the_database_is_away_it_counts_for_as_long_as_it_would_have():
    clocked = Clocked(6 * SECOND_NS)
    assert not await clocked.look(1)
    clocked.held.away = True
    assert not await clocked.look(5)
    assert await clocked.look(6)


# ── Two processes ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(autouse=True)
def no_daily_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the message of each morning away."""
    monkeypatch.setattr(watching, "_DAILY_NS", DAY_NS)


@pytest.fixture
def hears() -> Iterator[Receiver]:
    with receiver() as received:
        yield received


@pytest.fixture
async def second(database: Database, database_url: str) -> AsyncIterator[Database]:
    """Give the database to the second process."""
    async with open_database(database_url) as second:
        yield second


@dataclasses.dataclass
class Two:
    """Two processes that look at one session; the first one began first."""

    world: World
    first: AlertEngine
    second: AlertEngine

    async def pass_time(self, seconds: float, *engines: AlertEngine) -> None:
        """Let time pass no faster than these processes, by default both, can ask the database."""
        engines = engines or (self.first, self.second)
        for _ in range(int(seconds * 2)):
            self.world.now_ns += SECOND_NS // 2
            for each in engines:
                each.look()
            await until(lambda: all(self._has_asked(each) for each in engines))

    def _has_asked(self, engine: AlertEngine) -> bool:
        known = engine._lease._known
        return known is not None and known.until_ns > self.world.now_ns + LEASE_S / 2 * SECOND_NS


@pytest.fixture
async def two(world: World, database: Database, second: Database, hears: Receiver) -> Two:
    url = f"json://127.0.0.1:{hears.port}"
    return Two(world, world.engine(database, url, holder="first"), world.engine(second, url, holder="second"))


@contextlib.asynccontextmanager
async def both_at_work(two: Two) -> AsyncIterator[None]:
    async with at_work(two.first):
        await until(lambda: two.first._has_taken_over)
        async with at_work(two.second):
            await until(lambda: two.second._has_taken_over)
            yield


def about(received: Receiver, id: str) -> list[str]:
    """Return the messages that name an alarm."""
    return [body for body in received.bodies if id in body]


def shown(engine: AlertEngine) -> list[tuple[object, ...]]:
    return [
        (each.id, each.number, each.state, each.present, each.count, each.raised_ns, each.acknowledged_by)
        for each in engine.active()
    ]


async def test_one_of_them_sends_and_both_show_the_same(two: Two, database: Database, hears: Receiver):
    async with both_at_work(two):
        two.world.change = all_of(KILLED, with_source("store", "connection refused"))
        await two.pass_time(6)
        await until(lambda: about(hears, "SourceAway:store"))
        assert [two.first.board.sends, two.second.board.sends] == [True, False]
        await until(lambda: shown(two.first) == shown(two.second) and len(shown(two.first)) == 2)
        assert await is_kept(database, two.first)
        two.world.change = with_account(state="running")
        await two.pass_time(20)
        await until(lambda: about(hears, "all clear"))
        await until(lambda: shown(two.first) == shown(two.second))
    assert {each.state for each in two.first.active()} == {"returned"}
    assert len(hears.bodies) == len({*hears.bodies}) <= 3


async def test_what_people_do_on_one_screen_counts_on_both(two: Two, database: Database):
    async with both_at_work(two):
        two.world.change = all_of(KILLED, having(dead_letters=2))
        await two.pass_time(8)
        await until(lambda: shown(two.first) == shown(two.second) and len(two.second._alarms.numbers()) == 2)
        await two.second.acknowledge("KillEngaged", "asha")
        await two.second.resolve("DeadLetters", "ravi")
        await until(lambda: two.first._alarms.settled)
        await two.pass_time(14)
        await until(lambda: shown(two.first) == shown(two.second))
        (killed,) = two.first.active()
        assert (killed.id, killed.acknowledged_by) == ("KillEngaged", "asha")
        two.world.change = with_account(state="running")
        await two.pass_time(4)
        await until(lambda: not two.first.active() and not two.second.active())
    assert await open_rows(database) == {}


@pytest.mark.parametrize("lasts", [True, False], ids=["is so", "is so no longer"])
async def test_what_the_sender_wrote_and_did_not_send_is_sent_by_the_other(
    two: Two, database: Database, hears: Receiver, monkeypatch: pytest.MonkeyPatch, lasts: bool
):
    """It was killed between the two."""

    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(two.first._channels, "run", never)
    async with contextlib.AsyncExitStack() as life:
        await life.enter_async_context(at_work(two.first))
        await until(lambda: two.first._has_taken_over)
        async with at_work(two.second):
            await until(lambda: two.second._has_taken_over)
            two.world.change = KILLED
            await two.pass_time(3)
            await until(lambda: any(each.number for each in two.first.active()))
            assert hears.bodies == []
            await life.aclose()
            if not lasts:
                two.world.change = with_account(state="running")
            two.world.pass_time(two.second, LEASE_S)
            await until(lambda: two.second.look() or two.second.board.sends)
            await until(lambda: two.second.look() or hears.bodies)
    (body,) = about(hears, "KillEngaged")
    assert ("It is no longer so." in json.loads(body)["message"]) is not lasts
    assert json.loads(body)["title"].startswith("2025-11-21-paper: critical KillEngaged")


async def test_a_process_whose_targets_fail_leaves_the_messages_to_one_whose_targets_do_not(
    world: World, database: Database, second: Database, hears: Receiver
):
    with receiver() as failing:
        failing.status = 500
        url = f"json://127.0.0.1:{failing.port}"
        two = Two(world, world.engine(database, url, holder="first"), None)
        two.second = world.engine(second, f"json://127.0.0.1:{hears.port}", holder="second")
        async with both_at_work(two):
            assert two.first._lease.here
            two.world.change = KILLED
            await two.pass_time(1)
            await until(lambda: failing.bodies and not two.first._channels.able)
            await two.pass_time(4)
            await until(lambda: two.second.look() or about(hears, "KillEngaged"))
            await until(lambda: not two.first.board.sends and two.second.board.sends)


async def test_a_process_without_targets_leaves_the_messages_to_one_that_has_some(
    world: World, database: Database, second: Database, hears: Receiver
):
    without = world.engine(database, holder="first")
    two = Two(world, without, world.engine(second, f"json://127.0.0.1:{hears.port}", holder="second"))
    async with both_at_work(two):
        two.world.change = KILLED
        await two.pass_time(4)
        await until(lambda: two.second.look() or about(hears, "KillEngaged"))
        await two.pass_time(6)
        # That nobody is told is so no longer.
        await until(lambda: without.look() or [each.id for each in without.active() if each.present] == ["KillEngaged"])


async def test_while_the_database_is_away_each_of_them_sends_and_says_so(
    two: Two, hears: Receiver, monkeypatch: pytest.MonkeyPatch
):
    async def away(*asked: object, **named: object) -> None:
        raise DatabaseError("the database is away")

    async with both_at_work(two):
        await two.pass_time(2)
        for engine in (two.first, two.second):
            for repository in (engine._database.senders, engine._database.alerts):
                for name in ("get", "claim", "list", "open", "note_told"):
                    monkeypatch.setattr(type(repository), name, away, raising=False)
        await until(lambda: not two.first._keeper.well and not two.second._keeper.well)
        two.world.change = KILLED
        two.world.pass_time(two.first, LEASE_S)
        two.second.look()
        await until(lambda: len(about(hears, "KillEngaged")) == 2)
        assert [two.first.board.sends, two.second.board.sends] == [True, True]
        assert [two.first.board.kept, two.second.board.kept] == [False, False]
        monkeypatch.undo()


async def test_messages_that_arrived_are_noted_and_reminders_go_on_over_a_restart(
    world: World, database_url: str, hears: Receiver
):
    url = f"json://127.0.0.1:{hears.port}"
    world.change = KILLED
    async with open_database(database_url) as database, at_work(world.engine(database, url)) as engine:
        await until(lambda: engine._has_taken_over)
        world.pass_time(engine, 1)
        await until(lambda: hears.bodies)
        async with asyncio.timeout(WITHIN_S):
            while [row.told_ns for row in (await open_rows(database)).values()] != [world.now_ns]:
                await asyncio.sleep(0.01)
    async with open_database(database_url) as database, at_work(world.engine(database, url)) as engine:
        await until(engine.active)
        world.pass_time(engine, 298)
        await asyncio.sleep(0.05)
        assert len(hears.bodies) == 1
        world.pass_time(engine, 2)
        await until(lambda: len(hears.bodies) == 2)
    assert "still critical" in json.loads(hears.bodies[1])["title"]


def test_channels_without_a_target_are_not_able(world: World):
    assert not Channels("", world.wall_ns, world.monotonic).able
    assert Channels("json://127.0.0.1:1", world.wall_ns, world.monotonic).able
    assert not Channels("nonsense://x", world.wall_ns, world.monotonic).able
