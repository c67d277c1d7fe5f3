"""The topics of sessions on a Kafka broker: made, compared with what they should be, counted and deleted.

A session's topics keep all they hold until the session is deleted as a whole: what was traded is never lost to age. The
names of sessions have no dots, so a topic's name tells whose it is.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self

from aiokafka.protocol.admin import (
    CreateTopicsRequest,
    DeleteGroupsRequest,
    DeleteTopicsRequest,
    DescribeConfigsRequest,
    ListGroupsRequest,
)
from aiokafka.protocol.commit import OffsetFetchRequest

from alpha_panda.errors import ConfigurationError, LogError
from alpha_panda.live.log.kafka_client import PATIENCE_S, KafkaClient, Partition, check, check_session
from alpha_panda.live.log.kafka_reader import Reader
from alpha_panda.live.topics import SESSIONS, Topic, TopicState

_CHANGING_MS = 3000
_BATCH_BYTES = 1024  # what a batch takes besides its largest record
_REPLICAS = 3  # where there are so many brokers: one may be lost, and another be restarted
_IN_SYNC = 2  # of three; acknowledged is what so many have
_PAUSE_S = 0.05

_TOPIC = 2  # among the kinds of things that have settings
_UNKNOWN, _EXISTS = 3, 36  # the codes of what was done by an attempt before

Commits = dict[tuple[str, int], int]


class KafkaTopics:
    """What is on the broker at `address`; entering it connects, and raises LogError where no broker answers."""

    def __init__(self, address: str) -> None:
        self._client = KafkaClient(address)
        self._reader = Reader(self._client)

    async def __aenter__(self) -> Self:
        await self._client.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    def sessions(self) -> list[str]:
        """Return the sessions that have topics on the broker."""
        ending = f".{SESSIONS.name}"
        return sorted(name.removesuffix(ending) for name in self._client.topics() if name.endswith(ending))

    # ── Making and checking ──────────────────────────────────────────────────────────────────────────────────────────

    async def create(self, session: str, topics: Sequence[Topic], replicas: int | None = None) -> list[str]:
        """Make those topics of a session that are not there yet, and return their names.

        Each is kept on `replicas` brokers: unless somebody says otherwise on three, or on one where there are fewer.
        Raises ConfigurationError for a session's name that cannot be, LogError where the broker refuses.
        """
        check_session(session)
        copies = replicas or (_REPLICAS if len(self._client.brokers()) >= _REPLICAS else 1)
        missing = {f"{session}.{topic.name}": topic for topic in topics}
        missing = {name: topic for name, topic in missing.items() if self._client.partitions_of(name) is None}
        in_sync = {"min.insync.replicas": str(min(copies, _IN_SYNC))}
        wanted: Any = [
            (name, topic.partitions, copies, [], list({**_settings(topic), **in_sync}.items()))
            for name, topic in missing.items()
        ]
        if wanted:
            request = CreateTopicsRequest(wanted, _CHANGING_MS, False)
            await self._client.attempt(f"make the topics of {session}", partial(self._create, request))
            await self._until(lambda: self._client.topics() >= missing.keys())
        return [topic.name for topic in missing.values()]

    async def _create(self, request: CreateTopicsRequest) -> None:
        answer = await self._client.send_to_controller(request)
        for _, code, reason in answer.topic_errors:
            check(0 if code == _EXISTS else code, reason)

    async def differences(self, session: str, topics: Sequence[Topic]) -> list[str]:
        """Return in what the topics of a session differ from what they should be, a sentence for each."""
        check_session(session)
        found: list[str] = []
        there: dict[str, Topic] = {}
        for topic in topics:
            name = f"{session}.{topic.name}"
            partitions = self._client.partitions_of(name)
            if partitions is None:
                found.append(f"topic {name} is missing")
                continue
            there[name] = topic
            if partitions != topic.partitions:
                found.append(f"topic {name} has {partitions} partitions instead of {topic.partitions}")
        settings = await self._client.attempt("tell the settings of topics", partial(self._ask_settings, there))
        return found + [
            f"topic {name} has {setting}={settings[name].get(setting)} instead of {value}"
            for name, topic in there.items()
            for setting, value in _settings(topic).items()
            if settings[name].get(setting) != value
        ]

    async def _ask_settings(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        answer = await self._client.send_to_any(DescribeConfigsRequest([(_TOPIC, name, None) for name in names]))
        for code, reason, *_ in answer.resources:
            check(code, reason)
        return {name: {entry[0]: entry[1] for entry in entries} for _, _, _, name, entries in answer.resources}

    # ── Counting ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def describe(self, session: str) -> list[TopicState]:
        """Return the topics of a session as they stand, by name; ConfigurationError where there is no such session."""
        names = self._topics_of(session)
        commits = {
            group.removeprefix(f"{session}."): await self._client.attempt(
                f"tell the commits of {group}", partial(self._ask_commits, group)
            )
            for group in await self._groups_of(session)
        }
        return [await self._describe(name, name.removeprefix(f"{session}."), commits) for name in names]

    async def _describe(self, name: str, short: str, commits: Mapping[str, Commits]) -> TopicState:
        count = self._client.partitions_of(name) or 0
        partitions = [Partition(Topic(short, count), name, number) for number in range(count)]
        bounds = await asyncio.gather(*map(self._reader.bounds, partitions))
        lags: dict[str, int] = {}
        for group, offsets in commits.items():
            if any((name, number) in offsets for number in range(count)):
                read = [offsets.get((name, number), first) for number, (first, _) in enumerate(bounds)]
                lags[group] = sum(max(end - offset, 0) for (_, end), offset in zip(bounds, read, strict=True))
        return TopicState(short, count, sum(end - first for first, end in bounds), lags)

    def _topics_of(self, session: str) -> list[str]:
        check_session(session)
        names = sorted(name for name in self._client.topics() if name.startswith(f"{session}."))
        if not names:
            raise ConfigurationError(
                f"there is no session {session} on {self._client.address}: alpha-panda topics list shows what there is"
            )
        return names

    async def _groups_of(self, session: str) -> list[str]:
        """Return the groups of a session, by their names on the broker."""
        groups = await self._client.attempt(f"list the groups of {session}", self._ask_groups)
        return [group for group in groups if group.startswith(f"{session}.")]

    async def _ask_groups(self) -> list[str]:
        """Return all groups; each broker knows its own."""
        groups: set[str] = set()
        for broker in self._client.brokers():
            answer = await self._client.send(broker, ListGroupsRequest())
            check(answer.error_code)
            groups |= {group for group, _ in answer.groups}
        return sorted(groups)

    async def _ask_commits(self, group: str) -> Commits:
        answer = await self._client.send_to_coordinator(group, OffsetFetchRequest(group, None))
        check(answer.error_code)
        return {(name, number): offset for name, partitions in answer.topics for number, offset, *_ in partitions}

    # ── Deleting ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def delete(self, session: str) -> int:
        """Delete a session's topics with all they hold, and its groups; return how many topics there were.

        Raises ConfigurationError where there is no such session.
        """
        names = self._topics_of(session)
        for group in await self._groups_of(session):
            await self._client.attempt(f"delete the group {group}", partial(self._delete_group, group))
        request = DeleteTopicsRequest(names, _CHANGING_MS)
        await self._client.attempt(f"delete the topics of {session}", partial(self._delete_topics, request))
        await self._until(lambda: not self._client.topics() & set(names))
        return len(names)

    async def _delete_group(self, group: str) -> None:
        answer = await self._client.send_to_coordinator(group, DeleteGroupsRequest([group]))
        for _, code in answer.results:
            check(code)

    async def _delete_topics(self, request: DeleteTopicsRequest) -> None:
        answer = await self._client.send_to_controller(request)
        for _, code in answer.topic_error_codes:
            check(0 if code == _UNKNOWN else code)

    async def _until(self, done: Callable[[], bool]) -> None:
        """Return once all that was asked for shows: a broker says yes a moment before it knows."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not done():
                    await asyncio.sleep(_PAUSE_S)
                    await self._client.refresh()
        except TimeoutError:
            raise LogError(f"Kafka at {self._client.address} agreed to change topics, but does not show it") from None


def _settings(topic: Topic) -> dict[str, str]:
    """Return the settings of a topic on the broker that differ from, or must not depend on, the broker's own."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "max.message.bytes": str(topic.record_bytes_max + _BATCH_BYTES),
    }
