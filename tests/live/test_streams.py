"""A stream hands on every record once, wakes up for each, and ends when its writer has."""

import asyncio
import pathlib
from collections.abc import AsyncIterator

import pytest

from alpha_panda.errors import LogError
from alpha_panda.live.log.base import NewRecord
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.streams import Recording, Stream
from alpha_panda.live.topics import Topic

TOPIC = Topic("numbers")


@pytest.fixture
async def log(tmp_path: pathlib.Path) -> AsyncIterator[SqliteLog]:
    async with SqliteLog(tmp_path) as log:
        yield log


async def write(log: SqliteLog, *numbers: int) -> None:
    await log.append([NewRecord(TOPIC, 0, b"", b"%d" % number) for number in numbers])


async def values(stream: Stream) -> list[int]:
    return [int(record.value) for record in await stream.read()]


async def test_a_reader_that_waits_is_woken_by_the_next_record(log: SqliteLog):
    stream = Stream(log, TOPIC, 0, asyncio.Event())
    reading = asyncio.create_task(values(stream))
    await asyncio.sleep(0)
    assert not reading.done()
    await write(log, 1, 2)
    assert await reading == [1, 2]


async def test_records_come_in_pieces_that_are_not_too_large(log: SqliteLog):
    await write(log, 1, 2, 3)
    stream = Stream(log, TOPIC, 1, asyncio.Event(), limit=1)
    assert [await values(stream), await values(stream)] == [[2], [3]]


async def test_a_reader_that_waits_learns_that_there_will_be_no_more(log: SqliteLog):
    finished = asyncio.Event()
    reading = asyncio.create_task(values(Stream(log, TOPIC, 0, finished)))
    await asyncio.sleep(0)
    finished.set()
    assert await reading == []


async def test_what_was_written_before_the_end_is_read_after_it(log: SqliteLog):
    finished = asyncio.Event()
    finished.set()
    await write(log, 1, 2, 3)
    stream = Stream(log, TOPIC, 0, finished, limit=2)
    assert [await values(stream), await values(stream), await values(stream)] == [[1, 2], [3], []]


async def test_a_reader_may_pass_over_all_there_is(log: SqliteLog):
    finished = asyncio.Event()
    await write(log, 1, 2, 3)
    stream = Stream(log, TOPIC, 0, finished)
    assert await stream.skip()
    assert stream.offset == 3
    finished.set()
    assert not await stream.skip()


async def test_a_log_that_fails_under_a_reader_says_so(log: SqliteLog):
    reading = asyncio.create_task(values(Stream(log, TOPIC, 0, asyncio.Event())))
    await asyncio.sleep(0)
    await log.close()
    with pytest.raises(LogError, match="is closed"):
        await reading


async def test_a_recording_is_read_record_by_record(log: SqliteLog):
    await write(log, *range(5))
    recording = Recording(log, TOPIC, 1, limit=2)
    found = []
    while record := await recording.next():
        found.append((int(record.value), recording.offset))
    assert found == [(1, 2), (2, 3), (3, 4), (4, 5)]
