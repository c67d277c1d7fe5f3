"""Where rows go: files that hold them all, tables that replace their namesakes, and what cannot be written."""

import importlib.util
import pathlib

import duckdb
import polars as pl
import pytest

from alpha_panda.backtest.tables import check_target, write_table
from alpha_panda.errors import ConfigurationError, DataError

ROWS = pl.DataFrame({"fast": [2, 3], "threshold": [0.5, 0.25], "sharpe": [1.5, None]})


def table(path: pathlib.Path, name: str) -> pl.DataFrame:
    with duckdb.connect(path, read_only=True) as database:
        return database.sql(f'SELECT * FROM "{name}"').pl()


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_file_holds_all_rows(tmp_path: pathlib.Path, suffix: str):
    path = tmp_path / f"rows{suffix}"
    for rows in (ROWS.head(1), ROWS):
        write_table(rows, path, "unused")
    assert (pl.read_csv(path) if suffix == ".csv" else pl.read_parquet(path)).equals(ROWS)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_table_bears_its_name_and_replaces_only_its_namesake(tmp_path: pathlib.Path):
    path = tmp_path / "results.duckdb"
    write_table(ROWS, path, 'a study of "crosses"')
    write_table(ROWS.head(1), path, "another")
    write_table(ROWS.tail(1), path, "another")
    assert table(path, 'a study of ""crosses""').equals(ROWS)
    assert table(path, "another").equals(ROWS.tail(1))


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: pathlib.Path):
    path = tmp_path / "notes.duckdb"
    path.write_text("not a database, and longer than the header of one " * 100)
    before = path.read_bytes()
    with pytest.raises(DataError, match="the table crosses cannot be written to"):
        write_table(ROWS, path, "crosses")
    assert path.read_bytes() == before


def test_what_cannot_be_written_is_refused_beforehand(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ConfigurationError, match=r"name a file that ends in \.parquet, \.csv, \.duckdb"):
        check_target(tmp_path / "rows.xlsx")
    with pytest.raises(ConfigurationError, match="there is no folder"):
        check_target(tmp_path / "absent" / "rows.csv")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"needs DuckDB: pip install 'alpha-panda\[data\]'"):
        check_target(tmp_path / "rows.duckdb")
