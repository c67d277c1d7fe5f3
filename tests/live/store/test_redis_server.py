"""The portfolio store on a real Redis server keeps the promises of every store, whatever happens to the server."""

import asyncio
import pathlib
import random
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from alpha_panda.errors import StoreError, StoreGapError
from alpha_panda.live.store.redis import RedisStore
from tests.live.samples import FILL, ORDER
from tests.live.store.contract import FILLS, REFUSAL, SESSION, UPDATES, VERDICTS, StoreContract, changes
from tests.redis_server import RedisServer

BATCH = [*changes(FILLS, FILL, FILL), *changes(VERDICTS, REFUSAL), *changes(UPDATES, ORDER)]
_TIMEOUT_S = 0.3
_PATIENCE_S = 3.0
"""Longer than one call may take, and much shorter than a person waits."""


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisStore]:
    async with await RedisStore.open(redis_url) as store:
        await store.begin("paper", SESSION)
        yield store


@pytest.fixture
async def second(redis_url: str) -> AsyncIterator[RedisStore]:
    async with await RedisStore.open(redis_url) as store:
        yield store


class TestRedisServer(StoreContract):
    pass


# ── Who answers ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_server_that_is_not_there_is_an_error_that_keeps_the_password():
    with pytest.raises(StoreError, match=r"at 127\.0\.0\.1:1 does not answer") as caught:
        await RedisStore.open("redis://user:hunter2@127.0.0.1:1/0")
    assert "hunter2" not in str(caught.value)


async def test_a_server_that_is_paused_is_no_store_to_begin_with(redis_server: RedisServer):
    redis_server.pause()
    with pytest.raises(StoreError, match=r"does not answer"):
        await bounded(RedisStore.open(redis_server.url, _TIMEOUT_S))


# ── What happens to servers ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def served(redis_server: RedisServer) -> AsyncIterator[RedisStore]:
    """Give a store on the server that the test may stop, kill and pause."""
    async with await RedisStore.open(redis_server.url, _TIMEOUT_S) as store:
        await store.begin("paper", SESSION)
        yield store


async def bounded(call: Awaitable[object]) -> object:
    """Await a call, and fail where it takes too long to give up."""
    async with asyncio.timeout(_PATIENCE_S):
        return await call


@pytest.mark.parametrize("away", [RedisServer.stop, RedisServer.kill, RedisServer.pause])
async def test_every_call_to_a_server_that_is_away_ends_in_time_with_an_error(
    served: RedisStore, redis_server: RedisServer, away: Callable[[RedisServer], None]
):
    await served.apply("paper", SESSION, BATCH)
    away(redis_server)
    for call in (
        served.apply("paper", SESSION, changes(FILLS, FILL, start=2)),
        served.begin("paper", SESSION),
        served.standing("paper"),
        served.read_portfolio("paper"),
        served.dump("paper"),
        served.flush("paper"),
    ):
        with pytest.raises(StoreError, match="does not answer"):
            await bounded(call)


@pytest.mark.parametrize("away", [RedisServer.stop, RedisServer.kill])
async def test_a_server_that_comes_back_has_what_it_was_told(
    served: RedisStore, redis_server: RedisServer, away: Callable[[RedisServer], None]
):
    await served.apply("paper", SESSION, BATCH)
    before = await served.dump("paper")
    away(redis_server)
    with pytest.raises(StoreError):
        await served.apply("paper", SESSION, BATCH)
    redis_server.start()
    assert await served.dump("paper") == before
    assert await served.apply("paper", SESSION, [*BATCH, *changes(FILLS, FILL, start=2)]) == 1


async def test_a_server_that_was_flushed_in_use_says_so(served: RedisStore, redis_server: RedisServer):
    await served.apply("paper", SESSION, BATCH)
    redis_server.flush()
    with pytest.raises(StoreGapError, match="it was flushed"):
        await served.apply("paper", SESSION, changes(FILLS, FILL, start=2))


async def test_a_server_that_an_older_copy_was_put_back_on_says_where_to_go_on(
    served: RedisStore, redis_server: RedisServer, tmp_path: pathlib.Path
):
    await served.apply("paper", SESSION, BATCH)
    redis_server.stop()
    shutil.copytree(redis_server.folder, tmp_path / "copy")
    redis_server.start()
    await served.apply("paper", SESSION, changes(FILLS, FILL, start=2))
    redis_server.stop()
    shutil.rmtree(redis_server.folder)
    shutil.copytree(tmp_path / "copy", redis_server.folder)
    redis_server.start()
    with pytest.raises(StoreGapError, match=rf"folded {FILLS}/0 up to sequence 2 and was given 3"):
        await served.apply("paper", SESSION, changes(FILLS, FILL, start=3))
    assert (await served.begin("paper", SESSION))[FILLS, 0].sequence == 2


async def test_a_pause_in_the_middle_of_a_fold_leaves_it_whole_or_undone(served: RedisStore, redis_server: RedisServer):
    """The server is paused while a fold is under way, a little later each time; a fold takes about a millisecond."""
    nothing = await served.dump("paper")
    await served.apply("paper", SESSION, BATCH)
    everything = await served.dump("paper")
    for delay_ms in range(5):
        await served.flush("paper")
        await served.begin("paper", SESSION)
        folding = asyncio.create_task(served.apply("paper", SESSION, BATCH))
        await asyncio.sleep(delay_ms / 4_000)
        redis_server.pause()
        await bounded(asyncio.wait([folding]))
        redis_server.resume()
        assert folding.exception() is None or isinstance(folding.exception(), StoreError)
        assert await served.dump("paper") in (nothing, everything)


async def test_no_change_is_lost_or_counted_twice_however_often_the_server_is_killed(
    served: RedisStore, redis_server: RedisServer
):
    """It is killed at moments drawn from a seed, while changes are folded one by one."""
    chance, kills = random.Random(1), 8
    every = changes(FILLS, *[FILL] * 2_000)

    async def fold_all() -> None:
        folded = 0
        while folded < len(every):
            try:
                await served.apply("paper", SESSION, every[folded : folded + 1])
                folded += 1
            except StoreError:
                await asyncio.sleep(0.01)

    folding = asyncio.create_task(fold_all())
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(0.01, 0.1))
        redis_server.kill()
        await asyncio.to_thread(redis_server.start)
    assert not folding.done()
    await folding
    (position,) = (await served.read_portfolio("paper")).positions
    assert position.fills == len(every)
