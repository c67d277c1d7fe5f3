"""The portfolio in the store is the account's own, whatever happens to the store on the way."""

import asyncio
import pathlib
from collections.abc import AsyncIterator, Callable

import fakeredis
import pytest

from alpha_panda.live.account import AccountEngine
from alpha_panda.live.build import new_status, new_surroundings
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.observer import PORTFOLIO
from alpha_panda.live.pipeline import Parts, run_session
from alpha_panda.live.portfolio import Folding, Projection
from alpha_panda.live.session import open_session
from alpha_panda.live.stages import Worker
from alpha_panda.live.status import Status
from alpha_panda.live.store.base import Dump, Portfolio, Store
from alpha_panda.live.store.redis import RedisStore
from tests.live.telling import Account
from tests.live.trading import PAPER, ChoppedFeed, blueprint, market
from tests.redis_server import RedisServer


@pytest.fixture
def server() -> fakeredis.FakeServer:
    return fakeredis.FakeServer()


@pytest.fixture
async def store(server: fakeredis.FakeServer) -> AsyncIterator[RedisStore]:
    async with RedisStore(fakeredis.FakeAsyncRedis(server=server), "test", 0.3) as store:
        yield store


@pytest.fixture
async def log(tmp_path: pathlib.Path) -> AsyncIterator[SqliteLog]:
    async with SqliteLog(tmp_path / "log") as log:
        yield log


# ── The whole session ────────────────────────────────────────────────────────────────────────────────────────────────


async def traded(state: pathlib.Path, store: Store, events: int, status: Status | None = None) -> AccountEngine:
    """Return the account after so many events of the day."""
    status, stop = status or new_status(), asyncio.Event()
    async with SqliteLog(state) as log:
        await open_session(log, blueprint(), 5)
        feed = ChoppedFeed(market()[1][:events])
        surroundings = new_surroundings()
        parts = Parts(log=log, state=state, status=status, stop=stop, surroundings=surroundings, feed=feed, store=store)
        engine = await run_session(blueprint(), parts)
        assert engine is not None
        return engine


def holds(portfolio: Portfolio, engine: AccountEngine) -> None:
    """Check every figure of the portfolio against the account."""
    names, account = blueprint().names, engine.stage.account
    for position in portfolio.positions:
        strategy = list(names.strategies).index(position.strategy)
        instrument = list(names.instrument_tokens).index(position.instrument_token)
        book = engine.stage.books[strategy, instrument]
        figures = (position.quantity, position.cost_e4, position.realised_e4, position.charges_e4)
        assert figures == tuple(int(book[name]) for name in ("quantity", "cost_e4", "realised_e4", "charges_e4"))
    assert sum(position.charges_e4 for position in portfolio.positions) == account["charges"]["total_e4"]
    assert sum(position.fills for position in portfolio.positions) == account["fills"] > 0
    assert sum(portfolio.refusals.values()) == account["refused"]
    assert len(portfolio.orders) == account["orders_made"]


@pytest.mark.parametrize("events", [20_000, 60_000])
async def test_the_portfolio_holds_what_the_account_holds(tmp_path: pathlib.Path, store: RedisStore, events: int):
    engine = await traded(tmp_path, store, events)
    holds(await store.read_portfolio("paper"), engine)


async def test_an_empty_store_is_filled_at_the_next_start(tmp_path: pathlib.Path, store: RedisStore):
    await traded(tmp_path, store, 60_000)
    async with await RedisStore.open(None) as empty:
        engine = await traded(tmp_path, empty, 60_000)
        holds(await empty.read_portfolio("paper"), engine)
        assert (await empty.read_portfolio("paper")) == await store.read_portfolio("paper")


async def test_a_session_that_is_resumed_goes_on_in_the_same_store(tmp_path: pathlib.Path, store: RedisStore):
    await traded(tmp_path, store, 20_000)
    engine = await traded(tmp_path, store, 60_000)
    holds(await store.read_portfolio("paper"), engine)


async def test_what_another_log_left_in_the_store_is_gone(tmp_path: pathlib.Path, store: RedisStore):
    """Both logs began at the same nanosecond with the same profile, so only their lengths tell them apart."""
    await traded(tmp_path / "first", store, 60_000)
    engine = await traded(tmp_path / "second", store, 20_000)
    holds(await store.read_portfolio("paper"), engine)


@pytest.mark.parametrize("away", [RedisServer.kill, RedisServer.pause])
async def test_a_session_trades_to_its_end_although_its_store_is_gone(
    tmp_path: pathlib.Path, redis_server: RedisServer, away: Callable[[RedisServer], None]
):
    async with await RedisStore.open(None) as own:
        undisturbed = await traded(tmp_path / "first", own, 20_000)
    status = new_status()
    async with await RedisStore.open(redis_server.url, 0.3) as store:
        away(redis_server)
        engine = await traded(tmp_path / "second", store, 20_000, status)
    assert engine.stage.ledger_hash() == undisturbed.stage.ledger_hash()
    (note,) = status.notes
    assert "records behind the log: fold them with alpha-panda rebuild" in note


# ── The stage alone ──────────────────────────────────────────────────────────────────────────────────────────────────


class Stage:
    """The portfolio stage over a log; what `asleep` says is done each time it sleeps, and no time passes."""

    def __init__(self, log: SqliteLog, store: Store) -> None:
        self.status = new_status()
        self.worker = Worker(PORTFOLIO, (0,))
        self.finished = asyncio.Event()
        self.slept_s: list[float] = []
        self.notes: list[str] = []
        self.asleep: dict[int, Callable[[], object]] = {}
        self._projection = Projection(log, store, PAPER, self.status, self.worker, self._sleep)

    async def run(self) -> None:
        async with asyncio.timeout(30):
            await self._projection.run(self.finished)

    async def _sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.notes += self.status.notes
        done = self.asleep.pop(len(self.slept_s), lambda: None)()
        if asyncio.iscoroutine(done):
            await done
        if not self.asleep and len(self.slept_s) > 30:
            self.finished.set()
        await asyncio.sleep(0)


async def folded(log: SqliteLog) -> Dump:
    """Return what a store keeps that nothing happened to."""
    async with await RedisStore.open(None) as store:
        folding = Folding(log, store, PAPER)
        await folding.begin()
        while await folding.step(1_000):
            pass
        return await store.dump("paper")


async def test_a_store_that_is_away_is_waited_for_longer_each_time_and_then_told_everything(
    log: SqliteLog, store: RedisStore, server: fakeredis.FakeServer
):
    account = Account()
    await log.append([account.begin(), *account.records(20)])
    stage = Stage(log, store)
    server.connected = False
    stage.asleep[8] = lambda: setattr(server, "connected", True)
    await stage.run()
    assert stage.slept_s[:9] == [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 5.0, 5.0, 0.1]
    assert all("test does not answer" in note and "trading goes on" in note for note in stage.notes)
    assert (len(stage.notes), stage.status.notes, stage.worker.phase) == (8, [], "running")
    assert await store.dump("paper") == await folded(log)


async def test_a_store_that_goes_away_with_news_under_way_is_told_them_once(
    log: SqliteLog, store: RedisStore, server: fakeredis.FakeServer
):
    account = Account()
    await log.append([account.begin(), *account.records(20)])
    stage = Stage(log, store)

    async def goes() -> None:
        server.connected = False
        await log.append(account.records(20))

    stage.asleep = {2: goes, 6: lambda: setattr(server, "connected", True)}
    await stage.run()
    assert await store.dump("paper") == await folded(log)
    assert sum(stage.status.refusals.values()) == 10
    assert stage.status.projected == 40


@pytest.mark.parametrize("orders", [4, 0])
@pytest.mark.parametrize("last", [False, True])
async def test_a_store_that_is_flushed_is_folded_again_with_or_without_news(
    log: SqliteLog, store: RedisStore, orders: int, last: bool
):
    account = Account()
    await log.append([account.begin(), *account.records(20)])
    stage = Stage(log, store)

    async def flush() -> None:
        await store.flush("paper")
        await log.append(account.records(orders))
        if last:
            stage.finished.set()

    stage.asleep[3] = flush
    await stage.run()
    assert await store.dump("paper") == await folded(log)
    assert sum(stage.status.refusals.values()) == (20 + orders) // 4


async def test_a_stage_that_begins_again_goes_on_where_the_store_is_and_knows_what_was_refused(
    log: SqliteLog, store: RedisStore, monkeypatch: pytest.MonkeyPatch
):
    account = Account()
    await log.append([account.begin(), *account.records(20)])
    await Stage(log, store).run()
    await log.append(account.records(4))
    given: list[int] = []
    apply = store.apply

    async def counted(broker: str, session: str, changes: list[object]) -> int:
        given.append(len(changes))
        return await apply(broker, session, changes)

    monkeypatch.setattr(store, "apply", counted)
    again = Stage(log, store)
    await again.run()
    assert sum(given) == len(account.records(4))
    assert sum(again.status.refusals.values()) == 6
    assert await store.dump("paper") == await folded(log)


async def test_a_stage_whose_store_stays_away_says_at_the_end_how_far_it_is_behind(
    log: SqliteLog, store: RedisStore, server: fakeredis.FakeServer
):
    account = Account()
    await log.append([account.begin(), *account.records(20)])
    stage = Stage(log, store)
    late = account.records(4)

    async def goes() -> None:
        server.connected = False
        await log.append(late)
        stage.finished.set()

    stage.asleep[2] = goes
    await stage.run()
    assert stage.slept_s[2:] == [0.1, 0.2, 0.5, 1.0]
    assert stage.status.notes == [
        f"the portfolio store is {len(late)} records behind the log: fold them with alpha-panda rebuild"
    ]


async def test_what_nobody_can_fold_is_no_reason_to_wait_at_the_end(log: SqliteLog, store: RedisStore):
    """A writer that was replaced has written behind the account's last record."""
    account, replaced = Account(epoch=2), Account(epoch=1)
    await log.append([account.begin(), *account.records(20), *replaced.records(20)])
    stage = Stage(log, store)
    stage.finished.set()
    await stage.run()
    assert (stage.slept_s, stage.status.notes) == ([], [])


async def test_a_record_that_is_missing_is_waited_for_aloud_and_finds_its_place(log: SqliteLog, store: RedisStore):
    account = Account()
    first, later = [account.begin(), *account.records(20)], account.records(20)
    lost = next(record for record in later if record.topic == PAPER.orders_filled)
    await log.append([*first, *(record for record in later if record is not lost)])
    stage = Stage(log, store)
    stage.asleep[25] = lambda: log.append([lost])
    await stage.run()
    assert "paper.orders.filled/0 lacks sequence 30, and the portfolio stage waits for it" in stage.notes[0]
    assert len(set(stage.notes)) == 1
    assert (stage.status.notes, stage.worker.phase) == ([], "running")
    assert await store.dump("paper") == await folded(log)
    assert sum(position.fills for position in (await store.read_portfolio("paper")).positions) == 30


async def test_redis_equals_the_log_however_often_the_server_is_killed_and_flushed(
    log: SqliteLog, redis_server: RedisServer
):
    """The server is killed and started, or flushed, after every third part of what the account says."""
    account = Account()
    await log.append([account.begin()])
    async with await RedisStore.open(redis_server.url, 1.0) as store:
        stage = Stage(log, store)
        stage.asleep[10**9] = lambda: None  # it goes on until the test says
        running = asyncio.create_task(stage.run())
        for part in range(24):
            await log.append(account.records(25))
            if part % 6 == 2:
                redis_server.kill()
                await asyncio.to_thread(redis_server.start)
            if part % 6 == 5:
                await asyncio.to_thread(redis_server.flush)
            await asyncio.sleep(0.01)
        stage.finished.set()
        await running
        assert await store.dump("paper") == await folded(log)
    assert stage.status.notes == []
    assert sum(stage.status.refusals.values()) == 24 * 25 // 4
