"""The portfolio store inside this process keeps the promises of every store, and dies with its process."""

from collections.abc import AsyncIterator

import fakeredis
import pytest

from alpha_panda.errors import StoreError
from alpha_panda.live.store.redis import RedisStore
from tests.live.samples import FILL, RELIANCE
from tests.live.store.contract import FILLS, SESSION, StoreContract, changes


@pytest.fixture
def server() -> fakeredis.FakeServer:
    return fakeredis.FakeServer()


@pytest.fixture
async def store(server: fakeredis.FakeServer) -> AsyncIterator[RedisStore]:
    async with RedisStore(fakeredis.FakeAsyncRedis(server=server), "test") as store:
        await store.begin("paper", SESSION)
        yield store


@pytest.fixture
async def second(server: fakeredis.FakeServer) -> AsyncIterator[RedisStore]:
    async with RedisStore(fakeredis.FakeAsyncRedis(server=server), "test") as store:
        yield store


class TestRedisInProcess(StoreContract):
    pass


async def test_it_dies_with_its_object():
    async with await RedisStore.open(None) as store:
        await store.begin("paper", SESSION)
        await store.apply("paper", SESSION, changes(FILLS, FILL))
    async with await RedisStore.open(None) as another:
        assert (await another.dump("paper")).figures == {}


async def test_what_somebody_else_wrote_is_refused(store: RedisStore, server: fakeredis.FakeServer):
    await store.apply("paper", SESSION, changes(FILLS, FILL))
    somebody = fakeredis.FakeRedis(server=server)
    somebody.hset(f"alpha_panda:paper:position:momentum:{RELIANCE}", "quantity", "many")
    with pytest.raises(StoreError, match="does not hold what was written: flush it"):
        await store.read_portfolio("paper")
