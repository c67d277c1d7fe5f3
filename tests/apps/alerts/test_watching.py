"""The engine as a process has it: it outlives restarts, tells once, and looks on whatever is away."""

import asyncio
import datetime
import json
from collections.abc import Callable, Iterator

import pytest

from alpha_panda.apps.alerts import watching
from alpha_panda.apps.alerts.models import AlarmBoard
from alpha_panda.apps.alerts.watching import DAILY_TEST, shelf_end_ns
from alpha_panda.apps.desk.models import Picture
from alpha_panda.database import open_database
from alpha_panda.database.repositories import Database
from alpha_panda.errors import ConfigurationError, DatabaseError, UnknownRowError
from alpha_panda.units import DAY_NS, MINUTE_NS, SECOND_NS, ist_time_ns, parse_clock
from tests.apps.alerts.engines import WITHIN_S, World, at_work, open_rows, until, until_kept
from tests.apps.alerts.looking import all_of, having, with_account, with_source
from tests.apps.alerts.receiving import Receiver, receiver
from tests.apps.dashboard.example import empty_picture

# apprise looks for a module that later Pythons do not have, as it loads its services.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

KILLED = with_account(state="killed")


@pytest.fixture(autouse=True)
def daily_test_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that sets the time of the day at which a test message is sent; until then none is."""

    def at(clock_ns: int) -> None:
        monkeypatch.setattr(watching, "_DAILY_NS", clock_ns)

    at(DAY_NS)
    return at


@pytest.fixture
def hears() -> Iterator[Receiver]:
    with receiver() as received:
        yield received


def titles(received: Receiver) -> list[str]:
    return [json.loads(body)["title"] for body in received.bodies]


async def test_what_is_wrong_is_shown_kept_and_sent(world: World, database: Database, hears: Receiver):
    engine = world.engine(database, f"json://127.0.0.1:{hears.port}")
    world.pass_time(engine, 20)
    assert engine.active() == ()
    async with at_work(engine):
        world.change = KILLED
        world.pass_time(engine, 1)
        await until(lambda: hears.bodies)
        await until_kept(database, engine)
    (alert,) = engine.active()
    assert (alert.id, alert.state, alert.section) == ("KillEngaged", "unacknowledged", "KillEngaged")
    said = json.loads(hears.bodies[0])
    assert said["title"] == "2025-11-21-paper: critical KillEngaged"
    assert alert.action in said["message"]
    assert "live/RUNBOOK.md, section KillEngaged" in said["message"]
    (row,) = (await open_rows(database)).values()
    assert (row.rule, row.key, row.severity, row.id) == ("KillEngaged", "2025-11-21-paper/", "critical", alert.number)


async def test_one_all_clear_is_sent(world: World, database: Database, hears: Receiver):
    engine = world.engine(database, f"json://127.0.0.1:{hears.port}")
    async with at_work(engine):
        world.change = KILLED
        world.pass_time(engine, 20)
        await until(lambda: len(hears.bodies) == 1)
        world.change = with_account(state="running")
        world.pass_time(engine, 100)
        await until(lambda: len(hears.bodies) == 2)
    assert titles(hears)[1] == "2025-11-21-paper: all clear"
    assert json.loads(hears.bodies[1])["type"] == "success"


async def test_who_acknowledged_and_shelved_is_kept_and_audited(world: World, database: Database):
    world.change = KILLED
    engine = world.engine(database)
    world.pass_time(engine, 11)
    async with at_work(engine):
        alert = await engine.acknowledge("KillEngaged", "asha", "c-1", "127.0.0.1")
        assert (alert.state, alert.acknowledged_by) == ("acknowledged", "asha")
        until_ns = world.now_ns + 10 * MINUTE_NS
        shelved = await engine.suppress("NoAlertTarget", until_ns, "ravi", "a laptop")
        assert (shelved.state, shelved.shelved_by, shelved.shelved_until_ns) == ("shelved", "ravi", until_ns)
        await until_kept(database, engine)
    audited = {(row.who, row.action, row.target, row.correlation_id) for row in await database.audit.list()}
    assert audited == {
        ("asha", "alert.acknowledge", "2025-11-21-paper/KillEngaged", "c-1"),
        ("ravi", "alert.suppress", "2025-11-21-paper/NoAlertTarget", ""),
    }


async def test_alarms_outlive_the_process_and_nobody_is_told_twice(world: World, database_url: str, hears: Receiver):
    world.change = all_of(KILLED, with_source("store", "connection refused"))
    url = f"json://127.0.0.1:{hears.port}"
    async with open_database(database_url) as database, at_work(world.engine(database, url)) as engine:
        world.pass_time(engine, 20)
        await engine.acknowledge("SourceAway:store", "asha")
        await engine.suppress("KillEngaged", world.now_ns + 10 * MINUTE_NS, "ravi", "I know")
        await until_kept(database, engine)
        await until(lambda: all(id in "".join(hears.bodies) for id in ("KillEngaged", "SourceAway:store")))
        before = engine.active()
    sent = len(hears.bodies)
    async with open_database(database_url) as database, at_work(world.engine(database, url)) as engine:
        await until(lambda: len(engine.active()) == 2)
        world.pass_time(engine, 100)
        await until_kept(database, engine)
        after = engine.active()
    told = ("id", "number", "state", "count", "raised_ns", "acknowledged_by", "shelved_by", "shelved_until_ns")
    assert [each.model_dump(include={*told}) for each in after] == [each.model_dump(include={*told}) for each in before]
    assert len(hears.bodies) == sent


async def test_what_ended_while_nobody_looked_returns(world: World, database_url: str):
    world.change = KILLED
    async with open_database(database_url) as database, at_work(world.engine(database)) as engine:
        world.pass_time(engine, 11)
        await until_kept(database, engine)
    world.change = with_account(state="running")
    async with open_database(database_url) as database, at_work(world.engine(database)) as engine:
        await until(engine.active)
        world.pass_time(engine, 1)
        assert [each.state for each in engine.active() if each.id == "KillEngaged"] == ["returned"]


async def test_what_another_process_acknowledges_is_acknowledged_here(world: World, database: Database):
    world.change = KILLED
    engine = world.engine(database)
    world.pass_time(engine, 11)
    async with at_work(engine):
        await until_kept(database, engine)
        number = next(each.number for each in engine.active() if each.id == "KillEngaged")
        assert number is not None
        await database.alerts.acknowledge(number, "ravi", world.now_ns)
        await until(lambda: any(each.acknowledged_by == "ravi" for each in engine.active()))


async def test_the_alarms_of_another_session_are_left_alone(world: World, database: Database):
    world.change = KILLED
    other = world.engine(database, session="another")
    world.pass_time(other, 11)
    async with at_work(other):
        await until_kept(database, other)
    world.change = with_account(state="running")
    engine = world.engine(database)
    async with at_work(engine):
        world.pass_time(engine, 60)
        await asyncio.sleep(0.05)
        assert [each.id for each in engine.active()] == ["NoAlertTarget"]
    kept = {(row.rule, row.key) for row in (await open_rows(database)).values()}
    assert ("KillEngaged", "another/") in kept


async def test_the_number_that_was_dealt_with_outlives_the_process(world: World, database_url: str):
    world.change = having(dead_letters=2)
    async with open_database(database_url) as database, at_work(world.engine(database)) as engine:
        world.pass_time(engine, 16)
        await engine.resolve("DeadLetters", "asha")
        await until_kept(database, engine)
    async with open_database(database_url) as database, at_work(world.engine(database)) as engine:
        await until(engine.active)
        world.pass_time(engine, 60)
        assert [each.id for each in engine.active()] == ["NoAlertTarget"]
        world.change = having(dead_letters=3)
        world.pass_time(engine, 10)
        assert "DeadLetters" in {each.id for each in engine.active()}


# ── What is away ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_database_that_is_away_keeps_nobody_from_seeing_and_is_told_later(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
):
    engine = world.engine(database)
    world.pass_time(engine, 11)

    async def away(*told: object) -> None:
        raise DatabaseError("the database is away")

    async with at_work(engine):
        await until_kept(database, engine)
        with monkeypatch.context() as patch:
            patch.setattr(type(database.alerts), "open", away)
            world.change = KILLED
            world.pass_time(engine, 2)
            await until(lambda: not engine.board.kept)
            world.pass_time(engine, 10)
            assert {each.id for each in engine.active()} == {"KillEngaged", "NoAlertTarget", "AlertsNotKept"}
            monkeypatch.setattr("alpha_panda.apps.alerts.watching._PATIENCE_S", 0.05)
            assert (await engine.acknowledge("KillEngaged", "asha")).acknowledged_by == "asha"
        await until(lambda: engine.board.kept)
        await until_kept(database, engine)
    rows = {row.rule: row for row in (await open_rows(database)).values()}
    assert rows["KillEngaged"].acknowledged_by == "asha"


async def test_a_target_that_hangs_does_not_delay_a_look(world: World, database: Database, hears: Receiver):
    hears.hangs_s = 1.0
    engine = world.engine(database, f"json://127.0.0.1:{hears.port}")
    async with at_work(engine):
        world.change = KILLED
        world.pass_time(engine, 20)
        await asyncio.sleep(0.05)  # the message is on its way, and nobody answers
        number = engine.board.taken_ns
        world.pass_time(engine, 5)
        assert engine.board.taken_ns == number + 5 * SECOND_NS
        assert hears.bodies == []
        await until(lambda: hears.bodies)


async def test_nothing_is_an_alarm_before_the_desk_has_looked(world: World, database: Database):
    empty = empty_picture()
    world.change = lambda picture, now_ns: empty.model_copy(update={"taken_ns": now_ns})
    engine = world.engine(database)
    world.pass_time(engine, 9)
    assert engine.active() == ()


async def test_a_desk_that_cannot_be_asked_does_not_end_the_engine(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    engine = world.engine(database)
    asked = 0

    def failing(self: World) -> Picture:
        nonlocal asked
        asked += 1
        raise ZeroDivisionError

    monkeypatch.setattr(World, "picture", property(failing))
    async with at_work(engine):
        await until(lambda: asked > 3)
    assert "the alarms could not be brought up to date" in caplog.text


# ── What is asked for ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_whoever_listens_hears_of_every_change_and_of_nothing_else(world: World, database: Database):
    engine = world.engine(database)
    heard: list[AlarmBoard] = []
    stop = engine.listen(heard.append)
    world.pass_time(engine, 12)
    assert [len(board.alerts) for board in heard] == [1]
    world.change = KILLED
    world.pass_time(engine, 1)
    assert [(board.critical, board.unacknowledged) for board in heard[1:]] == [(1, 2)]
    assert heard[-1] == engine.board.model_copy(update={"taken_ns": heard[-1].taken_ns})
    stop()
    world.change = with_account(state="running")
    world.pass_time(engine, 1)
    assert len(heard) == 2


async def test_a_listener_that_fails_keeps_nobody_else_from_hearing(
    world: World, database: Database, caplog: pytest.LogCaptureFixture
):
    engine = world.engine(database)
    heard: list[AlarmBoard] = []

    def fails(board: AlarmBoard) -> None:
        raise ZeroDivisionError

    engine.listen(fails)
    engine.listen(heard.append)
    world.pass_time(engine, 12)
    assert heard
    assert "somebody does not understand the board of alarms" in caplog.text


async def test_an_alarm_is_shelved_no_longer_than_the_trading_day(world: World, database: Database):
    engine = world.engine(database)
    world.pass_time(engine, 12)
    for until_ns in (world.now_ns, world.now_ns - 1, shelf_end_ns(world.now_ns) + 1):
        with pytest.raises(ConfigurationError, match="until 15:30 IST at most"):
            await engine.suppress("NoAlertTarget", until_ns, "asha", "")
    with pytest.raises(UnknownRowError, match="there is no alarm"):
        await engine.suppress("KillEngaged", world.now_ns + MINUTE_NS, "asha", "")


@pytest.mark.parametrize(
    ("date", "clock", "ends"),
    [
        (datetime.date(2025, 11, 21), "14:15", (datetime.date(2025, 11, 21), "15:30")),
        (datetime.date(2025, 11, 21), "15:30", (datetime.date(2025, 11, 22), "00:00")),
        (datetime.date(2025, 11, 22), "11:00", (datetime.date(2025, 11, 23), "00:00")),  # a Saturday
    ],
)
def test_a_shelf_ends_as_the_exchange_closes_or_at_midnight(
    date: datetime.date, clock: str, ends: tuple[datetime.date, str]
):
    assert shelf_end_ns(ist_time_ns(date, parse_clock(clock))) == ist_time_ns(ends[0], parse_clock(ends[1]))


async def test_a_test_says_what_each_target_answered_and_who_asked(world: World, database: Database, hears: Receiver):
    hears.status = 500
    engine = world.engine(database, f"json://127.0.0.1:{hears.port}")
    async with at_work(engine):
        (delivery,) = await engine.test("asha")
        assert not delivery.delivered
        assert "500" in delivery.trouble
        world.pass_time(engine, 101)
        assert [each.rule for each in engine.active()] == ["AlertTargetFails"]
        hears.status = 200
        (delivery,) = await engine.test("asha")
        assert delivery.delivered
        await until(lambda: engine.active()[0].state == "returned")
    assert any("Sent by asha" in json.loads(body)["message"] for body in hears.bodies)


async def test_a_test_is_sent_once_on_each_trading_day(
    world: World, database: Database, hears: Receiver, daily_test_at: Callable[[int], None]
):
    daily_test_at(parse_clock("09:00"))
    url = f"json://127.0.0.1:{hears.port}"
    async with at_work(world.engine(database, url)):
        await until_audited(database, 1)
    async with at_work(world.engine(database, url)):
        await asyncio.sleep(0.2)
    world.now_ns += DAY_NS  # a Saturday
    async with at_work(world.engine(database, url)):
        await asyncio.sleep(0.2)
    assert titles(hears) == ["2025-11-21-paper: test"]
    world.now_ns += 2 * DAY_NS
    async with at_work(world.engine(database, url)):
        await until_audited(database, 2)
    assert len(hears.bodies) == 2
    assert [row.detail for row in await database.audit.list(action=DAILY_TEST)] == ["1 of 1 targets took it"] * 2


async def until_audited(database: Database, tests: int) -> None:
    async with asyncio.timeout(WITHIN_S):
        while len(await database.audit.list(action=DAILY_TEST)) < tests:
            await asyncio.sleep(0.005)
