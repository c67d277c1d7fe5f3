"""Fixtures of the database's tests."""

from collections.abc import AsyncIterator

import pytest

from alpha_panda.database import open_database
from alpha_panda.database.repositories import Database


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """Give an empty database at the `url` of the test's own file or server."""
    async with open_database(url) as database:
        yield database


@pytest.fixture
async def second(database: Database, url: str) -> AsyncIterator[Database]:
    """Give the same database over connections of its own, as another program has it."""
    async with open_database(url) as second:
        yield second
