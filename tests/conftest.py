"""Fixtures that every test may use: market data that lies beside the checkout, where there is any."""

import pathlib
from collections.abc import Callable, Generator

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium_path, launched
from tests.faults.counting import (  # noqa: F401  # a fixture, and hooks that must be heard before any test is collected
    faults,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)
from tests.kafka import kafka, kafka_server  # noqa: F401  # they are fixtures
from tests.postgres import postgres_server, postgres_url, shared_postgres  # noqa: F401  # they are fixtures
from tests.redis_server import redis_server, redis_url, shared_redis  # noqa: F401  # they are fixtures

SHARED_DATA = pathlib.Path(__file__).parents[2] / "shared" / "data"


LONGEST = ("notebooks", "faults", "apps")
"""The folders whose tests take longest: they go first, so that no process is left alone with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in an order in which several processes have work to the end."""
    here = pathlib.Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in LONGEST)


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
    """Return the folder of real market data beside the checkout; skip the test where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the folder shared/data beside the checkout, which holds real market data")
    return SHARED_DATA


@pytest.fixture(scope="session")
def shared_file(shared_data: pathlib.Path) -> Callable[[str], pathlib.Path]:
    """Return a function from a name under shared/data to its path; it skips the test where that one is absent."""

    def find(name: str) -> pathlib.Path:
        path = shared_data / name
        if not path.exists():
            pytest.skip(f"needs shared/data/{name} beside the checkout")
        return path

    return find


@pytest.fixture(scope="session", autouse=True)
def trials(tmp_path_factory: pytest.TempPathFactory) -> Generator[pathlib.Path]:
    """Point every run of the tests, in other processes too, to a trial ledger of its own; return its path."""
    path = tmp_path_factory.mktemp("trials") / "trials.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALPHA_PANDA_TRIALS", str(path))
        yield path


@pytest.fixture(scope="session", autouse=True)
def no_database(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Let no session of the tests read the database of whoever works in this checkout; nor can one be made there."""
    file = tmp_path_factory.mktemp("no_database") / "file"
    file.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ALPHA_PANDA_DATABASE_URL", f"sqlite:///{file}/alpha_panda.db")
        yield


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """Give a headless Chromium, in a module without asynchronous tests; skip the test where the machine has none.

    Playwright's event loop runs as long as the browser does, and a thread has only one.
    """
    path = chromium_path()
    if path is None:
        pytest.skip("needs a Chromium on the path, as Debian's package chromium installs it")
    with launched(path) as running:
        yield running
