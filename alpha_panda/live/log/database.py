"""The file behind the embedded log: one writer and any number of readers of an SQLite database in WAL mode.

Nothing here is asynchronous: `sqlite.py` runs the writer and the reader in a thread each.

A record's key in the table is one integer, its partition's number above 40 bits of offset. That keeps each partition
together and in order in a single B-tree, which is faster to append to than a two-column key.

SQLite has checksums for its write-ahead log, but not for the database that it is copied into. So each record carries
one over everything it says and where it stands, each partition its end, and each commit a checksum: no flipped bit of
the database changes or loses a record silently. A write-ahead log, however, ends where it is damaged.

How durable a transaction is follows from `PRAGMA synchronous`, which may change between transactions. With NORMAL a
commit writes the write-ahead log, which the operating system keeps when the process dies; with FULL it also flushes
that file, and with it every transaction before. Traced on SQLite 3.40: one fdatasync for each FULL commit, also right
after NORMAL ones, and none for those, except where a write-ahead log begins or is copied into the database.
"""

import contextlib
import os
import pathlib
import sqlite3
import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from alpha_panda.errors import CorruptRecordError, LogError
from alpha_panda.live.log.base import Commit, NewRecord, Record
from alpha_panda.live.log.opening import LOG_FILE, as_log_error, lock_folder, open_database
from alpha_panda.live.topics import Durability, Topic

_OFFSET_BITS = 40
_CHECKPOINT_PAGES = 1000  # 4 MiB: whoever appends meanwhile waits some 8 ms for them, for 16 MiB 25
_HEAD = struct.Struct("<qI")

Batch = tuple[Sequence[NewRecord], Sequence[Commit]]


class Writer:
    """The one connection that may write, and the lock that makes it the only one in any process."""

    def __init__(self, directory: pathlib.Path) -> None:
        """Create or open the log in `directory`; LogError when it is in use, from a newer version, or no log at all."""
        self._path = directory / LOG_FILE
        with contextlib.ExitStack() as resources:
            resources.callback(os.close, lock_folder(directory))
            self._connection = open_database(self._path, may_write=True)
            resources.callback(self._connection.close)
            with as_log_error(f"the event log {self._path} cannot be opened"):
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
                self._partitions = _load_partitions(self._connection)
            self._resources = resources.pop_all()

    def end(self, topic: str, partition: int) -> int:
        """Return the offset that the next record of the partition will get; safe to call from any thread."""
        return self._partitions.get((topic, partition), _NO_PARTITION).end

    def write(self, batches: Sequence[Batch]) -> list[list[int]]:
        """Write all batches in one transaction, in order, and return the offsets of each batch's records.

        Raises LogError when the disk or the file refuses; then nothing of it was written.
        """
        durable = any(record.topic.durability is Durability.DURABLE for batch, _ in batches for record in batch)
        partitions = self._partitions.copy()
        with as_log_error(f"the event log {self._path} could not be written"):
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                offsets = [self._insert_records(records, partitions) for records, _ in batches]
                self._replace_commits([commit for _, commits in batches for commit in commits])
                self._replace_ends(partitions)
                self._connection.execute("COMMIT")
            finally:
                # Whatever went wrong, a transaction left open would keep its records from being refused.
                if self._connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
        self._partitions = partitions
        return offsets

    def _insert_records(self, records: Sequence[NewRecord], partitions: "Partitions") -> list[int]:
        offsets: list[int] = []
        rows: list[tuple[int, bytes, bytes, int]] = []
        for record in records:
            name = (record.topic.name, record.partition)
            number, offset = partitions.get(name) or _Partition(len(partitions) + 1, 0)
            partitions[name] = _Partition(number, offset + 1)
            offsets.append(offset)
            checksum = _checksum(*name, offset, record.key, record.value)
            rows.append((_place(number, offset), record.key, record.value, checksum))
        self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", rows)
        return offsets

    def _replace_commits(self, commits: Sequence[Commit]) -> None:
        rows = [
            (group, topic.name, partition, offset, _checksum(topic.name, partition, offset, group.encode()))
            for group, topic, partition, offset in map(msgspec.structs.astuple, commits)
        ]
        self._connection.executemany("INSERT OR REPLACE INTO commits VALUES (?, ?, ?, ?, ?)", rows)

    def _replace_ends(self, partitions: "Partitions") -> None:
        rows = [
            (partition.number, *name, partition.end)
            for name, partition in partitions.items()
            if self._partitions.get(name) != partition
        ]
        insert = "INSERT INTO partitions VALUES (?, ?, ?, ?)"
        or_move = "ON CONFLICT (number) DO UPDATE SET next_offset = excluded.next_offset"
        self._connection.executemany(f"{insert} {or_move}", rows)

    def close(self) -> None:
        """Close the database and release the lock."""
        self._resources.close()


class Reader:
    """A connection that only reads; it sees whole transactions, also those of another process."""

    def __init__(self, directory: pathlib.Path) -> None:
        """Open the log in `directory`; LogError when there is none, or one of a newer version."""
        self._path = directory / LOG_FILE
        if not self._path.exists():
            raise LogError(f"there is no event log in {directory}: give the --state of a session that has run")
        self._connection = open_database(self._path, may_write=False)
        # A blob may have become a text in a damaged file; its bytes are what the checksum judges.
        self._connection.text_factory = bytes

    def read(self, topic: Topic, partition: int, offset: int, limit: int) -> list[Record]:
        """Return up to `limit` records from `offset` on, each one checked."""
        query = "SELECT place, key, value, checksum FROM records WHERE place >= ? AND place < ? ORDER BY place LIMIT ?"
        number, end = self._partition(topic, partition)
        with self._located(topic, partition, offset):
            places = (_place(number, offset), _place(number + 1, 0))
            rows = self._connection.execute(query, (*places, limit)).fetchall()
        records: list[Record] = []
        for expected, (place, key, value, checksum) in enumerate(rows, offset):
            if place != _place(number, expected):
                raise _corrupt(topic.name, partition, expected, "is missing")
            # A damaged row may hold something else than bytes.
            intact = isinstance(key, bytes) and isinstance(value, bytes)
            if not intact or checksum != _checksum(topic.name, partition, expected, key, value):
                raise _corrupt(topic.name, partition, expected, "is not what was appended, its checksum differs")
            records.append(Record(topic.name, partition, expected, key, value))
        if len(rows) < min(limit, end - offset):
            raise _corrupt(topic.name, partition, offset + len(rows), "is missing")
        return records

    def end(self, topic: Topic, partition: int) -> int:
        """Return the offset that the next record of the partition will get."""
        return self._partition(topic, partition).end

    def committed(self, group: str, topic: Topic, partition: int) -> int:
        """Return the offset that `group` reads next."""
        query = "SELECT next_offset, checksum FROM commits WHERE group_name = ? AND topic = ? AND partition = ?"
        with self._located(topic, partition, 0):
            row = self._connection.execute(query, (group, topic.name, partition)).fetchone()
        if row is None:
            return 0
        offset, checksum = row
        if not isinstance(offset, int) or _checksum(topic.name, partition, offset, group.encode()) != checksum:
            raise CorruptRecordError(f"what {group} committed on {topic.name}/{partition} was altered: restore the log")
        return offset

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def _partition(self, topic: Topic, partition: int) -> "_Partition":
        query = "SELECT number, next_offset FROM partitions WHERE topic = ? AND partition = ?"
        with self._located(topic, partition, 0):
            row = self._connection.execute(query, (topic.name, partition)).fetchone()
        return _Partition(*row) if row else _NO_PARTITION

    def _located(self, topic: Topic, partition: int, offset: int) -> contextlib.AbstractContextManager[None]:
        where = f"topic {topic.name} partition {partition} at or after offset {offset}"
        return as_log_error(f"the event log {self._path} cannot be read: {where}")


# ── Places and checksums ─────────────────────────────────────────────────────────────────────────────────────────────


class _Partition(NamedTuple):
    number: int
    end: int


_NO_PARTITION = _Partition(0, 0)

Partitions = dict[tuple[str, int], _Partition]


def _place(number: int, offset: int) -> int:
    return (number << _OFFSET_BITS) + offset


def _checksum(topic: str, partition: int, offset: int, key: bytes, value: bytes = b"") -> int:
    """Return the CRC-32 of a record and of the place that it stands in."""
    place = zlib.crc32(_HEAD.pack(offset, len(key)), zlib.crc32(f"{topic}/{partition}".encode()))
    return zlib.crc32(value, zlib.crc32(key, place))


def _corrupt(topic: str, partition: int, offset: int, trouble: str) -> CorruptRecordError:
    return CorruptRecordError(f"topic {topic} partition {partition} offset {offset} {trouble}: restore the log")


def _load_partitions(connection: sqlite3.Connection) -> Partitions:
    """Return each (topic, partition) that holds records; CorruptRecordError where they end elsewhere than it says."""
    partitions: Partitions = {}
    last = "SELECT max(place) FROM records WHERE place >= ? AND place < ?"
    for number, topic, partition, end in connection.execute("SELECT * FROM partitions").fetchall():
        place = connection.execute(last, (_place(number, 0), _place(number + 1, 0))).fetchone()[0]
        if place != _place(number, end) - 1:
            raise _corrupt(topic, partition, end - 1, "should be the last and is not")
        partitions[topic, partition] = _Partition(number, end)
    return partitions
