"""Fixtures of the API's tests: one morning that was traded, and the API over it."""

import asyncio
import pathlib
from collections.abc import AsyncGenerator

import pytest

from tests.apps.api.asking import Served, served, still
from tests.apps.desk_at_work import traded_morning


@pytest.fixture(scope="package")
def state(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return the folder of a session that has come to its end; tests must leave it as it is."""
    return asyncio.run(traded_morning(tmp_path_factory.mktemp("states") / "morning"))


@pytest.fixture
async def panda(state: pathlib.Path, tmp_path: pathlib.Path) -> AsyncGenerator[Served]:
    """Serve the API over that session."""
    async with served(state, tmp_path) as running:
        yield running


@pytest.fixture
async def snap(state: pathlib.Path, tmp_path: pathlib.Path) -> AsyncGenerator[Served]:
    """Serve the API over a desk that has taken its last picture of that session."""
    async with still(state, tmp_path) as running:
        yield running
