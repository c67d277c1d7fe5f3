"""Records that do not belong: whatever else is put on the log, each record that belongs there is applied once."""

import asyncio
import collections
import contextlib
import pathlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from alpha_panda.errors import CorruptRecordError, LogError
from alpha_panda.live import streams
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.build import new_status
from alpha_panda.live.dead_letters import Letter, read_letters, replay
from alpha_panda.live.envelope import decode
from alpha_panda.live.feed.base import Batch
from alpha_panda.live.log.base import Log, NewRecord, Record
from alpha_panda.live.log.kafka import KafkaLog
from alpha_panda.live.log.kafka_topics import KafkaTopics
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.observer import ACCOUNT
from alpha_panda.live.pipeline import STAGES
from alpha_panda.live.recovery import recovered_account
from alpha_panda.live.routing import new_record
from alpha_panda.live.status import Status
from alpha_panda.live.topics import CONTROL, Topic, market_ticks, topics_of_session
from alpha_panda.live.watch.health import Health, beat
from tests.faults.checker import check
from tests.faults.relay import Relay
from tests.live.trading import MORNING, PAPER, ChoppedFeed, blueprint, morning, replayed, run_on

NUMBERED = (market_ticks(), PAPER.signals_raw, PAPER.journal, PAPER.orders_filled)
TARGETS = (*NUMBERED, CONTROL)
LARGEST_BYTES = 8 * 2**20 - 2**10
_TAIL_BYTES = 12  # of a message: its epoch and its sequence

Faults = collections.Counter[str]


@pytest.fixture(params=["embedded", "kafka"])
async def logs(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> AsyncIterator[tuple[Log, Log]]:
    """Give the log of a session, and the same log as somebody else has it who writes there, too."""
    if request.param == "embedded":
        async with SqliteLog(tmp_path) as log:
            yield log, log
        return
    kafka: str = request.getfixturevalue("kafka")
    session, topics = f"records-{time.time_ns()}", topics_of_session(["paper"])
    async with KafkaTopics(kafka) as broker:
        await broker.create(session, topics)
    async with KafkaLog(kafka, session, topics) as log, KafkaLog(kafka, session, topics) as foreign:
        yield log, foreign
    async with KafkaTopics(kafka) as broker:
        await broker.delete(session)


async def came_out_well(log: Log, engine: AccountEngine) -> None:
    """Hold the account, the log, and what a restart would make of it, against a plain replay."""
    expected = replayed(morning()).summary()
    assert engine.stage.summary() == expected
    told = await check(log, morning(), foreign=True)
    assert told.orders == engine.stage.account["orders_made"] > 0
    again = await recovered_account(log, blueprint())
    assert (again.engine.stage.summary(), again.owed) == (expected, [])


# ── A foreign producer ───────────────────────────────────────────────────────────────────────────────────────────────


class Foreigner:
    """Puts on a session's log what does not belong there; it can write, and knows no rule."""

    def __init__(self, log: Log, seed: int, faults: Faults) -> None:
        self.undecodable: Faults = collections.Counter()
        self.others = 0
        self._log = log
        self._random = random.Random(seed)
        self._faults = faults
        self._kinds: dict[str, Callable[[Record], bytes | None]] = {
            "a duplicate": lambda record: record.value,
            "a record of a replaced writer": self._stale,
            "random bytes": lambda _: self._random.randbytes(self._random.randint(0, 200)),
            "a truncated record": lambda record: record.value[: self._random.randint(0, len(record.value))],
            "a record with a flipped bit": self._flipped,
        }

    async def run(self) -> None:
        """Write some hundred records, while the session trades."""
        for _ in range(60):
            for kind, make in self._kinds.items():
                await self._put(kind, self._random.choice(TARGETS), make)
            await asyncio.sleep(0.02)

    async def _put(self, kind: str, topic: Topic, make: Callable[[Record], bytes | None]) -> None:
        end = await self._log.end(topic, 0)
        if not end:
            return
        record = (await self._log.read(topic, 0, self._random.randrange(end), 1))[0]
        value = make(record)
        if value is None:
            return
        (offset,) = await self._log.append([NewRecord(topic, 0, record.key, value)])
        self._faults[f"{kind} on the log"] += 1
        try:
            decode(Record(topic.name, 0, offset, record.key, value))
            self.others += 1
        except CorruptRecordError:
            self.undecodable[topic.name] += 1

    def _stale(self, record: Record) -> bytes | None:
        """Return what a writer of an earlier epoch would write further on, made of something that was said once."""
        try:
            message = decode(record)
        except CorruptRecordError:
            return None
        return new_record(market_ticks(), message.stamped(0, message.sequence + self._random.randint(0, 300))).value

    def _flipped(self, record: Record) -> bytes | None:
        """Return a record with one bit changed; who could change its numbers could write whatever he wants."""
        if len(record.value) <= _TAIL_BYTES:
            return None
        value = bytearray(record.value)
        value[self._random.randrange(len(value) - _TAIL_BYTES)] ^= 1 << self._random.randrange(8)
        return bytes(value)


async def letters_of(log: Log, topic: Topic) -> list[Letter]:
    return [letter for letter in await read_letters(log, topic) if not letter.is_event]


async def test_what_a_foreign_producer_writes_is_set_aside_and_counted(logs: tuple[Log, Log], faults: Faults):
    log, foreign = logs
    foreigner, status = Foreigner(foreign, 1, faults), new_status()
    writing = asyncio.create_task(foreigner.run())
    slowly = ChoppedFeed(morning(), longest=100)
    engine = await run_on(log, slowly, status=status)
    await writing
    # What was written at the very end is met at the next start.
    await run_on(log, slowly, status=status)
    await came_out_well(log, engine)
    for topic in TARGETS:
        letters = await letters_of(log, topic)
        assert len(letters) == foreigner.undecodable[topic.name], topic.name
        assert len({letter.place.offset for letter in letters}) == len(letters)
    assert sum(foreigner.undecodable.values()) > 20
    assert status.set_aside["undecodable"] >= sum(foreigner.undecodable.values())
    assert status.set_aside["duplicate"] + status.set_aside["stale writer"] > 0


async def test_a_record_as_large_as_there_can_be_is_a_dead_letter_and_a_larger_one_is_refused(
    logs: tuple[Log, Log], faults: Faults
):
    log, foreign = logs
    largest = random.Random(1).randbytes(LARGEST_BYTES)

    async def write() -> None:
        await foreign.wait(PAPER.journal, 0, 0, 60)
        for topic in (market_ticks(), PAPER.orders_filled):
            await foreign.append([NewRecord(topic, 0, b"", largest)])
            faults["an oversized record on the log"] += 1
            if not log.exclusive:
                with pytest.raises(LogError, match="is too large"):
                    await foreign.append([NewRecord(topic, 0, b"", largest * 2)])

    writing = asyncio.create_task(write())
    engine = await run_on(log, ChoppedFeed(morning(), longest=100))
    await writing
    await run_on(log, ChoppedFeed(morning()))
    await came_out_well(log, engine)
    for topic in (market_ticks(), PAPER.orders_filled):
        (letter,) = await letters_of(log, topic)
        assert letter.data.value == largest


# ── Records that come late ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", [10, 11])
async def test_records_that_are_held_back_and_come_out_of_order_find_their_places(
    logs: tuple[Log, Log], seed: int, faults: Faults
):
    """Every thirtieth record of a topic comes late, and something else stands in its place: half of that is garbage."""
    log, _ = logs
    chance = random.Random(seed)
    known: dict[str, bytes] = {}

    def instead(record: NewRecord) -> bytes | None:
        earlier, known[record.topic.name] = known.get(record.topic.name, b""), record.value
        message = decode(as_read(record))
        # The last ones are not held back: the session would end before they come.
        begins_or_ends = message.type == "writer_began" or message.time_ns > int(morning()["time_ns"][-2_000])
        if record.topic not in NUMBERED or begins_or_ends or chance.random() > 1 / 30:
            return None
        return chance.choice([earlier, b"garbage"])

    relay, finished = Relay(log, instead), asyncio.Event()

    async def release() -> None:
        while not finished.is_set():
            await asyncio.sleep(0.02)
            faults["a record held back and released out of order"] += await relay.release()

    releasing = asyncio.create_task(release())
    engine = await run_on(relay, ChoppedFeed(morning(), seed=3, longest=200))
    finished.set()
    await releasing
    await came_out_well(log, engine)
    assert faults["a record held back and released out of order"] > 0


# ── Records that are missing ─────────────────────────────────────────────────────────────────────────────────────────


class PausingFeed(ChoppedFeed):
    """Goes on to the end only when it is told to."""

    def __init__(self) -> None:
        super().__init__(morning(), longest=50)
        self.goes_on = asyncio.Event()

    async def batches(self, index: int) -> AsyncIterator[Batch]:
        async for batch in super().batches(index):
            if batch.next_index > MORNING // 2:
                await self.goes_on.wait()
            yield batch


async def until(condition: Callable[[], bool], patience_s: float = 60.0) -> None:
    async with asyncio.timeout(patience_s):
        while not condition():
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def watched(status: Status) -> AsyncIterator[Health]:
    """Give the health of a session, as its endpoint tells it."""
    health = Health(time.monotonic, STAGES)
    status.also = [health]
    beating = asyncio.create_task(beat(status, health))
    yield health
    beating.cancel()


async def waits_loudly(log: Log, status: Status, health: Health, bring: Callable[[], Awaitable[object]]) -> None:
    """Fail unless the account says that it waits for a record of the raw signals, until somebody brings it."""
    await until(lambda: ACCOUNT in status.reports and status.reports[ACCOUNT].phase == "waiting")
    note = status.reports[ACCOUNT].note
    assert "paper.signals.raw/0 lacks sequence 100, and the account stage waits for it" in note
    assert "alpha-panda dlq replay puts it back" in note
    assert health.ready()[ACCOUNT] == (False, f"waiting: {note}")
    applied = status.account_next
    await asyncio.sleep(0.3)
    assert status.account_next == applied
    await bring()
    await until(lambda: status.account_next > applied)


async def test_a_record_that_is_missing_is_waited_for_aloud_until_it_comes(logs: tuple[Log, Log], faults: Faults):
    log, foreign = logs
    lost: list[NewRecord] = []

    def instead(record: NewRecord) -> bytes | None:
        if record.topic == PAPER.signals_raw and not lost and decode(as_read(record)).sequence == 100:
            lost.append(record)
            return b"lost on the way"
        return None

    status = new_status()
    async with watched(status) as health:
        trading = asyncio.create_task(run_on(Relay(log, instead), feed := PausingFeed(), status=status))
        await waits_loudly(log, status, health, lambda: foreign.append(lost))
        feed.goes_on.set()
        engine = await trading
    faults["a record lost, and brought later"] += 1
    await came_out_well(log, engine)
    (letter,) = await letters_of(log, PAPER.signals_raw)
    assert letter.data.value == b"lost on the way"


async def test_a_record_that_could_not_be_read_is_waited_for_aloud_until_it_is_put_back(
    logs: tuple[Log, Log], faults: Faults, monkeypatch: pytest.MonkeyPatch
):
    """As where a program has a fault that the next one has not: the bytes of the letter are those of the record."""
    log, foreign = logs
    faulty, whole = [True], streams._whole

    def read(record: Record, topic: Topic):
        read = whole(record, topic)
        if faulty[0] and topic == PAPER.signals_raw and read[1].sequence == 100:
            raise CorruptRecordError("this program cannot read it")
        return read

    monkeypatch.setattr(streams, "_whole", read)
    status = new_status()

    async def put_back() -> None:
        faulty[0] = False
        (letter,) = await letters_of(foreign, PAPER.signals_raw)
        await replay(foreign, letter)

    async with watched(status) as health:
        trading = asyncio.create_task(run_on(log, feed := PausingFeed(), status=status))
        await waits_loudly(log, status, health, put_back)
        feed.goes_on.set()
        engine = await trading
    faults["a record given up, and put back from the dead letters"] += 1
    await came_out_well(log, engine)


def as_read(record: NewRecord) -> Record:
    return Record(record.topic.name, record.partition, 0, record.key, record.value)
