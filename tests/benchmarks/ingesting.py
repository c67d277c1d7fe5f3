"""How fast files become a catalog: Parquet files of a vendor, checked row by row and stored by instrument."""

import datetime
import itertools
import pathlib
import tempfile

import polars as pl

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest import ingest
from alpha_panda.data.synthetic import synthetic_bars, synthetic_symbols
from alpha_panda.kernels.records import CLOCK
from alpha_panda.units import E4, MINUTE_NS
from tests.benchmarks.cataloguing import A_MILLION_BARS
from tests.benchmarks.markets import FIRST_DAY, SEED
from tests.benchmarks.measuring import Row, measured

_INSTRUMENTS = 8  # of each file
_PRICES = ("open", "high", "low", "close")


def bars(case: str, files: int = 10, last: datetime.date = A_MILLION_BARS) -> Row:
    """Ingest files of one-minute bars, each of other instruments and by default of a million rows: rows a second.

    The anchor reads the same files, sorts them and writes a file for each instrument, unchecked and in rupees.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        source = root / "source"
        rows = _fill(source, files, last)
        numbers = itertools.count()
        return measured(
            case,
            rows,
            lambda catalog: ingest([source], catalog),
            lambda: _sorted_files(source, root / "anchor"),
            lambda report: f"rows/s; {report.written:,} new bars in {len(report.files)} files",
            prepare=lambda: Catalog(root / str(next(numbers))),
            repeats=3,
        )


def _fill(source: pathlib.Path, files: int, last: datetime.date) -> int:
    """Write the files and return how many rows they have."""
    universe, market = synthetic_bars(FIRST_DAY, last, SEED, synthetic_symbols(_INSTRUMENTS))
    events = market[market["kind"] != CLOCK]
    starts = pl.from_epoch(pl.Series(events["time_ns"] - MINUTE_NS), time_unit="ns").dt.replace_time_zone("UTC")
    names = pl.Series([symbol.partition(":")[2] for symbol in universe.symbols])
    figures = {name: events[f"{name}_e4"] / E4 for name in _PRICES} | {"volume": events["volume"].copy()}
    frame = pl.DataFrame({"symbol": names.gather(events["instrument"]), "timestamp": starts, **figures})
    source.mkdir()
    for number in range(files):
        frame.with_columns(pl.col("symbol") + str(number)).write_parquet(source / f"{number}.parquet")
    return len(frame) * files


def _sorted_files(source: pathlib.Path, target: pathlib.Path) -> None:
    target.mkdir(exist_ok=True)
    for path in sorted(source.iterdir()):
        frame = pl.read_parquet(path).sort("symbol", "timestamp")
        for (symbol,), own in frame.partition_by("symbol", as_dict=True).items():
            own.write_parquet(target / f"{symbol}.parquet")
