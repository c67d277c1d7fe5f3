"""`alpha-panda users`: who may sign in, changed from a terminal, each change in the audit trail."""

import asyncio
import io
import json
import pathlib

import pytest

from alpha_panda.apps.web.passwords import Passwords
from alpha_panda.cli import main
from alpha_panda.database import database_url, open_database

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def workspace(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("ALPHA_PANDA_DATABASE_URL", f"sqlite:///{tmp_path / 'panda.db'}")
    return tmp_path


def users(monkeypatch: pytest.MonkeyPatch, *arguments: str, stdin: str = "") -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    return main(["users", *arguments])


def added(monkeypatch: pytest.MonkeyPatch, name: str, role: str = "operator") -> None:
    assert users(monkeypatch, "add", name, "--role", role, "--password-stdin", stdin=f"{PASSWORD}\n") == 0


def test_somebody_is_added_and_listed_and_no_password_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], workspace: pathlib.Path
):
    added(monkeypatch, "asha", "admin")
    assert users(monkeypatch, "list", "--json") == 0
    shown = capsys.readouterr().out
    assert '"name": "asha"' in shown
    assert PASSWORD not in shown
    assert "argon2" not in shown
    assert not [path for path in workspace.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]


def test_the_password_that_was_given_is_the_one_that_signs_in(monkeypatch: pytest.MonkeyPatch):
    added(monkeypatch, "asha")

    async def signs_in(password: str) -> bool:
        passwords = Passwords()
        async with open_database(database_url()) as database:
            user = await database.users.get("asha")
            assert user is not None
            try:
                return await passwords.verify(user.password_hash, password)
            finally:
                passwords.close()

    assert asyncio.run(signs_in(PASSWORD))
    assert users(monkeypatch, "passwd", "asha", "--password-stdin", stdin="another long password") == 0
    assert not asyncio.run(signs_in(PASSWORD))
    assert asyncio.run(signs_in("another long password"))


def test_every_change_raises_the_generation_and_is_in_the_audit_trail(monkeypatch: pytest.MonkeyPatch):
    added(monkeypatch, "asha")
    for change in (("role", "asha", "viewer"), ("disable", "asha"), ("enable", "asha")):
        assert users(monkeypatch, *change) == 0

    async def kept() -> tuple[int, list[tuple[str, str, str]]]:
        async with open_database(database_url()) as database:
            user = await database.users.get("asha")
            assert user is not None
            rows = await database.audit.list()
            return user.generation, [(row.action, row.target, row.detail) for row in reversed(rows)]

    generation, rows = asyncio.run(kept())
    assert generation == 3
    assert rows == [
        ("user.add", "asha", "operator"),
        ("user.role", "asha", "viewer"),
        ("user.disable", "asha", ""),
        ("user.enable", "asha", ""),
    ]


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "part"),
    [
        (("add", "asha", "--role", "operator", "--password-stdin"), "short word", 2, "at least 12 characters"),
        (("add", "asha", "--role", "operator", "--password-stdin"), "", 2, "no password is given"),
        (("add", "asha", "--role", "operator"), PASSWORD, 2, "give --password-stdin"),
        (("add", "as ha", "--role", "operator", "--password-stdin"), PASSWORD, 2, "is no name"),
        (("add", "asha", "--role", "root", "--password-stdin"), PASSWORD, 2, "root"),
        (("disable", "nobody"), "", 15, "there is no user nobody"),
        (("passwd", "nobody", "--password-stdin"), PASSWORD, 15, "there is no user nobody"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    stdin: str,
    code: int,
    part: str,
):
    assert users(monkeypatch, *arguments, stdin=stdin) == code
    said = capsys.readouterr().err
    assert part in said
    assert "Traceback" not in said
    assert not stdin or stdin not in said


def test_nobody_is_added_twice(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    added(monkeypatch, "asha")
    assert users(monkeypatch, "add", "asha", "--role", "viewer", "--password-stdin", stdin=PASSWORD) == 15
    assert "there is a user asha already" in capsys.readouterr().err


def test_a_password_is_typed_twice_and_alike(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    typed = iter([PASSWORD, "something else", PASSWORD, PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    monkeypatch.setattr("sys.stdin", Terminal())
    assert main(["users", "add", "asha", "--role", "admin"]) == 2
    assert "the two passwords differ" in capsys.readouterr().err
    assert main(["users", "add", "asha", "--role", "admin"]) == 0


def test_before_there_is_a_database_nobody_is_listed_and_none_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], workspace: pathlib.Path
):
    assert users(monkeypatch, "list") == 0
    assert "there are no users yet" in capsys.readouterr().out
    assert not (workspace / "panda.db").exists()
    assert users(monkeypatch, "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"users": []}
