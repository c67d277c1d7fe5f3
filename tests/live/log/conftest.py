"""Fixtures of the log's tests."""

import pathlib

import pytest


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> pathlib.Path:
    """Return an empty folder of the test's own."""
    return request.getfixturevalue("tmp_path")
