"""`alpha-panda live` and `alpha-panda verify`: a recorded session, proved and disproved."""

import pathlib

import pytest

from tests.cli.conftest import ROOT, Answer, Command, WrittenProfile


@pytest.fixture
def strategy(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a copy of the crossover that a test may change."""
    path = tmp_path / "own_cross.py"
    path.write_text((ROOT / "strategies" / "sma_cross.py").read_text())
    return path


@pytest.fixture
def session(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile, strategy: pathlib.Path, tmp_path: pathlib.Path
) -> Answer:
    """Return what the session printed that `live` recorded in tmp_path/state."""
    path = profile(strategy=f'"{strategy}"')
    replay = ("--feed", "replay", "--data", catalog, "--resolution", "1m", "--speed", "max")
    return command("live", path, *replay, "--state", tmp_path / "state", "--json")


def test_a_session_equals_the_backtest_and_its_own_replay(
    command: Command, session: Answer, catalog: pathlib.Path, profile: WrittenProfile, tmp_path: pathlib.Path
):
    assert session.json["fills"] > 10
    backtest = command("backtest", tmp_path / "profile.toml", "--data", catalog, "--json").json
    assert {name: backtest[name] for name in session.json} == session.json
    proof = command("verify", "--state", tmp_path / "state", "--json")
    assert (proof.code, proof.json["holds"]) == (0, True)
    assert proof.json["ledger_hash"] == session.json["ledger_hash"]
    assert [level["name"] for level in proof.json["levels"]] == ["signals", "journal", "backtest"]


def test_a_session_that_other_code_made_is_disproved(
    command: Command, session: Answer, strategy: pathlib.Path, tmp_path: pathlib.Path
):
    strategy.write_text(strategy.read_text().replace("if fast > slow", "if fast < slow"))
    proof = command("verify", "--state", tmp_path / "state")
    assert proof.code == 8
    assert proof.complaint.startswith("error: the session in ")
    assert "signals" in proof.complaint
    assert "differs" in proof.output
