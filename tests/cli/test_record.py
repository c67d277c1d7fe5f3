"""`alpha-panda record`: a day that was traded on paper, traded again from the catalog."""

import pathlib
import uuid
from collections.abc import Iterator

import pytest

from tests.cli.conftest import ROOT, Command
from tests.live.handwritten import Written
from tests.live.trading import PAPER_TOML, SYMBOLS
from tests.market import clock, tick, together

COMPANIES = ("--instruments", ",".join(SYMBOLS))


@pytest.fixture
def session_on_kafka(
    kafka: str, command: Command, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pathlib.Path]:
    """Give the state folder of a session of the test's own, whose topics are on Kafka."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("ALPHA_PANDA_KAFKA", kafka)
    name = f"recorded-{uuid.uuid4().hex}"
    assert command("topics", "create", "--session", name).code == 0
    yield tmp_path / name
    command("topics", "delete", "--session", name, "--yes")


def test_a_recorded_day_is_traded_again_with_the_same_ledger(
    command: Command, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(ROOT)
    state, data = ("--state", tmp_path / "state"), ("--data", tmp_path / "data")
    session = command("live", PAPER_TOML, *COMPANIES, "--speed", "max", *state, "--json").json
    recorded = command("record", *state, *data, "--json")
    assert recorded.code == 0
    assert recorded.json["symbols"] == list(SYMBOLS)
    assert recorded.json["days"] == ["2026-11-20"]
    backtest = command("backtest", PAPER_TOML, *data, *COMPANIES, "--resolution", "tick", "--json").json
    assert backtest["fills"] == session["fills"] > 10
    assert backtest["ledger_hash"] == session["ledger_hash"]
    again = command("record", *state, *data, "--json").json
    assert (again["written"], again["present"]) == (0, recorded.json["written"])


def test_a_session_on_kafka_is_recorded_and_looked_back_at_like_any_other(
    session_on_kafka: pathlib.Path, command: Command, tmp_path: pathlib.Path
):
    state, data = ("--state", session_on_kafka), ("--data", tmp_path / "data")
    session = command("live", PAPER_TOML, *COMPANIES, "--speed", "max", *state, "--json").json
    assert command("record", *state, *data).code == 0
    backtest = command("backtest", PAPER_TOML, *data, *COMPANIES, "--resolution", "tick", "--json").json
    assert backtest["ledger_hash"] == session["ledger_hash"]
    last = command("replay", *state, "--at", "2026-11-20T15:30", "--json").json
    assert last["ledger_hash"] == session["ledger_hash"]
    noon = command("replay", *state, "--at", "2026-11-20T12:00", "--json").json
    assert 0 < noon["fills"] < session["fills"]


def test_a_person_reads_what_became_of_the_ticks_and_what_a_backtest_will_see_otherwise(
    command: Command, tmp_path: pathlib.Path
):
    ticks = together([tick("10:00", 100, volume=0), clock("10:00"), tick("10:00:01", 100)])
    session = Written(tmp_path / "state").frames(ticks)
    answer = command("record", "--state", session.state, "--data", tmp_path / "data")
    assert answer.code == 0
    assert "2024-04-22 to 2024-04-22" in answer.output
    assert "19,800 clocks are made that the session had not" in " ".join(answer.output.split())
    assert "sees what the session saw" not in answer.output


def test_where_nothing_was_traded_the_refusal_says_so(command: Command, tmp_path: pathlib.Path):
    answer = command("record", "--state", tmp_path / "nowhere", "--data", tmp_path / "data")
    assert answer.code == 6
    assert answer.complaint.startswith("error: there is no event log in")
    assert not (tmp_path / "data").exists()
