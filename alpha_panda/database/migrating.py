"""The schema of a database: brought to the version of this program, or compared with it."""

import dataclasses
import pathlib
from typing import cast

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from alpha_panda.database.connections import Connections
from alpha_panda.database.schema import metadata
from alpha_panda.errors import DatabaseError

_SCRIPTS = pathlib.Path(__file__).parent / "migrations"
_LOCK_KEY = 0x414C5048  # of the advisory lock that lets one program at a time change the schema in PostgreSQL


@dataclasses.dataclass(frozen=True)
class Upgrade:
    """From which revision a database came to which; `before` is empty where the database was."""

    before: str
    after: str


@dataclasses.dataclass(frozen=True)
class SchemaState:
    """At which revision a database is, at which this program is, and how the tables differ from this program's."""

    revision: str
    newest: str
    differences: tuple[str, ...]


async def upgrade(connections: Connections, target: str = "head") -> Upgrade:
    """Bring the schema to `target`, all of the way or not at all; DatabaseError where a later program made it.

    Of several programs that do so at once, one works and the others wait and find it done.
    """
    async with connections.writing() as connection:
        if not connections.is_sqlite:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})"))
        return await connection.run_sync(_upgrade, connections.place, target)


async def schema_state(connections: Connections) -> SchemaState:
    """Look at the schema and change nothing; DatabaseError where a later program made it."""
    async with connections.reading() as connection:
        return await connection.run_sync(_schema_state, connections.place)


def _upgrade(connection: Connection, place: str, target: str) -> Upgrade:
    config = _config(connection)
    before = _revision(connection, config, place)
    if before != _newest(config):
        command.upgrade(config, target)
    return Upgrade(before, _revision(connection, config, place))


def _schema_state(connection: Connection, place: str) -> SchemaState:
    config = _config(connection)
    revision = _revision(connection, config, place)
    found = cast("list[object]", compare_metadata(MigrationContext.configure(connection), metadata))
    return SchemaState(revision, _newest(config), tuple(map(str, found)))


def _revision(connection: Connection, config: Config, place: str) -> str:
    """Return the revision of a database, or nothing where it is empty; DatabaseError for one not known here."""
    revision = MigrationContext.configure(connection).get_current_revision() or ""
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision and revision not in known:
        raise DatabaseError(
            f"the database {place} has the schema {revision}, which this program does not know: "
            "a later version made it, so update Alpha Panda, or name another database"
        )
    return revision


def _newest(config: Config) -> str:
    return ScriptDirectory.from_config(config).get_current_head() or ""


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
