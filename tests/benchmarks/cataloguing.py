"""How fast the catalog gives what the kernels take: its Parquet files as one array of checked events."""

import datetime
import pathlib
import tempfile

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.data.catalog import BAR_COLUMNS, Catalog
from alpha_panda.data.events import EventArray
from alpha_panda.data.synthetic import synthetic_bars, synthetic_symbols
from alpha_panda.kernels.records import CLOCK
from tests.benchmarks.markets import FIRST_DAY, SEED
from tests.benchmarks.measuring import Row, measured

A_MILLION_BARS = datetime.date(2015, 5, 11)  # of eight instruments, since the first day of the benchmarks


def events(case: str, instruments: int = 8, last: datetime.date = A_MILLION_BARS) -> Row:
    """Read one-minute bars of several instruments: rows a second.

    The anchor reads the same files and sorts them into one column each, unchecked, without sessions and clocks.
    """
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(pathlib.Path(folder))
        rows = _fill(catalog, instruments, last)
        symbols = catalog.symbols("1m")
        paths = sorted(pathlib.Path(folder).glob("bars/1m/*/*.parquet"))
        return measured(
            case,
            rows,
            lambda _: catalog.events(symbols, "1m")[1],
            lambda: _sorted_columns(paths),
            lambda found: f"rows/s; {len(found):,} events with clocks",
        )


def _fill(catalog: Catalog, instruments: int, last: datetime.date) -> int:
    """Store the bars and return how many there are."""
    universe, market = synthetic_bars(FIRST_DAY, last, SEED, synthetic_symbols(instruments))
    catalog.register(universe.instruments)
    bars: EventArray = market[market["kind"] != CLOCK]
    for index, symbol in enumerate(universe.symbols):
        own = bars[bars["instrument"] == index]
        catalog.store(symbol, "1m", pl.DataFrame({name: own[name].copy() for name in BAR_COLUMNS}))
    return len(bars)


def _sorted_columns(paths: list[pathlib.Path]) -> list[npt.NDArray[np.int64]]:
    rows = pl.concat([pl.read_parquet(path) for path in paths]).sort("time_ns", maintain_order=True)
    return [column.to_numpy() for column in rows.rechunk()]
