"""How often each fault was done to a session, told at the end of the tests."""

import collections
from typing import Any

import pytest

_FAULTS = pytest.StashKey[collections.Counter[str]]()


@pytest.fixture(scope="session")
def faults(request: pytest.FixtureRequest) -> collections.Counter[str]:
    """Return what a test adds to whenever it has done a fault to a session, by what was done."""
    return request.config.stash.setdefault(_FAULTS, collections.Counter[str]())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what was done to the process that tells it, where the tests run in several."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["faults"] = dict(session.config.stash.get(_FAULTS, {}))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add up what was done in another process."""
    faults = node.config.stash.setdefault(_FAULTS, collections.Counter[str]())
    faults.update(getattr(node, "workeroutput", {}).get("faults", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was done."""
    faults = config.stash.get(_FAULTS, collections.Counter[str]())
    for fault, times in sorted(faults.items()):
        terminalreporter.write_line(f"{times:4} × {fault}")
