"""The database in a file of SQLite."""

import asyncio
import contextlib
import itertools
import multiprocessing
import os
import pathlib
import random
import shutil
import sqlite3
from multiprocessing.connection import Connection

import pytest

from alpha_panda.database import migrating, open_database
from alpha_panda.database.migrating import upgrade
from alpha_panda.database.opening import connected
from alpha_panda.database.repositories import Database
from alpha_panda.errors import DatabaseError
from tests.database.alerts import AlertsContract, AuditContract, SendersContract
from tests.database.schema import SchemaContract, problems
from tests.database.strategies import StrategiesContract
from tests.database.users import TokensContract, UsersContract

HEADER_BYTES, PAGE_BYTES = 100, 4096  # of the format of an SQLite file, the second by default


@pytest.fixture
def url(tmp_path: pathlib.Path) -> str:
    """Return the address of a file that is not there yet, in a folder that is not there either."""
    return f"sqlite:///{tmp_path}/folder/alpha_panda.db"


class TestUsers(UsersContract):
    pass


class TestTokens(TokensContract):
    pass


class TestStrategies(StrategiesContract):
    pass


class TestAlerts(AlertsContract):
    pass


class TestSenders(SendersContract):
    pass


class TestAudit(AuditContract):
    pass


class TestSchema(SchemaContract):
    pass


# ── Of a file on one disk ────────────────────────────────────────────────────────────────────────────────────────────


def act_until_killed(url: str, acknowledged: Connection) -> None:
    """Note one action after the other, and say which the database has taken."""
    asyncio.run(_act(url, acknowledged))


async def _act(url: str, acknowledged: Connection) -> None:
    async with open_database(url) as database:
        for number in itertools.count():
            row = await database.audit.add("asha", "pause", "", "a long story " * 500, "done", "", "", number)
            acknowledged.send(row.id)


async def test_a_program_killed_in_the_middle_of_a_write_loses_nothing_that_was_taken(url: str):
    chance = random.Random(5)
    for _ in range(2):
        processes = multiprocessing.get_context("spawn")
        reader, writer = processes.Pipe(duplex=False)
        process = processes.Process(target=act_until_killed, args=(url, writer))
        process.start()
        writer.close()
        for _ in range(chance.randrange(5, 50)):
            last = reader.recv()
        process.kill()
        process.join()
        while reader.poll():
            try:
                last = reader.recv()
            except EOFError:
                break
        async with open_database(url) as database:
            (newest,) = await database.audit.list(limit=1)
            assert newest.id in (last, last + 1)
            assert newest.detail == "a long story " * 500
        assert await problems(url) == ()


async def test_a_machine_that_dies_in_the_middle_of_a_migration_leaves_the_database_as_it_was(
    url: str, tmp_path: pathlib.Path
):
    async with connected(url) as connections:
        await upgrade(connections, "0001")
        added = await Database.over(connections).users.add("asha", "a hash", "viewer", 1)
        with contextlib.suppress(LookupError):
            async with connections.writing() as connection:
                await connection.exec_driver_sql("PRAGMA cache_size = 1")  # what is changed goes to the disk at once
                await connection.run_sync(migrating._upgrade, connections.place, "head")
                await connection.exec_driver_sql("INSERT INTO alert_senders VALUES ('paper', 'one', 1, 7)")
                shutil.copytree(tmp_path / "folder", tmp_path / "after")
                raise LookupError
    after = f"sqlite:///{tmp_path}/after/alpha_panda.db"
    assert (tmp_path / "after" / "alpha_panda.db-wal").stat().st_size > 0
    assert await problems(after) == (f"its schema is 0001, and this program works with {migrating.newest()}",)
    async with open_database(after) as database:
        assert await database.users.list() == [added]
    assert await problems(after) == ()


async def refusal(url: str) -> str:
    with pytest.raises(DatabaseError) as refused:
        async with open_database(url):
            pass
    return str(refused.value)


async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: pathlib.Path):
    path = tmp_path / "alpha_panda.db"
    path.write_text("what somebody wrote down, line after line\n" * 100)
    before = path.read_bytes()
    told = f"the database {path} cannot be used: file is not a database; name another file in ALPHA_PANDA_DATABASE_URL"
    assert (await refusal(f"sqlite:///{path}")).startswith(told)
    assert path.read_bytes() == before


@pytest.fixture
async def pages(url: str, tmp_path: pathlib.Path) -> pathlib.Path:
    """Return the path of a database of some pages."""
    async with open_database(url) as database:
        for number in range(50):
            await database.audit.add("asha", "pause", "", "a long story " * 50, "done", "", "", number)
    return tmp_path / "folder" / "alpha_panda.db"


async def test_a_database_of_something_else_is_refused_and_left_as_it_is(tmp_path: pathlib.Path):
    path = tmp_path / "log.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE records (value BLOB)")
    connection.close()
    assert f"the database {path} is somebody else's, with a table records" in await refusal(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("records",)]
    connection.close()


async def test_a_file_that_is_damaged_where_nobody_looks_does_not_pass_the_check(url: str, pages: pathlib.Path):
    content = pages.read_bytes()
    of_earlier_rows = len(content) - 5 * PAGE_BYTES
    pages.write_bytes(content[:of_earlier_rows] + bytes(PAGE_BYTES) + content[of_earlier_rows + PAGE_BYTES :])
    async with open_database(url) as database:
        assert len(await database.audit.list(limit=5)) == 5
    with contextlib.suppress(DatabaseError):  # some versions of SQLite give up, others say where
        assert await problems(url) != ()


async def test_rows_that_cannot_be_do_not_pass_the_check(url: str, pages: pathlib.Path):
    async with open_database(url) as database:
        await database.users.add("asha", "a hash", "viewer", 1)
        await database.users.add("ravi", "a hash", "viewer", 1)
        await database.tokens.add("0" * 64, "ravi", "sign-in", 100, 10)
    with sqlite3.connect(pages) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE users SET role = 'root' WHERE name = 'asha'")
        connection.execute("DELETE FROM users WHERE name = 'ravi'")
    connection.close()
    assert await problems(url) == (
        "CHECK constraint failed in users",
        "row 1 of token_families belongs to a row of users that is not there",
    )


async def test_a_file_that_is_damaged_where_its_tables_are_named_is_refused(url: str, pages: pathlib.Path):
    content = pages.read_bytes()
    pages.write_bytes(content[:HEADER_BYTES] + b"?" * (PAGE_BYTES - HEADER_BYTES) + content[PAGE_BYTES:])
    assert "malformed; it is damaged: put it back from a copy" in await refusal(url)


async def test_what_can_be_no_file_is_refused(tmp_path: pathlib.Path):
    (tmp_path / "file").touch()
    in_file = await refusal(f"sqlite:///{tmp_path}/file/alpha_panda.db")
    assert f"{tmp_path}/file: File exists; check the path and its rights" in in_file
    assert f"{tmp_path}: Is a directory; check the path and its rights" in await refusal(f"sqlite:///{tmp_path}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write what it likes")
async def test_a_file_that_may_not_be_written_is_refused(url: str, tmp_path: pathlib.Path):
    async with open_database(url):
        pass
    path = tmp_path / "folder" / "alpha_panda.db"
    path.chmod(0o400)
    assert f"{path}: Permission denied; check the path and its rights" in await refusal(url)


async def test_a_disk_that_is_full_is_told_of_and_nothing_is_lost(url: str):
    async with connected(url) as connections:
        await upgrade(connections)
        database = Database.over(connections)
        kept = await database.audit.add("asha", "pause", "", "", "done", "", "", 1)
        async with connections.writing() as connection:
            pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar()
            await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")  # as if there were no room for more
        with pytest.raises(DatabaseError, match="disk is full; make room there"):
            await database.audit.add("asha", "pause", "", "a long story " * 5_000, "done", "", "", 2)
        assert await database.audit.list() == [kept]
        async with connections.writing() as connection:
            await connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        await database.audit.add("asha", "pause", "", "a long story " * 5_000, "done", "", "", 2)


async def test_who_holds_the_file_for_too_long_is_told_of(
    url: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("alpha_panda.database.connections._PATIENCE_S", 0.05)
    async with open_database(url) as database:
        other = sqlite3.connect(tmp_path / "folder" / "alpha_panda.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseError, match="database is locked; another program has held it for long"):
            await database.users.add("asha", "a hash", "viewer", 1)
        other.close()
        assert [await database.users.add("asha", "a hash", "viewer", 1)] == await database.users.list()


async def test_who_holds_the_file_for_long_is_waited_for(url: str, tmp_path: pathlib.Path):
    async with open_database(url) as database:
        other = sqlite3.connect(tmp_path / "folder" / "alpha_panda.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        adding = asyncio.create_task(database.users.add("asha", "a hash", "viewer", 1))
        assert await database.users.list() == []
        assert not adding.done()
        other.execute("COMMIT")
        other.close()
        assert [await adding] == await database.users.list()
