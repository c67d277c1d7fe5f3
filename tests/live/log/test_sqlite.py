"""The embedded log keeps the promises of every log, and those that a file on one disk must keep besides."""

import asyncio
import itertools
import multiprocessing
import os
import pathlib
import random
import resource
import sqlite3
from collections.abc import Iterator

import pytest

from alpha_panda.errors import CorruptRecordError, LogError
from alpha_panda.live.log.base import Commit, Log
from alpha_panda.live.log.sqlite import SqliteLog
from tests.live.log.appender import ORDERS, TICKS, append_until_killed
from tests.live.log.contract import LogContract, everything, new, values


async def open_sqlite(directory: pathlib.Path) -> SqliteLog:
    return SqliteLog(directory)


class TestSqliteLog(LogContract):
    open_log = staticmethod(open_sqlite)

    async def assert_rounds(self, log: Log, at_least: int):
        """Check that of a round that was not acknowledged, the log holds all or nothing, its commit included."""
        await super().assert_rounds(log, at_least)
        orders = await log.end(ORDERS, 0)
        assert await log.end(TICKS, 0) == 2 * orders
        assert await log.committed("appender", TICKS, 0) == orders


async def test_offsets_have_no_gaps(folder: pathlib.Path):
    async with SqliteLog(folder) as log:
        assert await log.append([new(TICKS, b"a"), new(ORDERS, b"b"), new(TICKS, b"c")]) == [0, 0, 1]
        assert await log.append([new(TICKS, b"d")]) == [2]


async def test_the_process_that_appended_a_record_knows_when(folder: pathlib.Path):
    times = itertools.count(1_000)
    async with SqliteLog(folder, clock=lambda: next(times)) as log, SqliteLog(folder, read_only=True) as reader:
        await log.append([new(TICKS, b"a"), new(ORDERS, b"b")])
        await log.append([new(TICKS, b"c")])
        assert [record.appended_ns for record in await everything(log, TICKS)] == [1_000, 1_001]
        assert [record.appended_ns for record in await everything(log, ORDERS)] == [1_000]
        assert [record.appended_ns for record in await everything(reader, TICKS)] == [0, 0]


async def test_what_is_read_from_memory_is_what_the_disk_holds(folder: pathlib.Path):
    async with SqliteLog(folder) as writer, SqliteLog(folder, read_only=True) as reader:
        for number in range(400):  # more than are kept in memory
            await writer.append([new(TICKS, b"%d" % number)])
        for offset in (0, 100, 143, 144, 145, 399, 400):
            assert await writer.read(TICKS, 0, offset, 300) == await reader.read(TICKS, 0, offset, 300)


async def test_only_the_last_times_are_remembered(folder: pathlib.Path):
    times = itertools.count(1_000)
    async with SqliteLog(folder, clock=lambda: next(times)) as log:
        for _ in range(5):
            await log.append([new(TICKS, b"a")] * 1000)
        told = [record.appended_ns for record in await everything(log, TICKS)]
        assert told[:904] == [0] * 904
        assert told[904:] == [1_000 + number // 1000 for number in range(904, 5000)]


# ── One writer, many readers ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_second_writer_is_refused_and_told_who_the_first_one_is(folder: pathlib.Path):
    async with SqliteLog(folder) as log:
        with pytest.raises(LogError, match=f"in use by process {os.getpid()}:"):
            SqliteLog(folder)
        await log.append([new(TICKS, b"unharmed")])
        assert values(await everything(log, TICKS)) == [b"unharmed"]


async def test_a_writer_in_another_process_is_refused_until_that_one_dies(folder: pathlib.Path):
    processes = multiprocessing.get_context("forkserver")
    receiver, sender = processes.Pipe(duplex=False)
    process = processes.Process(target=append_until_killed, args=(open_sqlite, folder, sender))
    process.start()
    receiver.recv()
    with pytest.raises(LogError, match=f"in use by process {process.pid}:"):
        SqliteLog(folder)
    process.kill()
    process.join()
    async with SqliteLog(folder) as log:
        assert await log.end(ORDERS, 0) > 0


async def test_a_reader_of_another_process_follows_the_writer(folder: pathlib.Path):
    async with SqliteLog(folder) as log, SqliteLog(folder, read_only=True) as reader:
        waiting = asyncio.create_task(reader.wait(TICKS, 0, 0, timeout_s=10))
        await asyncio.sleep(0)
        await log.append([new(TICKS, b"a")])
        assert await waiting
        assert values(await everything(reader, TICKS)) == [b"a"]
        assert await reader.end(TICKS, 0) == 1


async def test_a_reader_reads_what_a_writer_left_and_may_not_write(folder: pathlib.Path):
    async with SqliteLog(folder) as log:
        await log.append([new(TICKS, b"a")])
    async with SqliteLog(folder, read_only=True) as reader:
        assert values(await everything(reader, TICKS)) == [b"a"]
        with pytest.raises(LogError, match="for reading only"):
            await reader.append([new(TICKS, b"b")])


def test_a_reader_needs_a_log(folder: pathlib.Path):
    with pytest.raises(LogError, match="there is no event log"):
        SqliteLog(folder, read_only=True)
    assert list(folder.iterdir()) == []


# ── Damage ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_flipped_bit_is_refused_and_located(folder: pathlib.Path):
    async with SqliteLog(folder) as log:
        await log.append([new(TICKS, b"before"), new(TICKS, b"treasure"), new(TICKS, b"after")])
    database = folder / "log.db"
    content = bytearray(database.read_bytes())
    content[content.index(b"treasure")] ^= 0x01
    database.write_bytes(content)
    async with SqliteLog(folder) as log:
        assert values(await log.read(TICKS, 0, 0, 1)) == [b"before"]
        with pytest.raises(CorruptRecordError, match=r"topic market\.ticks partition 0 offset 1 .* checksum"):
            await log.read(TICKS, 0, 0, 3)
        assert values(await log.read(TICKS, 0, 2, 1)) == [b"after"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE records SET key = x'00'",
        "UPDATE records SET value = x'00'",
        "UPDATE records SET checksum = checksum + 1",
        "UPDATE partitions SET topic = 'control' WHERE topic = 'market.ticks'",
    ],
)
async def test_a_record_that_was_changed_or_moved_is_refused(folder: pathlib.Path, damage: str):
    async with SqliteLog(folder) as log:
        await log.append([new(TICKS, b"a")])
    alter(folder, damage)
    async with SqliteLog(folder) as log:
        moved = TICKS if "partitions" not in damage else type(TICKS)("control")
        with pytest.raises(CorruptRecordError, match="offset 0 is"):
            await log.read(moved, 0, 0, 10)


async def test_a_record_that_is_missing_is_refused(folder: pathlib.Path):
    async with SqliteLog(folder) as log:
        await log.append([new(TICKS, b"a"), new(TICKS, b"b"), new(TICKS, b"c")])
    alter(folder, "DELETE FROM records WHERE value = x'62'")
    async with SqliteLog(folder) as log:
        with pytest.raises(CorruptRecordError, match=r"topic market\.ticks partition 0 offset 1 is missing"):
            await log.read(TICKS, 0, 0, 10)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM records WHERE value = x'62'",
        "UPDATE records SET place = place + 100 WHERE value = x'62'",
        "UPDATE partitions SET next_offset = 1",
        "UPDATE partitions SET next_offset = 3",
    ],
)
async def test_a_partition_that_ends_elsewhere_than_it_says_is_refused(folder: pathlib.Path, damage: str):
    async with SqliteLog(folder) as log:
        await log.append([new(TICKS, b"a"), new(TICKS, b"b")])
    alter(folder, damage)
    with pytest.raises(CorruptRecordError, match="should be the last and is not"):
        SqliteLog(folder)


async def test_a_record_that_is_lost_at_the_end_is_missed_by_a_reader_too(folder: pathlib.Path):
    async with SqliteLog(folder) as log:
        await log.append([new(TICKS, b"a"), new(TICKS, b"b")])
    alter(folder, "DELETE FROM records WHERE value = x'62'")
    async with SqliteLog(folder, read_only=True) as reader:
        with pytest.raises(CorruptRecordError, match="offset 1 is missing"):
            await reader.read(TICKS, 0, 0, 10)


async def test_a_commit_that_was_altered_is_refused(folder: pathlib.Path):
    async with SqliteLog(folder) as log:
        await log.commit("account", TICKS, 0, 7)
    alter(folder, "UPDATE commits SET next_offset = 8")
    async with SqliteLog(folder) as log:
        with pytest.raises(CorruptRecordError, match=r"what account committed on market\.ticks/0 was altered"):
            await log.committed("account", TICKS, 0)


async def test_no_flipped_bit_of_the_database_passes(folder: pathlib.Path):
    """Of the bits that the file consists of, 400 are drawn from a fixed seed."""
    batch = [new(topic, b"%d %s" % (number, topic.name.encode())) for number in range(40) for topic in (TICKS, ORDERS)]
    async with SqliteLog(folder) as log:
        await log.append(batch, [Commit("account", TICKS, 0, 7), Commit("portfolio", ORDERS, 0, 9)])
        appended = await told_by(log)
    whole = (folder / "log.db").read_bytes()
    chance = random.Random(400)
    refusals = 0
    for _ in range(400):
        place, bit = chance.randrange(len(whole)), chance.randrange(8)
        (folder / "log.db").write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        try:
            async with SqliteLog(folder) as log:
                assert await told_by(log) == appended, f"bit {bit} of byte {place} changed what the log says"
        except LogError:
            refusals += 1
    assert refusals > 0


async def test_a_database_in_ruins_is_refused(folder: pathlib.Path):
    async with SqliteLog(folder) as log:
        await log.append([new(TICKS, b"a" * 1000) for _ in range(100)])
    content = (folder / "log.db").read_bytes()
    (folder / "log.db").write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(CorruptRecordError, match="cannot be opened"):
        SqliteLog(folder)


# ── What may lie in the folder ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_log_of_a_newer_version_is_refused_and_left_alone(folder: pathlib.Path):
    async with SqliteLog(folder) as log:
        await log.append([new(TICKS, b"a")])
    alter(folder, "PRAGMA user_version = 2")
    for read_only in (False, True):
        with pytest.raises(LogError, match="schema version 2 and this program knows 1"):
            SqliteLog(folder, read_only)
    alter(folder, "PRAGMA user_version = 1")
    async with SqliteLog(folder) as log:
        assert values(await everything(log, TICKS)) == [b"a"]


def test_a_file_that_is_no_log_is_refused(folder: pathlib.Path):
    alter(folder, "CREATE TABLE accounts (name TEXT)")
    with pytest.raises(LogError, match="is not an event log"):
        SqliteLog(folder)
    (folder / "log.db").write_bytes(b"dear diary, " * 1000)
    with pytest.raises(CorruptRecordError, match="not a database"):
        SqliteLog(folder)


def test_a_folder_that_cannot_be_is_refused(folder: pathlib.Path):
    (folder / "file").touch()
    with pytest.raises(LogError, match="cannot be kept in"):
        SqliteLog(folder / "file" / "state")


# ── A disk that refuses ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Let no file of this process grow beyond 200 kB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_disk")
async def test_a_full_disk_is_an_error_and_loses_nothing_acknowledged(folder: pathlib.Path):
    acknowledged = list[bytes]()
    async with SqliteLog(folder) as log:
        with pytest.raises(LogError, match="could not be written"):
            await append_until_refused(log, acknowledged)
        assert 10 < len(acknowledged) < 1000
        assert values(await everything(log, ORDERS)) == acknowledged
    resource.setrlimit(resource.RLIMIT_FSIZE, resource.getrlimit(resource.RLIMIT_FSIZE)[1:] * 2)
    async with SqliteLog(folder) as log:
        await log.append([new(ORDERS, b"resumed")])
        assert values(await everything(log, ORDERS)) == [*acknowledged, b"resumed"]


@pytest.mark.usefixtures("small_disk")
async def test_after_a_refused_append_nothing_later_gets_in(folder: pathlib.Path):
    async with SqliteLog(folder) as log:
        results = await asyncio.gather(
            log.append([new(ORDERS, b"x" * 300_000)]), log.append([new(ORDERS, b"small")]), return_exceptions=True
        )
        assert all(isinstance(result, LogError) for result in results)
        with pytest.raises(LogError, match="takes no more until it is opened again"):
            await log.append([new(ORDERS, b"small")])
        assert await log.end(ORDERS, 0) == 0


# ── Transactions ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """Return a list that collects the connections to SQLite as they are made, the writer's first."""
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def connect_and_collect(*arguments, **options) -> sqlite3.Connection:
        made.append(connect(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", connect_and_collect)
    return made


NORMAL, FULL = 1, 2  # as `PRAGMA synchronous` reports them; only FULL flushes before a commit returns


async def test_only_a_batch_with_a_durable_topic_is_flushed(
    folder: pathlib.Path, connections: list[sqlite3.Connection]
):
    async with SqliteLog(folder) as log:
        for topics, level in (
            ([TICKS], NORMAL),
            ([ORDERS], FULL),
            ([TICKS], NORMAL),
            ([TICKS, ORDERS], FULL),
            ([ORDERS, TICKS], FULL),
        ):
            await log.append([new(topic, b"a") for topic in topics])
            assert connections[0].execute("PRAGMA synchronous").fetchone() == (level,)


async def test_a_fast_append_that_shares_a_transaction_with_a_durable_one_is_flushed_with_it(
    folder: pathlib.Path, connections: list[sqlite3.Connection]
):
    async with SqliteLog(folder) as log:
        statements = list[str]()
        connections[0].set_trace_callback(statements.append)
        await asyncio.gather(log.append([new(ORDERS, b"a")]), log.append([new(TICKS, b"b")]))
        assert [word for word in statements if "INSERT" not in word] == [
            "PRAGMA synchronous = FULL",
            "BEGIN IMMEDIATE",
            "COMMIT",
        ]


async def test_appends_that_pile_up_share_a_transaction(folder: pathlib.Path, connections: list[sqlite3.Connection]):
    async with SqliteLog(folder) as log:
        statements = list[str]()
        connections[0].set_trace_callback(statements.append)
        offsets = await asyncio.gather(*(log.append([new(ORDERS, b"%d" % number)]) for number in range(100)))
        assert offsets == [[number] for number in range(100)]
        assert statements.count("COMMIT") < 10


async def append_until_refused(log: SqliteLog, acknowledged: list[bytes]):
    for number in range(1000):
        await log.append([new(ORDERS, b"%d" % number * 1000)])
        acknowledged.append(b"%d" % number * 1000)


async def told_by(log: SqliteLog) -> object:
    """Return all that a log of ticks and orders says to its readers."""
    return (
        await everything(log, TICKS),
        await everything(log, ORDERS),
        await log.committed("account", TICKS, 0),
        await log.committed("portfolio", ORDERS, 0),
        await log.end(TICKS, 0),
        await log.end(ORDERS, 0),
    )


def alter(directory: pathlib.Path, statement: str):
    connection = sqlite3.connect(directory / "log.db", isolation_level=None)
    connection.execute(statement)
    connection.close()
