"""What the doctor says of the web app: its secret, its database, who can sign in, and where alarms go."""

import asyncio
import builtins
import pathlib
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from alpha_panda.apps.alerts.channels import ALERTS
from alpha_panda.apps.web.build import SECRET
from alpha_panda.cli.findings import Finding, Verdict, examined
from alpha_panda.cli.screen import SCREEN
from alpha_panda.database import DATABASE_URL, database_url, open_database
from alpha_panda.database.migrating import newest, upgrade
from alpha_panda.database.opening import connected
from alpha_panda.database.repositories import Database
from tests.cli.conftest import Command
from tests.redis_server import free_port


@pytest.fixture(autouse=True)
def path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Return where the database would be; nothing else is configured."""
    monkeypatch.delenv(SECRET, raising=False)
    monkeypatch.delenv(ALERTS, raising=False)
    monkeypatch.setenv(DATABASE_URL, f"sqlite:///{tmp_path / 'alpha_panda.db'}")
    return tmp_path / "alpha_panda.db"


def found(check: str) -> Finding:
    return examined(SCREEN[check])


def in_database(work: Callable[[Database], Awaitable[Any]]) -> None:
    """Do something in the database of the environment, which is made for it."""

    async def done() -> None:
        async with open_database(database_url()) as database:
            await work(database)

    asyncio.run(done())


def test_the_doctor_makes_these_checks_wherever_it_looks(command: Command, tmp_path: pathlib.Path):
    for told in (["--data", tmp_path], ["--state", tmp_path / "state"]):
        checks = {check["check"] for check in command("doctor", *told, "--json").json["checks"]}
        assert checks >= set(SCREEN)


# ── The app ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_app_needs_no_secret_on_this_machine_and_a_good_one_beyond(monkeypatch: pytest.MonkeyPatch):
    assert found("web app").verdict is Verdict.FINE
    assert f"beyond, it would need {SECRET}" in found("web app").detail
    monkeypatch.setenv(SECRET, "changeme")
    assert found("web app").verdict is Verdict.FAIL
    assert "changeme" not in found("web app").detail
    monkeypatch.setenv(SECRET, "0123456789abcdef0123456789abcdef")
    assert found("web app").verdict is Verdict.FINE
    assert "0123456789abcdef" not in found("web app").detail


def test_without_its_libraries_it_is_said_how_to_get_them(monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def bare(name: str, *rest: Any, **more: Any) -> Any:
        if name == "alpha_panda.apps.web.build":
            raise ModuleNotFoundError("No module named 'fastapi'", name="fastapi")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", bare)
    sentence = "there is no dashboard, as it needs fastapi: install it with `pip install alpha-panda[web]`"
    assert found("web app") == Finding(Verdict.WARN, sentence)


# ── The database ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_database_that_is_not_there_is_not_made(path: pathlib.Path):
    assert found("database") == Finding(Verdict.FINE, f"{path} will be made when something is first written to it")
    assert found("users").verdict is Verdict.FINE
    assert not path.exists()


def test_a_database_at_this_schema_is_well(path: pathlib.Path):
    in_database(lambda database: database.users.list())
    assert found("database") == Finding(Verdict.FINE, f"{path} is whole, at schema {newest()}")


def test_an_older_database_is_warned_about_and_left_as_it_is(path: pathlib.Path):
    async def make() -> None:
        async with connected(database_url()) as connections:
            await upgrade(connections, "0001")

    asyncio.run(make())
    for _ in range(2):
        assert found("database").verdict is Verdict.WARN
        assert f"is at schema 0001, and whoever opens it brings it to {newest()}" in found("database").detail
    assert found("users").verdict is Verdict.FINE


def test_a_damaged_database_fails(path: pathlib.Path):
    in_database(lambda database: database.users.add("asha", "a hash", "viewer", 1))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE users SET role = 'root'")
    connection.close()
    assert found("database").verdict is Verdict.FAIL
    assert f"{path} is damaged, CHECK constraint failed in users: put it back from a copy" in found("database").detail


def test_a_server_that_is_away_fails_and_its_password_is_not_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(DATABASE_URL, f"postgresql://panda:canary@127.0.0.1:{free_port()}/panda")
    for check in ("database", "users"):
        assert found(check).verdict is Verdict.FAIL
        assert f"check that it runs, and {DATABASE_URL}" in found(check).detail
        assert "canary" not in found(check).detail


def test_an_empty_database_on_a_server_is_filled_by_whoever_opens_it(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(DATABASE_URL, postgres_url)
    assert found("database").verdict is Verdict.FINE
    assert f"answers and is empty: whoever opens it first gives it schema {newest()}" in found("database").detail
    # The terminal's link is for the machine that serves; a database of its own is for more than that.
    assert found("users").verdict is Verdict.WARN
    in_database(lambda database: database.users.add("asha", "a hash", "admin", 1))
    assert found("database").detail.endswith(f"is whole, at schema {newest()}")
    assert found("users") == Finding(Verdict.FINE, "1 can sign in, 1 of them as admin")


# ── Who is let in, and who is told ───────────────────────────────────────────────────────────────────────────────────


def test_of_users_those_count_who_can_sign_in():
    async def add(database: Database) -> None:
        await database.users.add("owner", "", "admin", 1)  # who came by the terminal's link
        await database.users.add("asha", "a hash", "admin", 1)
        await database.users.disable("asha", 2)

    in_database(add)
    assert found("users").verdict is Verdict.FINE
    assert found("users").detail.startswith("nobody has a password")
    in_database(lambda database: database.users.add("omar", "a hash", "operator", 3))
    assert found("users").verdict is Verdict.WARN
    assert found("users").detail.startswith("of 1 users none is an admin")
    in_database(lambda database: database.users.enable("asha", 4))
    assert found("users") == Finding(Verdict.FINE, "2 can sign in, 1 of them as admin")


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # of apprise
def test_a_target_of_alarms_is_named_by_its_service_alone(monkeypatch: pytest.MonkeyPatch):
    assert found("alarms").verdict is Verdict.WARN
    monkeypatch.setenv(ALERTS, "json://user:canary@hooks.example.com/canary")
    assert found("alarms").verdict is Verdict.FINE
    assert "alarms are sent to JSON" in found("alarms").detail
    monkeypatch.setenv(ALERTS, "json://hooks.example.com nonsense://canary")
    assert found("alarms").verdict is Verdict.FAIL
    assert "the target 2 of" in found("alarms").detail
    assert "canary" not in found("alarms").detail
