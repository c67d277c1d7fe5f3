"""What a batch of changes adds up to, and how that is written to Redis and read from it.

    alpha_panda:{broker}:session                         text   whose figures these are
    alpha_panda:{broker}:places                          hash   topic/partition → where the fold goes on
    alpha_panda:{broker}:account                         hash   the latest snapshot, field by field
    alpha_panda:{broker}:positions                       set    strategy:instrument_token
    alpha_panda:{broker}:position:{strategy}:{token}     hash   one book, field by field
    alpha_panda:{broker}:orders                          hash   id → the order as it stands, for all there were
    alpha_panda:{broker}:orders:working                  set    ids of those at work
    alpha_panda:{broker}:orders:recent                   zset   the latest ids
    alpha_panda:{broker}:decisions                       zset   the latest decisions by time
    alpha_panda:{broker}:refusals                        hash   code → how often

The result of the fold does not depend on how the partitions were interleaved, nor on how their records were batched:
sums commute, the sorted sets keep the latest by the messages' own times, and an order that has come further is not
taken back by an update that arrives late on another topic.
"""

import heapq
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import msgspec

from alpha_panda.errors import StoreGapError
from alpha_panda.live.messages import FINISHED, Decision, Fill, OrderStatus, OrderUpdate, Place, PnlSnapshot
from alpha_panda.live.store.base import DECISIONS_KEPT, ORDERS_KEPT, Change, Dump, Places, Portfolio, Position
from alpha_panda.live.topics import position_key

# The client's types allow every answer to be bytes or text, now or awaited; ours are bytes, and a pipeline queues.
Pipeline = Any

_STATUSES = get_args(OrderStatus)

# Redis orders equal scores by the bytes of the member, and a score has 53 bits: this prefix keeps nanoseconds in order.
_MEMBER_HEAD = struct.Struct(">qq")

_encoder = msgspec.msgpack.Encoder()
_order_decoder = msgspec.msgpack.Decoder(OrderUpdate)
_decision_decoder = msgspec.msgpack.Decoder(Decision)
_place_decoder = msgspec.msgpack.Decoder(Place)


class Keys:
    """The names of one broker's keys."""

    def __init__(self, broker: str) -> None:
        self.prefix = f"alpha_panda:{broker}:"
        self.session = f"{self.prefix}session"
        self.places = f"{self.prefix}places"
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


class Fold:
    """What changes add up to that follow on `places`, which are moved on."""

    def __init__(self, places: Places) -> None:
        self.changes = 0
        self.orders: dict[int, OrderUpdate] = {}
        self._places = places
        self._account: PnlSnapshot | None = None
        self._fills: dict[str, list[Fill]] = {}
        self._decisions: dict[bytes, int] = {}
        self._refusals = Counter[str]()

    def take(self, change: Change) -> None:
        """Add one change, unless it was folded before; StoreGapError where others are missing before it."""
        place = change.next_place
        partition = (place.topic, place.partition)
        held = self._places.get(partition)
        expected, sequence = held.sequence if held else 0, place.sequence - 1
        if sequence < expected:
            return
        if sequence > expected:
            raise StoreGapError(
                f"the portfolio store has folded {place.topic}/{place.partition} up to sequence {expected} and was "
                f"given {sequence}: it was flushed or is an older copy, fold again from where it stands"
            )
        self._places[partition] = place
        self.changes += 1
        match change.data:
            case PnlSnapshot() as snapshot:
                self._account = snapshot
            case Fill() as fill:
                book = position_key(fill.strategy, fill.instrument_token).decode()
                self._fills.setdefault(book, []).append(fill)
            case OrderUpdate() as order:
                self.orders[order.order_id] = max(order, self.orders.get(order.order_id, order), key=_progress)
            case Decision() as decision:
                head = _MEMBER_HEAD.pack(decision.time_ns, sequence)
                self._decisions[head + _encoder.encode(decision)] = decision.time_ns
                if decision.verdict == "refused":
                    self._refusals[decision.code] += 1
            case _:
                pass  # the portfolio does not show the others

    def keep_furthest(self, held: Mapping[int, OrderUpdate]) -> None:
        """Take back what this says of orders that were held already, and had come further."""
        for order_id, order in held.items():
            self.orders[order_id] = max(self.orders[order_id], order, key=_progress)

    def write(self, pipeline: Pipeline, keys: Keys) -> None:
        """Queue the commands that add the fold to what Redis holds."""
        places = {f"{topic}/{number}": _encoder.encode(place) for (topic, number), place in self._places.items()}
        pipeline.hset(keys.places, mapping=places)
        if self._account is not None:
            pipeline.hset(keys.account, mapping=msgspec.structs.asdict(self._account))
        for book, fills in self._fills.items():
            _write_fills(pipeline, keys, book, fills)
        if self.orders:
            _write_orders(pipeline, keys, self.orders)
        if self._decisions:
            latest = heapq.nlargest(DECISIONS_KEPT, self._decisions)
            pipeline.zadd(keys.decisions, {member: self._decisions[member] for member in latest})
            pipeline.zremrangebyrank(keys.decisions, 0, -DECISIONS_KEPT - 1)
        for code, count in self._refusals.items():
            pipeline.hincrby(keys.refusals, code, count)


def _write_orders(pipeline: Pipeline, keys: Keys, orders: dict[int, OrderUpdate]) -> None:
    pipeline.hset(keys.orders, mapping={str(order_id): _encoder.encode(order) for order_id, order in orders.items()})
    finished = {order_id for order_id, order in orders.items() if order.status in FINISHED}
    if finished:
        pipeline.srem(keys.working, *finished)
    if working := orders.keys() - finished:
        pipeline.sadd(keys.working, *working)
    pipeline.zadd(keys.recent, {str(order_id): order_id for order_id in heapq.nlargest(ORDERS_KEPT, orders)})
    pipeline.zremrangebyrank(keys.recent, 0, -ORDERS_KEPT - 1)


def _write_fills(pipeline: Pipeline, keys: Keys, book: str, fills: Sequence[Fill]) -> None:
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
    return order.status in FINISHED, order.filled, order.updated_ns, _STATUSES.index(order.status)


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def read_portfolio(pipeline: Pipeline, keys: Keys, broker: str) -> Portfolio:
    """Return the portfolio; WatchError when a watched key changed between the first command and the last."""
    books = sorted(name.decode() for name in await pipeline.smembers(keys.positions))
    order_ids = {int(name) for name in await pipeline.smembers(keys.working)}
    order_ids |= {int(name) for name in await pipeline.zrange(keys.recent, 0, -1)}
    orders = await read_orders(pipeline, keys, sorted(order_ids, reverse=True))
    pipeline.multi()
    pipeline.get(keys.session)
    pipeline.hgetall(keys.account)
    pipeline.zrange(keys.decisions, 0, -1, desc=True)
    pipeline.hgetall(keys.refusals)
    for book in books:
        pipeline.hgetall(keys.position(book))
    session, account, decisions, refusals, *positions = await pipeline.execute()
    return Portfolio(
        broker=broker,
        session=(session or b"").decode(),
        account=_account(account),
        positions=tuple(map(_position, books, positions)),
        orders=tuple(orders.values()),
        decisions=tuple(_decision_decoder.decode(member[_MEMBER_HEAD.size :]) for member in decisions),
        refusals={code.decode(): int(count) for code, count in sorted(refusals.items())},
    )


async def read_dump(pipeline: Pipeline, keys: Keys, names: Sequence[bytes]) -> Dump:
    """Return what stands under `names`; WatchError when a watched key changed between the first command and the last.

    A set and a hash have no order; a sorted set has, and it follows from members and scores.
    """
    kinds = [await pipeline.type(name) for name in names]
    pipeline.multi()
    for name, kind in zip(names, kinds, strict=True):
        match kind:
            case b"hash":
                pipeline.hgetall(name)
            case b"set":
                pipeline.smembers(name)
            case b"zset":
                pipeline.zrange(name, 0, -1, withscores=True)
            case _:
                pipeline.get(name)
    read = zip(names, kinds, await pipeline.execute(), strict=True)
    held = {name: _fields(kind, value) for name, kind, value in read}
    session = held.get(keys.session.encode(), {b"": b""})[b""].decode()
    figures = {(name, field): value for name, fields in held.items() for field, value in fields.items()}
    return Dump(session, places_in(held.get(keys.places.encode(), {})), figures)


def _fields(kind: bytes, value: Any) -> Mapping[bytes, bytes]:
    """Return what a key holds, by field or member."""
    match kind:
        case b"hash":
            return value
        case b"set":
            return dict.fromkeys(value, b"")
        case b"zset":
            return {member: repr(score).encode() for member, score in value}
        case _:
            return {b"": value}


async def read_orders(pipeline: Pipeline, keys: Keys, order_ids: Sequence[int]) -> dict[int, OrderUpdate]:
    """Return those of the orders that Redis holds, in the order of `order_ids`."""
    if not order_ids:
        return {}
    values = await pipeline.hmget(keys.orders, [str(order_id) for order_id in order_ids])
    held = zip(order_ids, values, strict=True)
    return {order_id: _order_decoder.decode(value) for order_id, value in held if value is not None}


def places_in(fields: Mapping[bytes, bytes]) -> Places:
    """Return the places in the hash of them."""
    places = map(_place_decoder.decode, fields.values())
    return {(place.topic, place.partition): place for place in places}


def _account(fields: Mapping[bytes, bytes]) -> PnlSnapshot | None:
    if not fields:
        return None
    values = [fields.get(name.encode(), b"").decode() for name in PnlSnapshot.__struct_fields__]
    return msgspec.convert([PnlSnapshot.__struct_config__.tag, *values], PnlSnapshot, strict=False)


def _position(book: str, fields: Mapping[bytes, bytes]) -> Position:
    strategy, _, token = book.rpartition(":")
    figures = {name.decode(): value.decode() for name, value in fields.items()}
    return msgspec.convert({"strategy": strategy, "instrument_token": token, **figures}, Position, strict=False)
