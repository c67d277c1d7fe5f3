"""A record that nobody can process is given up after three attempts, once, and comes back as it was."""

import asyncio
import dataclasses
import pathlib
from collections.abc import AsyncIterator

import msgspec
import numpy as np
import pytest

from alpha_panda.errors import CorruptRecordError, DataError, LogError
from alpha_panda.kernels.records import EVENT
from alpha_panda.live.dead_letters import ATTEMPTS, DeadLetters, Letter, read_letters, replay, topics_of
from alpha_panda.live.envelope import Envelope, decode, encode
from alpha_panda.live.log.base import NewRecord, Record
from alpha_panda.live.log.kafka import KafkaLog
from alpha_panda.live.log.kafka_topics import KafkaTopics
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import DeadLetter, Place, Session
from alpha_panda.live.routing import new_record
from alpha_panda.live.streams import DUPLICATE, UNDECODABLE, Reader
from alpha_panda.live.topics import Topic, market_ticks, topics_of_session
from tests.live.samples import FILL, PAYLOADS

FILLS = Topic("paper.orders.filled", 3)
POISON = b"\xc1 no message"
GOOD = encode(Envelope.begin(FILL, origin="session", source="account", index=1, time_ns=5).stamped(1, 0))


class Told:
    """What the readers of a session were told, and how long they paused."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, DeadLetter]] = []
        self.pauses_s: list[float] = []

    def notify(self, topic: Topic, letter: DeadLetter) -> None:
        self.letters.append((topic.name, letter))

    async def sleep(self, seconds: float) -> None:
        self.pauses_s.append(seconds)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def log(tmp_path: pathlib.Path) -> AsyncIterator[SqliteLog]:
    async with SqliteLog(tmp_path) as log:
        yield log


def letters_of(log: SqliteLog, told: Told, origin: str = "session") -> DeadLetters:
    return DeadLetters(log, origin, told.notify, told.sleep)


async def on_log(log: SqliteLog, value: bytes, partition: int = 2) -> Record:
    """Return a record with this value, as it is on the log."""
    (offset,) = await log.append([NewRecord(FILLS, partition, b"momentum:1", value)])
    return (await log.read(FILLS, partition, offset, 1))[0]


def damaged(record: Record) -> Record:
    return Record(record.topic, record.partition, record.offset, record.key, POISON)


# ── Giving up ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_record_that_is_no_message_becomes_a_letter_after_three_attempts(log: SqliteLog, told: Told):
    await on_log(log, GOOD)
    record = await on_log(log, POISON)
    tried: list[int] = []

    def process(record: Record) -> Envelope:
        tried.append(record.offset)
        return decode(record)

    assert await letters_of(log, told).examine(FILLS, record, process) is None
    assert tried == [1, 1, 1] == [record.offset] * ATTEMPTS
    assert len(told.pauses_s) == 2
    (letter,) = await read_letters(log, FILLS)
    data = letter.data
    assert (data.place, data.key, data.value, data.attempts) == (
        Place(FILLS.name, 2, 1),
        b"momentum:1",
        POISON,
        ATTEMPTS,
    )
    assert data.reason.startswith("topic paper.orders.filled partition 2 offset 1 is not a message: ")
    assert told.letters == [(FILLS.name, data)]


async def test_a_record_that_is_intact_when_it_is_read_again_is_processed(log: SqliteLog, told: Told):
    record = await on_log(log, GOOD)
    assert await letters_of(log, told).examine(FILLS, damaged(record)) == decode(record)
    assert len(told.pauses_s) == 1
    assert await read_letters(log, FILLS) == told.letters == []


async def test_the_third_attempt_counts_as_well(log: SqliteLog, told: Told):
    record, attempts = await on_log(log, GOOD), iter(range(1, 4))

    def process(record: Record) -> int:
        if (attempt := next(attempts)) < ATTEMPTS:
            raise CorruptRecordError("not yet")
        return attempt

    assert await letters_of(log, told).examine(FILLS, record, process) == ATTEMPTS
    assert told.letters == []


async def test_a_record_that_the_log_has_deleted_is_given_up_with_the_bytes_that_were_read(log: SqliteLog, told: Told):
    gone = Record(FILLS.name, 2, 40, b"key", POISON)
    assert await letters_of(log, told).examine(FILLS, gone) is None
    assert [letter.data.value for letter in await read_letters(log, FILLS)] == [POISON]


async def test_a_log_that_cannot_be_read_is_no_fault_of_the_record(log: SqliteLog, told: Told):
    record = await on_log(log, POISON)
    await log.close()
    with pytest.raises(LogError, match="is closed"):
        await letters_of(log, told).examine(FILLS, record)
    assert told.letters == []


async def test_one_place_has_one_letter_however_often_it_is_met(log: SqliteLog, told: Told):
    """The same reader, another reader of the session, and a process that starts anew all meet the same record."""
    record, other = await on_log(log, POISON), await on_log(log, POISON, partition=0)
    first, second = letters_of(log, told), letters_of(log, told)
    for reader in (first, second, first, letters_of(log, told)):
        assert await reader.examine(FILLS, record) is None
        assert await reader.examine(FILLS, other) is None
    assert await log.end(FILLS.dead_letters, 0) == 2
    assert len(told.letters) == 8, "it is said each time"


async def test_readers_that_meet_a_record_at_once_write_one_letter(log: SqliteLog, told: Told):
    record, letters = await on_log(log, POISON), letters_of(log, told)
    await asyncio.gather(*(letters.examine(FILLS, record) for _ in range(5)))
    assert await log.end(FILLS.dead_letters, 0) == 1
    assert len(told.letters) == 5


async def test_letters_of_two_sessions_differ(log: SqliteLog, told: Told):
    record = await on_log(log, POISON)
    for origin in ("one", "other"):
        await letters_of(log, told, origin).examine(FILLS, record)
    assert len({letter.id for letter in await read_letters(log, FILLS)}) == 2


async def test_a_letter_that_is_damaged_itself_does_not_stop_a_reader(log: SqliteLog, told: Told):
    await log.append([NewRecord(FILLS.dead_letters, 0, b"", POISON)])
    assert await letters_of(log, told).examine(FILLS, await on_log(log, POISON)) is None
    assert await log.end(FILLS.dead_letters, 0) == 2


# ── Reading letters ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_letters_are_read_newest_first_and_each_once(log: SqliteLog, told: Told):
    """Of two processes that gave up the same record in the same moment, each wrote a letter, with one id."""
    records = [await on_log(log, POISON) for _ in range(600)]
    reader = letters_of(log, told)
    for record in records:
        await reader.examine(FILLS, record)
    (newest,) = await log.read(FILLS.dead_letters, 0, 599, 1)
    await log.append([NewRecord(FILLS.dead_letters, 0, newest.key, newest.value)])
    letters = await read_letters(log, FILLS)
    assert [letter.place.offset for letter in letters] == list(range(599, -1, -1))
    assert letters[0].offset == 599


async def test_what_lies_among_letters_and_is_none_is_said(log: SqliteLog):
    await log.append([NewRecord(FILLS.dead_letters, 0, b"", GOOD)])
    with pytest.raises(CorruptRecordError, match=r"paper\.orders\.filled\.dlq offset 0 is no dead letter"):
        await read_letters(log, FILLS)


async def test_letters_of_one_kind_have_their_rule_in_common(log: SqliteLog, told: Told):
    reader = letters_of(log, told)
    for partition in (0, 1, 2):
        await reader.examine(FILLS, await on_log(log, b"", partition))
    assert {letter.rule for letter in await read_letters(log, FILLS)} == {"Input data was truncated"}


def test_each_topic_that_may_have_letters_is_known():
    session = Session(1, '{"account": {"broker": "paper"}}', (), "a day", "", "", 4)
    partitions = {topic.name: topic.partitions for topic in topics_of(session)}
    assert partitions["market.ticks"] == partitions["paper.signals.raw"] == 4
    assert {"control", "paper.signals.validated", "paper.orders.filled"} < partitions.keys()
    assert not [name for name in partitions if name.endswith(".dlq")]


# ── Putting back ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_record_is_put_back_byte_for_byte_at_the_end_of_its_partition(log: SqliteLog, told: Told):
    every_byte = bytes(range(256))
    record = await on_log(log, every_byte)
    await on_log(log, GOOD)
    await letters_of(log, told).examine(FILLS, record)
    (letter,) = await read_letters(log, FILLS)
    assert await replay(log, letter) == 2
    (back,) = await log.read(FILLS, 2, 2, 1)
    assert (back.key, back.value) == (record.key, every_byte)
    assert await log.end(FILLS.dead_letters, 0) == 1, "nothing else is written"


async def test_a_reader_that_misses_a_record_takes_it_when_it_is_put_back_and_a_copy_never(log: SqliteLog, told: Told):
    """What stands in place of sequence 1 is poison; a letter holds the true record, and another one that of sequence 0.

    So a record that was put back is taken exactly where it was missing, and nowhere twice.
    """
    numbered = [encode(decode(Record("", 0, 0, b"", GOOD)).stamped(1, sequence)) for sequence in range(3)]
    first, poison, _ = [await on_log(log, value) for value in (numbered[0], POISON, numbered[2])]
    letters, aside = letters_of(log, told), list[str]()
    reader = Reader(log, FILLS, 2)
    reader.listen(lambda record, reason: aside.append(reason.partition(":")[0]), letters)
    assert [entry.message.sequence for entry in await reader.read()] == [0]
    assert (reader.missing, aside, len(told.letters)) == (True, [UNDECODABLE], 1)
    (of_poison,) = await read_letters(log, FILLS)
    true = msgspec.structs.replace(of_poison.data, value=numbered[1])
    copy = msgspec.structs.replace(of_poison.data, value=first.value)
    for data in (of_poison.data, copy, true):
        await replay(log, dataclasses.replace(of_poison, data=data))
    taken: list[int] = []
    while entries := await reader.read():
        taken += [entry.message.sequence for entry in entries]
    assert (taken, reader.missing) == ([1, 2], False)
    assert aside.count(DUPLICATE) == 2, "the copy of sequence 0, and that of sequence 1 on the way past it"
    assert [letter.place.offset for letter in await read_letters(log, FILLS)] == [3, poison.offset]


def of_feed(value: bytes) -> Envelope:
    """Return the letter that the feed writes of an event that breaks a rule."""
    frame = Envelope.begin(PAYLOADS[0], origin="session", source="feed", index=3, time_ns=5)
    reason = "row 0, SIM:PANDA at 2026-11-20 09:15:00.000000 IST: a price is not positive; it has close_e4 0"
    data = DeadLetter(Place("market.ticks", 0, 7), b"738561", value, 1, reason)
    return frame.effect(data, source="feed", index=0, time_ns=6, broker="shared")


async def test_an_event_that_the_feed_kept_out_is_looked_at_and_never_put_back(log: SqliteLog):
    event = np.zeros(1, EVENT)
    event["volume"] = 42
    topic = market_ticks()
    await log.append([new_record(topic.dead_letters, of_feed(event.tobytes()))])
    (letter,) = await read_letters(log, topic)
    assert letter.is_event
    assert letter.rule == "a price is not positive"
    shown = letter.event()
    assert shown is not None
    assert shown.tobytes() == event.tobytes()
    with pytest.raises(DataError, match=f"letter {letter.id} is a market event that the feed kept out"):
        await replay(log, letter)
    assert await log.end(topic, 0) == 0


@pytest.mark.parametrize(("value", "size"), [(bytes(EVENT.itemsize), 1), (b"half an event", None)])
def test_only_the_bytes_of_an_event_are_one(value: bytes, size: int | None):
    envelope = of_feed(value)
    assert isinstance(envelope.data, DeadLetter)
    event = Letter(market_ticks(), envelope.id, 0, envelope.source, envelope.time_ns, envelope.data).event()
    assert (None if event is None else len(event)) == size


async def test_a_later_program_may_read_what_this_one_could_not(log: SqliteLog, told: Told):
    def too_new(_: Record) -> None:
        raise CorruptRecordError("it has version 3")

    await letters_of(log, told).examine(FILLS, await on_log(log, GOOD), too_new)
    await letters_of(log, told).examine(FILLS, await on_log(log, POISON))
    still_none, read = [letter.message() for letter in await read_letters(log, FILLS)]
    assert still_none is None
    assert read == decode(Record(FILLS.name, 2, 0, b"", GOOD))


# ── On Kafka ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_letters_are_written_read_and_put_back_on_kafka(kafka: str, told: Told):
    """In topics of several partitions, and with a record as large as one may be: its letter is larger still."""
    every = topics_of_session(["paper"], 3)
    raw = next(topic for topic in every if topic.name == "paper.signals.raw")
    async with KafkaTopics(kafka) as topics:
        await topics.create("dead-letters", every)
    async with KafkaLog(kafka, "dead-letters", ()) as log:
        poison = POISON * (raw.record_bytes_max // len(POISON) - 10)
        await log.append([NewRecord(raw, 1, b"momentum:1", value) for value in (GOOD, poison)])
        for reader in (DeadLetters(log, "session", told.notify), DeadLetters(log, "session", told.notify)):
            for record in await log.read(raw, 1, 0, 1) + await log.read(raw, 1, 1, 1):
                await reader.examine(raw, record)
        (letter,) = await read_letters(log, raw)
        assert letter.data.value == poison
        assert letter.time_ns > 0, "Kafka knows when the record was appended"
        assert await replay(log, letter) == 2
        (back,) = await log.read(raw, 1, 2, 1)
    assert (back.key, back.value) == (b"momentum:1", poison)
    assert len(told.letters) == 2
