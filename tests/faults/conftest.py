"""How often each fault was done to a session, told at the end of the tests."""

import collections

import pytest

_FAULTS = pytest.StashKey[collections.Counter[str]]()


@pytest.fixture(scope="session")
def faults(request: pytest.FixtureRequest) -> collections.Counter[str]:
    """Return what a test adds to whenever it has done a fault to a session, by what was done."""
    return request.config.stash.setdefault(_FAULTS, collections.Counter[str]())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was done."""
    faults = config.stash.get(_FAULTS, collections.Counter[str]())
    for fault, times in sorted(faults.items()):
        terminalreporter.write_line(f"{times:4} × {fault}")
