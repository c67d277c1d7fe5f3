"""The topics of sessions on Kafka are made as they should be, compared, counted and deleted."""

import contextlib
import itertools
import time
from collections.abc import AsyncIterator

import pytest

from alpha_panda.errors import ConfigurationError, LogError
from alpha_panda.live.log.base import Commit
from alpha_panda.live.log.kafka import KafkaLog
from alpha_panda.live.log.kafka_topics import KafkaTopics
from alpha_panda.live.topics import Topic, TopicState, topics_of_session
from tests.kafka import free_port
from tests.live.log.contract import new

PLAIN, SPREAD = Topic("plain"), Topic("spread", partitions=3)
_numbers = itertools.count(1)


@pytest.fixture
async def broker(kafka: str) -> AsyncIterator[KafkaTopics]:
    async with KafkaTopics(kafka) as broker:
        yield broker


@pytest.fixture
async def session(broker: KafkaTopics) -> AsyncIterator[str]:
    """Give the name of a session of the test's own, which has no topics yet."""
    name = f"topics-{time.time_ns()}-{next(_numbers)}"
    yield name
    with contextlib.suppress(ConfigurationError):  # a test may have deleted it itself
        await broker.delete(name)


async def test_a_session_is_made_once_and_found_as_it_should_be(broker: KafkaTopics, session: str):
    topics = topics_of_session(["paper"], partitions=2)
    assert await broker.create(session, topics) == [topic.name for topic in topics]
    assert await broker.create(session, topics) == []
    assert await broker.differences(session, topics) == []
    assert session in broker.sessions()


async def test_only_what_is_missing_is_made(broker: KafkaTopics, session: str):
    await broker.create(session, [PLAIN])
    assert await broker.create(session, [PLAIN, SPREAD]) == ["spread"]


async def test_every_difference_is_told(broker: KafkaTopics, session: str):
    await broker.create(session, [PLAIN, SPREAD])
    wanted = [Topic("plain", record_bytes_max=2**20), Topic("spread", partitions=4), Topic("absent")]
    assert await broker.differences(session, wanted) == [
        f"topic {session}.spread has 3 partitions instead of 4",
        f"topic {session}.absent is missing",
        f"topic {session}.plain has max.message.bytes={8 * 2**20 + 1024} instead of {2**20 + 1024}",
    ]


async def test_records_and_the_lag_of_each_group_are_counted(broker: KafkaTopics, session: str, kafka: str):
    await broker.create(session, [PLAIN, SPREAD])
    async with KafkaLog(kafka, session, [PLAIN, SPREAD]) as log:
        await log.append([new(SPREAD, b"a", 0), new(SPREAD, b"b", 0), new(SPREAD, b"c", 2), new(PLAIN, b"d")])
        await log.append([], [Commit("signals", SPREAD, 0, 1), Commit("account", PLAIN, 0, 1)])
        await log.append([], [Commit("signals", SPREAD, 2, 1), Commit("account", SPREAD, 1, 0)])
    assert await broker.describe(session) == [
        TopicState("plain", 1, 1, {"account": 0}),
        TopicState("spread", 3, 3, {"account": 3, "signals": 1}),
    ]


async def test_a_session_is_deleted_with_its_groups_and_no_other(broker: KafkaTopics, session: str, kafka: str):
    await broker.create(session, [PLAIN, SPREAD])
    await broker.create(f"{session}-b", [PLAIN])
    async with KafkaLog(kafka, session, [PLAIN]) as log:
        await log.append([new(PLAIN, b"a")], [Commit("account", PLAIN, 0, 1)])
    assert await broker.delete(session) == 2
    with pytest.raises(ConfigurationError, match=f"there is no session {session} on {kafka}"):
        await broker.describe(session)
    await broker.create(session, [PLAIN])
    assert await broker.describe(session) == [TopicState("plain", 1, 0, {})]
    assert await broker.delete(f"{session}-b") == 1


async def test_more_replicas_than_brokers_are_refused_with_the_reason(broker: KafkaTopics, session: str):
    with pytest.raises(LogError, match=r"could not make the topics of .*replication"):
        await broker.create(session, [PLAIN], replicas=99)


async def test_a_name_that_hides_another_session_is_refused(broker: KafkaTopics):
    with pytest.raises(ConfigurationError, match=r"'2026\.11' cannot name a session on Kafka"):
        await broker.create("2026.11", [PLAIN])


async def test_where_nobody_answers_it_is_said():
    with pytest.raises(LogError, match="no Kafka answers at"):
        await KafkaTopics(f"127.0.0.1:{free_port()}").__aenter__()
