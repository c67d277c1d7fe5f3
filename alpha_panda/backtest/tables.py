"""Where the rows of a sweep go: a Parquet or CSV file, or a table in a DuckDB file, replaced whole or not at all."""

import importlib.util
import os
import pathlib

import polars as pl

from alpha_panda.data import files
from alpha_panda.errors import ConfigurationError, DataError

SUFFIXES = (".parquet", ".csv", ".duckdb")
"""The files that can be written."""


def check_target(path: pathlib.Path) -> None:
    """Refuse a file that could not be written, before the work and not after it; raises ConfigurationError."""
    if path.suffix not in SUFFIXES:
        raise ConfigurationError(f"{path} cannot be written: name a file that ends in {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise ConfigurationError(f"{path} cannot be written: there is no folder {path.parent}")
    if path.suffix == ".duckdb" and importlib.util.find_spec("duckdb") is None:
        raise ConfigurationError(f"{path} needs DuckDB: pip install 'alpha-panda[data]', or name a .parquet file")


def write_table(frame: pl.DataFrame, path: pathlib.Path, name: str) -> None:
    """Write a frame to a file; in a DuckDB file it becomes the table `name`, in place of any before it.

    A crash leaves what was there. Raises ConfigurationError for another kind of file, DataError if writing fails.
    """
    check_target(path)
    try:
        if path.suffix == ".duckdb":
            _into_database(frame, path, name)
        elif path.suffix == ".parquet":
            files.write(frame, path)
        else:
            _write_csv(frame, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error}") from None


def _write_csv(frame: pl.DataFrame, path: pathlib.Path) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        frame.write_csv(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _into_database(frame: pl.DataFrame, path: pathlib.Path, name: str) -> None:
    import duckdb

    quoted = '"' + name.replace('"', '""') + '"'
    try:
        with duckdb.connect(path) as database:
            database.register("rows_of_a_sweep", frame)
            database.execute(f"CREATE OR REPLACE TABLE {quoted} AS SELECT * FROM rows_of_a_sweep")
    except duckdb.Error as error:
        raise DataError(f"the table {name} cannot be written to {path}: {str(error).splitlines()[0]}") from None
