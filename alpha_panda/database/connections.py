"""Connections to SQLite and PostgreSQL that behave alike: short transactions, and errors in one sentence."""

import contextlib
import errno
import functools
import os
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any, cast

import asyncpg
from sqlalchemy import URL, Connection, Executable, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from alpha_panda.database.address import DATABASE_URL, Address, PostgresServer, SqliteFile
from alpha_panda.errors import DatabaseError

_PATIENCE_S = 10
"""How long a writer waits for another one to end, and for a server to answer."""

_ADVICE = {
    "database is locked": "another program has held it for long: see which, and try again",
    "not a database": f"name another file in {DATABASE_URL}, or put this one back from a copy",
    "malformed": "it is damaged: put it back from a copy",
    "readonly database": "give this program the right to write it and its folder",
    "disk is full": "make room there",
    "authentication failed": f"correct user and password in {DATABASE_URL}",
    "does not exist": f"make it there, or correct {DATABASE_URL}",
    "permission denied": f"give the user in {DATABASE_URL} that right",
}
"""What to do about what the drivers say, by a piece of it."""


class Connections:
    """A pool of connections to one database."""

    def __init__(self, engine: AsyncEngine, address: Address) -> None:
        self._address = address
        self._engine = engine
        self._writing_engine = engine.execution_options(writes=True)

    @classmethod
    def to(cls, address: Address) -> "Connections":
        """Return connections to a file, whose folder is made where it is missing, or to a server."""
        with _told(address):
            engine = _to_server(address) if isinstance(address, PostgresServer) else _to_file(address)
        return cls(engine, address)

    @property
    def place(self) -> str:
        """Where the database is, for a sentence."""
        return self._address.place

    @property
    def is_file(self) -> bool:
        """Whether it is a file of SQLite, which has one writer at a time."""
        return isinstance(self._address, SqliteFile)

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """Give a connection to read with, each statement on its own; DatabaseError for whatever goes wrong on it."""
        with _told(self._address):
            async with self._engine.begin() as connection:
                yield connection

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """Give a connection in a transaction that is kept at the end, and undone by an exception.

        A file has one such transaction at a time, from its beginning on: what it reads first cannot go stale.
        """
        with _told(self._address):
            async with self._writing_engine.begin() as connection:
                yield connection

    async def rows(self, statement: Executable) -> list[dict[str, Any]]:
        """Return what a statement that only reads finds."""
        async with self.reading() as connection:
            return await rows(connection, statement)

    async def written(self, statement: Executable) -> list[dict[str, Any]]:
        """Return what a statement that writes returns, once it is kept."""
        async with self.writing() as connection:
            return await rows(connection, statement)

    async def close(self) -> None:
        """Close them all."""
        await self._engine.dispose()


async def rows(connection: AsyncConnection, statement: Executable) -> list[dict[str, Any]]:
    """Return what a statement finds or returns, each row by the names of its columns."""
    return [dict(row) for row in (await connection.execute(statement)).mappings()]


def insert(connection: AsyncConnection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """Return an INSERT that knows ON CONFLICT, in the words of the connection's dialect."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def _to_file(address: SqliteFile) -> AsyncEngine:
    address.path.parent.mkdir(parents=True, exist_ok=True)
    if address.path.is_dir():  # the driver would fail from a thread of its own, which shows a traceback
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(address.path))
    if address.path.exists() and not os.access(address.path, os.W_OK):  # else only the first write would say so
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(address.path))
    with contextlib.suppress(FileExistsError):  # a new one is its owner's alone, and its journal's rights are the same
        os.close(os.open(address.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    # Without an isolation level the driver begins nothing on its own, which it would do at the first write only.
    told = {"timeout": _PATIENCE_S, "isolation_level": None}
    url = URL.create("sqlite+aiosqlite", database=str(address.path))
    engine = create_async_engine(url, connect_args=told, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _prepare_file)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _prepare_file(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    try:
        cursor.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        # Its mode changes while nobody else is at the file: if not now, then at the next opening; this one is slower.
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
    cursor.close()


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("writes"):  # a reader needs none: each of its statements sees one state
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _to_server(address: PostgresServer) -> AsyncEngine:
    # The driver reads the URL by itself, so that it means what it means to PostgreSQL's own programs.
    told = {"timeout": _PATIENCE_S, "command_timeout": _PATIENCE_S}
    connect = cast("Callable[[], Awaitable[Any]]", functools.partial(asyncpg.connect, address.dsn, **told))
    return create_async_engine("postgresql+asyncpg://", async_creator=connect, pool_pre_ping=True, hide_parameters=True)


@contextlib.contextmanager
def _told(address: Address) -> Generator[None]:
    """Turn whatever goes wrong with the database at `address` into DatabaseError."""
    try:
        yield
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, OverflowError) as error:
        reason = _reason(error)
        otherwise = (
            "the path and its rights" if isinstance(address, SqliteFile) else f"that it runs, and {DATABASE_URL}"
        )
        advice = next((words for sign, words in _ADVICE.items() if sign in reason), f"check {otherwise}")
        raise DatabaseError(f"the database {address.place} cannot be used: {reason}; {advice}") from error


def _reason(error: Exception) -> str:
    """Return in a line what the driver said, without the statement and its values."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    if isinstance(cause, OSError) and not isinstance(cause, TimeoutError):
        return f"{cause.filename}: {cause.strerror}" if cause.filename else cause.strerror or str(cause)
    return str(cause).splitlines()[0] if str(cause) else f"no answer within {_PATIENCE_S} s"
