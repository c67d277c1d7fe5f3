"""The portfolio store over Redis, on a server or, where none is configured, inside this process.

The one in the process dies with it. That is safe, because the portfolio is folded from the log again. What stands
under which key is told in `fold`.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, Self, TypeVar

import fakeredis
import msgspec
import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from alpha_panda.errors import StoreError, StoreGapError
from alpha_panda.live.store.address import parsed
from alpha_panda.live.store.base import Change, Dump, Places, Portfolio, Standing, Store
from alpha_panda.live.store.fold import Fold, Keys, Pipeline, places_in, read_dump, read_orders, read_portfolio

_TIMEOUT_S = 5.0
_DUMP_S = 60.0
_SCANNED = 1000

Result = TypeVar("Result")


class RedisStore(Store):
    """A portfolio store in the Redis that `client` speaks to; `open` makes the client.

    A server that does not answer for `timeout_s` seconds is StoreError, and so is any call that takes longer in all,
    except `dump`, which may be large.
    """

    def __init__(self, client: redis.asyncio.Redis, where: str, timeout_s: float = _TIMEOUT_S) -> None:
        self._client: Any = client
        self._where = where
        self._timeout_s = timeout_s

    @classmethod
    async def open(cls, url: str | None, timeout_s: float = _TIMEOUT_S) -> Self:
        """Connect to the Redis server at `url`, or keep one in this process when that is None.

        Raises ConfigurationError for what is no address, and StoreError when nobody answers there.
        """
        if url is None:
            return cls(fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer()), "in this process", timeout_s)
        address = parsed(url)
        # A connection that broke while nobody used it is made anew; else who folds decides whether to try again.
        client = redis.asyncio.Redis.from_url(
            address.url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 1)
        )
        store = cls(client, f"at {address.where}", timeout_s)
        async with store._answering():
            await client.ping()
        return store

    async def begin(self, broker: str, session: str) -> Places:
        """Begin as `Store.begin` says; what another session left goes in the same step in which this one comes."""
        keys = Keys(broker)

        async def change_hands(pipeline: Pipeline) -> Places:
            if await pipeline.get(keys.session) == session.encode():
                return places_in(await pipeline.hgetall(keys.places))
            doomed = await self._names(keys)
            pipeline.multi()
            if doomed:
                pipeline.unlink(*doomed)
            pipeline.set(keys.session, session)
            await pipeline.execute()
            return {}

        return await self._watching(keys, change_hands)

    async def apply(self, broker: str, session: str, changes: Sequence[Change]) -> int:
        """Fold as `Store.apply` says; a second writer's changes in between make this one begin again.

        Redis does not roll back: where a command fails within the transaction, the others count. Such a half-made fold
        is flushed, for it to begin anew, before StoreError is raised.
        """
        keys = Keys(broker)

        async def add(pipeline: Pipeline) -> int:
            self._check_session(await pipeline.get(keys.session), broker, session)
            fold = Fold(places_in(await pipeline.hgetall(keys.places)))
            for change in changes:
                fold.take(change)
            if not fold.changes:
                return 0
            fold.keep_furthest(await read_orders(pipeline, keys, list(fold.orders)))
            pipeline.multi()
            fold.write(pipeline, keys)
            answers = await pipeline.execute(raise_on_error=False)
            if failures := [answer for answer in answers if isinstance(answer, Exception)]:
                await self.flush(broker)
                raise StoreError(
                    f"the portfolio store {self._where} refused a change and was flushed, fold again: {failures[0]}"
                )
            return fold.changes

        return await self._watching(keys, add)

    def _check_session(self, shown: bytes | None, broker: str, session: str) -> None:
        if shown is None:
            raise StoreGapError(f"the portfolio store {self._where} shows nothing of {broker}: it was flushed")
        if shown != session.encode():
            raise StoreError(
                f"the portfolio store {self._where} shows another session of {broker} by now, {shown.decode()} and not "
                f"{session}: give each a store of its own, by another number behind the last / of the address"
            )

    async def standing(self, broker: str) -> Standing:
        """Return the standing as `Store.standing` says, both parts of it from one moment."""
        keys = Keys(broker)
        async with self._answering(), self._client.pipeline() as pipeline:
            pipeline.get(keys.session)
            pipeline.hgetall(keys.places)
            session, places = await pipeline.execute()
            return Standing((session or b"").decode(), places_in(places))

    async def read_portfolio(self, broker: str) -> Portfolio:
        """Return the portfolio as `Store.read_portfolio` says; a change in between makes the reading begin again."""
        keys = Keys(broker)
        return await self._watching(keys, lambda pipeline: read_portfolio(pipeline, keys, broker))

    async def dump(self, broker: str) -> Dump:
        """Return everything as `Store.dump` says; a change in between makes the reading begin again."""
        keys = Keys(broker)

        async def read(pipeline: Pipeline) -> Dump:
            return await read_dump(pipeline, keys, sorted(await self._names(keys)))

        return await self._watching(keys, read, _DUMP_S)

    async def flush(self, broker: str) -> None:
        """Forget as `Store.flush` says, all of it in one step."""
        async with self._answering():
            if doomed := await self._names(Keys(broker)):
                await self._client.unlink(*doomed)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _names(self, keys: Keys) -> list[bytes]:
        """Return the names of all keys of a broker, also of those that an older version wrote."""
        return [name async for name in self._client.scan_iter(match=f"{keys.prefix}*", count=_SCANNED)]

    async def _watching(
        self, keys: Keys, steps: Callable[[Pipeline], Awaitable[Result]], timeout_s: float | None = None
    ) -> Result:
        """Run `steps` to their end without the fold moving meanwhile, as often as that takes."""
        async with self._answering(timeout_s), self._client.pipeline() as pipeline:
            while True:
                with contextlib.suppress(redis.exceptions.WatchError):
                    await pipeline.watch(keys.session, keys.places)
                    return await steps(pipeline)

    @contextlib.asynccontextmanager
    async def _answering(self, timeout_s: float | None = None) -> AsyncGenerator[None]:
        """Hold what is asked within to the time there is, and turn what goes wrong into StoreError.

        Whoever is cancelled while an answer comes in may not learn of it from the client, which returns the answer: so
        it is asked for at the end.
        """
        task = asyncio.current_task()
        assert task is not None
        cancelled_before = task.cancelling()
        try:
            async with asyncio.timeout(timeout_s or self._timeout_s):
                yield
        except TimeoutError as error:
            raise StoreError(
                f"the portfolio store {self._where} does not answer within {self._timeout_s:g} s"
            ) from error
        except redis.exceptions.RedisError as error:
            raise StoreError(f"the portfolio store {self._where} does not answer as it should: {error}") from error
        except (msgspec.MsgspecError, ValueError) as error:
            raise StoreError(
                f"the portfolio store {self._where} does not hold what was written: flush it ({error})"
            ) from error
        finally:
            if task.cancelling() > cancelled_before:
                raise asyncio.CancelledError
