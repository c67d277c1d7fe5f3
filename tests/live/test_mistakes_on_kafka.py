"""What is set up wrongly on Kafka stops the start with one sentence and an exit code, and spoils no later start."""

import asyncio
import dataclasses
import math
import pathlib
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Iterator, Sequence

import pytest

from alpha_panda.errors import (
    ConfigurationError,
    FencedError,
)
from alpha_panda.live.build import KAFKA, Options, new_status, planned, trade
from alpha_panda.live.log.kafka import KafkaLog
from alpha_panda.live.log.kafka_topics import KafkaTopics
from alpha_panda.live.topics import Topic, topics_of_session
from tests.live.mistaken import (
    COMPANIES,
    Answer,
    changed_profile,
    in_partitions,
    live,
    refused,
    trades_the_day,
)
from tests.live.trading import (
    PAPER,
    PAPER_TOML,
    ROOT,
    SYMBOLS,
    market,
    replayed,
)


@pytest.fixture
def on_kafka(kafka: str, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Return a state folder whose name no session on the broker has, which is to be kept there."""
    monkeypatch.setenv(KAFKA, kafka)
    session = f"mistakes-{time.time_ns()}"
    yield tmp_path / session
    asyncio.run(delete_topics(kafka, session))


async def delete_topics(kafka: str, session: str) -> None:
    async with KafkaTopics(kafka) as broker:
        await broker.delete(session)


def create_topics(kafka: str, state: pathlib.Path, topics: Sequence[Topic]) -> None:
    async def create() -> None:
        async with KafkaTopics(kafka) as broker:
            await broker.create(state.name, topics)

    asyncio.run(create())


def test_a_missing_topic_is_refused_until_it_is_made(kafka: str, on_kafka: pathlib.Path):
    topics = topics_of_session(["paper"])
    command = f"run alpha-panda topics create --session {on_kafka.name}"
    refused(live("--state", on_kafka), ConfigurationError, f"{on_kafka.name}.market.ticks is missing", command)
    create_topics(kafka, on_kafka, [topic for topic in topics if topic != PAPER.journal])
    refused(live("--state", on_kafka), ConfigurationError, f"{on_kafka.name}.paper.journal is missing", command)
    create_topics(kafka, on_kafka, topics)
    trades_the_day(live("--state", on_kafka))


def test_another_number_of_partitions_than_on_the_broker_is_refused(
    kafka: str, on_kafka: pathlib.Path, tmp_path: pathlib.Path
):
    create_topics(kafka, on_kafka, topics_of_session(["paper"], 3))
    refused(live("--state", on_kafka), ConfigurationError, "market.ticks has 3 partitions on", "and not 1")
    trades_the_day(live(changed_profile(tmp_path, in_partitions(3)), "--state", on_kafka))


def test_a_name_that_cannot_be_on_kafka_is_refused(kafka: str, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path):
    monkeypatch.setenv(KAFKA, kafka)
    answer = live("--state", tmp_path / "20.11.2026")
    refused(answer, ConfigurationError, "'20.11.2026' cannot name a session on Kafka", "as in 2026-11-20")


async def test_a_second_writer_of_an_account_is_refused_and_disturbs_nobody(kafka: str, on_kafka: pathlib.Path):
    """The second one is a whole process, with a feed, strategies and an account of its own."""
    topics = topics_of_session(["paper"])
    await asyncio.to_thread(create_topics, kafka, on_kafka, topics)
    stop = asyncio.Event()
    plan = planned(Options(profile=PAPER_TOML, instruments=SYMBOLS, speed=300.0, state=on_kafka))
    async with KafkaLog(kafka, on_kafka.name, topics, read_only=True) as log:
        trading = asyncio.create_task(trade(plan, new_status(), stop))
        await log.wait(PAPER.journal, 0, 20, 60)
        command = [sys.executable, "-m", "alpha_panda.live", "--json", *COMPANIES, "--state", str(on_kafka)]
        second = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=PIPE)
        output, complaint = await second.communicate()
        assert not trading.done()
        assert second.returncode is not None
        refused(
            Answer(second.returncode, output.decode(), complaint.decode()),
            FencedError,
            "is worked on by process",
            "stop that one first",
        )
        stop.set()
        await trading
    rest = await trade(planned(dataclasses.replace(plan.options, speed=math.inf)), new_status(), asyncio.Event())
    assert rest is not None
    assert rest.stage.summary() == replayed(market()[1]).summary()
