"""`alpha-panda doctor`: what is well, what is missing and what is broken."""

import pathlib

import pytest

from tests.cli.conftest import Command, MinuteFile

ROOT = pathlib.Path(__file__).parents[2]


def verdicts(command: Command, data: pathlib.Path) -> dict[str, str]:
    return {check["check"]: check["verdict"] for check in command("doctor", "--data", data, "--json").json["checks"]}


def test_the_repository_is_in_good_health(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path):
    monkeypatch.chdir(ROOT)
    answer = command("doctor", "--data", tmp_path, "--json")
    found = {check["check"]: check["detail"] for check in answer.json["checks"] if check["verdict"] == "fail"}
    assert found == {}
    assert answer.code == 0
    assert answer.json["healthy"]


def test_an_empty_folder_is_warned_about_and_nothing_fails(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
):
    monkeypatch.chdir(tmp_path)
    found = verdicts(command, tmp_path / "data")
    assert {name for name, verdict in found.items() if verdict == "warn"} == {
        "kernels",
        "strategies",
        "profiles",
        "catalog",
        "alarms",
    }
    assert "fail" not in found.values()


def test_what_is_broken_fails_and_the_rest_is_still_examined(
    command: Command, minute_file: MinuteFile, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "mine.toml").write_text("[account]\ncapital = 1_000\ncurrency = 1\n")
    command("data", "ingest", minute_file([100.0]), "--data", "data")
    answer = command("doctor")
    assert answer.code == 1
    assert "mine.toml: unknown key account.currency" in answer.output
    found = verdicts(command, tmp_path / "data")
    assert (found["profiles"], found["catalog"]) == ("fail", "ok")


def test_a_damaged_file_behind_others_fails(command: Command, minute_file: MinuteFile, tmp_path: pathlib.Path):
    for name in ("AAA", "BBB"):
        command("data", "ingest", minute_file([100.0], name), "--data", tmp_path / "data")
    (tmp_path / "data" / "bars" / "1m" / "NSE" / "BBB.parquet").write_bytes(b"half a file")
    assert verdicts(command, tmp_path / "data")["catalog"] == "fail"


def test_a_damaged_catalog_fails(command: Command, minute_file: MinuteFile, tmp_path: pathlib.Path):
    command("data", "ingest", minute_file([100.0]), "--data", tmp_path / "data")
    (tmp_path / "data" / "bars" / "1m" / "NSE" / "AAA.parquet").write_bytes(b"not Parquet")
    assert verdicts(command, tmp_path / "data")["catalog"] == "fail"
