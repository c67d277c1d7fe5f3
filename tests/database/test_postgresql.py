"""The database on a real PostgreSQL server."""

import socket
from urllib.parse import quote, urlsplit, urlunsplit

import pytest

from alpha_panda.database import open_database
from alpha_panda.errors import DatabaseError
from tests.database.alerts import AlertsContract, AuditContract, SendersContract
from tests.database.schema import SchemaContract
from tests.database.strategies import StrategiesContract
from tests.database.users import TokensContract, UsersContract
from tests.postgres import PASSWORD, PostgresServer, execute
from tests.redis_server import free_port


@pytest.fixture
def url(postgres_url: str) -> str:
    """Return the address of an empty database."""
    return postgres_url


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


# ── Of a server, somewhere else ──────────────────────────────────────────────────────────────────────────────────────


def other(url: str, **parts: str) -> str:
    """Return a URL with other parts: `name` of the database, `user` with a password."""
    split = urlsplit(url)
    split = split._replace(path=f"/{parts['name']}") if "name" in parts else split
    place = split.netloc.rpartition("@")[2]
    return urlunsplit(split._replace(netloc=f"{parts['user']}@{place}") if "user" in parts else split)


async def refusal(url: str) -> str:
    with pytest.raises(DatabaseError) as refused:
        async with open_database(url):
            pass
    return str(refused.value)


async def test_a_server_that_was_away_is_used_again_once_it_is_back(postgres_server: PostgresServer):
    async with open_database(postgres_server.url) as database:
        added = await database.users.add("asha", "a hash", "viewer", 1)
        postgres_server.stop()
        for _ in range(2):
            with pytest.raises(DatabaseError, match="check that it runs, and ALPHA_PANDA_DATABASE_URL"):
                await database.users.list()
        postgres_server.start()
        assert await database.users.list() == [added]


async def test_a_server_that_does_not_answer_is_told_of(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("alpha_panda.database.connections._PATIENCE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert "no answer within 0.1 s; check that it runs" in await refusal(
            f"postgresql://asha@127.0.0.1:{port}/panda"
        )


async def test_no_error_says_the_password(postgres_server: PostgresServer):
    url = postgres_server.url
    nobody = f"postgresql://postgres:canary@127.0.0.1:{free_port()}/postgres"
    absent, mistaken, away = [
        await refusal(where) for where in (other(url, name="absent"), other(url, user="postgres:canary"), nobody)
    ]
    assert "does not exist; make it there, or correct ALPHA_PANDA_DATABASE_URL" in absent
    assert "authentication failed" in mistaken
    assert "Connect call failed" in away
    for sentence in (absent, mistaken, away):
        assert sentence.startswith("the database postgresql://postgres@127.0.0.1:")
        assert not any(secret in sentence for secret in (quote(PASSWORD, safe=""), PASSWORD, "canary"))


async def test_a_user_without_rights_is_told_so(url: str):
    execute(url, "CREATE ROLE visitor LOGIN PASSWORD 'visit'")
    try:
        told = await refusal(other(url, user="visitor:visit"))
    finally:
        execute(url, "DROP ROLE visitor")
    assert "permission denied for schema public; give the user in ALPHA_PANDA_DATABASE_URL that right" in told
