"""`alpha-panda database`: the schema of the database from the command line."""

import asyncio
import pathlib
import sqlite3

import pytest

from alpha_panda.database import DATABASE_URL
from alpha_panda.database.migrating import newest, upgrade
from alpha_panda.database.opening import connected
from tests.cli.conftest import Command


@pytest.fixture
def path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Return where the database is to be, as the environment says it."""
    path = tmp_path / "alpha_panda.db"
    monkeypatch.setenv(DATABASE_URL, f"sqlite:///{path}")
    return path


def test_a_database_is_made_and_passes_the_check(command: Command, path: pathlib.Path):
    assert command("database", "upgrade").output == f"the database {path} went from nothing to schema {newest()}\n"
    assert command("database", "upgrade").output == f"the database {path} is at schema {newest()} already\n"
    assert command("database", "check").output == f"the database {path} is whole, at schema {newest()}\n"


def test_an_older_one_fails_the_check_until_it_is_upgraded(command: Command, path: pathlib.Path):
    async def make() -> None:
        async with connected(f"sqlite:///{path}") as connections:
            await upgrade(connections, "0001")

    asyncio.run(make())
    checked = command("database", "check", "--json")
    problem = f"its schema is 0001, and this program works with {newest()}"
    assert checked.json == {"database": str(path), "revision": "0001", "newest": newest(), "problems": [problem]}
    assert (checked.code, "brought up to date by alpha-panda database upgrade" in checked.complaint) == (15, True)
    assert command("database", "upgrade", "--json").json == {
        "database": str(path),
        "before": "0001",
        "after": newest(),
    }
    assert command("database", "check", "--json").json["problems"] == []


def test_the_check_makes_no_database(command: Command, path: pathlib.Path):
    refused = command("database", "check")
    assert (refused.code, "there is no database" in refused.complaint) == (15, True)
    assert not path.exists()


def test_what_is_wrong_is_said_in_full(command: Command, path: pathlib.Path):
    command("database", "upgrade")
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE alert_suppressions")
        connection.execute("ALTER TABLE users ADD COLUMN nickname TEXT")
    connection.close()
    checked = command("database", "check")
    assert checked.output.splitlines() == [
        "its tables differ, it would take to add table alert_suppressions",
        "its tables differ, it would take to remove column users nickname",
    ]
    assert (checked.code, "2 things are wrong with the database" in checked.complaint) == (15, True)


def test_what_is_no_url_is_told_in_a_sentence(command: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(DATABASE_URL, "mysql://asha:canary@db.example/panda")
    for words in ("upgrade", "check"):
        refused = command("database", words)
        assert (refused.code, "of no kind that is known here" in refused.complaint) == (2, True)
        assert "canary" not in refused.complaint
