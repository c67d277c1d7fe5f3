"""The file behind the embedded log: one writer and any number of readers of an SQLite database in WAL mode.

Nothing here is asynchronous: `sqlite.py` runs the writer and the reader in a thread each.

A record's key in the table is one integer, its partition's number above 40 bits of offset. That keeps each partition
together and in order in a single B-tree, which is faster to append to than a two-column key. SQLite guards its
write-ahead log with checksums, but not the database that it is copied into, so each record carries its own, over
everything it says and where it stands.

How durable a transaction is follows from `PRAGMA synchronous`, which may change between transactions. With NORMAL a
commit writes the write-ahead log, which the operating system keeps when the process dies; with FULL it also flushes
that file, and with it every transaction before. Traced on SQLite 3.40: one fdatasync for each FULL commit, also right
after NORMAL ones, and none for those, except where a write-ahead log begins or is copied into the database.
"""

import contextlib
import fcntl
import os
import pathlib
import sqlite3
import struct
import zlib
from collections.abc import Generator, Sequence

from alpha_panda.errors import CorruptRecordError, LogError
from alpha_panda.live.log.base import Commit, NewRecord, Record
from alpha_panda.live.topics import Durability, Topic

SCHEMA_VERSION = 1
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE partitions (
    number INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, UNIQUE (topic, partition)
);
CREATE TABLE records (place INTEGER PRIMARY KEY, key BLOB NOT NULL, value BLOB NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE commits (
    group_name TEXT, topic TEXT, partition INTEGER, next_offset INTEGER NOT NULL,
    PRIMARY KEY (group_name, topic, partition)
) WITHOUT ROWID;
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""
_OFFSET_BITS = 40
_CHECKPOINT_PAGES = 4000
_HEAD = struct.Struct("<qI")

Batch = tuple[Sequence[NewRecord], Sequence[Commit]]


class Writer:
    """The one connection that may write, and the lock that makes it the only one in any process."""

    def __init__(self, directory: pathlib.Path) -> None:
        """Create or open the log in `directory`; LogError when it is in use, from a newer version, or no log at all."""
        self._path = directory / "log.db"
        with contextlib.ExitStack() as resources:
            resources.callback(os.close, _lock(directory))
            self._connection = _open(self._path, f"{self._path}", may_create=True)
            resources.callback(self._connection.close)
            with _as_log_error(f"the event log {self._path} cannot be opened"):
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
                self._numbers, self._ends = _load_ends(self._connection)
            self._resources = resources.pop_all()

    def end(self, topic: str, partition: int) -> int:
        """Return the offset that the next record of the partition will get; safe to call from any thread."""
        return self._ends.get((topic, partition), 0)

    def write(self, batches: Sequence[Batch]) -> list[list[int]]:
        """Write all batches in one transaction, in order, and return the offsets of each batch's records.

        Raises LogError when the disk or the file refuses; then nothing of it was written.
        """
        durable = any(record.topic.durability is Durability.DURABLE for batch, _ in batches for record in batch)
        numbers, ends = self._numbers.copy(), self._ends.copy()
        with _as_log_error(f"the event log {self._path} could not be written"):
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                offsets = [self._write_batch(records, commits, numbers, ends) for records, commits in batches]
                self._connection.execute("COMMIT")
            finally:
                # Whatever went wrong, a transaction left open would keep its records from being refused.
                if self._connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
        self._numbers, self._ends = numbers, ends
        return offsets

    def _write_batch(
        self,
        records: Sequence[NewRecord],
        commits: Sequence[Commit],
        numbers: dict[tuple[str, int], int],
        ends: dict[tuple[str, int], int],
    ) -> list[int]:
        offsets: list[int] = []
        rows: list[tuple[int, bytes, bytes, int]] = []
        for record in records:
            partition = (record.topic.name, record.partition)
            if partition not in numbers:
                numbers[partition] = len(numbers) + 1
                self._connection.execute("INSERT INTO partitions VALUES (?, ?, ?)", (numbers[partition], *partition))
            offset = ends.get(partition, 0)
            ends[partition] = offset + 1
            offsets.append(offset)
            checksum = checksum_of(*partition, offset, record.key, record.value)
            rows.append((numbers[partition] << _OFFSET_BITS | offset, record.key, record.value, checksum))
        self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", rows)
        self._connection.executemany(
            "INSERT OR REPLACE INTO commits VALUES (?, ?, ?, ?)",
            [(commit.group, commit.topic.name, commit.partition, commit.offset) for commit in commits],
        )
        return offsets

    def close(self) -> None:
        """Close the database and release the lock."""
        self._resources.close()


class Reader:
    """A connection that only reads; it sees whole transactions, also those of another process."""

    def __init__(self, directory: pathlib.Path) -> None:
        """Open the log in `directory`; LogError when there is none, or one of a newer version."""
        self._path = directory / "log.db"
        if not self._path.exists():
            raise LogError(f"there is no event log in {directory}: name the state_dir of a platform that has run")
        self._connection = _open(self._path, f"{self._path.absolute().as_uri()}?mode=ro", may_create=False)

    def read(self, topic: Topic, partition: int, offset: int, limit: int) -> list[Record]:
        """Return up to `limit` records from `offset` on, each one checked."""
        number = self._number(topic, partition)
        if number is None:
            return []
        first = number << _OFFSET_BITS
        query = "SELECT place, key, value, checksum FROM records WHERE place >= ? AND place < ? ORDER BY place LIMIT ?"
        with self._located(topic, partition, offset):
            rows = self._connection.execute(query, (first + offset, first + (1 << _OFFSET_BITS), limit)).fetchall()
        return [
            _checked(Record(topic.name, partition, place - first, key, value), checksum, offset + index)
            for index, (place, key, value, checksum) in enumerate(rows)
        ]

    def end(self, topic: Topic, partition: int) -> int:
        """Return the offset that the next record of the partition will get."""
        number = self._number(topic, partition)
        with self._located(topic, partition, 0):
            return 0 if number is None else _end_of(self._connection, number)

    def committed(self, group: str, topic: Topic, partition: int) -> int:
        """Return the offset that `group` reads next."""
        query = "SELECT next_offset FROM commits WHERE group_name = ? AND topic = ? AND partition = ?"
        with self._located(topic, partition, 0):
            row = self._connection.execute(query, (group, topic.name, partition)).fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def _number(self, topic: Topic, partition: int) -> int | None:
        query = "SELECT number FROM partitions WHERE topic = ? AND partition = ?"
        with self._located(topic, partition, 0):
            row = self._connection.execute(query, (topic.name, partition)).fetchone()
        return int(row[0]) if row else None

    def _located(self, topic: Topic, partition: int, offset: int) -> contextlib.AbstractContextManager[None]:
        where = f"topic {topic.name} partition {partition} at or after offset {offset}"
        return _as_log_error(f"the event log {self._path} cannot be read: {where}")


def checksum_of(topic: str, partition: int, offset: int, key: bytes, value: bytes) -> int:
    """Return the CRC-32 of a record and of the place that it stands in."""
    place = zlib.crc32(_HEAD.pack(offset, len(key)), zlib.crc32(f"{topic}/{partition}".encode()))
    return zlib.crc32(value, zlib.crc32(key, place))


def _checked(record: Record, checksum: int, expected_offset: int) -> Record:
    """Return `record` if it is the one that was appended at `expected_offset`; otherwise CorruptRecordError."""
    where = f"topic {record.topic} partition {record.partition} offset {expected_offset}"
    if record.offset != expected_offset:
        raise CorruptRecordError(f"{where} is missing, the next record there is {record.offset}: restore the log")
    if checksum_of(record.topic, record.partition, record.offset, record.key, record.value) != checksum:
        raise CorruptRecordError(f"{where} is not what was appended, its checksum differs: restore the log")
    return record


def _end_of(connection: sqlite3.Connection, number: int) -> int:
    first = number << _OFFSET_BITS
    query = "SELECT max(place) FROM records WHERE place >= ? AND place < ?"
    last = connection.execute(query, (first, first + (1 << _OFFSET_BITS))).fetchone()[0]
    return 0 if last is None else last - first + 1


def _load_ends(connection: sqlite3.Connection) -> tuple[dict[tuple[str, int], int], dict[tuple[str, int], int]]:
    """Return the number and the end of each (topic, partition) that holds records."""
    rows = connection.execute("SELECT number, topic, partition FROM partitions").fetchall()
    numbers = {(topic, partition): number for number, topic, partition in rows}
    return numbers, {partition: _end_of(connection, number) for partition, number in numbers.items()}


def _open(path: pathlib.Path, address: str, may_create: bool) -> sqlite3.Connection:
    """Return a connection to the log at `address`; LogError where it is not one that this program can read."""
    with contextlib.ExitStack() as resources, _as_log_error(f"the event log {path} cannot be opened"):
        connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        resources.callback(connection.close)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise LogError(
                f"the event log {path} has schema version {version} and this program knows {SCHEMA_VERSION}: "
                "run the version that wrote it, or a later one"
            )
        if version == 0:
            if not may_create or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0:
                raise LogError(f"{path} is not an event log: move that file away")
            connection.executescript(_SCHEMA)
        resources.pop_all()
        return connection


def _lock(directory: pathlib.Path) -> int:
    """Return a descriptor that locks `directory`; the operating system frees it, however the process ends."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / "log.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise LogError(f"the event log cannot be kept in {directory}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 32).decode(errors="replace") or "another process"
        os.close(descriptor)
        raise LogError(
            f"the event log in {directory} is in use by {holder}: stop it first, or choose another state_dir"
        ) from error
    os.truncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()}".encode())
    return descriptor


@contextlib.contextmanager
def _as_log_error(trouble: str) -> Generator[None]:
    """Turn what SQLite says into a LogError, or a CorruptRecordError where the file itself is damaged."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        kind = CorruptRecordError if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) else LogError
        raise kind(f"{trouble}: {error} ({name})") from error
