"""Appending to Kafka: in flights, of which one is under way, each with one batch of records for each partition.

Appends that come while a flight is under way wait together and share the next one, so the cost of a round trip is paid
once for all of them. Kafka takes a batch whole or not at all, and what a flight repeats it takes once, by the sequences
of an idempotent producer. So the records of a partition stand in the order of the appends, each once.

When a flight fails, so do the appends behind it: a caller that did not await each of them must not find the later ones
on the log without the earlier. The next append begins anew, as another producer.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from aiokafka.errors import KafkaError
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest

from alpha_panda.errors import LogError
from alpha_panda.live.log.base import NewRecord
from alpha_panda.live.log.kafka_client import KafkaClient, Partition, check
from alpha_panda.live.log.kafka_codec import Identity, encode_batch, size_of

_ALL_IN_SYNC = -1
_BROKER_WAITS_MS = 3000  # for its replicas; less than the client waits for the answer
_FLIGHT_BYTES_MAX = 80 * 2**20  # a broker takes requests of 100 MiB
_LARGE_BYTES = 2**20  # encoding takes 4 ms for each, for which the event loop does not stand still
_SEQUENCES = 2**31

_ask_identity: Any = InitProducerIdRequest  # its annotation forgets that only a transaction has a name

Placed = tuple[Partition, NewRecord]


class _Part(NamedTuple):
    """Records that go in one flight, and where their offsets are awaited."""

    records: Sequence[Placed]
    appended: asyncio.Future[list[int]]


class Writer:
    """Appends for one log object."""

    def __init__(self, client: KafkaClient) -> None:
        self._client = client
        self._pending: list[_Part] = []
        self._flying: asyncio.Task[None] | None = None
        self._identity: Identity | None = None
        self._sequences: dict[Partition, int] = {}

    def append(self, records: Sequence[Placed]) -> list[asyncio.Future[list[int]]]:
        """Have `records` appended, and return the futures of their offsets, in order.

        Raises LogError, with nothing appended, where one is larger than its topic takes.
        """
        for partition, record in records:
            _check_size(partition, record)
        loop = asyncio.get_running_loop()
        parts = [_Part(each, loop.create_future()) for each in _loads(records)]
        self._pending += parts
        if parts and (self._flying is None or self._flying.done()):
            self._flying = asyncio.create_task(self._fly())
        return [part.appended for part in parts]

    async def _fly(self) -> None:
        """Send what is pending, one flight after the other, until nothing is."""
        while self._pending:
            flight, self._pending = _first_flight(self._pending)
            try:
                offsets = iter(await self._send([placed for part in flight for placed in part.records]))
            except BaseException as error:
                self._fail(flight, error)
                if not isinstance(error, LogError):
                    raise
                continue
            for part in flight:
                part.appended.set_result([next(offsets) for _ in part.records])

    def _fail(self, flight: Sequence[_Part], error: BaseException) -> None:
        failed, self._pending = [*flight, *self._pending], []
        self._identity = None
        reason = error if isinstance(error, LogError) else LogError(f"an append was cut off: {error!r}")
        for part in failed:
            part.appended.set_exception(type(reason)(str(reason)))

    async def _send(self, records: Sequence[Placed]) -> list[int]:
        """Append `records`, and return their offsets once all replicas in sync have them."""
        identity = self._identity or await self._begin()
        placed: dict[Partition, list[NewRecord]] = {}
        for partition, record in records:
            placed.setdefault(partition, []).append(record)
        encode = partial(self._encode, placed, identity)
        large = sum(size_of(record) for _, record in records) > _LARGE_BYTES
        batches = await asyncio.to_thread(encode) if large else encode()
        firsts: dict[Partition, int] = {}
        await self._client.attempt("append", lambda: self._send_once(batches, firsts))
        for partition, group in placed.items():
            self._sequences[partition] = (self._sequences.get(partition, 0) + len(group)) % _SEQUENCES
        following = {
            partition: iter(range(first, first + len(placed[partition]))) for partition, first in firsts.items()
        }
        return [next(following[partition]) for partition, _ in records]

    def _encode(self, placed: Mapping[Partition, Sequence[NewRecord]], identity: Identity) -> dict[Partition, bytes]:
        return {
            partition: encode_batch(group, identity, self._sequences.get(partition, 0))
            for partition, group in placed.items()
        }

    async def _begin(self) -> Identity:
        """Ask the cluster for a producer's number, under which sequences begin at 0."""

        async def once() -> Identity:
            answer = await self._client.send_to_any(_ask_identity(None, _BROKER_WAITS_MS))
            check(answer.error_code)
            return Identity(answer.producer_id, answer.producer_epoch)

        self._identity = await self._client.attempt("begin to append", once)
        self._sequences = {}
        return self._identity

    async def _send_once(self, batches: dict[Partition, bytes], firsts: dict[Partition, int]) -> None:
        """Send the batches whose first offset is not in `firsts` yet to their brokers, and put it there."""
        leaders: dict[int, list[Partition]] = {}
        for partition in batches:
            if partition not in firsts:
                leaders.setdefault(self._client.leader(partition), []).append(partition)
        sent = (self._send_to(node, group, batches, firsts) for node, group in leaders.items())
        for outcome in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _send_to(
        self, node: int, partitions: Iterable[Partition], batches: dict[Partition, bytes], firsts: dict[Partition, int]
    ) -> None:
        named = {(partition.name, partition.number): partition for partition in partitions}
        topics: dict[str, list[tuple[int, bytes]]] = {}
        for (name, number), partition in named.items():
            topics.setdefault(name, []).append((number, batches[partition]))
        request = ProduceRequest(None, _ALL_IN_SYNC, _BROKER_WAITS_MS, list(topics.items()))
        answer = await self._client.send(node, request)
        failure: KafkaError | None = None
        for name, group in answer.topics:
            for number, code, first, *_ in group:
                try:
                    check(code)
                    firsts[named[name, number]] = first
                except KafkaError as error:
                    failure = error
        if failure is not None:
            raise failure


def _check_size(partition: Partition, record: NewRecord) -> None:
    size, limit = size_of(record), partition.topic.record_bytes_max
    if size > limit:
        raise LogError(
            f"a record of {size:,} bytes is too large for topic {partition.name}, which takes {limit:,}: "
            "nothing of its batch was appended"
        )


class _Load:
    """How much of a flight is taken."""

    def __init__(self) -> None:
        self._total = 0
        self._of_partition: dict[Partition, int] = {}

    def takes(self, records: Sequence[Placed]) -> bool:
        """Add `records` and return True, or return False where they do not fit together with what is there."""
        sizes: dict[Partition, int] = {}
        for partition, record in records:
            sizes[partition] = sizes.get(partition, self._of_partition.get(partition, 0)) + size_of(record)
        added = sum(size_of(record) for _, record in records)
        too_large = any(size > partition.topic.record_bytes_max for partition, size in sizes.items())
        if self._total and (too_large or self._total + added > _FLIGHT_BYTES_MAX):
            return False
        self._total += added
        self._of_partition.update(sizes)
        return True


def _loads(records: Sequence[Placed]) -> list[list[Placed]]:
    """Part `records`, in order, into as few lists as there must be for each to fit in one flight."""
    loads: list[list[Placed]] = []
    load = _Load()
    for placed in records:
        if not loads or not load.takes([placed]):
            loads.append([])
            load = _Load()
            load.takes([placed])
        loads[-1].append(placed)
    return loads


def _first_flight(parts: list[_Part]) -> tuple[list[_Part], list[_Part]]:
    """Part what is pending into what fits in one flight and the rest."""
    load = _Load()
    count = next((count for count, part in enumerate(parts) if not load.takes(part.records)), len(parts))
    return parts[:count], parts[count:]
