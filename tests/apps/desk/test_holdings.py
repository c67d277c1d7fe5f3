"""What the store holds is shown only as long as it is this session's, however alike another one's is."""

import fakeredis
import pytest

from alpha_panda.apps.desk.holdings import Holdings
from alpha_panda.errors import StoreError
from alpha_panda.live.portfolio import session_name
from alpha_panda.live.store.redis import RedisStore
from tests.live.samples import FILL
from tests.live.store.contract import FILLS, changes
from tests.live.trading import PAPER, blueprint


async def test_another_session_that_came_just_as_far_is_not_taken_for_this_one():
    server, session = fakeredis.FakeServer(), blueprint().record(1)

    async def opened() -> RedisStore:
        return RedisStore(fakeredis.FakeAsyncRedis(server=server), "test")

    holdings = Holdings(opened, False, session, PAPER)
    async with await opened() as store:
        await store.begin("paper", session_name(session))
        await store.apply("paper", session_name(session), changes(FILLS, FILL))
        assert await holdings.look()
        assert not await holdings.look()
        places = holdings.places
        await store.begin("paper", "another one")
        await store.apply("paper", "another one", changes(FILLS, FILL))
        assert (await store.standing("paper")).places == places
        with pytest.raises(StoreError, match="shows another one, not this one"):
            await holdings.look()
    await holdings.close()
