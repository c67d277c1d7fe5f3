"""The web app beside a session: it leaves the interpreter to the session most of the time, and tells no secret."""

import asyncio
import pathlib
import time

import pytest

from alpha_panda.apps.web import beside
from alpha_panda.apps.web.beside import Considerate, web_beside
from alpha_panda.apps.web.build import WebOptions
from alpha_panda.errors import DatabaseError

CANARY = "canary-of-an-api-secret-41d0"


def test_the_loop_rests_twice_as_long_as_it_was_busy(monkeypatch: pytest.MonkeyPatch):
    worked_s, rests_s = iter([1.0, 1.25, 1.25, 1.25, 1.5]), list[float]()
    monkeypatch.setattr(time, "thread_time", lambda: next(worked_s))
    monkeypatch.setattr(time, "sleep", rests_s.append)
    with Considerate() as selector:
        assert selector.select(0) == []
        selector.select(0)
    assert rests_s == [0.5, 0.0]


@pytest.mark.parametrize("kind", [DatabaseError, RuntimeError])
async def test_what_it_fails_of_is_told_without_the_secret_that_is_quoted(
    kind: type[Exception], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    async def fail(*given: object) -> None:
        raise kind(f"refused with {CANARY}")

    told: list[str] = []
    monkeypatch.setenv("KITE_API_SECRET", CANARY)
    monkeypatch.setattr(beside, "serve_web", fail)
    async with web_beside(WebOptions(state=tmp_path), 0, told.append):
        while not told:
            await asyncio.sleep(0.01)
    assert told[0].startswith("the dashboard is not served")
    assert told[0].endswith("refused with [redacted]")
