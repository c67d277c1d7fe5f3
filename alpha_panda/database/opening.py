"""Opening the database: its libraries, its connections, its schema at this program's version, its repositories."""

import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from alpha_panda.database.address import parsed
from alpha_panda.errors import ConfigurationError

if TYPE_CHECKING:
    from alpha_panda.database.connections import Connections
    from alpha_panda.database.repositories import Database


@contextlib.asynccontextmanager
async def open_database(url: str) -> "AsyncGenerator[Database]":
    """Give the database at `url`, made where there is none and brought to this program's schema; close it at the end.

    Raises ConfigurationError for what is no URL of one, DatabaseError where it cannot be reached, read or written, or
    has the schema of a later version of this program.
    """
    async with connected(url) as connections:
        from alpha_panda.database.migrating import upgrade
        from alpha_panda.database.repositories import Database

        await upgrade(connections)
        yield Database.over(connections)


@contextlib.asynccontextmanager
async def connected(url: str) -> "AsyncGenerator[Connections]":
    """Give connections to the database at `url` as it is, which may be empty; raises as `open_database` does."""
    address = parsed(url)
    try:
        from alpha_panda.database.connections import Connections
    except ImportError as error:
        raise ConfigurationError(
            f"the database needs {error.name}: install it with `pip install alpha-panda[web]`"
        ) from None
    connections = Connections.to(address)
    try:
        yield connections
    finally:
        await connections.close()
