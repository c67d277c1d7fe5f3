"""`alpha-panda report`: the tear sheet of the run that backtest makes."""

import pathlib

import pytest

import alpha_panda
from tests.cli.conftest import Command, WrittenProfile


def test_the_tear_sheet_is_that_of_the_run(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile, tmp_path: pathlib.Path
):
    path, out = profile(), tmp_path / "sheet.html"
    answer = command(
        "report", path, "--data", catalog, "--out", out, "--title", "Waves", "--monte-carlo", "0", "--json"
    )
    assert answer.code == 0
    assert answer.json["out"] == str(out)
    assert answer.json["bytes"] == out.stat().st_size
    ledger = alpha_panda.run(path, data=catalog).ledger_hash
    assert answer.json["ledger_hash"] == ledger
    assert "<title>Waves · Alpha Panda</title>" in out.read_text()
    assert ledger in out.read_text()


def test_the_size_is_said(command: Command, catalog: pathlib.Path, profile: WrittenProfile, tmp_path: pathlib.Path):
    answer = command("report", profile(), "--data", catalog, "--out", tmp_path / "sheet.html")
    assert "sheet.html (1." in answer.output
    assert "MB) needs no other file and no network" in answer.output


def test_other_histories_are_drawn_when_asked(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile, tmp_path: pathlib.Path
):
    answer = command("report", profile(), "--data", catalog, "--out", tmp_path / "a.html", "--monte-carlo", "50")
    assert answer.code == 4  # one day of minutes has nothing to draw from
    assert "has nothing to draw from" in answer.complaint


def test_a_sweep_is_drawn_and_counted_when_asked(
    command: Command,
    catalog: pathlib.Path,
    profile: WrittenProfile,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
):
    # The ledger of all tests knows these shares from others.
    monkeypatch.setenv("ALPHA_PANDA_TRIALS", str(tmp_path / "trials.sqlite"))
    path, out = profile(risk="[sweep]\nparameters = { fast = [2, 3], slow = [5, 8] }"), tmp_path / "sheet.html"
    assert command("report", path, "--data", catalog, "--out", out, "--sweep").code == 0
    assert "Sharpe over fast and slow" in out.read_text()
    assert '<dt># Trials</dt><dd class="figure">5</dd>' in out.read_text()


def test_a_walk_forward_needs_a_grid_to_choose_from(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile, tmp_path: pathlib.Path
):
    answer = command("report", profile(), "--data", catalog, "--out", tmp_path / "a.html", "--walk-forward")
    assert answer.code == 2
    assert "there is nothing to sweep" in answer.complaint


def test_a_folder_that_is_not_there_is_said_before_the_run(
    command: Command, profile: WrittenProfile, tmp_path: pathlib.Path
):
    answer = command("report", profile(), "--data", tmp_path / "none", "--out", tmp_path / "nowhere" / "sheet.html")
    assert answer.code == 2
    assert "there is no folder" in answer.complaint


def test_it_opens_in_a_browser_when_asked(
    command: Command,
    catalog: pathlib.Path,
    profile: WrittenProfile,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
):
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert command("report", profile(), "--data", catalog, "--out", tmp_path / "sheet.html", "--open").code == 0
    assert opened == [(tmp_path / "sheet.html").as_uri()]


def test_a_folder_is_no_place_for_a_report(command: Command, tmp_path: pathlib.Path):
    answer = command("report", "live/paper.toml", "--out", tmp_path)
    assert (answer.code, answer.output) == (2, "")
    assert f"{tmp_path} is a folder: name a file in it" in answer.complaint
