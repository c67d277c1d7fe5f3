"""What the tests of ingesting have at hand: an empty catalog, and the broker's own answers beside the checkout."""

import pathlib

import pytest

from alpha_panda.data.catalog import Catalog


@pytest.fixture
def catalog(tmp_path: pathlib.Path) -> Catalog:
    return Catalog(tmp_path / "data")


@pytest.fixture
def kite_mocks(shared_data: pathlib.Path) -> pathlib.Path:
    """Return the folder of Kite's answers; skip the test where there is none."""
    folder = shared_data.parent / "kite_mocks"
    if not folder.is_dir():
        pytest.skip("needs the folder shared/kite_mocks beside the checkout")
    return folder
