"""Parquet files that are replaced whole, and how new rows are merged with those that a file holds.

A merge never changes what is there: a row is new, or it is present, or it contradicts what is kept and is handed back.
"""

import contextlib
import fcntl
import os
import pathlib
from collections.abc import Generator, Iterable, Sequence
from typing import NamedTuple

import polars as pl

from alpha_panda.errors import CatalogError
from alpha_panda.units import DAY_NS, IST_OFFSET_NS

DAY = ((pl.col("time_ns") + IST_OFFSET_NS) // DAY_NS).alias("day")
"""The IST day of a row, in days since 1970-01-01."""

BY_DAY = DAY.meta.undo_aliases()
"""The same as a key of joins, which must have no name."""


class Stored(NamedTuple):
    """What became of rows given to the catalog: how many are new or were there, which contradict it, which are new."""

    written: int
    present: int
    conflicts: pl.DataFrame
    fresh: pl.DataFrame


def write(frame: pl.DataFrame, path: pathlib.Path, row_group_size: int | None = None) -> None:
    """Replace `path` by `frame` in one step: a crash leaves the old file or the new one, and never a part of either."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            frame.write_parquet(file, compression="zstd", row_group_size=row_group_size)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(root: pathlib.Path) -> Generator[None]:
    """Let nobody else write below a folder meanwhile, after waiting for whoever does.

    What is merged would else be lost where two read a file, and each replaces it by what it held and rows of its own.
    The operating system takes the lock away, however a process ends.
    """
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read(path: pathlib.Path) -> pl.DataFrame:
    """Return the rows of a file; CatalogError if it cannot be read."""
    return collected(pl.scan_parquet(path), [path])


def collected(frame: pl.LazyFrame, paths: Iterable[pathlib.Path]) -> pl.DataFrame:
    """Return what a query over files finds; CatalogError naming the file that cannot be read."""
    try:
        return frame.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).partition("\n")[0]
        damaged = next(filter(_is_damaged, paths), None)
        if damaged is None:
            raise CatalogError(f"the catalog cannot answer: {reason}") from error
        raise CatalogError(f"{damaged} cannot be read, so delete it and ingest its data again: {reason}") from error


def _is_damaged(path: pathlib.Path) -> bool:
    try:
        pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError):
        return True
    return False


def merge(
    path: pathlib.Path,
    rows: pl.DataFrame,
    columns: Sequence[str],
    key: Sequence[str],
    row_group_size: int | None = None,
) -> Stored:
    """Merge rows that have a key into a file in order of it; a row is new when the file has none of its key."""
    if not path.exists():
        write(rows.select(columns).sort(key, maintain_order=True), path, row_group_size)
        return Stored(len(rows), 0, rows.clear(), rows)
    stored = read(path)
    fresh = rows.join(stored, on=list(key), how="anti", maintain_order="left")
    known = rows.join(stored, on=list(key), how="semi", maintain_order="left")
    if len(fresh):
        write(pl.concat([stored, fresh.select(columns)]).sort(key, maintain_order=True), path, row_group_size)
    return _told_apart(fresh, known, stored, columns)


def merge_days(path: pathlib.Path, rows: pl.DataFrame, columns: Sequence[str]) -> Stored:
    """Merge daily bars into the file of their instrument; a bar is new when the file has none of its day.

    A day has one bar, and at what time it was thought to close when it was stored tells nothing.
    """
    if not path.exists():
        return merge(path, rows, columns, ["time_ns"])
    stored = read(path)
    fresh, known = (rows.join(stored, on=BY_DAY, how=how, maintain_order="left") for how in ("anti", "semi"))
    if len(fresh):
        write(pl.concat([stored, fresh.select(columns)]).sort("time_ns"), path)
    return _told_apart(fresh, known, stored, [BY_DAY, *(name for name in columns if name != "time_ns")])


def merge_ticks(path: pathlib.Path, rows: pl.DataFrame, columns: Sequence[str]) -> Stored:
    """Merge ticks into the file of their instrument, which has them in order of time.

    A tick is new when it lies outside the stretch that is recorded of its day: ticks have no key, so two recordings of
    one stretch cannot be told from one.
    """
    if not path.exists():
        write(rows.select(columns), path)
        return Stored(len(rows), 0, rows.clear(), rows)
    stored = read(path)
    stretches = stored.group_by(DAY).agg(first=pl.col("time_ns").min(), last=pl.col("time_ns").max())
    held = rows.with_columns(DAY).join(stretches, on="day", how="left", maintain_order="left")
    recorded = pl.col("time_ns").is_between("first", "last").fill_null(value=False)
    fresh, known = (held.filter(each).drop("day", "first", "last") for each in (~recorded, recorded))
    if len(fresh):
        write(pl.concat([stored, fresh.select(columns)]).sort("time_ns", maintain_order=True), path)
    return _told_apart(fresh, known, stored, columns)


def _told_apart(
    fresh: pl.DataFrame, known: pl.DataFrame, stored: pl.DataFrame, columns: Sequence[str | pl.Expr]
) -> Stored:
    """Return what became of rows of which `fresh` were written and `known` were not."""
    conflicts = known.join(stored, on=list(columns), how="anti", nulls_equal=True, maintain_order="left")
    return Stored(len(fresh), len(known) - len(conflicts), conflicts, fresh)
