"""`alpha-panda replay`: a session as it was, for a person and for a program."""

import asyncio
import pathlib

import numpy as np
import pytest

from tests.cli.conftest import ROOT, Command
from tests.live.trading import ChoppedFeed, morning, run_in

MOMENT = ("--at", "2026-11-20T10:30")


@pytest.fixture
def state(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Return the state of a session of a morning, from where its strategies are at hand."""
    monkeypatch.chdir(ROOT)
    asyncio.run(run_in(tmp_path / "state", ChoppedFeed(morning())))
    return tmp_path / "state"


def test_a_moment_is_told_in_tables_and_as_json(command: Command, state: pathlib.Path, tmp_path: pathlib.Path):
    answer = command("replay", "--state", state, *MOMENT, "--arrays", tmp_path / "arrays.npz")
    assert (answer.code, answer.complaint) == (0, "")
    assert "2026-11-20 10:30:00 IST" in answer.output
    assert "orders at work: none" in answer.output
    found = command("replay", "--state", state, *MOMENT, "--json").json
    assert found["ledger_hash"] in answer.output
    for position in found["positions"]:
        assert f"{position['average']:,.2f}" in answer.output
    assert found["fills"] > 0
    assert found["orders_at_work"] == []
    assert found["last_decisions"][-1]["time"].startswith("2026-11-20 10:")
    with np.load(tmp_path / "arrays.npz") as arrays:
        assert arrays["account.accounts"]["cash_e4"][0] / 10_000 == found["cash"]


def test_what_is_no_moment_is_refused_in_one_sentence(command: Command, state: pathlib.Path):
    for at, code in (("noon", 2), ("frame:9999", 7), ("2026-11-20T08:00", 7)):
        answer = command("replay", "--state", state, "--at", at)
        assert answer.code == code
        assert answer.complaint.startswith("error: ")
        assert answer.complaint.count("\n") == 1
