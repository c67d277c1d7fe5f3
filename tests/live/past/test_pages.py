"""A history comes a page at a time, all of it, each message once, and nothing that does not count."""

import asyncio
import base64
import collections
import heapq
import pathlib
import random
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.control.commands import command_message
from alpha_panda.live.envelope import Envelope, encode
from alpha_panda.live.log.base import Log, NewRecord
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Control, Decision, Fill, OrderUpdate, PnlSnapshot, Signal
from alpha_panda.live.messages import Gap as GapMessage
from alpha_panda.live.past import pages
from alpha_panda.live.past.pages import LIMIT_MAX, Kinds, page
from alpha_panda.live.routing import new_record
from alpha_panda.live.streams import Entry, Reader
from alpha_panda.live.topics import CONTROL, BrokerTopics, Topic
from tests.faults.test_records import Foreigner
from tests.live.past.counted import CountingLog
from tests.live.past.eventful import COMMANDED_NS, PERSON, run_eventful
from tests.live.past.written import EVERY, LongDay
from tests.live.trading import PAPER

ORDERS = (PAPER.orders_submitted, PAPER.orders_filled, PAPER.orders_cancelled)
DECISIONS = (PAPER.signals_validated, PAPER.signals_rejected)


class Strays:
    """Writes messages of any time on some topics, one writer for each, with other kinds and other bytes among them."""

    def __init__(self, log: Log, chance: random.Random) -> None:
        self._log, self._chance = log, chance
        self._next = collections.Counter[str]()
        self._made = 0

    async def put(self, topic: Topic) -> None:
        """Append one more record."""
        chance, self._made = self._chance, self._made + 1
        time_ns = chance.choice([0, -1, -(2**63), 2**63 - 1, COMMANDED_NS, COMMANDED_NS + chance.randrange(-9, 9)])
        data = chance.choice([Control("pause", "", PERSON), Control("resume", "", PERSON), GapMessage(1, 0, 1)])
        message = Envelope.begin(data, origin="strays", source="hand", index=self._made, time_ns=time_ns)
        record = NewRecord(topic, 0, b"", encode(message.stamped(1, self._next[topic.name])))
        match chance.randrange(6):
            case 0:
                await self._log.append([NewRecord(topic, 0, b"", b"no message")])
            case 1 if topic.numbered:
                await self._log.append([record, record])
                self._next[topic.name] += 1
            case _:
                await self._log.append([record])
                self._next[topic.name] += 1


async def all_of(log: Log, topics: Sequence[Topic], kinds: Kinds) -> list[Entry]:
    """Return the messages of some kinds as readers from the beginning take them, by time, the newest first."""
    found: list[list[tuple[int, int, int, Entry]]] = []
    parts = [(topic, partition) for topic in topics for partition in range(topic.partitions)]
    for number, part in enumerate(parts):
        reader, taken = Reader(log, *part), list[Entry]()
        while entries := await reader.read():
            taken += [each for each in entries if isinstance(each.message.data, kinds)]
        found.append([(each.message.time_ns, number, each.message.sequence, each) for each in reversed(taken)])
    return [each[3] for each in heapq.merge(*found, key=lambda each: each[:3], reverse=True)]


async def paged(log: Log, topics: Sequence[Topic], kinds: Kinds, limit: int) -> list[Entry]:
    """Return the same, page by page."""
    entries, cursor, found = *await page(log, topics, kinds, None, limit), list[Entry]()
    while True:
        assert len(entries) <= limit
        found += entries
        if cursor is None:
            return found
        before = cursor
        entries, cursor = await page(log, topics, kinds, before, limit)
        assert cursor != before, "no page may lead to itself"


@pytest.fixture
async def log(tmp_path: pathlib.Path) -> AsyncIterator[SqliteLog]:
    async with SqliteLog(tmp_path) as log:
        yield log


async def test_pages_of_any_size_come_to_the_whole_history(log: SqliteLog):
    await run_eventful(log, 3)
    raw = BrokerTopics.of("paper", 3).signals_raw
    for topics, kinds in (
        (ORDERS, (OrderUpdate, Fill)),
        (ORDERS, OrderUpdate),
        (ORDERS[1:2], Fill),
        (DECISIONS, Decision),
        ((raw,), Signal),
        ((CONTROL,), Control),
        ((PAPER.pnl_snapshots,), PnlSnapshot),
        ((PAPER.orders_cancelled.dead_letters,), Control),
    ):
        expected = await all_of(log, topics, kinds)
        for limit in (1, 3, 100):
            assert await paged(log, topics, kinds, limit) == expected
        assert expected or topics[0].name.endswith(".dlq")


async def test_what_does_not_count_stands_on_no_page(log: SqliteLog):
    foreigner = asyncio.create_task(Foreigner(log, 3, collections.Counter()).run())
    await run_eventful(log)
    await foreigner
    for topic in (*ORDERS, CONTROL):
        again = [NewRecord(topic, 0, record.key, record.value) for record in await log.read(topic, 0, 0, 5)]
        await log.append([NewRecord(topic, 0, b"", b"no message"), *again])
    for topics, kinds in ((ORDERS, (OrderUpdate, Fill)), ((PAPER.signals_raw,), Signal), ((CONTROL,), Control)):
        assert await paged(log, topics, kinds, 4) == await all_of(log, topics, kinds)


@pytest.mark.parametrize("limit", [1, 4, 7, 100])
async def test_commands_of_clocks_that_disagree_stand_on_some_page(log: SqliteLog, limit: int):
    """A console whose clock is ahead gives the oldest command: its time is behind nothing that follows."""
    for offset in (900, 0, 500, 1, 2, 3, 499, 4, 5, 6, 7, -900, 8, 9):
        message = command_message("pause", "momentum", PERSON, "looking", COMMANDED_NS + offset)
        await log.append([new_record(CONTROL, message)])
    found = await paged(log, (CONTROL,), Control, limit)
    assert found == await all_of(log, (CONTROL,), Control)
    assert len(found) == 14


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_times_and_bytes_are_on_the_log_each_message_stands_on_one_page(
    log: SqliteLog, seed: int, monkeypatch: pytest.MonkeyPatch
):
    """Clocks disagree, stand still and go back; other kinds and bytes lie between; more is added between the pages."""
    chance = random.Random(seed)
    monkeypatch.setattr(pages, "_LOOKED_MAX", chance.choice([2, 5, 40]))
    topics, strays = (CONTROL, Topic("one"), Topic("two")), Strays(log, chance)
    for _ in range(chance.randrange(60)):
        await strays.put(chance.choice(topics))
    kinds = chance.choice([Control, GapMessage, (Control, GapMessage)])
    expected, limit = await all_of(log, topics, kinds), chance.choice([1, 2, 7, LIMIT_MAX])

    found, cursor, cursors = list[Entry](), None, list[str | None]()
    while True:
        entries, cursor = await page(log, topics, kinds, cursor, limit)
        found += entries
        if cursor is None:
            break
        assert cursor not in cursors, "no page may lead back"
        cursors.append(cursor)
        await strays.put(chance.choice(topics))
    places = [(each.record.topic, each.record.offset) for each in found]
    assert len(places) == len(set(places))
    assert sorted(places) == sorted((each.record.topic, each.record.offset) for each in expected)
    for topic in topics:
        own = [offset for name, offset in places if name == topic.name]
        assert own == sorted(own, reverse=True)


async def test_what_is_added_meanwhile_moves_no_page(log: SqliteLog):
    day = LongDay(log)
    await day.write(frames=2_000)
    before = await all_of(log, ORDERS, Fill)
    newest, cursor = await page(log, ORDERS, Fill, None, 5)
    await day.write(frames=1_000)
    older, _ = await page(log, ORDERS, Fill, cursor, 5)
    assert newest + older == before[:10]
    assert (await page(log, ORDERS, Fill, None, 100))[0][10:] == before


async def test_the_newest_page_of_a_long_day_reads_few_records(log: SqliteLog):
    await LongDay(log).write()
    counting = CountingLog(log)
    fills, _ = await page(counting, ORDERS[1:2], Fill, None, 50)
    assert len(fills) == 50
    assert counting.records < 250


async def test_where_messages_are_rare_a_page_is_short_and_the_next_one_goes_on(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pages, "_LOOKED_MAX", 30)
    await LongDay(log).write(frames=1_000)
    entries, cursor = await page(log, (PAPER.signals_raw,), Signal, None, 10)
    assert (entries, cursor is None) == ([], False)
    assert len(await paged(log, (PAPER.signals_raw, PAPER.orders_filled), (Signal, Fill), 7)) == 2 * 1_000 // EVERY
    expected = await all_of(log, (PAPER.signals_raw, PAPER.orders_filled), (Signal, Fill))
    assert await paged(log, (PAPER.signals_raw, PAPER.orders_filled), (Signal, Fill), 7) == expected


# ── Cursors ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_cursor_holds_numbers_only_and_belongs_to_its_topics(log: SqliteLog):
    await LongDay(log).write(frames=1_000)
    _, cursor = await page(log, ORDERS, Fill, None, 2)
    assert cursor
    checksum, stops = msgspec.msgpack.decode(base64.urlsafe_b64decode(cursor))
    assert isinstance(checksum, int)
    assert all(isinstance(stop, int) for stop in stops)
    for topics in (ORDERS[:2], ORDERS[::-1], DECISIONS):
        with pytest.raises(ConfigurationError, match="no cursor of this history"):
            await page(log, topics, Fill, cursor, 2)


def forged(*stops: object, checksum: object = None) -> str:
    real = pages._Cursor.of([(topic, 0) for topic in ORDERS], None).places
    return base64.urlsafe_b64encode(msgspec.msgpack.encode([checksum or real, list(stops)])).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "§", "../../etc/passwd", "AAAA", "=" * 9),
        *(forged(), forged(1, 2), forged(1, 2, 3, 4), forged(1, 2, -1), forged(1, 2, 2**63), forged(1, 2, None)),
        *(forged(1, 2, 0.5), forged(1, 2, "orders"), forged(1, 2, 3, checksum=7), forged([1], [2], [3])),
    ],
)
async def test_a_cursor_that_somebody_made_up_is_refused(log: SqliteLog, cursor: str):
    with pytest.raises(ConfigurationError, match="no cursor of this history: begin with its newest page"):
        await page(log, ORDERS, Fill, cursor, 2)


async def test_a_made_up_place_shows_another_part_of_the_same_history(log: SqliteLog):
    await LongDay(log).write(frames=1_000)
    everything = await all_of(log, ORDERS, (OrderUpdate, Fill))
    for stops in ((0, 0, 0), (2**63 - 1, 2**63 - 1, 2**63 - 1), (1, 5, 0)):
        entries, _ = await page(log, ORDERS, (OrderUpdate, Fill), forged(*stops), 100)
        assert all(entry in everything for entry in entries)
    beyond_the_end, _ = await page(log, ORDERS, (OrderUpdate, Fill), forged(*[2**63 - 1] * 3), 100)
    assert beyond_the_end == everything[:100], "and not a way through nothing that has no end"


@pytest.mark.parametrize("limit", [0, -1, LIMIT_MAX + 1])
async def test_a_page_has_a_size(log: SqliteLog, limit: int):
    with pytest.raises(ConfigurationError, match="ask for 1 to 1,000"):
        await page(log, ORDERS, Fill, None, limit)
