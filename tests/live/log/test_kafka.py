"""The log on Kafka keeps the promises of every log, and those that a broker elsewhere must keep besides."""

import asyncio
import itertools
import pathlib
import random
import time
from collections.abc import AsyncIterator

import pytest
from aiokafka.protocol.admin import DeleteRecordsRequest

from alpha_panda.errors import ConfigurationError, CorruptRecordError, LogError
from alpha_panda.live.log import kafka_codec
from alpha_panda.live.log.base import Commit
from alpha_panda.live.log.kafka import KafkaLog
from alpha_panda.live.log.kafka_client import KafkaClient, Partition
from alpha_panda.live.log.kafka_topics import KafkaTopics
from alpha_panda.live.topics import Topic
from tests.kafka import free_port
from tests.live.log.appender import TICKS
from tests.live.log.contract import PATIENCE_S, SPREAD, TOPICS, LogContract, everything, new, values

SMALL = Topic("small", record_bytes_max=100_000)
_numbers = itertools.count(1)


async def open_kafka(directory: pathlib.Path) -> KafkaLog:
    """Return the log of the session that a file in a folder names."""
    address, session = (directory / "session").read_text().split()
    return KafkaLog(address, session, TOPICS)


@pytest.fixture
async def session(kafka: str) -> AsyncIterator[str]:
    """Give the name of a session of the test's own, whose topics are there."""
    name = f"test-{time.time_ns()}-{next(_numbers)}"
    async with KafkaTopics(kafka) as topics:
        await topics.create(name, [*TOPICS, SMALL])
    yield name
    async with KafkaTopics(kafka) as topics:
        await topics.delete(name)


@pytest.fixture
def folder(tmp_path: pathlib.Path, kafka: str, session: str) -> pathlib.Path:
    """Return a folder that names a session of the test's own."""
    (tmp_path / "session").write_text(f"{kafka} {session}")
    return tmp_path


@pytest.fixture
async def log(kafka: str, session: str) -> AsyncIterator[KafkaLog]:
    async with KafkaLog(kafka, session, [*TOPICS, SMALL]) as log:
        yield log


@pytest.fixture
async def other(kafka: str, session: str) -> AsyncIterator[KafkaLog]:
    """Give a second log of the session, as another process has it."""
    async with KafkaLog(kafka, session, TOPICS) as log:
        yield log


class TestKafkaLog(LogContract):
    open_log = staticmethod(open_kafka)


async def test_a_record_says_when_it_was_appended(log: KafkaLog, other: KafkaLog):
    before_ms = time.time_ns() // 10**6
    await log.append([new(TICKS, b"a")])
    (record,) = await other.read(TICKS, 0, 0, 10)
    assert before_ms <= record.appended_ns // 10**6 <= time.time_ns() // 10**6


# ── Opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_missing_topic_is_named_with_the_command_that_makes_it(kafka: str, session: str):
    log = KafkaLog(kafka, session, [TICKS, Topic("paper.journal")])
    sentence = f"topic {session}.paper.journal is missing on {kafka}: run alpha-panda topics create --session {session}"
    with pytest.raises(ConfigurationError, match=sentence):
        await log.__aenter__()


async def test_opening_a_log_makes_no_topic(kafka: str):
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"topic nobody\.market\.ticks is missing"):
            await KafkaLog(kafka, "nobody", [TICKS]).__aenter__()


async def test_another_number_of_partitions_is_refused_with_both(kafka: str, session: str):
    log = KafkaLog(kafka, session, [Topic("spread", partitions=5)])
    with pytest.raises(ConfigurationError, match=r"spread has 3 partitions on .* and not 5"):
        await log.__aenter__()


async def test_an_address_where_nobody_answers_is_named_with_the_variable_to_correct(session: str):
    log = KafkaLog(f"127.0.0.1:{free_port()}", session, TOPICS)
    with pytest.raises(LogError, match=r"no Kafka answers at 127\.0\.0\.1:\d+: .* ALPHA_PANDA_KAFKA"):
        await log.__aenter__()


@pytest.mark.parametrize(
    "address", ["redis://localhost:6379", "localhost", "", "localhost:9092/", "localhost:0", "[::1]:9092"]
)
def test_what_is_no_address_is_refused(address: str):
    with pytest.raises(ConfigurationError, match="is no address of a Kafka broker: set ALPHA_PANDA_KAFKA"):
        KafkaLog(address, "session", TOPICS)


@pytest.mark.parametrize("session", ["", "a.b", "today's"])
def test_a_session_that_would_be_taken_for_another_is_refused(session: str):
    with pytest.raises(ConfigurationError, match="cannot name a session on Kafka"):
        KafkaLog("localhost:9092", session, TOPICS)


async def test_a_log_that_was_not_entered_says_so(kafka: str, session: str):
    with pytest.raises(LogError, match="is not open"):
        await KafkaLog(kafka, session, TOPICS).end(TICKS, 0)


async def test_a_topic_that_was_not_named_at_the_opening_is_checked_at_its_first_use(kafka: str, session: str):
    async with KafkaLog(kafka, session, ()) as log:
        await log.append([new(TICKS, b"a")])
        assert values(await everything(log, TICKS)) == [b"a"]
        with pytest.raises(ConfigurationError, match=r"paper\.journal is missing"):
            await log.append([new(Topic("paper.journal"), b"a")])


async def test_a_log_for_reading_refuses_to_write(kafka: str, session: str, log: KafkaLog):
    await log.append([new(TICKS, b"a")])
    async with KafkaLog(kafka, session, TOPICS, read_only=True) as reader:
        assert values(await everything(reader, TICKS)) == [b"a"]
        with pytest.raises(LogError, match="for reading only"):
            await reader.append([new(TICKS, b"b")])


async def test_sessions_on_one_broker_do_not_see_each_other(kafka: str, log: KafkaLog, session: str):
    async with KafkaTopics(kafka) as topics:
        await topics.create(f"{session}-b", [TICKS])
    async with KafkaLog(kafka, f"{session}-b", [TICKS]) as second:
        await second.append([new(TICKS, b"b")], [Commit("account", TICKS, 0, 1)])
        await log.append([new(TICKS, b"a")])
        assert values(await everything(log, TICKS)) == [b"a"]
        assert await log.committed("account", TICKS, 0) == 0
    async with KafkaTopics(kafka) as topics:
        await topics.delete(f"{session}-b")


# ── Appending ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_record_too_large_for_its_topic_is_refused_with_its_batch(log: KafkaLog):
    sentence = r"a record of 100,\d\d\d bytes is too large for topic \S+\.small, which takes 100,000: nothing of its"
    with pytest.raises(LogError, match=sentence):
        await log.append([new(TICKS, b"a"), new(SMALL, bytes(100_000))])
    assert await log.end(TICKS, 0) == await log.end(SMALL, 0) == 0
    await log.append([new(TICKS, b"b")])
    assert values(await everything(log, TICKS)) == [b"b"]


async def test_the_largest_record_of_a_topic_is_taken_even_where_nothing_compresses_it(log: KafkaLog):
    noise = random.Random(1).randbytes(SMALL.record_bytes_max - 100)
    await log.append([new(SMALL, noise)])
    assert values(await everything(log, SMALL)) == [noise]


async def test_a_batch_that_is_larger_than_a_record_may_be_keeps_its_order(log: KafkaLog):
    noise = random.Random(2)
    batch = [new(SMALL, noise.randbytes(60_000)) for _ in range(20)]
    appends = [asyncio.create_task(log.append(batch)), asyncio.create_task(log.append([new(SMALL, b"last")]))]
    assert await asyncio.gather(*appends) == [list(range(20)), [20]]
    assert values(await everything(log, SMALL)) == [*(record.value for record in batch), b"last"]


async def test_a_snapshot_of_many_megabytes_is_one_record(kafka: str, session: str):
    large = Topic("large", record_bytes_max=64 * 2**20)
    async with KafkaTopics(kafka) as topics:
        await topics.create(session, [large])
    snapshot = random.Random(7).randbytes(20 * 2**20) + bytes(20 * 2**20)
    async with KafkaLog(kafka, session, [large]) as log:
        assert await log.append([new(large, snapshot), new(large, b"next")]) == [0, 1]
        assert values(await everything(log, large)) == [snapshot, b"next"]


async def test_two_processes_may_append_to_a_partition_each_in_its_order(log: KafkaLog, other: KafkaLog):
    async def call(one: KafkaLog, name: bytes) -> list[int]:
        return [offset for number in range(50) for offset in await one.append([new(TICKS, b"%s%d" % (name, number))])]

    offsets = await asyncio.gather(call(log, b"a"), call(other, b"b"))
    assert sorted(itertools.chain(*offsets)) == list(range(100))
    seen = values(await everything(log, TICKS))
    for name in (b"a", b"b"):
        assert [value for value in seen if value.startswith(name)] == [b"%s%d" % (name, each) for each in range(50)]


async def test_calls_under_way_when_the_log_closes_end_in_an_error(log: KafkaLog):
    await log.append([new(TICKS, b"a")])
    calls = [asyncio.create_task(call) for call in (log.end(TICKS, 0), log.committed("account", TICKS, 0))]
    await asyncio.sleep(0)
    await log.close()
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(outcome, LogError)
        assert "is closed" in str(outcome)


# ── Reading and waiting ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_reads_anywhere_give_what_reading_from_the_beginning_gives(log: KafkaLog):
    """Records of 20 KB, so that 1,000 are many times what a window keeps; places drawn from a fixed seed."""
    noise, chance = random.Random(3).randbytes(40_000), random.Random(4)
    for first in range(0, 1000, 100):
        await log.append(
            [new(TICKS, b"%d " % number + noise[number : number + 20_000]) for number in range(first, first + 100)]
        )
    in_order = await everything(log, TICKS)
    assert [int(record.value.split()[0]) for record in in_order] == list(range(1000))
    for _ in range(200):
        offset = chance.randrange(1001)
        read = await log.read(TICKS, 0, offset, chance.choice((1, 7, 500)))
        assert read == in_order[offset : offset + len(read)]
        assert bool(read) == (offset < 1000)


async def test_many_readers_at_distant_places_each_read_everything(log: KafkaLog):
    await log.append([new(TICKS, b"%d" % number) for number in range(600)])

    async def follow(start: int, limit: int) -> list[bytes]:
        return values(await everything(log, TICKS, offset=start, limit=limit))

    starts = range(0, 600, 60)
    read = await asyncio.gather(*(follow(start, 5 + start // 60) for start in starts))
    assert read == [[b"%d" % number for number in range(start, 600)] for start in starts]


async def test_beyond_the_end_there_is_nothing_to_read(log: KafkaLog):
    await log.append([new(TICKS, b"a")])
    assert await log.read(TICKS, 0, 7, 10) == []
    assert values(await log.read(TICKS, 0, 0, 10)) == [b"a"]


async def test_what_another_process_was_told_is_appended_can_be_read_at_once(log: KafkaLog, other: KafkaLog):
    for number in range(50):
        (offset,) = await log.append([new(TICKS, b"%d" % number)])
        assert values(await other.read(TICKS, 0, offset, 10)) == [b"%d" % number]


async def test_an_append_of_another_process_ends_the_waiting(log: KafkaLog, other: KafkaLog):
    for number in range(20):
        waiting = asyncio.create_task(other.wait(TICKS, 0, number, PATIENCE_S))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await log.append([new(TICKS, b"%d" % number)])
        assert await waiting
        assert values(await other.read(TICKS, 0, number, 10)) == [b"%d" % number]


async def test_a_waiting_that_was_given_up_loses_nothing(log: KafkaLog, other: KafkaLog):
    for number in range(20):
        waiting = asyncio.create_task(other.wait(TICKS, 0, number, PATIENCE_S))
        await asyncio.sleep(0.002)
        waiting.cancel()
        await log.append([new(TICKS, b"%d" % number)])
        assert await other.wait(TICKS, 0, number, PATIENCE_S)
    assert values(await everything(other, TICKS)) == [b"%d" % number for number in range(20)]


async def test_a_reader_is_not_held_up_by_those_that_wait(log: KafkaLog, monkeypatch: pytest.MonkeyPatch):
    """Every poll lasts three seconds here, longer than the reads may take together."""
    monkeypatch.setattr("alpha_panda.live.log.kafka_reader._POLL_MS", 3_000)
    waiting = [asyncio.create_task(log.wait(SPREAD, number, 0, PATIENCE_S)) for number in range(3)]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(2.5):
        for number in range(3):
            assert await log.read(SPREAD, number, 0, 10) == []
            assert await log.end(SPREAD, number) == 0
    assert not any(each.done() for each in waiting)
    await log.close()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_an_offset_that_was_deleted_is_an_error_and_not_an_end(log: KafkaLog, kafka: str, session: str):
    await log.append([new(TICKS, b"%d" % number) for number in range(10)])
    client = KafkaClient(kafka)
    await client.open()
    request = DeleteRecordsRequest([(f"{session}.{TICKS.name}", [(0, 4)])], 5000)
    await client.send(client.leader(Partition(TICKS, f"{session}.{TICKS.name}", 0)), request)
    await client.close()
    with pytest.raises(LogError, match=r"has no offset 0, it begins with 4: what was before is deleted"):
        await log.read(TICKS, 0, 0, 10)
    assert values(await everything(log, TICKS, offset=4)) == [b"%d" % number for number in range(4, 10)]


# ── Damage ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("compressible", [True, False])
def test_no_flipped_bit_of_a_batch_is_taken_for_a_record(compressible: bool):
    content = b"abc" * 100 if compressible else random.Random(5).randbytes(300)
    batch = kafka_codec.encode_batch([new(TICKS, content)], kafka_codec.Identity(7, 0), 0)
    place = Partition(TICKS, "session.market.ticks", 0)
    assert values(kafka_codec.decode_batches(place, 0, batch).records) == [content]
    after_checksum = range(8 * 21, 8 * len(batch))
    for bit in random.Random(6).sample(after_checksum, 50):
        damaged = bytearray(batch)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CorruptRecordError, match=r"topic session\.market\.ticks partition 0 offset 0 is not what"):
            kafka_codec.decode_batches(place, 0, bytes(damaged))
