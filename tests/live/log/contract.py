"""The promises of an event log, as tests that every implementation inherits."""

import asyncio
import multiprocessing
import pathlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest

from alpha_panda.errors import LogError
from alpha_panda.live.log.base import Commit, Log, NewRecord, Record
from alpha_panda.live.topics import Topic
from tests.live.log.appender import ORDERS, TICKS, append_until_killed, records_of_round

SPREAD = Topic("spread", partitions=3)
TOPICS = (TICKS, ORDERS, SPREAD)
PATIENCE_S = 10.0


class LogContract:
    open_log: Callable[[pathlib.Path], Awaitable[Log]]
    """How to open the log that lives at a path; a function that another process can import by its name."""

    @pytest.fixture
    async def log(self, folder: pathlib.Path) -> AsyncIterator[Log]:
        async with await type(self).open_log(folder) as log:
            yield log

    async def reopened(self, log: Log, directory: pathlib.Path) -> Log:
        await log.close()
        return await type(self).open_log(directory)

    # ── Appending and reading ────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_record_is_read_back_as_it_was_appended(self, log: Log):
        every_byte = bytes(range(256)) * 400
        (offset,) = await log.append([NewRecord(SPREAD, 2, b"key", every_byte)])
        assert untimed(await log.read(SPREAD, 2, offset, 10)) == [Record("spread", 2, offset, b"key", every_byte)]

    async def test_empty_keys_and_values_are_records_too(self, log: Log):
        (offset,) = await log.append([NewRecord(ORDERS, 0, b"", b"")])
        assert untimed(await log.read(ORDERS, 0, offset, 10)) == [Record("paper.orders", 0, offset, b"", b"")]

    async def test_offsets_rise_in_each_partition_in_the_order_of_the_batch(self, log: Log):
        batch = [new(SPREAD, b"a", 0), new(SPREAD, b"b", 1), new(SPREAD, b"c", 0), new(TICKS, b"d")]
        first, _, second, _ = await log.append(batch)
        (third,) = await log.append([new(SPREAD, b"e", 0)])
        assert first < second < third
        assert values(await log.read(SPREAD, 0, 0, 10)) == [b"a", b"c", b"e"]
        assert values(await log.read(SPREAD, 1, 0, 10)) == [b"b"]
        assert values(await log.read(SPREAD, 2, 0, 10)) == []
        assert values(await log.read(TICKS, 0, 0, 10)) == [b"d"]

    async def test_the_end_is_the_offset_of_the_next_record(self, log: Log):
        assert await log.end(TICKS, 0) == 0
        await log.append([new(TICKS, b"a"), new(TICKS, b"b")])
        end = await log.end(TICKS, 0)
        assert await log.append([new(TICKS, b"c")]) == [end]

    async def test_an_acknowledged_record_can_be_read_at_once(self, log: Log):
        for number in range(50):
            (offset,) = await log.append([new(TICKS, b"%d" % number)])
            assert values(await log.read(TICKS, 0, offset, 10)) == [b"%d" % number]

    async def test_pages_of_any_size_give_every_record_once(self, log: Log):
        await log.append([new(TICKS, b"%d" % number) for number in range(100)])
        for limit in (1, 7, 100, 1000):
            assert values(await everything(log, TICKS, limit=limit)) == [b"%d" % number for number in range(100)]

    async def test_what_it_says_that_it_holds_is_read(self, log: Log):
        assert not log.holds(TICKS, 0, await log.end(TICKS, 0))
        await log.append([new(TICKS, b"%d" % number) for number in range(10)])
        for offset in range(10):
            assert await log.wait(TICKS, 0, offset, PATIENCE_S)
            assert log.holds(TICKS, 0, offset)
            assert values(await log.read(TICKS, 0, offset, 1)) == [b"%d" % offset]
        assert not log.holds(TICKS, 0, 10)

    async def test_there_is_nothing_to_read_at_the_end(self, log: Log):
        await log.append([new(TICKS, b"a")])
        assert await log.read(TICKS, 0, await log.end(TICKS, 0), 10) == []

    async def test_appending_nothing_changes_nothing(self, log: Log):
        assert await log.append([]) == []
        assert await log.end(TICKS, 0) == 0

    # ── All or nothing ───────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_batch_that_cannot_be_appended_whole_is_not_appended_at_all(self, log: Log):
        with pytest.raises(LogError, match="no partition 3"):
            await log.append([new(ORDERS, b"a"), new(SPREAD, b"b", 3)], [Commit("account", TICKS, 0, 7)])
        assert await log.end(ORDERS, 0) == 0
        assert await log.committed("account", TICKS, 0) == 0

    async def test_a_bad_commit_takes_its_records_with_it(self, log: Log):
        with pytest.raises(LogError, match="-1 is not an offset"):
            await log.append([new(ORDERS, b"a")], [Commit("account", TICKS, 0, -1)])
        assert await log.end(ORDERS, 0) == 0

    async def test_a_refused_batch_does_not_disturb_the_next_one(self, log: Log):
        with pytest.raises(LogError):
            await log.append([new(SPREAD, b"a", 9)])
        await log.append([new(SPREAD, b"b", 0)])
        assert values(await log.read(SPREAD, 0, 0, 10)) == [b"b"]

    # ── Committing ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_group_that_never_committed_reads_from_the_beginning(self, log: Log):
        assert await log.committed("account", TICKS, 0) == 0

    async def test_a_commit_belongs_to_its_group_topic_and_partition(self, log: Log):
        await log.append([new(SPREAD, b"a", 0)], [Commit("account", SPREAD, 0, 5), Commit("account", SPREAD, 1, 6)])
        await log.commit("portfolio", SPREAD, 0, 7)
        assert await log.committed("account", SPREAD, 0) == 5
        assert await log.committed("account", SPREAD, 1) == 6
        assert await log.committed("account", SPREAD, 2) == 0
        assert await log.committed("account", TICKS, 0) == 0
        assert await log.committed("portfolio", SPREAD, 0) == 7

    async def test_a_later_commit_replaces_the_earlier_and_may_go_back(self, log: Log):
        for offset in (5, 9, 3):
            await log.commit("account", TICKS, 0, offset)
            assert await log.committed("account", TICKS, 0) == offset

    # ── Waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_waiting_for_a_record_that_is_there_returns_at_once(self, log: Log):
        (offset,) = await log.append([new(TICKS, b"a")])
        assert await log.wait(TICKS, 0, offset, timeout_s=PATIENCE_S)

    async def test_waiting_ends_with_the_append_of_the_record(self, log: Log):
        waiting = asyncio.create_task(log.wait(TICKS, 0, 0, timeout_s=PATIENCE_S))
        await asyncio.sleep(0)
        assert not waiting.done()
        await log.append([new(TICKS, b"a")])
        assert await waiting

    async def test_waiting_is_not_ended_by_records_before_or_elsewhere(self, log: Log):
        waiting = asyncio.create_task(log.wait(SPREAD, 1, 1, timeout_s=PATIENCE_S))
        await log.append([new(SPREAD, b"a", 1), new(SPREAD, b"b", 0), new(TICKS, b"c")])
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await log.append([new(SPREAD, b"d", 1)])
        assert await waiting

    async def test_many_may_wait_for_the_same_record(self, log: Log):
        waiting = [asyncio.create_task(log.wait(TICKS, 0, 0, timeout_s=PATIENCE_S)) for _ in range(20)]
        await asyncio.sleep(0)
        await log.append([new(TICKS, b"a")])
        assert all(await asyncio.gather(*waiting))

    async def test_waiting_gives_up_after_its_time(self, log: Log):
        assert not await log.wait(TICKS, 0, 0, timeout_s=0.01)

    # ── Several callers ──────────────────────────────────────────────────────────────────────────────────────────────

    async def test_concurrent_appends_keep_the_order_of_each_caller(self, log: Log):
        async def call(caller: int):
            for number in range(40):
                await log.append([new(TICKS, b"%d %d" % (caller, number)), new(SPREAD, b"other", caller % 3)])

        await asyncio.gather(*map(call, range(8)))
        seen = [tuple(map(int, value.split())) for value in values(await everything(log, TICKS))]
        assert len(seen) == 8 * 40
        for caller in range(8):
            assert [number for who, number in seen if who == caller] == list(range(40))

    async def test_appends_that_nobody_awaits_yet_keep_their_order(self, log: Log):
        appends = [asyncio.create_task(log.append([new(TICKS, b"%d" % number)])) for number in range(100)]
        offsets = [offset for (offset,) in await asyncio.gather(*appends)]
        assert offsets == sorted(set(offsets))
        assert values(await everything(log, TICKS)) == [b"%d" % number for number in range(100)]

    async def test_a_caller_that_is_cancelled_does_not_disturb_the_others(self, log: Log):
        cancelled = asyncio.create_task(log.append([new(TICKS, b"cancelled")]))
        other = asyncio.create_task(log.append([new(TICKS, b"other")]))
        await asyncio.sleep(0)
        cancelled.cancel()
        (offset,) = await other
        assert values(await log.read(TICKS, 0, offset, 10)) == [b"other"]

    # ── Closing and coming back ──────────────────────────────────────────────────────────────────────────────────────

    async def test_everything_is_there_after_reopening(self, log: Log, folder: pathlib.Path):
        await log.append([new(TICKS, b"a"), new(SPREAD, b"b", 2)], [Commit("account", TICKS, 0, 1)])
        async with await self.reopened(log, folder) as again:
            assert values(await everything(again, TICKS)) == [b"a"]
            assert values(await everything(again, SPREAD, 2)) == [b"b"]
            assert await again.committed("account", TICKS, 0) == 1

    async def test_offsets_go_on_where_they_were_after_reopening(self, log: Log, folder: pathlib.Path):
        await log.append([new(TICKS, b"a"), new(TICKS, b"b")])
        end = await log.end(TICKS, 0)
        async with await self.reopened(log, folder) as again:
            assert await again.end(TICKS, 0) == end
            assert await again.append([new(TICKS, b"c")]) == [end]
            assert values(await everything(again, TICKS)) == [b"a", b"b", b"c"]

    async def test_closing_finishes_the_appends_under_way(self, log: Log, folder: pathlib.Path):
        appends = [asyncio.create_task(log.append([new(ORDERS, b"%d" % number)])) for number in range(20)]
        await asyncio.sleep(0)
        async with await self.reopened(log, folder) as again:
            await asyncio.gather(*appends)
            assert values(await everything(again, ORDERS)) == [b"%d" % number for number in range(20)]

    async def test_a_closed_log_refuses_everything(self, log: Log):
        await log.close()
        await log.close()
        for call in (
            log.append([new(TICKS, b"a")]),
            log.read(TICKS, 0, 0, 10),
            log.wait(TICKS, 0, 0, timeout_s=PATIENCE_S),
            log.end(TICKS, 0),
            log.commit("account", TICKS, 0, 1),
            log.committed("account", TICKS, 0),
        ):
            with pytest.raises(LogError, match="closed"):
                await call

    async def test_closing_ends_the_waiting(self, log: Log):
        waiting = asyncio.create_task(log.wait(TICKS, 0, 0, timeout_s=PATIENCE_S))
        await asyncio.sleep(0)
        await log.close()
        with pytest.raises(LogError, match="closed"):
            await waiting

    @pytest.mark.parametrize("place", [(TICKS, 1, 0), (SPREAD, -1, 0), (SPREAD, 0, -1)])
    async def test_a_place_that_cannot_be_is_refused(self, log: Log, place: tuple[Topic, int, int]):
        with pytest.raises(LogError, match=r"no partition|not an offset"):
            await log.read(*place, limit=10)

    # ── Dying ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def test_a_killed_process_loses_nothing_that_was_acknowledged(self, folder: pathlib.Path):
        """Killed at 20 moments drawn from a fixed seed, on one log that is recovered each time."""
        chance = random.Random(20)
        processes = multiprocessing.get_context("forkserver")
        processes.set_forkserver_preload([append_until_killed.__module__, type(self).open_log.__module__])
        for _ in range(20):
            receiver, sender = processes.Pipe(duplex=False)
            process = processes.Process(target=append_until_killed, args=(type(self).open_log, folder, sender))
            process.start()
            sender.close()
            acknowledged = receiver.recv()
            await asyncio.sleep(chance.uniform(0, 0.05))
            process.kill()
            process.join()
            while (received := received_or_none(receiver)) is not None:
                acknowledged = received
            async with await type(self).open_log(folder) as log:
                await self.assert_rounds(log, at_least=acknowledged + 1)

    async def assert_rounds(self, log: Log, at_least: int):
        """Check that the log holds every acknowledged round whole and in order, and nothing that was not appended.

        A round that was not acknowledged may be there in part, and then again as the next process begins with it.
        """
        orders, ticks = values(await everything(log, ORDERS)), values(await everything(log, TICKS))
        expected = [record for number in range(len(orders)) for record in records_of_round(number)]
        assert len(orders) >= at_least
        assert orders == [record.value for record in expected if record.topic == ORDERS]
        following = iter(ticks)
        assert all(record.value in following for record in expected if record.topic == TICKS)
        assert set(ticks) <= {record.value for record in [*expected, *records_of_round(len(orders))]}
        assert at_least <= await log.committed("appender", TICKS, 0) <= len(orders)


def untimed(records: list[Record]) -> list[Record]:
    return [msgspec.structs.replace(record, appended_ns=0) for record in records]


def received_or_none(receiver) -> int | None:
    try:
        return receiver.recv()
    except EOFError:
        return None


def new(topic: Topic, value: bytes, partition: int = 0) -> NewRecord:
    return NewRecord(topic, partition, b"key", value)


def values(records: list[Record]) -> list[bytes]:
    return [record.value for record in records]


async def everything(log: Log, topic: Topic, partition: int = 0, limit: int = 1000, offset: int = 0) -> list[Record]:
    """Return all records of a partition from `offset` on, read in pages of `limit`."""
    records: list[Record] = []
    while page := await log.read(topic, partition, records[-1].offset + 1 if records else offset, limit):
        records += page
    return records
