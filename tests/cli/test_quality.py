"""`alpha-panda data quality`: the report as a table, as JSON, and refused in one sentence."""

import pathlib

from tests.cli.conftest import WAVES, Command, MinuteFile


def test_the_report_says_what_each_instrument_is_worth(command: Command, catalog: pathlib.Path):
    answer = command("data", "quality", "--data", catalog)
    assert answer.code == 0
    assert "NSE:AAA" in answer.output
    assert "good" in answer.output


def test_a_hole_shows_in_the_verdict_and_in_json(command: Command, minute_file: MinuteFile, tmp_path: pathlib.Path):
    # Of 375 minutes of 2025-01-06, 40 have a price that is refused at ingest.
    path = minute_file([-1.0 if 100 <= minute < 140 else price for minute, price in enumerate(WAVES)])
    command("data", "ingest", path, "--data", tmp_path / "data")
    [found] = command("data", "quality", "NSE:AAA", "--data", tmp_path / "data", "--json").json["quality"]
    assert (found["minutes_missing"], found["gap_minutes_max"]) == (40, 40)
    assert found["refused"] == [{"reason": "price missing, not positive or absurd", "rows": 40}]
    assert found["verdict"].startswith("doubtful: 10.7% of its minutes are missing, up to 40 in a row")
    shown = command("data", "quality", "--data", tmp_path / "data").output
    assert "doubtful \n" in shown
    assert "\nNSE:AAA 1m: 10.7% of its minutes are missing, up to 40 in a row" in shown


def test_an_instrument_that_there_is_not_is_refused(command: Command, catalog: pathlib.Path):
    answer = command("data", "quality", "NSE:ZZZ", "--data", catalog)
    assert answer.code == 4
    assert "NSE:ZZZ is not in the catalog" in answer.complaint
    assert "did you mean NSE:AAA?" in command("data", "quality", "aaa", "--data", catalog).complaint


def test_an_empty_catalog_has_nothing_to_report(command: Command, tmp_path: pathlib.Path):
    assert "is empty" in command("data", "quality", "--data", tmp_path).output
    assert command("data", "quality", "--data", tmp_path, "--json").json["quality"] == []
