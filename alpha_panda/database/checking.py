"""Whether a database is as this program needs it, found out without changing it."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, cast

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from alpha_panda.database.connections import Connections
from alpha_panda.database.migrating import newest, revision
from alpha_panda.database.schema import metadata

_Operation = tuple[Any, ...]  # its kind in a word of alembic's, and on what


@dataclasses.dataclass(frozen=True)
class State:
    """At which revision a database is, which this program works with, and what is wrong, each in a few words."""

    revision: str
    newest: str
    problems: tuple[str, ...]


async def state_of(connections: Connections) -> State:
    """Return the state of a database; DatabaseError where it cannot be read, or a later program made its schema."""
    async with connections.reading() as connection:
        return await connection.run_sync(_state, connections.place)


def _state(connection: Connection, place: str) -> State:
    found = revision(connection, place)
    problems = [*_damages(connection)]
    if found == newest():
        problems += _differences(connection)
    else:
        problems.append(f"its schema is {found or 'empty'}, and this program works with {newest()}")
    return State(found, newest(), tuple(problems))


def _damages(connection: Connection) -> Iterator[str]:
    """Yield what SQLite finds wrong in its file; a server looks after itself."""
    if connection.dialect.name == "sqlite":
        yield from (word for (word,) in connection.execute(text("PRAGMA integrity_check")) if word != "ok")
        for row in connection.execute(text("PRAGMA foreign_key_check")):
            yield f"row {row[1]} of {row[0]} belongs to a row of {row[2]} that is not there"


def _differences(connection: Connection) -> Iterator[str]:
    """Yield in what the tables differ from those of this program; tables of others are theirs."""
    context = MigrationContext.configure(connection, opts={"include_name": _is_ours})
    for found in cast("list[_Operation | list[_Operation]]", compare_metadata(context, metadata)):
        for kind, *what in found if isinstance(found, list) else [found]:  # what one column needs comes in a list
            names = [part if isinstance(part, str) else getattr(part, "name", "") for part in what]
            yield f"its tables differ, it would take to {' '.join(filter(None, [kind.replace('_', ' '), *names]))}"


def _is_ours(name: str | None, kind: str, _parents: Mapping[str, str | None]) -> bool:
    return kind != "table" or name in metadata.tables
