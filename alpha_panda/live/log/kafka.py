"""The event log on Kafka: for stages in several processes, on several machines.

A topic is `{session}.{topic}` on the broker and a group `{session}.{group}`, so that one broker holds many sessions.
The topics must be there, made by `alpha-panda topics create`.
"""

import asyncio
from collections.abc import Sequence
from typing import Self

from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest

from alpha_panda.errors import ConfigurationError, LogError
from alpha_panda.live.log.base import Commit, Log, NewRecord, Record, check_place
from alpha_panda.live.log.kafka_client import KafkaClient, Partition, check, check_session
from alpha_panda.live.log.kafka_reader import Reader
from alpha_panda.live.log.kafka_writer import Writer
from alpha_panda.live.topics import Topic

_NO_GENERATION = -1  # of a group whose members Kafka does not know of
_NO_COMMIT = -1


class KafkaLog(Log):
    """The topics of one session on the broker at `address`, host:port.

    Entering it connects, and raises LogError where no broker answers. Topics are checked then, and those that are not
    among `topics` at their first use: ConfigurationError where one is missing or has another number of partitions.
    """

    def __init__(self, address: str, session: str, topics: Sequence[Topic], read_only: bool = False) -> None:
        check_session(session)
        self._client = KafkaClient(address)
        self._session = session
        self._topics = tuple(topics)
        self._partitions: dict[tuple[str, int], Partition] = {}
        self._reader = Reader(self._client)
        self._writer = Writer(self._client)
        self._refusal = f"the event log of {session} on {address} is open for reading only" if read_only else ""
        self._closed = f"the event log of {session} on {address} is not open"
        self._appends: set[asyncio.Task[list[int]]] = set()

    async def __aenter__(self) -> Self:
        await self._client.open()
        try:
            for topic in self._topics:
                self._add_topic(topic)
        except ConfigurationError:
            await self._client.close()
            raise
        self._closed = ""
        return self

    def _add_topic(self, topic: Topic) -> None:
        name = f"{self._session}.{topic.name}"
        partitions = self._client.partitions_of(name)
        address = self._client.address
        if partitions is None:
            raise ConfigurationError(
                f"topic {name} is missing on {address}: run alpha-panda topics create --session {self._session}"
            )
        if partitions != topic.partitions:
            raise ConfigurationError(
                f"topic {name} has {partitions} partitions on {address} and not {topic.partitions}: "
                "start the session with as many as it has, or another session"
            )
        for number in range(partitions):
            self._partitions[topic.name, number] = Partition(topic, name, number)

    async def append(self, batch: Sequence[NewRecord], commits: Sequence[Commit] = ()) -> list[int]:
        """Append as `Log.append` says; LogError also for a record that is too large for its topic."""
        self._require_open()
        if self._refusal:
            raise LogError(self._refusal)
        if not batch and not commits:
            return []
        records = [(self._partition(record.topic, record.partition), record) for record in batch]
        for commit in commits:
            self._partition(commit.topic, commit.partition, commit.offset)
        appended = self._writer.append(records)
        appending = asyncio.create_task(self._finish(appended, tuple(commits)))
        self._appends.add(appending)
        appending.add_done_callback(self._forget)
        # Whoever gives up waiting does not stop an append that is under way.
        return await asyncio.shield(appending)

    def _forget(self, appending: asyncio.Task[list[int]]) -> None:
        self._appends.discard(appending)
        if not appending.cancelled():
            appending.exception()  # nobody may be left to hear of it

    async def _finish(self, appended: Sequence[asyncio.Future[list[int]]], commits: Sequence[Commit]) -> list[int]:
        offsets = [offset for offsets in await asyncio.gather(*appended) for offset in offsets]
        for group in {commit.group: None for commit in commits}:
            await self._commit(group, [commit for commit in commits if commit.group == group])
        return offsets

    async def _commit(self, group: str, commits: Sequence[Commit]) -> None:
        topics: dict[str, list[tuple[int, int, str]]] = {}
        for commit in commits:
            name = f"{self._session}.{commit.topic.name}"
            topics.setdefault(name, []).append((commit.partition, commit.offset, ""))
        name = f"{self._session}.{group}"
        request = OffsetCommitRequest(name, _NO_GENERATION, "", -1, list(topics.items()))

        async def once() -> None:
            answer = await self._client.send_to_coordinator(name, request)
            for _, partitions in answer.topics:
                for _, code in partitions:
                    check(code)

        await self._client.attempt(f"commit for {name}", once)

    async def read(self, topic: Topic, partition: int, offset: int, limit: int) -> list[Record]:
        """Read as `Log.read` says; LogError also for an offset that has been deleted."""
        self._require_open()
        return await self._reader.read(self._partition(topic, partition, offset), offset, limit)

    async def wait(self, topic: Topic, partition: int, offset: int, timeout_s: float) -> bool:
        """Wait as `Log.wait` says: woken by the broker, whoever appends."""
        self._require_open()
        place = self._partition(topic, partition, offset)
        try:
            async with asyncio.timeout(timeout_s):
                await self._reader.wait(place, offset)
        except TimeoutError:
            return False
        self._require_open()
        return True

    def holds(self, topic: Topic, partition: int, offset: int) -> bool:
        """Answer as `Log.holds` says."""
        return self._reader.holds(self._partition(topic, partition, offset), offset)

    async def end(self, topic: Topic, partition: int) -> int:
        """Return the end as `Log.end` says."""
        self._require_open()
        return await self._reader.end(self._partition(topic, partition))

    async def committed(self, group: str, topic: Topic, partition: int) -> int:
        """Return the commit as `Log.committed` says."""
        self._require_open()
        place = self._partition(topic, partition)
        name = f"{self._session}.{group}"
        request = OffsetFetchRequest(name, [(place.name, [partition])])

        async def once() -> int:
            answer = await self._client.send_to_coordinator(name, request)
            check(answer.error_code)
            ((_, ((_, offset, _, code),)),) = answer.topics
            check(code)
            return 0 if offset == _NO_COMMIT else offset

        return await self._client.attempt(f"tell the commit of {name}", once)

    async def close(self) -> None:
        """Close as `Log.close` says."""
        if self._closed:
            return
        self._closed = f"the event log of {self._session} on {self._client.address} is closed"
        await self._reader.close()
        await asyncio.gather(*self._appends, return_exceptions=True)
        await self._client.close()

    def _partition(self, topic: Topic, number: int, offset: int = 0) -> Partition:
        check_place(topic, number, offset)
        place = (topic.name, number)
        if place not in self._partitions:
            self._add_topic(topic)
        return self._partitions[place]

    def _require_open(self) -> None:
        if self._closed:
            raise LogError(self._closed)
