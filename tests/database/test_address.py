"""URLs of databases: what they mean, and that no password is ever repeated."""

import pathlib

import pytest

from alpha_panda.database import DATABASE_URL, database_url, is_there
from alpha_panda.database.address import PostgresServer, SqliteFile, parsed
from alpha_panda.errors import ConfigurationError


def test_a_file_is_named_from_the_working_directory_or_from_the_root():
    assert parsed("sqlite:///live/alpha_panda.db") == SqliteFile(pathlib.Path("live/alpha_panda.db"))
    assert parsed("sqlite+aiosqlite:////srv/panda@home/a b.db") == SqliteFile(pathlib.Path("/srv/panda@home/a b.db"))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://asha:canary@db.example:5433/panda", "postgresql://asha@db.example:5433/panda"),
        ("postgresql+asyncpg://asha@db.example/panda", "postgresql://asha@db.example/panda"),
        ("postgres:///panda?host=/run/postgresql&password=canary", "postgresql:///panda"),
        ("postgresql://asha:canary%40%2F%23@[::1]:5433/panda", "postgresql://asha@[::1]:5433/panda"),
    ],
    ids=["password", "no password", "socket", "IPv6"],
)
def test_a_server_is_spoken_of_without_its_password(url: str, place: str):
    address = parsed(url)
    assert isinstance(address, PostgresServer)
    assert (address.place, address.dsn.partition("://")[0]) == (place, "postgresql")
    assert "canary" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        *("", "canary", "mysql://asha:canary@db.example/panda", "sqlite://", "sqlite:///", "sqlite:///:memory:"),
        *("sqlite://canary/panda.db", "sqlite:///panda.db?key=canary", "postgresql://asha:[canary@db.example/panda"),
        *("postgresql://asha:12/canary@db.example/panda", "postgresql://asha:1#canary@db.example/panda"),
        *("postgresql://asha:1?canary@db.example/panda", "postgresql://asha:canary@db.example:port/panda"),
        *("postgresql://asha:canary@db.example:0/panda", "postgresql://asha:canary@db.example/panda?%"),
        *("postgresql://asha:canary@db.example/panda?port=one", "postgresql://asha:canary@db.example/panda\n"),
        "sqlite:///canary\0.db",
    ],
)
def test_what_is_no_url_is_refused_without_repeating_it(url: str):
    with pytest.raises(ConfigurationError, match="the URL of the database") as refused:
        parsed(url)
    assert "canary" not in str(refused.value)


def test_the_environment_goes_before_the_file_of_the_working_directory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(DATABASE_URL, raising=False)
    assert database_url() == "sqlite:///live/alpha_panda.db"
    monkeypatch.setenv(DATABASE_URL, "postgresql:///panda")
    assert database_url() == "postgresql:///panda"


def test_a_database_is_there_once_its_file_is(tmp_path: pathlib.Path):
    path = tmp_path / "alpha_panda.db"
    assert not is_there(f"sqlite:///{path}")
    path.touch()
    assert is_there(f"sqlite:///{path}")
    assert is_there("postgresql:///panda")
