"""A small catalog of synthetic data, for an evening without data of one's own: notebooks fall back on it.

It is made once, in the cache of this user, and is the same on every machine.
"""

import datetime
import itertools
import os
import pathlib

import polars as pl

from alpha_panda.data.catalog import BAR_COLUMNS, Catalog
from alpha_panda.data.sample_contracts import contracts_of_day
from alpha_panda.data.synthetic import SYMBOLS, synthetic_bars
from alpha_panda.kernels.jit import cache_directory
from alpha_panda.kernels.records import CLOCK
from alpha_panda.units import ist_date

VERSION = 1  # of what is made: raise it when that changes, and everybody makes it anew
SEED = 7
DAILY = (datetime.date(2021, 1, 1), datetime.date(2025, 12, 31))
MINUTES = (datetime.date(2025, 10, 1), datetime.date(2025, 10, 31))
EXPIRIES = (datetime.date(2025, 10, 28), datetime.date(2025, 11, 25))
"""Days on which the options on UNDERLYING end, one of them a day of the sample."""

UNDERLYING = "SIM:PANDA"
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
    _store_contracts(catalog)
    _store_bars(catalog, _MINUTE_SYMBOLS, *MINUTES, "1m")
    return catalog


def _store_contracts(catalog: Catalog) -> None:
    """Store the futures and options on one company for each day of the month that has minutes."""
    universe, events = catalog.events([UNDERLYING], "1d", clocks=False)
    assert len(universe) == 1
    closes = [(ist_date(time_ns), close_e4) for time_ns, close_e4 in events[["time_ns", "close_e4"]].tolist()]
    for (_, before_e4), (on, close_e4) in itertools.pairwise(closes):
        if MINUTES[0] <= on <= MINUTES[1]:
            name = UNDERLYING.partition(":")[2]
            catalog.store_contracts("NFO", on, contracts_of_day(name, on, before_e4, close_e4, EXPIRIES))


def _store_bars(
    catalog: Catalog, symbols: tuple[str, ...], first: datetime.date, last: datetime.date, resolution: str
) -> None:
    universe, events = synthetic_bars(first, last, SEED, symbols, resolution)
    catalog.register(universe.instruments)
    market = events[events["kind"] != CLOCK]
    for index, symbol in enumerate(universe.symbols):
        own = market[market["instrument"] == index]
        catalog.store(symbol, resolution, pl.DataFrame({name: own[name].copy() for name in BAR_COLUMNS}))
