"""What a session left behind reads like the backtest of the same events."""

import asyncio
import pathlib

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import alpha_panda as ap
from alpha_panda.errors import LogError
from alpha_panda.live.past.history import SessionHistory, session_history
from tests.live.trading import ROOT, ChoppedFeed, morning, paper, run_in


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> SessionHistory:
    state = tmp_path_factory.mktemp("session")
    asyncio.run(run_in(state, ChoppedFeed(morning())))
    return session_history(state, [ROOT / "strategies"])


def test_the_events_are_those_that_the_session_saw(history: SessionHistory):
    assert history.events.tobytes() == morning().tobytes()
    assert history.profile.strategies == paper().strategies


def test_its_fills_and_decisions_are_those_of_the_backtest(history: SessionHistory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    result = ap.run(history.profile, events=history.events, universe=history.universe)
    same = ["time", "strategy", "symbol", "side", "quantity", "price", "charges", "realised", "position"]
    assert_frame_equal(
        history.fills.select(same), result.fills.select(same).cast({"side": pl.String}), check_exact=True
    )
    columns = ["time", "strategy", "symbol", "verdict", "code", "asked", "granted"]
    words = {"verdict": pl.String, "code": pl.String}
    by = ["time", "strategy", "symbol", "code"]
    ours = result.decisions.select(columns).cast(words)
    assert_frame_equal(history.decisions.select(columns).sort(by), ours.sort(by))


def test_a_folder_without_a_session_is_refused(tmp_path: pathlib.Path):
    with pytest.raises(LogError, match="there is no event log"):
        session_history(tmp_path / "nothing")
