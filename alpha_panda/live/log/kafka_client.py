"""The connection to Kafka: a request goes to the broker it concerns, again where that may help, but never for long.

Of aiokafka this uses the connections, the protocol and the codec of records, but neither its producer nor its consumer.
Its idempotent producer repeats without an end, cannot be stopped while no broker answers, and compresses at the level
that takes thirty times as long as the fastest. Its consumer has one request under way per broker, so that whoever reads
one partition waits for the long poll of another.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, NamedTuple, TypeVar

from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.errors import KafkaError, LeaderNotAvailableError, NodeNotReadyError, NoError, for_code
from aiokafka.structs import TopicPartition

from alpha_panda.errors import ConfigurationError, LogError
from alpha_panda.live.topics import Topic

PATIENCE_S = 10.0
"""How long a request is repeated before it is given up."""

_REQUEST_MS = 4000  # how long one attempt may take, so that a broker that went silent is asked more than once
_PAUSE_S = 0.05
_PORT_MAX = 65535
_ADDRESSES = re.compile(r"[\w.-]+:[0-9]+(,[\w.-]+:[0-9]+)*")
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,100}")

T = TypeVar("T")

# Whatever it has to say reaches the caller as the reason of a LogError.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


class Partition(NamedTuple):
    """A partition, with the name that its topic has on the broker."""

    topic: Topic
    name: str
    number: int

    def __str__(self) -> str:
        return f"topic {self.name} partition {self.number}"


class KafkaClient:
    """Connections to the brokers of one cluster.

    A broker answers the requests of one connection in turn. So requests that may wait long have a channel, and with it
    a connection, of their own.
    """

    def __init__(self, address: str) -> None:
        """Raise ConfigurationError for what is no address; `open` connects."""
        ports = [int(port) for port in re.findall(r":([0-9]+)", address)]
        if not _ADDRESSES.fullmatch(address) or not all(0 < port <= _PORT_MAX for port in ports):
            raise ConfigurationError(
                f"{address!r} is no address of a Kafka broker: set ALPHA_PANDA_KAFKA to host:port, as localhost:9092"
            )
        self.address = address
        self._client: Any = None  # while it is open
        self._coordinators: dict[str, int] = {}
        self._limits: set[asyncio.Timeout] = set()  # of the attempts under way

    async def open(self) -> None:
        """Connect; LogError where nobody answers."""
        client: Any = AIOKafkaClient(
            bootstrap_servers=self.address, client_id="alpha-panda", request_timeout_ms=_REQUEST_MS
        )
        try:
            await client.bootstrap()
            # As no topics are named, this asks for all there are; naming one might create it.
            known = await client.force_metadata_update()
        except KafkaError:
            await client.close()
            raise LogError(f"no Kafka answers at {self.address}: start it, or correct ALPHA_PANDA_KAFKA") from None
        except BaseException:
            await client.close()
            raise
        if not known:
            await client.close()
            raise LogError(
                f"Kafka answers at {self.address}, but not at the addresses that its brokers advertise: "
                "correct their advertised.listeners"
            )
        self._client = client

    async def close(self) -> None:
        """End the attempts under way, which raise LogError, and let go of all connections."""
        client, self._client = self._client, None
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(0.0)
        while self._limits:  # a connection that one of them makes at this moment would stay open
            await asyncio.sleep(0)
        if client is not None:
            await client.close()

    @property
    def _opened(self) -> Any:
        """The client, or LogError where it is closed."""
        if self._client is None:
            raise self._closed()
        return self._client

    def _closed(self) -> LogError:
        return LogError(f"the connection to Kafka at {self.address} is closed")

    def topics(self) -> set[str]:
        """Return the names of all topics on the broker, as `open` or `refresh` found them."""
        return set(self._opened.cluster.topics())

    def brokers(self) -> list[int]:
        """Return the numbers of the brokers."""
        return sorted(broker.nodeId for broker in self._opened.cluster.brokers())

    async def refresh(self) -> None:
        """Learn anew which topics there are; LogError where nobody answers."""
        if not await self._opened.force_metadata_update():
            raise LogError(f"Kafka at {self.address} does not answer any more: see whether its brokers run")

    def partitions_of(self, name: str) -> int | None:
        """Return how many partitions a topic of the broker has; None where there is no such topic."""
        partitions = self._opened.cluster.partitions_for_topic(name)
        return None if partitions is None else len(partitions)

    def leader(self, partition: Partition) -> int:
        """Return the number of the broker that leads a partition."""
        leader = self._opened.cluster.leader_for_partition(TopicPartition(partition.name, partition.number))
        if leader is None or leader == -1:
            raise LeaderNotAvailableError(str(partition))
        return leader

    async def send(self, node: int, request: Any, channel: Hashable = ConnectionGroup.DEFAULT) -> Any:
        """Return a broker's answer to a request; KafkaError where there is none."""
        return await self._opened.send(node, request, group=channel)

    async def send_to_any(self, request: Any) -> Any:
        """Return the answer of any broker to a request."""
        node = self._opened.get_random_node()
        if node is None:
            raise NodeNotReadyError("no broker is known")
        return await self.send(node, request)

    async def send_to_controller(self, request: Any) -> Any:
        """Return the answer of the broker that makes and deletes topics."""
        controller = self._opened.cluster.controller
        return await (self.send_to_any(request) if controller is None else self.send(controller.nodeId, request))

    async def send_to_coordinator(self, group: str, request: Any) -> Any:
        """Return the answer of the broker that keeps the commits of a group."""
        node = self._coordinators.get(group)
        if node is None:
            node = await self._opened.coordinator_lookup(CoordinationType.GROUP, group)
            self._coordinators[group] = node
        return await self.send(node, request, ConnectionGroup.COORDINATION)

    async def attempt(self, purpose: str, once: Callable[[], Awaitable[T]]) -> T:
        """Return what `once` returns, calling it again for PATIENCE_S where it raises what may pass.

        Raises LogError, which says what was to be done and why it was not.
        """
        reason: KafkaError | None = None
        limit = asyncio.timeout(PATIENCE_S)
        self._limits.add(limit)
        try:
            async with limit:
                while reason is None or reason.retriable:
                    try:
                        return await once()
                    except KafkaError as error:
                        reason = error
                    # Whoever leads what may have changed; nobody waits for the answer here.
                    self._coordinators.clear()
                    self._opened.force_metadata_update()
                    await asyncio.sleep(_PAUSE_S)
        except TimeoutError:
            if self._client is None:
                raise self._closed() from None
        finally:
            self._limits.discard(limit)
        raise LogError(f"Kafka at {self.address} could not {purpose}: {reason or 'it does not answer'}") from reason


def check_session(session: str) -> None:
    """Raise ConfigurationError for a name that cannot begin the names of topics."""
    if not _SESSION.fullmatch(session):
        raise ConfigurationError(
            f"{session!r} cannot name a session on Kafka: use up to 100 letters, digits, - and _, as in 2026-11-20"
        )


def check(code: int, reason: str | None = None) -> None:
    """Raise the KafkaError that an error code of an answer stands for, if it does for one."""
    error = for_code(code)
    if error is not NoError:
        raise error(*([reason] if reason else []))
