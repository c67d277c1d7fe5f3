"""How every database comes by its schema, and what is refused."""

import asyncio

import pytest
from sqlalchemy import text

from alpha_panda.database import open_database
from alpha_panda.database.checking import state_of
from alpha_panda.database.migrating import newest, upgrade
from alpha_panda.database.opening import connected
from alpha_panda.database.repositories import Database
from alpha_panda.errors import DatabaseError
from tests.database.strategies import TERMS


async def statement(url: str, words: str) -> None:
    async with connected(url) as connections, connections.writing() as connection:
        await connection.execute(text(words))


async def problems(url: str) -> tuple[str, ...]:
    async with connected(url) as connections:
        return (await state_of(connections)).problems


class SchemaContract:
    async def test_the_migrations_make_the_tables_that_the_program_works_with(self, url: str):
        async with connected(url) as connections:
            made = await upgrade(connections)
            assert (made.before, made.after) == ("", newest())
            again = await upgrade(connections)
            assert (again.before, again.after) == (newest(), newest())
        assert await problems(url) == ()

    async def test_an_older_database_keeps_its_rows(self, url: str):
        async with connected(url) as connections:
            assert (await upgrade(connections, "0001")).after == "0001"
            before = Database.over(connections)
            kept = [
                await before.users.add("asha", "a hash", "operator", 1),
                await before.strategies.set("momentum", TERMS, "asha", "", 2),
                await before.audit.add("asha", "pause", "momentum", "", "done", "", "", 3),
            ]
        async with open_database(url) as database:
            (user,), (strategy,) = await database.users.list(), await database.strategies.list()
            assert [user, strategy, *await database.audit.list()] == kept
            assert await database.alerts.list() == []
        assert await problems(url) == ()

    async def test_alerts_of_the_program_before_are_taken_for_told(self, url: str):
        async with connected(url) as connections:
            assert (await upgrade(connections, "0002")).after == "0002"
        for rule, last_ns in (("day_loss", 7), ("lag", 9)):
            await statement(
                url,
                "INSERT INTO alerts (rule, key, severity, title, detail, figures, state, count, first_ns, last_ns) "
                f"VALUES ('{rule}', 'paper/', 'high', 'Title', 'a detail', '{{}}', 'open', 3, 5, {last_ns})",
            )
        async with open_database(url) as database:
            lag, loss = await database.alerts.list()
            assert (lag.rule, lag.told_count, lag.told_ns, lag.returned_ns) == ("lag", 1, 9, None)
            assert (loss.rule, loss.told_count, loss.told_ns, loss.count) == ("day_loss", 1, 7, 3)
            fresh = await database.alerts.open("clock", "paper/", "high", "Title", "a detail", {}, 10)
            assert (fresh.told_count, fresh.told_ns) == (0, None)
        assert await problems(url) == ()

    async def test_an_older_database_is_told_apart(self, url: str):
        assert await problems(url) == (f"its schema is empty, and this program works with {newest()}",)
        async with connected(url) as connections:
            await upgrade(connections, "0001")
        assert await problems(url) == (f"its schema is 0001, and this program works with {newest()}",)

    async def test_programs_that_make_it_at_once_make_it_once(self, url: str):
        async def make(name: str) -> None:
            async with open_database(url) as database:
                await database.users.add(name, "a hash", "viewer", 1)

        await asyncio.gather(*(make(name) for name in ("asha", "meera", "ravi", "tara")))
        async with open_database(url) as database:
            assert len(await database.users.list()) == 4
        assert await problems(url) == ()

    async def test_a_migration_that_fails_leaves_nothing_behind(self, url: str):
        await statement(url, "CREATE VIEW alert_suppressions AS SELECT 1 AS theirs")
        with pytest.raises(DatabaseError, match="alert_suppressions"):
            async with open_database(url):
                pass
        assert await problems(url) == (f"its schema is empty, and this program works with {newest()}",)
        await statement(url, "DROP VIEW alert_suppressions")
        async with open_database(url) as database:
            assert await database.users.list() == []

    async def test_the_schema_of_a_later_version_is_refused(self, url: str, database: Database):
        await database.users.add("asha", "a hash", "viewer", 1)
        await statement(url, "UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(DatabaseError, match="has the schema 9999, which this program does not know"):
            async with open_database(url):
                pass
        with pytest.raises(DatabaseError, match="has the schema 9999"):
            await problems(url)

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ("DROP TABLE alert_suppressions", "add table alert_suppressions"),
            ("ALTER TABLE users ADD COLUMN nickname TEXT", "remove column users nickname"),
            ("DROP INDEX alerts_unresolved", "add index alerts_unresolved"),
        ],
        ids=["table", "column", "index"],
    )
    async def test_a_schema_that_somebody_has_changed_is_told_apart(
        self, url: str, database: Database, change: str, told: str
    ):
        await statement(url, change)
        assert await problems(url) == (f"its tables differ, it would take to {told}",)

    async def test_the_tables_of_others_are_theirs(self, url: str, database: Database):
        await statement(url, "CREATE TABLE theirs (number INTEGER)")
        assert await problems(url) == ()
