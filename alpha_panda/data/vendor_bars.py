"""Daily bars as vendors adjusted them: one file per source and instrument, kept beside the truth.

Two sources are on different scales, and so is one before and after a split: no file ever holds two of them.
"""

import pathlib

import polars as pl

from alpha_panda.data.files import BY_DAY, Stored, merge_days, read
from alpha_panda.data.series import BAR_COLUMNS
from alpha_panda.errors import CatalogError


def sources(root: pathlib.Path, symbol: str) -> tuple[str, ...]:
    """Return who adjusted bars of an instrument, sorted."""
    found = (root / "adjusted" / "1d").glob("*")
    return tuple(sorted(path.name for path in found if _path(root, symbol, path.name).exists()))


def bars(root: pathlib.Path, symbol: str, source: str | None) -> pl.DataFrame:
    """Return the bars of a source, or of the only one there is; CatalogError without one, or a choice."""
    held = sources(root, symbol)
    if source not in held and (source is not None or len(held) != 1):
        told = f"those of {' and '.join(held)}: name one of them" if held else "none"
        raise CatalogError(f"the catalog holds no adjusted bars of {symbol} by {source or 'one source'}, but {told}")
    return read(_path(root, symbol, source or held[0]))


def store(root: pathlib.Path, symbol: str, source: str, rows: pl.DataFrame) -> Stored:
    """Merge bars into the file of their source; where one contradicts what is there, all are `conflicts`."""
    path = _path(root, symbol, source)
    if path.exists():
        kept = read(path)
        again = rows.join(kept, on=BY_DAY, how="semi")
        if len(again.join(kept, on=[BY_DAY, *BAR_COLUMNS[1:]], how="anti")):  # all but the time, as `merge_days` has it
            return Stored(0, 0, rows, rows.clear())
    return merge_days(path, rows, BAR_COLUMNS)


def _path(root: pathlib.Path, symbol: str, source: str) -> pathlib.Path:
    exchange, _, name = symbol.partition(":")
    return root / "adjusted" / "1d" / source / exchange / f"{name}.parquet"
