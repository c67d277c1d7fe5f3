"""A log on Kafka whose broker ends, dies or pauses: calls end in time, and nothing acknowledged is lost."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from alpha_panda.errors import LogError
from alpha_panda.live.log import kafka_client
from alpha_panda.live.log.kafka import KafkaLog
from alpha_panda.live.log.kafka_topics import KafkaTopics
from tests.kafka import KafkaServer
from tests.live.log.appender import TICKS
from tests.live.log.contract import SPREAD, TOPICS, everything, new, values

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """Give a running broker of this module's own."""
    server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def own(broker: KafkaServer) -> AsyncIterator[KafkaLog]:
    """Give a log on the broker of this module's own."""
    session = f"test-{next(_numbers)}"
    async with KafkaTopics(broker.address) as topics:
        await topics.create(session, TOPICS)
    async with KafkaLog(broker.address, session, TOPICS) as log:
        yield log


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have requests given up after a second."""
    monkeypatch.setattr(kafka_client, "PATIENCE_S", 1.0)
    monkeypatch.setattr(kafka_client, "_REQUEST_MS", 400)


@pytest.mark.usefixtures("impatience")
@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_broker_that_ends_fails_every_call_and_loses_nothing_acknowledged(
    own: KafkaLog, broker: KafkaServer, end: str
):
    acknowledged = list[bytes]()
    appending = asyncio.create_task(append_until_refused(own, acknowledged))
    waiting = asyncio.create_task(own.wait(SPREAD, 0, 0, timeout_s=60))
    while len(acknowledged) < 50:
        await asyncio.sleep(0.01)
    await asyncio.to_thread(getattr(broker, end))
    calls = (
        appending,
        waiting,
        own.read(TICKS, 0, 0, 10),
        own.end(TICKS, 0),
        own.commit("account", TICKS, 0, 1),
        own.committed("account", TICKS, 0),
        *(own.append([new(TICKS, b"behind %d" % number)]) for number in range(5)),
    )
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, LogError)
        assert f"Kafka at {broker.address} could not" in str(outcome)
    await asyncio.to_thread(broker.start)
    await assert_serves_again(own, acknowledged)


@pytest.mark.usefixtures("impatience")
async def test_a_broker_that_pauses_fails_what_cannot_wait_and_goes_on(own: KafkaLog, broker: KafkaServer):
    acknowledged = list[bytes]()
    appending = asyncio.create_task(append_until_refused(own, acknowledged))
    while len(acknowledged) < 50:
        await asyncio.sleep(0.01)
    broker.pause()
    with pytest.raises(LogError, match="could not append"):
        await appending
    broker.resume()
    await assert_serves_again(own, acknowledged)


async def test_a_short_pause_of_the_broker_is_waited_out(own: KafkaLog, broker: KafkaServer):
    await own.append([new(TICKS, b"before")])
    broker.pause()
    during = asyncio.create_task(own.append([new(TICKS, b"during")]))
    await asyncio.sleep(0.5)
    assert not during.done()
    broker.resume()
    assert await during == [1]
    assert values(await everything(own, TICKS)) == [b"before", b"during"]


async def append_until_refused(log: KafkaLog, acknowledged: list[bytes]):
    for number in itertools.count():
        await log.append([new(TICKS, b"%d" % number)])
        acknowledged.append(b"%d" % number)


async def assert_serves_again(log: KafkaLog, acknowledged: list[bytes]):
    """Check that a log goes on after its broker came back, with everything acknowledged, each once and in order.

    Besides there may be the append whose answer was lost, and none of those that waited behind it.
    """
    async with asyncio.timeout(60):
        for number in itertools.count():
            try:
                await log.append([new(TICKS, b"after %d" % number)])
                break
            except LogError:
                continue
    seen = values(await everything(log, TICKS))
    assert seen[: len(acknowledged)] == acknowledged
    assert len(seen) == len(set(seen))
    lost = {b"%d" % len(acknowledged), *(b"after %d" % each for each in range(number))}
    assert set(seen) - lost == {*acknowledged, b"after %d" % number}
