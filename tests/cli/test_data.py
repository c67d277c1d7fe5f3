"""`alpha-panda data`: what it reports of files and of the catalog."""

import pathlib

import polars as pl

from tests.cli.conftest import Command, MinuteFile


def test_ingest_accounts_for_every_row(command: Command, minute_file: MinuteFile, tmp_path: pathlib.Path):
    path = minute_file([100.0, -1.0, 102.0])
    first = command("data", "ingest", path, "--data", tmp_path / "data", "--json")
    assert first.code == 0
    assert first.json["rows"] == 3
    assert first.json["written"] == 2
    assert first.json["quarantined"] == {"price missing, not positive or absurd": 1}
    assert first.json["files"][0]["kind"] == "one-minute bars"
    again = command("data", "ingest", path, "--data", tmp_path / "data", "--json")
    assert (again.json["written"], again.json["present"]) == (0, 2)


def test_ingest_shows_files_and_reasons(command: Command, minute_file: MinuteFile, tmp_path: pathlib.Path):
    answer = command("data", "ingest", minute_file([100.0, 0.0]), "--data", tmp_path / "data")
    assert answer.code == 0
    assert "AAA.parquet" in answer.output
    assert "price missing, not positive or absurd" in answer.output
    assert answer.complaint == ""


def test_ingest_names_what_it_cannot_read_in_a_folder(
    command: Command, minute_file: MinuteFile, tmp_path: pathlib.Path
):
    folder = minute_file([100.0]).parent
    pl.DataFrame({"weather": ["fine"]}).write_parquet(folder / "weather.parquet")
    answer = command("data", "ingest", folder, "--data", tmp_path / "data", "--json")
    assert (answer.code, list(answer.json["passed_over"])) == (0, [str(folder / "weather.parquet")])


def test_ingest_takes_what_files_do_not_say_themselves(command: Command, tmp_path: pathlib.Path):
    path = tmp_path / "days.csv"
    path.write_text("When,First,high,low,close,volume\n2025-01-06,100,100,100,100,7\n")
    asked = ("data", "ingest", path, "--data", tmp_path / "data", "--json")
    mapped = (*asked, "--column", "timestamp=When", "--column", "open=First", "--symbol", "NSE:AAA")
    refused = command(*mapped)
    assert (refused.code, refused.output) == (4, "")
    assert "say --adjusted or --raw" in refused.complaint
    assert command(*mapped, "--raw").json["written"] == 1
    assert command(*mapped, "--adjusted").json["files"][0]["kind"] == "daily bars, adjusted"


def test_a_column_that_maps_nothing_is_refused(command: Command, minute_file: MinuteFile, tmp_path: pathlib.Path):
    answer = command("data", "ingest", minute_file([100.0]), "--data", tmp_path / "data", "--column", "open")
    assert answer.code == 2
    assert "write our name of a column and theirs" in answer.complaint
