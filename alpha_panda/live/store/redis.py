"""The portfolio store over Redis, on a server or, where none is configured, inside this process.

The one in the process dies with it. That is safe, because every start folds the portfolio from the log again.

    alpha_panda:{broker}:offsets                         hash   topic/partition → the offset to read next
    alpha_panda:{broker}:account                         hash   the latest snapshot, field by field
    alpha_panda:{broker}:positions                       set    strategy:instrument_token
    alpha_panda:{broker}:position:{strategy}:{token}     hash   one book, field by field
    alpha_panda:{broker}:orders                          hash   id → the order as it stands, for all there were
    alpha_panda:{broker}:orders:working                  set    ids of those at work
    alpha_panda:{broker}:orders:recent                   zset   the latest ids
    alpha_panda:{broker}:decisions                       zset   the latest decisions by time
    alpha_panda:{broker}:refusals                        hash   code → how often

The result of the fold does not depend on how the partitions were interleaved: sums commute, the sorted sets keep the
latest by the messages' own times, and an order that has come further is not taken back by an update that arrives late
on another topic.
"""

import contextlib
import struct
import urllib.parse
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, Self, TypeVar, get_args

import fakeredis
import msgspec
import redis.asyncio
import redis.exceptions

from alpha_panda.errors import ConfigurationError, StoreError
from alpha_panda.live.messages import Decision, Fill, OrderStatus, OrderUpdate, PnlSnapshot
from alpha_panda.live.store.base import (
    DECISIONS_KEPT,
    ORDERS_KEPT,
    Change,
    Portfolio,
    Position,
    Store,
)
from alpha_panda.live.topics import position_key

# The client's types allow every answer to be bytes or text, now or awaited; ours are bytes, and a pipeline queues.
Pipeline = Any

_TIMEOUT_S = 5.0
_STATUSES = get_args(OrderStatus)
_FINISHED = ("complete", "cancelled", "expired")

# Redis orders equal scores by the bytes of the member, and a score has 53 bits: this prefix keeps nanoseconds in order.
_MEMBER_HEAD = struct.Struct(">qq")

_encoder = msgspec.msgpack.Encoder()
_order_decoder = msgspec.msgpack.Decoder(OrderUpdate)
_decision_decoder = msgspec.msgpack.Decoder(Decision)

Result = TypeVar("Result")


class RedisStore(Store):
    """A portfolio store in the Redis that `client` speaks to; `open` makes the client."""

    def __init__(self, client: redis.asyncio.Redis, where: str) -> None:
        self._client: Any = client
        self._where = where

    @classmethod
    async def open(cls, url: str | None) -> Self:
        """Connect to the Redis server at `url`, or keep one in this process when that is None.

        Raises ConfigurationError for what is no address, and StoreError when nobody answers there.
        """
        if url is None:
            return cls(fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer()), "in this process")
        try:
            parts = urllib.parse.urlsplit(url)
            where = f"at {parts.hostname or parts.path}:{parts.port or ''}"  # the address without its password
            client = redis.asyncio.Redis.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
        except ValueError as error:
            raise ConfigurationError(f"redis needs an address such as redis://localhost:6379/0: {error}") from None
        with _as_store_error(where):
            await client.ping()
        return cls(client, where)

    async def apply(self, broker: str, changes: Sequence[Change]) -> int:
        """Fold as `Store.apply` says; a second writer's changes in between make this one begin again.

        Redis does not roll back: where a command fails within the transaction, the others count. Such a half-made fold
        is flushed, for it to begin anew, before StoreError is raised.
        """
        keys = _Keys(broker)

        async def add(pipeline: Pipeline) -> int:
            fold = _Fold(_offsets(await pipeline.hgetall(keys.offsets)))
            for change in changes:
                fold.take(change)
            fold.keep_furthest(await _orders(pipeline, keys, list(fold.orders)))
            pipeline.multi()
            if fold.changes:
                fold.write(pipeline, keys)
            answers = await pipeline.execute(raise_on_error=False)
            if failures := [answer for answer in answers if isinstance(answer, Exception)]:
                await self.flush(broker)
                raise StoreError(
                    f"the portfolio store {self._where} refused a change and was flushed, fold again: {failures[0]}"
                )
            return fold.changes

        return await self._watching(keys, add)

    async def offsets(self, broker: str) -> dict[tuple[str, int], int]:
        """Return the offsets as `Store.offsets` says."""
        with _as_store_error(self._where):
            return _offsets(await self._client.hgetall(_Keys(broker).offsets))

    async def read_portfolio(self, broker: str) -> Portfolio:
        """Return the portfolio as `Store.read_portfolio` says; a change in between makes the reading begin again."""
        keys = _Keys(broker)
        return await self._watching(keys, lambda pipeline: _read(pipeline, keys, broker))

    async def flush(self, broker: str) -> None:
        """Forget as `Store.flush` says, all of it in one step."""
        with _as_store_error(self._where):
            doomed = [key async for key in self._client.scan_iter(match=f"{_Keys(broker).prefix}*", count=1000)]
            if doomed:
                await self._client.unlink(*doomed)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _watching(self, keys: "_Keys", steps: Callable[[Pipeline], Awaitable[Result]]) -> Result:
        """Run `steps` to their end without the fold moving meanwhile, as often as that takes."""
        with _as_store_error(self._where):
            async with self._client.pipeline() as pipeline:
                while True:
                    with contextlib.suppress(redis.exceptions.WatchError):
                        await pipeline.watch(keys.offsets)
                        return await steps(pipeline)


class _Keys:
    """The names of one broker's keys."""

    def __init__(self, broker: str) -> None:
        self.prefix = f"alpha_panda:{broker}:"
        self.offsets = f"{self.prefix}offsets"
        self.account = f"{self.prefix}account"
        self.positions = f"{self.prefix}positions"
        self.orders = f"{self.prefix}orders"
        self.working = f"{self.prefix}orders:working"
        self.recent = f"{self.prefix}orders:recent"
        self.decisions = f"{self.prefix}decisions"
        self.refusals = f"{self.prefix}refusals"

    def position(self, book: str) -> str:
        """Return the key of the book named strategy:instrument_token."""
        return f"{self.prefix}position:{book}"


class _Fold:
    """What a batch of changes adds up to, from the offsets on that Redis holds."""

    def __init__(self, offsets: dict[tuple[str, int], int]) -> None:
        self.offsets = offsets
        self.changes = 0
        self.account: PnlSnapshot | None = None
        self.orders: dict[int, OrderUpdate] = {}
        self.fills: dict[str, list[Fill]] = {}
        self.decisions: dict[bytes, int] = {}
        self.refusals = Counter[str]()

    def take(self, change: Change) -> None:
        """Add one change, unless it was folded before."""
        partition = (change.topic, change.partition)
        if change.offset < self.offsets.get(partition, 0):
            return
        self.offsets[partition] = change.offset + 1
        self.changes += 1
        match change.data:
            case PnlSnapshot() as snapshot:
                self.account = snapshot
            case Fill() as fill:
                book = position_key(fill.strategy, fill.instrument_token).decode()
                self.fills.setdefault(book, []).append(fill)
            case OrderUpdate() as order:
                self.keep_furthest({order.order_id: order})
            case Decision() as decision:
                head = _MEMBER_HEAD.pack(decision.time_ns, change.offset)
                self.decisions[head + _encoder.encode(decision)] = decision.time_ns
                if decision.verdict == "refused":
                    self.refusals[decision.code] += 1
            case _:
                pass  # the portfolio does not show the others

    def keep_furthest(self, orders: dict[int, OrderUpdate]) -> None:
        """Take in `orders`, except where the fold has the same order further on."""
        for order_id, order in orders.items():
            self.orders[order_id] = max(order, self.orders.get(order_id, order), key=_progress)

    def write(self, pipeline: Pipeline, keys: _Keys) -> None:
        """Queue the commands that add the fold to what Redis holds."""
        pipeline.hset(
            keys.offsets, mapping={f"{topic}/{number}": offset for (topic, number), offset in self.offsets.items()}
        )
        if self.account is not None:
            pipeline.hset(keys.account, mapping=msgspec.structs.asdict(self.account))
        for book, fills in self.fills.items():
            _write_fills(pipeline, keys, book, fills)
        if self.orders:
            _write_orders(pipeline, keys, self.orders)
        if self.decisions:
            pipeline.zadd(keys.decisions, self.decisions)
            pipeline.zremrangebyrank(keys.decisions, 0, -DECISIONS_KEPT - 1)
        for code, count in self.refusals.items():
            pipeline.hincrby(keys.refusals, code, count)


def _write_orders(pipeline: Pipeline, keys: _Keys, orders: dict[int, OrderUpdate]) -> None:
    pipeline.hset(keys.orders, mapping={str(order_id): _encoder.encode(order) for order_id, order in orders.items()})
    finished = {order_id for order_id, order in orders.items() if order.status in _FINISHED}
    if finished:
        pipeline.srem(keys.working, *finished)
    if working := orders.keys() - finished:
        pipeline.sadd(keys.working, *working)
    pipeline.zadd(keys.recent, {str(order_id): order_id for order_id in orders})
    pipeline.zremrangebyrank(keys.recent, 0, -ORDERS_KEPT - 1)


def _write_fills(pipeline: Pipeline, keys: _Keys, book: str, fills: Sequence[Fill]) -> None:
    """Queue the commands that book fills: the cost follows from the ledger's identity, cost = traded + realised."""
    key, last = keys.position(book), fills[-1]
    traded_e4 = sum((fill.quantity if fill.side == "BUY" else -fill.quantity) * fill.price_e4 for fill in fills)
    realised_e4 = sum(fill.realised_e4 for fill in fills)
    pipeline.sadd(keys.positions, book)
    pipeline.hset(key, mapping={"quantity": last.position, "price_e4": last.price_e4, "updated_ns": last.time_ns})
    pipeline.hincrby(key, "cost_e4", traded_e4 + realised_e4)
    pipeline.hincrby(key, "realised_e4", realised_e4)
    pipeline.hincrby(key, "charges_e4", sum(fill.charges.total_e4 for fill in fills))
    pipeline.hincrby(key, "fills", len(fills))


def _progress(order: OrderUpdate) -> tuple[bool, int, int, int]:
    """Return how far an order has come."""
    return order.status in _FINISHED, order.filled, order.updated_ns, _STATUSES.index(order.status)


async def _read(pipeline: Pipeline, keys: _Keys, broker: str) -> Portfolio:
    """Return the portfolio; WatchError when a watched key changed between the first command and the last."""
    books = sorted(name.decode() for name in await pipeline.smembers(keys.positions))
    order_ids = {int(name) for name in await pipeline.smembers(keys.working)}
    order_ids |= {int(name) for name in await pipeline.zrange(keys.recent, 0, -1)}
    orders = await _orders(pipeline, keys, sorted(order_ids, reverse=True))
    pipeline.multi()
    pipeline.hgetall(keys.account)
    pipeline.zrange(keys.decisions, 0, -1, desc=True)
    pipeline.hgetall(keys.refusals)
    for book in books:
        pipeline.hgetall(keys.position(book))
    account, decisions, refusals, *positions = await pipeline.execute()
    return Portfolio(
        broker=broker,
        account=_account(account),
        positions=tuple(map(_position, books, positions)),
        orders=tuple(orders.values()),
        decisions=tuple(_decision_decoder.decode(member[_MEMBER_HEAD.size :]) for member in decisions),
        refusals={code.decode(): int(count) for code, count in sorted(refusals.items())},
    )


async def _orders(pipeline: Pipeline, keys: _Keys, order_ids: Sequence[int]) -> dict[int, OrderUpdate]:
    """Return those of the orders that Redis holds, in the order of `order_ids`."""
    if not order_ids:
        return {}
    values = await pipeline.hmget(keys.orders, [str(order_id) for order_id in order_ids])
    held = zip(order_ids, values, strict=True)
    return {order_id: _order_decoder.decode(value) for order_id, value in held if value is not None}


def _offsets(fields: dict[bytes, bytes]) -> dict[tuple[str, int], int]:
    places = ((name.decode().rpartition("/"), int(offset)) for name, offset in fields.items())
    return {(topic, int(partition)): offset for (topic, _, partition), offset in places}


def _account(fields: dict[bytes, bytes]) -> PnlSnapshot | None:
    if not fields:
        return None
    values = [fields.get(name.encode(), b"").decode() for name in PnlSnapshot.__struct_fields__]
    return msgspec.convert([PnlSnapshot.__struct_config__.tag, *values], PnlSnapshot, strict=False)


def _position(book: str, fields: dict[bytes, bytes]) -> Position:
    strategy, _, token = book.rpartition(":")
    figures = {name.decode(): value.decode() for name, value in fields.items()}
    return msgspec.convert({"strategy": strategy, "instrument_token": token, **figures}, Position, strict=False)


@contextlib.contextmanager
def _as_store_error(where: str) -> Generator[None]:
    try:
        yield
    except redis.exceptions.RedisError as error:
        raise StoreError(f"the portfolio store {where} does not answer as it should: {error}") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreError(f"the portfolio store {where} does not hold what was written: flush it ({error})") from error
