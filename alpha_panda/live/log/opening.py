"""Opening the folder of the embedded log: at most one writer, a schema that this program knows, tables that agree."""

import contextlib
import fcntl
import os
import pathlib
import sqlite3
from collections.abc import Generator

from alpha_panda.errors import CorruptRecordError, LogError

SCHEMA_VERSION = 1

LOG_FILE = "log.db"
"""The file in the folder of an embedded log."""

LOCK_FILE = "log.lock"
"""The file that whoever writes the log holds locked, and writes into as they begin."""

_TABLES = (
    "CREATE TABLE partitions (number INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, "
    "next_offset INTEGER NOT NULL, UNIQUE (topic, partition))",
    "CREATE TABLE records (place INTEGER PRIMARY KEY, key BLOB NOT NULL, value BLOB NOT NULL, "
    "checksum INTEGER NOT NULL)",
    "CREATE TABLE commits (group_name TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, "
    "next_offset INTEGER NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY (group_name, topic, partition))",
)


def open_database(path: pathlib.Path, may_write: bool) -> sqlite3.Connection:
    """Return a connection to the log at `path`, which only a writer may create; LogError where it cannot be read."""
    address = f"{path.absolute().as_uri()}?mode={'rwc' if may_write else 'ro'}"
    with contextlib.ExitStack() as resources, as_log_error(f"the event log {path} cannot be opened"):
        connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        resources.callback(connection.close)
        if may_write and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            connection.executescript(";".join(["BEGIN", *_TABLES, f"PRAGMA user_version = {SCHEMA_VERSION}", "COMMIT"]))
        _check_schema(connection, path)
        _check_indices(connection, path)
        resources.pop_all()
        return connection


def _check_schema(connection: sqlite3.Connection, path: pathlib.Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        raise LogError(f"{path} is not an event log: move that file away")
    if version > SCHEMA_VERSION:
        raise LogError(
            f"the event log {path} has schema version {version} and this program knows {SCHEMA_VERSION}: "
            "run the version that wrote it, or a later one"
        )
    tables = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table' ORDER BY rowid").fetchall()
    if tuple(statement for (statement,) in tables) != _TABLES:
        raise CorruptRecordError(
            f"the event log {path} is damaged, its tables are not those it was made with: restore it"
        )


def _check_indices(connection: sqlite3.Connection, path: pathlib.Path) -> None:
    """Compare the two small tables with their indices: one that disagrees would hide a partition or a commit."""
    for table in ("partitions", "commits"):
        finding = connection.execute(f"PRAGMA integrity_check({table})").fetchone()[0]
        if finding != "ok":
            raise CorruptRecordError(f"the event log {path} is damaged, {finding}: restore it")


def lock_folder(directory: pathlib.Path) -> int:
    """Return a descriptor that locks `directory`; the operating system frees it, however the process ends."""
    path = directory / LOCK_FILE
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.ExitStack() as resources:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            resources.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.truncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()}".encode())
            resources.pop_all()
            return descriptor
    except BlockingIOError:
        holder = path.read_text() or "another process"
        raise LogError(
            f"the event log in {directory} is in use by {holder}: stop it first, or choose another --state"
        ) from None
    except OSError as error:
        raise LogError(f"the event log cannot be kept in {directory}: {error.strerror}") from error


def lock_holder(directory: pathlib.Path) -> str:
    """Return who has locked `directory`, or nothing; a lock that is free is held for a moment to know it."""
    path = directory / LOCK_FILE
    if not path.exists():
        return ""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read() or "another process"
    return ""


@contextlib.contextmanager
def as_log_error(trouble: str) -> Generator[None]:
    """Turn what SQLite says into a LogError, or a CorruptRecordError where the file itself is damaged."""
    try:
        yield
    except UnicodeDecodeError as error:  # of a message about a damaged name
        raise CorruptRecordError(f"{trouble}: {error}") from error
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        kind = CorruptRecordError if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) else LogError
        raise kind(f"{trouble}: {error} ({name})") from error
