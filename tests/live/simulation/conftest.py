"""Fixtures of the simulated sessions."""

import pytest

from alpha_panda.chain import compile_kernels
from alpha_panda.live import pipeline
from tests.live.trading import blueprint


@pytest.fixture(autouse=True)
def _compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile the kernels once, and not for every simulated process."""
    made_of = blueprint()
    compile_kernels(made_of.profile, made_of.universe, made_of.strategies)
    monkeypatch.setattr(pipeline, "compile_kernels", lambda *_: None)
