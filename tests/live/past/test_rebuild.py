"""The portfolio folded anew is the one that was there, to the byte, and what differs from the log is found."""

import asyncio
import pathlib
from collections.abc import AsyncIterator

import pytest
import redis

from alpha_panda.errors import RecoveryError, StoreError
from alpha_panda.live.build import new_status, open_store
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.observer import PORTFOLIO
from alpha_panda.live.past.rebuild import RebuildReport, check, rebuild
from alpha_panda.live.portfolio import Projection
from alpha_panda.live.stages import Worker
from alpha_panda.live.store.base import Store
from tests.live.telling import Account
from tests.live.trading import PAPER

ORDERS = 100


def untold(done: int, total: int, label: str = "") -> None:
    """Show no progress."""


async def rebuilt(state: pathlib.Path, address: str) -> RebuildReport:
    return await asyncio.to_thread(rebuild, state, address, untold)


async def checked(state: pathlib.Path, address: str) -> RebuildReport:
    return await asyncio.to_thread(check, state, address, untold)


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    async with await open_store(redis_url) as store:
        yield store


@pytest.fixture
async def log(tmp_path: pathlib.Path) -> AsyncIterator[SqliteLog]:
    """Give the log of a session that goes on."""
    async with SqliteLog(tmp_path) as log:
        yield log


@pytest.fixture
async def account(log: SqliteLog, store: Store) -> Account:
    """Return an account that has said something, all of which is in the store."""
    account = Account()
    await log.append([account.begin(), *account.records(ORDERS)])
    await projected(log, store)
    return account


async def projected(log: SqliteLog, store: Store) -> None:
    """Let the portfolio stage fold what there is."""
    finished = asyncio.Event()
    finished.set()
    await Projection(log, store, PAPER, new_status(), Worker(PORTFOLIO, (0,)), asyncio.sleep).run(finished)


# ── Anew ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_folded_anew_is_what_was_there_to_the_byte(
    tmp_path: pathlib.Path, account: Account, store: Store, redis_url: str
):
    before = await store.dump("paper")
    assert len((await store.read_portfolio("paper")).orders) == ORDERS * 3 // 4
    await store.flush("paper")
    report = await rebuilt(tmp_path, redis_url)
    assert (report.broker, report.session, report.records) == ("paper", before.session, len(Account().records(ORDERS)))
    assert await store.dump("paper") == before


async def test_what_somebody_changed_is_put_right(
    tmp_path: pathlib.Path, account: Account, store: Store, redis_url: str
):
    before = await store.dump("paper")
    with redis.Redis.from_url(redis_url) as somebody:
        somebody.hincrby("alpha_panda:paper:refusals", "collar", 1)
        somebody.delete("alpha_panda:paper:orders")
        somebody.set("alpha_panda:paper:note", "of an older version")
    await rebuilt(tmp_path, redis_url)
    assert await store.dump("paper") == before


async def test_a_session_that_goes_on_meanwhile_loses_and_repeats_nothing(
    tmp_path: pathlib.Path, log: SqliteLog, account: Account, store: Store, redis_url: str
):
    finished = asyncio.Event()
    stage = Projection(log, store, PAPER, new_status(), Worker(PORTFOLIO, (0,)), asyncio.sleep)
    running = asyncio.create_task(stage.run(finished))
    for _ in range(4):
        rebuilding = asyncio.create_task(rebuilt(tmp_path, redis_url))
        for _ in range(5):
            await log.append(account.records(5))
            await asyncio.sleep(0.02)
        await rebuilding
    finished.set()
    await running
    assert (await checked(tmp_path, redis_url)).difference == ""
    assert sum((await store.read_portfolio("paper")).refusals.values()) == (ORDERS + 4 * 5 * 5) // 4


async def test_a_log_in_which_nothing_has_begun_has_no_portfolio(
    tmp_path: pathlib.Path, log: SqliteLog, redis_url: str
):
    for command in (rebuilt, checked):
        with pytest.raises(RecoveryError, match="no session has begun"):
            await command(tmp_path, redis_url)


async def test_a_server_that_is_not_there_is_told(tmp_path: pathlib.Path, account: Account):
    with pytest.raises(StoreError, match="does not answer"):
        await rebuilt(tmp_path, "redis://127.0.0.1:1/0")


# ── Held against the log ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_was_never_changed_differs_nowhere(tmp_path: pathlib.Path, account: Account, redis_url: str):
    report = await checked(tmp_path, redis_url)
    assert report.holds
    assert report.records == len(Account().records(ORDERS))


@pytest.mark.parametrize(
    ("command", "difference"),
    [
        ("HSET alpha_panda:paper:account cash_e4 1", "account cash_e4 is 1 in Redis and 100 by the log"),
        ("HDEL alpha_panda:paper:orders 7", "orders 7 is not there in Redis and ['order', 7, "),
        ("SADD alpha_panda:paper:orders:working 7", "orders:working 7 is there in Redis and not there by the log"),
        ("SET alpha_panda:paper:zebra stray", "zebra is stray in Redis and not there by the log"),
        ("ZINCRBY alpha_panda:paper:orders:recent 1 7", "orders:recent 7 is 8.0 in Redis and 7.0 by the log"),
    ],
)
async def test_what_somebody_changed_is_found_and_left(
    tmp_path: pathlib.Path, account: Account, redis_url: str, command: str, difference: str
):
    with redis.Redis.from_url(redis_url) as somebody:
        somebody.execute_command(*command.split())
    for _ in range(2):
        assert difference in (await checked(tmp_path, redis_url)).difference


async def test_a_store_that_is_behind_is_told_by_how_much(
    tmp_path: pathlib.Path, log: SqliteLog, account: Account, redis_url: str
):
    more = account.records(3)
    await log.append(more)
    report = await checked(tmp_path, redis_url)
    assert report.difference == f"it is {len(more)} records behind, and right up to there"


async def test_a_store_that_shows_another_session_or_nothing_is_told(
    tmp_path: pathlib.Path, account: Account, store: Store, redis_url: str
):
    await store.begin("paper", "another one")
    assert (
        "it shows the session another one, and the log is that of 1970-01-01"
        in (await checked(tmp_path, redis_url)).difference
    )
    await store.flush("paper")
    assert "it shows nothing of paper, and" in (await checked(tmp_path, redis_url)).difference


async def test_a_store_that_has_folded_more_than_the_log_holds_is_told(
    tmp_path: pathlib.Path, log: SqliteLog, account: Account, redis_url: str
):
    async with SqliteLog(tmp_path / "restored") as restored:
        shorter = Account()
        await restored.append([shorter.begin(), *shorter.records(ORDERS - 10)])
    report = await checked(tmp_path / "restored", redis_url)
    assert "it has folded 7 records of paper.signals.validated that are not on the log" in report.difference
