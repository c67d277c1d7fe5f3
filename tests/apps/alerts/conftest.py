"""Fixtures of the tests of alarms."""

import pathlib
from collections.abc import AsyncIterator

import pytest

from alpha_panda.database import open_database
from alpha_panda.database.repositories import Database
from tests.apps.alerts.engines import World


@pytest.fixture
def database_url(tmp_path: pathlib.Path) -> str:
    """Return the address of a database that is not there yet."""
    return f"sqlite:///{tmp_path}/alpha_panda.db"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Give an empty database."""
    async with open_database(database_url) as database:
        yield database


@pytest.fixture
def world() -> World:
    """Return a healthy session at a moment of its afternoon."""
    return World()
