"""The schema of a database brought to the version of this program."""

import dataclasses
import pathlib

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from alpha_panda.database.address import DATABASE_URL
from alpha_panda.database.connections import Connections
from alpha_panda.errors import DatabaseError

_SCRIPTS = pathlib.Path(__file__).parent / "migrations"
_LOCK_KEY = 0x414C5048  # of the advisory lock that lets one program at a time change the schema in PostgreSQL


@dataclasses.dataclass(frozen=True)
class Upgrade:
    """From which revision a database came to which; `before` is empty where the database was."""

    before: str
    after: str


async def upgrade(connections: Connections, target: str = "head") -> Upgrade:
    """Bring the schema to `target`, all of the way or not at all; DatabaseError where a later program made it.

    Of several programs that do so at once, one works and the others wait and find it done.
    """
    async with connections.writing() as connection:
        if not connections.is_file:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})"))
        return await connection.run_sync(_upgrade, connections.place, target)


def _upgrade(connection: Connection, place: str, target: str) -> Upgrade:
    before = revision(connection, place)
    if not before and connection.dialect.name == "sqlite" and (others := inspect(connection).get_table_names()):
        raise DatabaseError(
            f"the database {place} is somebody else's, with a table {others[0]}: name another file in {DATABASE_URL}"
        )
    if before != newest():
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, target)
    return Upgrade(before, revision(connection, place))


def revision(connection: Connection, place: str) -> str:
    """Return the revision of a database, or nothing where it is empty; DatabaseError for one not known here."""
    found = MigrationContext.configure(connection).get_current_revision() or ""
    if found and found not in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}:
        raise DatabaseError(
            f"the database {place} has the schema {found}, which this program does not know: "
            "a later version made it, so update Alpha Panda, or name another database"
        )
    return found


def newest() -> str:
    """Return the revision that this program works with."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
