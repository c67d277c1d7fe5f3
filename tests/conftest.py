"""Fixtures that every test may use: market data that lies beside the checkout, where there is any."""

import pathlib
from collections.abc import Callable

import pytest

SHARED_DATA = pathlib.Path(__file__).parents[2] / "shared" / "data"


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
