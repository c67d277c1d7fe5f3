"""Bars out of the catalog as a frame: what indicators, `from_signals` and charts are asked with."""

import datetime
import os
import pathlib
from collections.abc import Sequence

import polars as pl

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.columns import IST_TIME
from alpha_panda.data.events import EventArray
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import CLOCK
from alpha_panda.units import E4

_PRICES = ("open", "high", "low", "close")


def bars(
    symbols: str | Sequence[str] = (),
    resolution: str | None = None,
    first: datetime.date | None = None,
    last: datetime.date | None = None,
    *,
    data: Catalog | str | os.PathLike[str] = "data",
    adjusted: bool = False,
) -> pl.DataFrame:
    """Return bars, or ticks as bars of zero length, of some symbols, or of all that can be traded.

    Columns: `symbol, time, open, high, low, close, volume`, by time and then symbol; `time` is when a bar was known, in
    IST, prices are in rupees. `first` and `last` are IST dates, both included; `adjusted` shows prices and volumes as
    they read on the last day. Raises CatalogError, saying what there is, for what the catalog does not hold.
    """
    catalog = data if isinstance(data, Catalog) else Catalog(pathlib.Path(data))
    asked = (symbols,) if isinstance(symbols, str) else tuple(symbols)
    asked = asked or catalog.tradable(resolution, first, last)
    universe, events = catalog.events(asked, resolution, first, last, clocks=False, adjusted=adjusted)
    return bars_of(universe, events)


def bars_of(universe: Universe, events: EventArray) -> pl.DataFrame:
    """Return the bars and ticks among events, as `bars` does, in the order in which they stand."""
    market = events[events["kind"] != CLOCK]
    names = pl.Series("symbol", universe.symbols, dtype=pl.String)
    return pl.DataFrame(
        [
            names.gather(pl.Series(market["instrument"].copy())),
            pl.Series("time", market["time_ns"].copy()).cast(IST_TIME),
            *(pl.Series(name, market[f"{name}_e4"] / E4) for name in _PRICES),
            pl.Series("volume", market["volume"].copy()),
        ]
    )
