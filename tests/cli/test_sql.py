"""`alpha-panda data sql`: a question to the catalog, as a table, as JSON and as a file."""

import pathlib

import polars as pl

from tests.cli.conftest import Command

COUNT = "SELECT symbol, count(*) AS minutes, max(time) AS last FROM bars_1m GROUP BY symbol"


def test_an_answer_is_a_table(command: Command, catalog: pathlib.Path):
    answer = command("data", "sql", COUNT, "--data", catalog)
    assert answer.code == 0
    assert any(line.split() == ["NSE:AAA", "375", "2025-01-06", "15:30:00"] for line in answer.output.splitlines())


def test_a_long_answer_is_cut_and_says_so(command: Command, catalog: pathlib.Path):
    answer = command("data", "sql", "FROM bars_1m", "--data", catalog).output
    assert "375 rows" in answer
    assert "these are the first 100: add a LIMIT" in answer
    assert answer.count("NSE:AAA") == 100


def test_an_answer_is_one_json_object(command: Command, catalog: pathlib.Path):
    answer = command("data", "sql", COUNT, "--data", catalog, "--json").json
    assert answer["answer"] == [{"symbol": "NSE:AAA", "minutes": 375, "last": "2025-01-06 15:30:00"}]
    assert answer["rows"] == 1


def test_an_answer_can_be_a_file(command: Command, catalog: pathlib.Path, tmp_path: pathlib.Path):
    out = tmp_path / "answer.csv"
    assert "375 rows in" in command("data", "sql", "FROM bars_1m", "--data", catalog, "--out", out).output
    assert len(pl.read_csv(out)) == 375
    table = tmp_path / "answer.parquet"
    written = command("data", "sql", COUNT, "--data", catalog, "--out", table, "--json").json
    assert (written["rows"], written["answer"]) == (1, None)
    assert pl.read_parquet(table)["minutes"].to_list() == [375]


def test_what_cannot_be_is_one_sentence_on_stderr(command: Command, catalog: pathlib.Path, tmp_path: pathlib.Path):
    wrong = command("data", "sql", "SLECT", "--data", catalog)
    assert (wrong.code, wrong.output) == (2, "")
    assert wrong.complaint == 'error: Parser Error: syntax error at or near "SLECT"\n'
    empty = command("data", "sql", "SELECT 1", "--data", tmp_path / "nothing")
    assert empty.code == 4
    assert "is empty: fill it with" in empty.complaint
    nowhere = command("data", "sql", "SLECT", "--data", catalog, "--out", tmp_path / "no" / "answer.csv")
    assert (nowhere.code, "there is no folder" in nowhere.complaint) == (2, True)
