"""A reader takes the records that belong on a partition, in their order, each once, whatever else was put there."""

import asyncio
import pathlib
import random
from collections.abc import AsyncIterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_panda.errors import LogError, RecoveryError, VersionError
from alpha_panda.live.dead_letters import DeadLetters
from alpha_panda.live.envelope import VERSION, Envelope, encode
from alpha_panda.live.log.base import Log, NewRecord, Record
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Control, Place, Takeover
from alpha_panda.live.streams import DUPLICATE, STALE, Reader, Recording
from alpha_panda.live.topics import CONTROL, Topic

TOPIC = Topic("numbers")


@pytest.fixture
async def log(tmp_path: pathlib.Path) -> AsyncIterator[SqliteLog]:
    async with SqliteLog(tmp_path) as log:
        yield log


def numbered(sequence: int, epoch: int = 1) -> bytes:
    """Return a record that says its own sequence."""
    message = Envelope.begin(Control("pause", str(sequence), ""), origin="here", source="test", index=0, time_ns=0)
    return encode(message.stamped(epoch, sequence))


def taken_over(sequence: int, epoch: int) -> bytes:
    message = Envelope.begin(Takeover("me"), origin="here", source="test", index=0, time_ns=0)
    return encode(message.stamped(epoch, sequence))


async def write(log: Log, *values: bytes, topic: Topic = TOPIC) -> None:
    await log.append([NewRecord(topic, 0, b"", value) for value in values])


async def read(reader: Reader, limit: int = 512) -> list[int]:
    """Return the sequences of all that a reader takes now."""
    found: list[int] = []
    while entries := await reader.read(limit):
        found += [entry.message.sequence for entry in entries]
    return found


async def test_records_are_read_in_pieces_that_are_not_too_large(log: SqliteLog):
    await write(log, *map(numbered, range(3)))
    reader = Reader(log, TOPIC)
    assert [len(await reader.read(2)), len(await reader.read(2)), len(await reader.read(2))] == [2, 1, 0]


async def test_a_reader_goes_on_where_another_has_come_to(log: SqliteLog):
    await write(log, *map(numbered, range(5)))
    first = await Reader(log, TOPIC).read(3)
    assert await read(Reader(log, TOPIC, 0, first[-1].next_place)) == [3, 4]
    assert first[-1].next_place == Place("numbers", 0, 3, 3, 1)


# ── What does not belong there ───────────────────────────────────────────────────────────────────────────────────────


class Aside(list[str]):
    def __call__(self, record: Record, reason: str) -> None:
        self.append(reason.partition(":")[0])


def listening(log: Log, reader: Reader) -> Aside:
    aside = Aside()

    async def at_once(_: float) -> None:
        return None

    reader.listen(aside, DeadLetters(log, "here", lambda *_: None, at_once))
    return aside


async def test_a_record_that_came_twice_is_taken_once(log: SqliteLog):
    await write(log, numbered(0), numbered(0), numbered(1), numbered(0))
    reader = Reader(log, TOPIC)
    aside = listening(log, reader)
    assert await read(reader) == [0, 1]
    assert aside == [DUPLICATE, DUPLICATE]


async def test_what_is_no_message_is_passed_over_and_written_to_the_dead_letters(log: SqliteLog):
    await write(log, numbered(0), b"not a message", numbered(1))
    reader = Reader(log, TOPIC)
    aside = listening(log, reader)
    assert await read(reader) == [0, 1]
    assert aside == ["undecodable"]
    (letter,) = await Reader(log, TOPIC.dead_letters).read()
    assert getattr(letter.message.data, "value", None) == b"not a message"


async def test_a_writer_that_was_replaced_is_not_heard_any_more(log: SqliteLog):
    await write(log, numbered(0), taken_over(1, epoch=2), numbered(1), numbered(1, epoch=2), numbered(2))
    reader = Reader(log, TOPIC)
    aside = listening(log, reader)
    assert await read(reader) == [0, 1]
    assert reader.epoch == 2
    assert aside == [STALE, STALE]


async def test_a_takeover_that_came_too_late_takes_nothing_over(log: SqliteLog):
    await write(log, numbered(0), numbered(1), taken_over(1, epoch=2), numbered(2))
    reader = Reader(log, TOPIC)
    assert await read(reader) == [0, 1, 2]
    assert reader.epoch == 1


# ── What comes late ──────────────────────────────────────────────────────────────────────────────────────────────────


def of_later_version(sequence: int, epoch: int = 1) -> bytes:
    """Return a record as a program may write it whose messages have one more version."""
    fields = msgspec.msgpack.decode(numbered(sequence, epoch))
    fields[2] = VERSION + 1
    return msgspec.msgpack.encode([*fields, "what is new"])


async def test_a_record_of_a_later_version_that_is_the_next_one_ends_the_reading(log: SqliteLog):
    await write(log, numbered(0), of_later_version(1))
    reader = Reader(log, TOPIC)
    listening(log, reader)
    with pytest.raises(VersionError, match="numbers partition 0 offset 1 has version"):
        await read(reader)
    assert await log.end(TOPIC.dead_letters, 0) == 0


async def test_a_record_of_a_later_version_that_is_missing_ends_the_reading(log: SqliteLog):
    await write(log, numbered(0), numbered(2), of_later_version(1))
    with pytest.raises(VersionError, match="numbers partition 0 offset 2 has version"):
        await read(Reader(log, TOPIC))


async def test_a_record_of_a_later_version_that_does_not_belong_there_is_set_aside(log: SqliteLog):
    await write(log, numbered(0, epoch=2), numbered(1, epoch=2), of_later_version(0, epoch=2), of_later_version(2))
    reader = Reader(log, TOPIC)
    aside = listening(log, reader)
    assert await read(reader) == [0, 1]
    assert aside == ["undecodable", "undecodable"]


async def test_a_record_that_came_late_finds_its_place(log: SqliteLog):
    await write(log, numbered(0), numbered(2), numbered(3), numbered(1), numbered(4))
    assert await read(Reader(log, TOPIC)) == [0, 1, 2, 3, 4]


async def test_a_record_that_is_missing_is_waited_for(log: SqliteLog):
    await write(log, numbered(0), numbered(2))
    reader = Reader(log, TOPIC)
    assert await read(reader) == [0]
    assert reader.missing
    assert reader.sequence == 1
    waiting = asyncio.create_task(reader.next(asyncio.Event()))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await write(log, numbered(1))
    assert [entry.message.sequence for entry in await waiting] == [1]
    assert await read(reader) == [2]
    assert not reader.missing


@settings(deadline=None)  # each example makes a log of its own, and the disk takes its time
@given(seed=st.integers(0, 2**32), count=st.integers(1, 12), limit=st.integers(1, 5))
def test_whatever_the_order_and_however_often_all_are_taken_once(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, limit: int
):
    generator = random.Random(seed)
    values = [numbered(each) for each in range(count)] + [b"junk", numbered(generator.randrange(count))]
    generator.shuffle(values)

    async def trial() -> list[int]:
        async with SqliteLog(tmp_path_factory.mktemp("log")) as log:
            await write(log, *values)
            return await read(Reader(log, TOPIC), limit)

    assert asyncio.run(trial()) == list(range(count))


async def test_the_order_of_the_log_is_the_order_where_nobody_numbers(log: SqliteLog):
    await write(log, numbered(7), numbered(7), b"junk", numbered(3), topic=CONTROL)
    assert await read(Reader(log, CONTROL)) == [0, 1, 3]


# ── Waiting, and the end ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_reader_that_waits_is_woken_by_the_next_record(log: SqliteLog):
    reading = asyncio.create_task(Reader(log, TOPIC).next(asyncio.Event()))
    await asyncio.sleep(0)
    assert not reading.done()
    await write(log, numbered(0), numbered(1))
    assert len(await reading) == 2


async def test_a_reader_that_waits_learns_that_there_will_be_no_more(log: SqliteLog):
    finished = asyncio.Event()
    reading = asyncio.create_task(Reader(log, TOPIC).next(finished))
    await asyncio.sleep(0)
    finished.set()
    assert await reading == []


async def test_what_was_written_before_the_end_is_read_after_it(log: SqliteLog):
    finished = asyncio.Event()
    finished.set()
    await write(log, *map(numbered, range(3)))
    reader = Reader(log, TOPIC)
    pieces = [await reader.next(finished, 2) for _ in range(3)]
    assert [len(piece) for piece in pieces] == [2, 1, 0]


async def test_the_end_of_writing_is_no_end_where_a_record_is_missing(log: SqliteLog):
    await write(log, numbered(0), numbered(2))
    reader, finished = Reader(log, TOPIC), asyncio.Event()
    finished.set()
    assert [entry.message.sequence for entry in await reader.next(finished)] == [0]
    with pytest.raises(LogError, match=r"numbers/0 ends without sequence 1, .* alpha-panda dlq replay"):
        await reader.next(finished)
    await write(log, numbered(1))
    assert [entry.message.sequence for entry in await reader.next(finished)] == [1]


async def test_a_log_that_fails_under_a_reader_says_so(log: SqliteLog):
    reading = asyncio.create_task(Reader(log, TOPIC).next(asyncio.Event()))
    await asyncio.sleep(0)
    await log.close()
    with pytest.raises(LogError, match="is closed"):
        await reading


async def test_so_many_records_are_taken_or_it_is_said_that_they_are_not_there(log: SqliteLog):
    await write(log, *map(numbered, range(3)))
    reader = Reader(log, TOPIC)
    assert len(await reader.take(2)) == 2
    with pytest.raises(RecoveryError, match="numbers/0 ends before sequence 5"):
        await reader.take(3)


async def test_a_recording_is_read_record_by_record(log: SqliteLog):
    await write(log, *map(numbered, range(3)))
    recording = Recording(log, TOPIC)
    found = []
    while (peeked := await recording.peek()) and (entry := await recording.next()):
        assert peeked is entry
        found.append(entry.message.sequence)
    assert found == [0, 1, 2]
