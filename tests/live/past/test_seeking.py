"""A place in the middle of a partition is the one that a reader from its beginning comes to, whatever lies between."""

import pathlib
import random
from collections.abc import AsyncIterator, Sequence

import pytest

from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import NewRecord
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Control, Takeover
from alpha_panda.live.past.seeking import Seeker
from alpha_panda.live.routing import new_record
from alpha_panda.live.streams import Entry, Reader
from alpha_panda.live.topics import CONTROL, Topic
from tests.live.past.counted import CountingLog

TOPIC = Topic("numbered")


def said(sequence: int, epoch: int = 1) -> NewRecord:
    """Return a message of the second with its sequence."""
    data = Control("pause", f"{sequence} of {epoch}", "a test")
    message = Envelope.begin(data, origin="a test", source="writer", index=sequence, time_ns=sequence)
    return new_record(TOPIC, message.stamped(epoch, sequence))


def began(sequence: int, epoch: int) -> NewRecord:
    message = Envelope.begin(Takeover("a test"), origin="a test", source="writer", index=epoch, time_ns=0)
    return new_record(TOPIC, message.stamped(epoch, sequence))


def garbage(count: int = 1) -> list[NewRecord]:
    return [NewRecord(TOPIC, 0, b"", b"no message")] * count


@pytest.fixture
async def log(tmp_path: pathlib.Path) -> AsyncIterator[CountingLog]:
    async with SqliteLog(tmp_path) as log:
        yield CountingLog(log)


async def all_of(log: CountingLog, topic: Topic = TOPIC) -> list[Entry]:
    """Return what a reader from the beginning takes."""
    reader, entries = Reader(log, topic), list[Entry]()
    while read := await reader.read():
        entries += read
    return entries


async def agree(log: CountingLog, sequences: Sequence[int]) -> None:
    """Hold what is read from places in the middle against what is read from the beginning."""
    expected = await all_of(log)
    seeker = Seeker(log, TOPIC)
    for sequence in sequences:
        for reader in (
            await seeker.to_sequence(sequence),
            await seeker.to(lambda message, sequence=sequence: message.time_ns < sequence),
        ):
            following = expected[sequence:][:3]
            assert await reader.take(len(following)) == following, sequence
    end = await seeker.to_end()
    assert end.sequence == len(expected)
    assert await end.read() == []


async def test_in_a_log_of_one_writer_every_place_is_found(log: CountingLog):
    await log.append([began(0, 1), *map(said, range(50))])
    await agree(log, range(52))


async def test_in_an_empty_log_the_beginning_is_the_end(log: CountingLog):
    await agree(log, [0, 1])


async def test_among_writers_that_took_over_from_each_other_every_place_is_found(log: CountingLog):
    """One writes on after it was replaced, one repeats what was said, and one takes over from the wrong place."""
    records = [began(0, 1), *map(said, range(50)), began(50, 2)]
    records += [said(each) for each in range(50, 60)]  # void, for the second writer has begun
    records += [said(each, 2) for each in range(50, 80)] + [began(70, 3), *(said(each, 2) for each in range(80, 90))]
    records += [began(90, 3), *(said(each, 2) for each in range(90, 95)), *(said(each, 3) for each in range(90, 120))]
    await log.append(records)
    assert [entry.message.data.argument for entry in await all_of(log) if isinstance(entry.message.data, Control)] == [
        *(f"{each} of {1 if each < 50 else 2 if each < 90 else 3}" for each in range(120)),
    ]
    await agree(log, range(0, 121, 3))


@pytest.mark.parametrize("seed", range(4))
async def test_among_duplicates_garbage_and_records_that_came_late_every_place_is_found(log: CountingLog, seed: int):
    chance = random.Random(seed)
    records, held, epoch = [began(0, 1)], list[NewRecord](), 1
    for sequence in range(150):
        match chance.choice(["said"] * 20 + ["again", "garbage", "late", "stale", "began"]):
            case "again":
                records.append(said(chance.randrange(sequence + 1), epoch))
            case "garbage":
                records += garbage(chance.randint(1, 3))
            case "stale":
                records.append(said(sequence + chance.randrange(50), epoch - 1))
            case "began" if not held:
                epoch += 1
                records.append(began(sequence, epoch))
            case "late":
                held.append(said(sequence, epoch))
                records += garbage(chance.randint(0, 1))
                continue
            case _:
                pass
        records.append(said(sequence, epoch))
        if held and chance.random() < 0.2:
            records += [held.pop(chance.randrange(len(held))) for _ in range(len(held))]
    await log.append([*records, *held])
    assert len(await all_of(log)) == 150
    await agree(log, range(0, 152, 5))


async def test_some_dozens_of_records_are_read_of_a_hundred_thousand(log: CountingLog):
    for first in range(0, 100_000, 10_000):
        epoch = 1 + first // 30_000
        takeover = [began(first, epoch)] if first % 30_000 == 0 else []
        await log.append([*takeover, *(said(each, epoch) for each in range(first, first + 10_000))])
    reader = await Seeker(log, TOPIC).to(lambda message: message.time_ns < 98_765)
    assert [entry.message.sequence for entry in await reader.read(1)] == [98_765]
    assert log.records < 200
    log.records = 0
    assert (await Seeker(log, TOPIC).to_sequence(20_000)).sequence == 20_000
    assert log.records < 10


async def test_what_waits_for_a_missing_record_says_so(log: CountingLog):
    await log.append([began(0, 1), *(said(each) for each in range(60) if each != 40)])
    end = await Seeker(log, TOPIC).to_end()
    assert await end.read() == []
    assert end.sequence == 40 or not end.missing


async def test_in_a_topic_without_numbers_the_order_of_the_log_is_the_order(log: CountingLog):
    commands = [Control("pause", str(number), "a test") for number in range(30)]
    for number, data in enumerate(commands):
        message = Envelope.begin(data, origin="a test", source="control", index=number, time_ns=number)
        await log.append([new_record(CONTROL, message), NewRecord(CONTROL, 0, b"", b"no message")])
    seeker = Seeker(log, CONTROL)
    assert [entry.message.data for entry in await (await seeker.to_sequence(40)).read(100)] == commands[20:]
    assert [
        entry.message.data for entry in await (await seeker.to(lambda message: message.time_ns < 7)).read(100)
    ] == commands[7:]
    assert await (await seeker.to_end()).read() == []
