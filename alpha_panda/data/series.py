"""The files of bars and ticks: one per resolution and instrument, in order of time."""

import datetime
import pathlib

import polars as pl

from alpha_panda.data.files import DAY, Stored, collected, merge, merge_days, merge_ticks
from alpha_panda.errors import CatalogError
from alpha_panda.kernels.clock import NEVER_NS
from alpha_panda.units import DAY_NS, IST_OFFSET_NS, ist_time_ns

RESOLUTIONS = ("tick", "1m", "1d")
"""What a catalog can hold, finest first."""

BAR_COLUMNS = ("time_ns", "open_e4", "high_e4", "low_e4", "close_e4", "volume")
TICK_COLUMNS = ("time_ns", "price_e4", "volume_day", "bid_e4", "ask_e4", "open_interest")
"""What each kind of file holds, all int64; `volume_day` is what traded since the day began."""

_FOLDERS = {"tick": "ticks", "1m": "bars/1m", "1d": "bars/1d"}


def known(resolution: str) -> str:
    """Return `resolution` if it is one; CatalogError otherwise."""
    if resolution not in RESOLUTIONS:
        raise CatalogError(f"{resolution!r} is not a resolution of the catalog: choose one of {', '.join(RESOLUTIONS)}")
    return resolution


def path_of(root: pathlib.Path, symbol: str, resolution: str) -> pathlib.Path:
    """Return where the data of one instrument lie, or would lie."""
    exchange, _, name = symbol.partition(":")
    return root / _FOLDERS[resolution] / exchange / f"{name}.parquet"


def paths(root: pathlib.Path, resolution: str) -> dict[str, pathlib.Path]:
    """Return the files of a resolution by symbol."""
    found = (root / _FOLDERS[known(resolution)]).glob("*/*.parquet")
    return {f"{path.parent.name}:{path.stem}": path for path in sorted(found)}


def spans(files: dict[str, pathlib.Path]) -> pl.DataFrame:
    """Return how far each file reaches, by symbol: its first and last IST date and its rows."""
    date = pl.from_epoch((pl.col("time_ns") + IST_OFFSET_NS) // DAY_NS, time_unit="d")
    return _by_symbol(files, first=date.min(), last=date.max(), rows=pl.len())


def having_rows(
    files: dict[str, pathlib.Path], first: datetime.date | None, last: datetime.date | None
) -> tuple[str, ...]:
    """Return the symbols with a row between two days, both included: one may have some on either side and a hole."""
    if not files:
        return ()
    return tuple(_by_symbol(files, within=_between(first, last).any()).filter("within")["symbol"])


def _by_symbol(files: dict[str, pathlib.Path], **figures: pl.Expr) -> pl.DataFrame:
    """Return figures on the times of each file, by symbol."""
    if not files:
        return pl.DataFrame(schema={"symbol": pl.String(), **dict.fromkeys(figures, pl.Null())})
    scanned = pl.scan_parquet(list(files.values()), include_file_paths="path").select("path", "time_ns")
    symbol = pl.col("path").replace_strict({str(path): symbol for symbol, path in files.items()})
    found = scanned.group_by(symbol.alias("symbol")).agg(**figures).sort("symbol")
    return collected(found, files.values())


def read(
    path: pathlib.Path, resolution: str, first: datetime.date | None = None, last: datetime.date | None = None
) -> pl.DataFrame:
    """Return the rows of a file between two days, both included, as `events.bars` or `events.ticks` take them."""
    rows = collected(pl.scan_parquet(path).filter(_between(first, last)), [path])
    if resolution != "tick":
        return rows
    # What traded before the first tick of a day was not seen happening, so it is no tick's volume.
    traded = pl.col("volume_day").diff().over(DAY).fill_null(0)
    return rows.with_columns(volume=traded).drop("volume_day")


def store(path: pathlib.Path, resolution: str, rows: pl.DataFrame) -> Stored:
    """Merge rows into the file of one instrument."""
    if resolution == "tick":
        return merge_ticks(path, rows, TICK_COLUMNS)
    if resolution == "1d":
        return merge_days(path, rows, BAR_COLUMNS)
    return merge(path, rows, BAR_COLUMNS, ["time_ns"])


def newest(path: pathlib.Path, resolution: str) -> tuple[int, int]:
    """Return the time and price of the last row of a file."""
    price = "price_e4" if resolution == "tick" else "close_e4"
    return collected(pl.scan_parquet(path).select("time_ns", price).tail(1), [path]).row(0)


def _between(first: datetime.date | None, last: datetime.date | None) -> pl.Expr:
    since_ns = ist_time_ns(first) if first else 0
    until_ns = ist_time_ns(last + datetime.timedelta(days=1)) if last else NEVER_NS
    return pl.col("time_ns").is_between(since_ns, until_ns, closed="left")
