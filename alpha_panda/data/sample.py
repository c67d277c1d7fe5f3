"""A small catalog of synthetic data, for an evening without data of one's own: notebooks fall back on it.

It is made once, in the cache of this user, and is the same on every machine.
"""

import datetime
import os
import pathlib

import polars as pl

from alpha_panda.data.catalog import BAR_COLUMNS, Catalog
from alpha_panda.data.synthetic import SYMBOLS, synthetic_bars
from alpha_panda.kernels.jit import cache_directory
from alpha_panda.kernels.records import CLOCK

VERSION = 1  # of what is made: raise it when that changes, and everybody makes it anew
SEED = 7
DAILY = (datetime.date(2021, 1, 1), datetime.date(2025, 12, 31))
MINUTES = (datetime.date(2025, 10, 1), datetime.date(2025, 10, 31))
_MINUTE_SYMBOLS = SYMBOLS[:4]


def catalog_or_sample(data: str | os.PathLike[str] = "data") -> tuple[Catalog, str]:
    """Return the catalog at `data`, or the sample where that is empty, and a sentence that says which it is."""
    catalog = Catalog(pathlib.Path(data))
    if catalog.symbols():
        return catalog, f"The catalog at `{catalog.root}`."
    fallback = sample_catalog(cache_directory().parents[1] / f"sample-{VERSION}")
    return fallback, (
        f"**Synthetic data**: the catalog at `{catalog.root}` is empty. Fill it with `alpha-panda data ingest FILE`."
    )


def sample_catalog(root: pathlib.Path) -> Catalog:
    """Return the sample catalog at `root`, made if it is not there; what is there already is not made again."""
    catalog = Catalog(root)
    wanted = {("1d", symbol) for symbol in SYMBOLS} | {("1m", symbol) for symbol in _MINUTE_SYMBOLS}
    if wanted <= {(each, symbol) for symbol in catalog.symbols() for each in catalog.resolutions(symbol)}:
        return catalog
    _store_bars(catalog, SYMBOLS, *DAILY, "1d")
    _store_bars(catalog, _MINUTE_SYMBOLS, *MINUTES, "1m")
    return catalog


def _store_bars(
    catalog: Catalog, symbols: tuple[str, ...], first: datetime.date, last: datetime.date, resolution: str
) -> None:
    universe, events = synthetic_bars(first, last, SEED, symbols, resolution)
    catalog.register(universe.instruments)
    market = events[events["kind"] != CLOCK]
    for index, symbol in enumerate(universe.symbols):
        own = market[market["instrument"] == index]
        catalog.store(symbol, resolution, pl.DataFrame({name: own[name].copy() for name in BAR_COLUMNS}))
