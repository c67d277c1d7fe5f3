"""Opening a file whatever it is called: its first bytes say whether it is Parquet, JSON or CSV, packed or not.

Parquet keeps its types; every value of a CSV is text until a reader says what it means, so that padding, repeated
headers and words among numbers can be told from data.
"""

import contextlib
import gzip
import hashlib
import json
import pathlib
import re
import zipfile
import zlib
from collections.abc import Generator
from typing import IO, Any, cast

import polars as pl

from alpha_panda.errors import DataError

CANDLE_COLUMNS = ("candle", "open", "high", "low", "close", "volume", "oi")
"""What Kite's historical candles read as; the last is absent where it was not asked for."""

_UNREADABLE = (pl.exceptions.PolarsError, OSError, EOFError, UnicodeDecodeError, zipfile.BadZipFile, zlib.error)


def columns_of(path: pathlib.Path) -> tuple[str, ...]:
    """Return the names of the columns in plain form, without reading further than needed.

    DataError for what cannot be read or is empty.
    """
    with _opened(path) as file:
        form = _form(file)
        if form == "parquet":
            return tuple(plain(name) for name in pl.read_parquet_schema(file))
        if form == "json":
            return tuple(plain(name) for name in _from_json(path, file.read()).columns)
        return tuple(plain(name) for name in _from_csv(file.readline()).columns)


def load(path: pathlib.Path) -> pl.DataFrame:
    """Return all rows under the names that the file gives its columns; DataError for what is unreadable or empty."""
    with _opened(path) as file:
        form = _form(file)
        if form == "parquet":
            frame = pl.read_parquet(file)
        else:
            frame = _from_json(path, file.read()) if form == "json" else _from_csv(file.read())
    if not len(frame):
        raise DataError(f"{path} names columns but holds no rows: there is nothing to ingest in it")
    # A price of 2345.67 in 32 bits is 2345.6699; its shortest decimals are those that were written.
    return frame.with_columns(pl.col(pl.Float32).cast(pl.String).cast(pl.Float64))


def plain(name: str) -> str:
    """Return a column's name in small letters, digits and underscores: `PREV. CLOSE` is `prev_close`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def fingerprint(path: pathlib.Path) -> str:
    """Return what tells a file from another of its name, and is the same when it is ingested again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Generator[IO[bytes]]:
    """Give the content of a file, unpacked; DataError for whatever cannot be read of it."""
    try:
        with contextlib.ExitStack() as stack:
            yield _unpacked(path, stack.enter_context(path.open("rb")), stack)
    except pl.exceptions.NoDataError:
        raise DataError(f"{path} is empty: there is nothing to ingest in it") from None
    except _UNREADABLE as error:
        reason = str(error).strip().partition("\n")[0]  # what follows tells programmers of options
        raise DataError(f"{path} cannot be read as Parquet, JSON or CSV: {reason}") from error


def _unpacked(path: pathlib.Path, file: IO[bytes], stack: contextlib.ExitStack) -> IO[bytes]:
    start = _start(file)
    if start[:2] == b"\x1f\x8b":
        return cast(IO[bytes], stack.enter_context(gzip.open(file)))
    if start[:4] == b"PK\x03\x04":
        archive = stack.enter_context(zipfile.ZipFile(file))
        if len(archive.namelist()) != 1:
            raise DataError(f"{path} is an archive of {len(archive.namelist())} files: unpack it and name them")
        return stack.enter_context(archive.open(archive.namelist()[0]))
    return file


def _form(file: IO[bytes]) -> str:
    start = _start(file)
    if start[:4] == b"PAR1":
        return "parquet"
    return "json" if start.lstrip()[:1] in (b"{", b"[") else "csv"


def _start(file: IO[bytes]) -> bytes:
    start = file.read(64)
    file.seek(0)
    return start


def _from_csv(content: bytes) -> pl.DataFrame:
    header = content[: content.find(b"\n") + 1] or content
    if b"\x00" in header:
        raise pl.exceptions.ComputeError("its first line is no text")
    separator = max(",;\t|", key=lambda each: header.count(each.encode()))
    frame = pl.read_csv(content, separator=separator, infer_schema=False)
    return frame.drop(name for name in frame.columns if not plain(name))  # a comma ends each line of some files


def _from_json(path: pathlib.Path, content: bytes) -> pl.DataFrame:
    """Return candles or records as rows; of any other object the names of its fields alone, by which it is told."""
    try:
        body = json.loads(content)
    except json.JSONDecodeError as error:
        raise DataError(f"{path} begins like JSON but is none: {error}") from error
    if isinstance(body, list):
        return pl.DataFrame(cast(list[Any], body), infer_schema_length=None)
    data = body.get("data")
    if isinstance(data, dict) and "candles" in data:
        return _candles(path, cast(list[list[Any]], data["candles"]))
    return pl.DataFrame(schema=dict.fromkeys(body, pl.String))


def _candles(path: pathlib.Path, rows: list[list[Any]]) -> pl.DataFrame:
    """Return Kite's candles; whole prices arrive as integers, so that the types of a column are mixed."""
    width = len(rows[0]) if rows else len(CANDLE_COLUMNS)
    if width not in (6, 7) or any(len(row) != width for row in rows):
        raise DataError(
            f"{path} holds candles of unequal length: each has a time, four prices, a volume and perhaps OI"
        )
    columns = list(zip(*rows, strict=True)) if rows else [()] * width
    kinds = [pl.String, *[pl.Float64] * 4, *[pl.Int64] * (width - 5)]
    named = zip(CANDLE_COLUMNS, columns, kinds, strict=False)
    return pl.DataFrame([pl.Series(name, values, kind, strict=False) for name, values, kind in named])
