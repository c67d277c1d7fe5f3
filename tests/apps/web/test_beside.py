"""The web app beside a session: whatever it has to do, it leaves the interpreter to the session most of the time."""

import time

import pytest

from alpha_panda.apps.web.beside import Considerate


def test_the_loop_rests_twice_as_long_as_it_was_busy(monkeypatch: pytest.MonkeyPatch):
    worked_s, rests_s = iter([1.0, 1.25, 1.25, 1.25, 1.5]), list[float]()
    monkeypatch.setattr(time, "thread_time", lambda: next(worked_s))
    monkeypatch.setattr(time, "sleep", rests_s.append)
    with Considerate() as selector:
        assert selector.select(0) == []
        selector.select(0)
    assert rests_s == [0.5, 0.0]
