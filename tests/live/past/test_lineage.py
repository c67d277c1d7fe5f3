"""What led to an order and what came of it is what the ids on the log say, whatever else is on it."""

import asyncio
import collections
import pathlib
import time
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import pytest

from alpha_panda.errors import ConfigurationError, CorruptRecordError, LogError, RecoveryError
from alpha_panda.kernels.records import CLOCK, TICK
from alpha_panda.live.envelope import Envelope, decode, encode
from alpha_panda.live.log.base import Log, NewRecord, Record
from alpha_panda.live.log.kafka import KafkaLog
from alpha_panda.live.log.kafka_topics import KafkaTopics
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Decision, Fill, OrderUpdate, Signal, Ticks
from alpha_panda.live.past.descent import Lineage
from alpha_panda.live.past.lineage import Lineages, lineage, lineage_of_refusal
from alpha_panda.live.payloads import events_of
from alpha_panda.live.session import read_session
from alpha_panda.live.streams import Reader
from alpha_panda.live.topics import CONTROL, BrokerTopics, instrument_key, market_ticks, topics_of_session
from tests.faults.test_records import Foreigner
from tests.live.past.counted import CountingLog
from tests.live.past.eventful import COMMANDED_NS, PERSON, run_eventful
from tests.live.past.written import LongDay
from tests.live.trading import PAPER, SYMBOLS

FLATTENED, WAITING, CANCELLED, GUARDED = 6, 8, 7, 3
"""Orders of that morning: closed by a person, still at work, cancelled for another, and asked for by a guard."""


class Told(NamedTuple):
    """All that counts on a log, read from its beginning."""

    messages: dict[str, tuple[str, int, int, Envelope]]  # by id: topic, partition, offset

    @classmethod
    async def read(cls, log: Log, partitions: int) -> "Told":
        topics = BrokerTopics.of("paper", partitions)
        found: dict[str, tuple[str, int, int, Envelope]] = {}
        for topic in (market_ticks(partitions), CONTROL, topics.signals_raw, *topics.of_account()):
            for partition in range(topic.partitions):
                reader = Reader(log, topic, partition)
                while entries := await reader.read():
                    for entry in entries:
                        place = (topic.name, partition, entry.record.offset, entry.message)
                        found.setdefault(entry.message.id, place)  # a command that comes again is the first one
        return cls(found)

    def of_order(self, order_id: int, kind: type) -> list[Envelope]:
        every = [each[3] for each in self.messages.values()]
        return [each for each in every if isinstance(each.data, kind) and each.data.order_id == order_id]


class Session(NamedTuple):
    """A morning that was traded, and what its log tells."""

    state: pathlib.Path
    partitions: int
    told: Told


@pytest.fixture(scope="module", params=["one partition", "three partitions", "kafka"])
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    state = tmp_path_factory.mktemp("sessions") / f"lineage-{time.time_ns()}"
    state.mkdir()
    partitions = 1 if request.param == "one partition" else 3
    if request.param == "kafka":
        address: str = request.getfixturevalue("kafka")
        (state / "kafka").write_text(address)
        yield Session(state, partitions, asyncio.run(_on_kafka(address, state, partitions)))
        asyncio.run(_delete(address, state))
    else:
        yield Session(state, partitions, asyncio.run(_traded(SqliteLog(state), partitions)))


async def _traded(opened: Log, partitions: int) -> Told:
    async with opened as log:
        await run_eventful(log, partitions)
        return await Told.read(log, partitions)


async def _on_kafka(address: str, state: pathlib.Path, partitions: int) -> Told:
    topics = topics_of_session(["paper"], partitions)
    async with KafkaTopics(address) as broker:
        await broker.create(state.name, topics)
    return await _traded(KafkaLog(address, state.name, topics), partitions)


async def _delete(address: str, state: pathlib.Path) -> None:
    async with KafkaTopics(address) as broker:
        await broker.delete(state.name)


def agrees(found: Lineage, told: Told) -> None:
    """Fail unless every message of a lineage stands where it says, and names the one before it as its cause."""
    order = found.order
    stamps = [each.stamp for each in (found.command, found.signal, found.decision, *order) if each]
    for stamp in [*stamps, *([found.frame] if found.frame else [])]:
        topic, partition, offset, message = told.messages[stamp.id]
        assert (stamp.topic, stamp.partition, stamp.offset) == (topic, partition, offset)
        assert (stamp.sequence, stamp.epoch, stamp.time_ns) == (message.sequence, message.epoch, message.time_ns)
        assert (stamp.type, stamp.correlation_id, stamp.causation_id) == (
            *(message.type, message.correlation_id, message.causation_id),
        )
    for each in (found.command, found.signal, found.decision, *order):
        assert each is None or each.data == told.messages[each.stamp.id][3].data
    origin = found.frame or (found.command and found.command.stamp)
    assert origin
    assert {stamp.correlation_id for stamp in stamps} == {origin.id}
    assert found.decision.stamp.causation_id == (found.signal.stamp if found.signal else origin).id
    assert not order or order[0].stamp.causation_id == found.decision.stamp.id
    assert all(each.stamp.causation_id == order[0].stamp.id for each in order[1:])


# ── Every order ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_every_order_all_is_found_that_names_it(session: Session):
    for order_id in range(1, 9):
        found = lineage(session.state, order_id)
        agrees(found, session.told)
        for kind in (Fill, OrderUpdate):
            ours = [each.stamp.id for each in found.order if isinstance(each.data, kind)]
            assert ours == [message.id for message in session.told.of_order(order_id, kind)]
        times = [each.stamp.time_ns for each in found.order]
        assert times == sorted(times)
        assert found.is_finished == (order_id != WAITING)


def test_an_order_of_a_signal_goes_back_to_the_event_that_the_signal_names(session: Session):
    found = lineage(session.state, 1)
    assert found.reason == "a signal of momentum"
    assert found.command is None
    assert found.signal
    cause = found.signal.data.cause
    assert found.frame
    assert (found.frame.partition, found.frame.sequence) == (cause.partition, cause.sequence)
    token = found.decision.data.instrument_token
    assert cause.partition == market_ticks(session.partitions).partition_of(instrument_key(token))
    frame = session.told.messages[found.frame.id][3].data
    assert isinstance(frame, Ticks)
    row = events_of(frame)[cause.index]
    assert found.event
    # The strategies see bars of a minute, which the clock ends.
    assert (found.event.kind, int(row["kind"])) == ("clock", CLOCK)
    assert (found.event.index, found.event.time_ns) == (cause.index, found.decision.data.time_ns)
    assert found.quote
    assert (found.quote.kind, found.quote.instrument_token) == ("tick", token)
    assert found.quote.close_e4 == found.decision.data.price_e4
    assert found.quote.time_ns <= found.event.time_ns
    assert found.symbol in SYMBOLS


def test_its_fills_come_with_their_charges_item_by_item(session: Session):
    found = lineage(session.state, 1)
    (fill,) = [each.data for each in found.order if isinstance(each.data, Fill)]
    *items, total = msgspec.structs.astuple(fill.charges)
    assert total == sum(items) > 0
    statuses = [each.data.status for each in found.order if isinstance(each.data, OrderUpdate)]
    assert statuses == ["working", "complete"]
    assert [type(each.data) for each in found.order] == [OrderUpdate, Fill, OrderUpdate]


def test_an_order_of_a_guard_goes_back_to_the_tick_that_set_it_off(session: Session):
    found = lineage(session.state, GUARDED)
    assert found.reason == "the account's holding time"
    assert (found.signal, found.command) == (None, None)
    assert found.frame
    assert found.event
    assert found.frame.id == found.decision.stamp.causation_id
    assert found.event.time_ns == found.decision.data.time_ns
    frame = session.told.messages[found.frame.id][3].data
    assert isinstance(frame, Ticks)
    assert int(events_of(frame)[found.event.index]["kind"]) == {"tick": TICK, "clock": CLOCK}[found.event.kind]


def test_an_order_of_a_person_goes_back_to_the_command(session: Session):
    found = lineage(session.state, FLATTENED)
    assert found.reason == f"the command flatten of {PERSON}"
    assert (found.frame, found.event, found.signal) == (None, None, None)
    assert found.command
    assert (found.command.data.argument, found.command.data.reason) == ("momentum", "enough")
    assert (found.command.stamp.topic, found.command.stamp.time_ns) == ("control", COMMANDED_NS)


def test_an_order_at_work_says_so_and_a_cancelled_one_ends_with_that(session: Session):
    waiting = lineage(session.state, WAITING)
    assert [each.stamp.type for each in waiting.order] == ["order_placed"]
    cancelled = lineage(session.state, CANCELLED)
    assert [each.stamp.type for each in cancelled.order] == ["order_placed", "order_cancelled"]
    assert cancelled.is_finished


def test_a_refusal_is_named_by_its_place_and_has_no_order(session: Session):
    offset = next(
        offset for topic, _, offset, _ in session.told.messages.values() if topic == PAPER.signals_rejected.name
    )
    found = lineage_of_refusal(session.state, offset)
    agrees(found, session.told)
    assert (found.decision.data.verdict, found.decision.data.code) == ("refused", "outside_window")
    assert found.signal
    assert found.order == ()
    assert found.is_finished


def test_what_is_not_there_is_refused(session: Session):
    for order_id in (0, 9, -1, 2**62):
        with pytest.raises(ConfigurationError, match=f"paper has made no order {order_id} so far"):
            lineage(session.state, order_id)
    for offset in (-1, 1, 10**9):
        with pytest.raises(ConfigurationError, match=f"no refusal that counts at offset {offset}"):
            lineage_of_refusal(session.state, offset)


def test_where_no_session_has_begun_there_is_nothing(tmp_path: pathlib.Path):
    with pytest.raises(LogError):
        lineage(tmp_path / "nowhere", 1)
    asyncio.run(SqliteLog(tmp_path).close())
    with pytest.raises(RecoveryError, match="no session has begun in"):
        lineage(tmp_path, 1)


# ── Whatever else is on the log ──────────────────────────────────────────────────────────────────────────────────────


async def test_what_does_not_count_is_never_shown(tmp_path: pathlib.Path):
    """Somebody repeats, spoils and makes up records all the time, also those of orders with other figures."""
    async with SqliteLog(tmp_path) as log:
        foreigner = asyncio.create_task(Foreigner(log, 5, collections.Counter()).run())
        await run_eventful(log)
        await foreigner
        topics = (PAPER.signals_validated, PAPER.signals_rejected, PAPER.orders_submitted, PAPER.orders_filled)
        for topic in (*topics, PAPER.orders_cancelled, PAPER.signals_raw):
            for record in await log.read(topic, 0, 0, 10_000):
                if altered := _altered(record.value):
                    await log.append([NewRecord(topic, 0, record.key, altered)])
        told = await Told.read(log, 1)
        lineages = await _lineages(log)
        for order_id in range(1, 9):
            found = await lineages.of_order(order_id)
            agrees(found, told)
            for kind in (Fill, OrderUpdate):
                ours = [each.stamp.id for each in found.order if isinstance(each.data, kind)]
                assert ours == [message.id for message in told.of_order(order_id, kind)]
        assert (await lineages.of_refusal(0)).decision.data.code == "outside_window"
        end = await log.end(PAPER.signals_rejected, 0)
        with pytest.raises(ConfigurationError, match=f"no refusal that counts at offset {end - 1}"):
            await lineages.of_refusal(end - 1)


def _altered(value: bytes) -> bytes | None:
    """Return a decision, an order or a fill as somebody would like it to have been."""
    try:
        message = decode(Record("", 0, 0, b"", value))
    except CorruptRecordError:
        return None
    match message.data:
        case Decision() | Fill():
            data = msgspec.structs.replace(message.data, price_e4=1)
        case OrderUpdate():
            data = msgspec.structs.replace(message.data, quantity=1)
        case Signal():
            data = msgspec.structs.replace(message.data, target=1.0)
        case _:
            return None
    return encode(msgspec.structs.replace(message, data=data))


async def _lineages(log: Log) -> Lineages:
    session = await read_session(log)
    assert session
    return Lineages(log, session)


# ── In a long day ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_of_a_hundred_thousand_records_some_hundreds_are_read(tmp_path: pathlib.Path):
    async with SqliteLog(tmp_path) as log:
        day = await LongDay(log).write()
        assert day.records > 100_000
        counting = CountingLog(log)
        lineages = await _lineages(counting)
        for order_id in (1, len(day.orders) // 2, len(day.orders)):
            counting.records = 0
            found = await lineages.of_order(order_id)
            order = day.orders[order_id - 1]
            assert found.frame
            assert found.signal
            assert (found.frame.sequence, found.signal.stamp.id) == (order.frame, order.signal)
            assert [each.stamp.id for each in found.order if isinstance(each.data, Fill)] == [order.fill]
            assert found.is_finished
            assert counting.records < 350
