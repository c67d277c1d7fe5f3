"""What is known of each instrument, and since when: the rows of `instruments.parquet`, and the registry of a day.

A listing is an instrument with `since`, the IST day from which it is in force; one without a day holds from the
beginning. There is one listing of an instrument for each change of its terms.
"""

import datetime
import functools
import pathlib
from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from alpha_panda.data.files import read
from alpha_panda.errors import CatalogError, DataError
from alpha_panda.instruments import Instrument, Universe, close_matches
from alpha_panda.kernels.records import FUTURE

TERMS = pl.Schema(
    {
        "symbol": pl.String(),
        "instrument_token": pl.Int64(),
        "tick_e4": pl.Int64(),
        "segment": pl.Int64(),
        "lot": pl.Int64(),
        "freeze_quantity": pl.Int64(),
        "calendar": pl.String(),
        "name": pl.String(),
        "underlying": pl.String(),
        "kind": pl.String(),
        "expiry": pl.Date(),
        "strike_e4": pl.Int64(),
    }
)
"""The fields of `Instrument`, as columns."""

_INDEX_NAME = "index, not traded itself"  # how a file written before listings had a kind marks an index


class Registry:
    """The instruments by symbol as they trade on one day; only those that are asked for are made."""

    def __init__(self, listings: pl.DataFrame) -> None:
        self.listings = listings

    def __len__(self) -> int:
        return len(self.listings)

    def __iter__(self) -> Iterator[Instrument]:
        return (Instrument(*row) for row in self.listings.select(TERMS.names()).iter_rows())

    @property
    def symbols(self) -> list[str]:
        """The symbols of all instruments, sorted."""
        return list(self._rows)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._rows

    def __getitem__(self, symbol: str) -> Instrument:
        """Return the instrument of `symbol`; CatalogError, with close matches, if there is none."""
        found = self.get(symbol)
        if found is None:
            raise CatalogError(f"{symbol} is not in the catalog{close_matches(symbol, self._rows)}")
        return found

    def get(self, symbol: str) -> Instrument | None:
        """Return the instrument of `symbol`, or None if there is none."""
        row = self._rows.get(symbol)
        return None if row is None else Instrument(*self.listings.select(TERMS.names()).row(row))

    def universe(self, symbols: Iterable[str]) -> Universe:
        """Return the universe of these symbols; CatalogError for an unknown one, DataError for one named twice."""
        return Universe(self[symbol] for symbol in symbols)

    @functools.cached_property
    def _rows(self) -> dict[str, int]:
        return {symbol: row for row, symbol in enumerate(self.listings["symbol"].to_list())}


def read_listings(path: pathlib.Path) -> pl.DataFrame:
    """Return all listings of a file, by symbol and day; none where there is no file."""
    if not path.exists():
        return pl.DataFrame(schema={**TERMS, "since": pl.Date()})
    listings = read(path)
    if "kind" not in listings.columns:
        listings = listings.with_columns(kind=_kind_of_old())
    absent = {"underlying": "", "expiry": None, "strike_e4": 0, "since": None}
    filled = {name: pl.lit(value) for name, value in absent.items() if name not in listings.columns}
    return listings.with_columns(**filled).select(
        *(pl.col(name).cast(kind) for name, kind in TERMS.items()), pl.col("since").cast(pl.Date)
    )


def _kind_of_old() -> pl.Expr:
    index = pl.col("name") == _INDEX_NAME
    future = pl.col("segment") == FUTURE
    return pl.when(index).then(pl.lit("INDEX")).when(future).then(pl.lit("FUT")).otherwise(pl.lit("EQ"))


def in_force(listings: pl.DataFrame, on: datetime.date | None) -> pl.DataFrame:
    """Return one listing of each symbol: the newest, or with a day the newest that was in force by then.

    What is first known of an instrument stands for the days before: of those there is nothing better to say.
    """
    if on is None:
        return listings.unique("symbol", keep="last", maintain_order=True)
    past = listings.filter(_since(on)).unique("symbol", keep="last", maintain_order=True)
    first = listings.unique("symbol", keep="first", maintain_order=True)
    later = first.join(past, on="symbol", how="anti", maintain_order="left")
    return pl.concat([past, later]).sort("symbol")


def merged(listings: pl.DataFrame, instruments: Sequence[Instrument], since: datetime.date | None) -> pl.DataFrame:
    """Return `listings` with what is known of `instruments` from a day on; the same twice changes nothing.

    Without a day they take the place of the newest listing, and its day; an instrument that has none is then taken to
    have been so from the beginning. Raises DataError for an instrument that is given twice.
    """
    columns = {name: [getattr(instrument, name) for instrument in instruments] for name in TERMS}
    given = pl.DataFrame(columns, schema=TERMS)
    repeated = given.filter(pl.col("symbol").is_duplicated())["symbol"]
    if len(repeated):
        raise DataError(f"{repeated[0]} is given twice: register each instrument once")
    known = in_force(listings if since is None else listings.filter(_since(since)), None)
    changed = given.join(known, on=TERMS.names(), how="anti", nulls_equal=True, maintain_order="left")
    if since is None:
        changed = changed.join(known.select("symbol", "since"), on="symbol", how="left", maintain_order="left")
    else:
        changed = changed.with_columns(since=pl.lit(since, pl.Date))
    kept = listings.join(changed, on=["symbol", "since"], how="anti", nulls_equal=True, maintain_order="left")
    return pl.concat([kept, changed]).sort("symbol", "since")


def _since(on: datetime.date) -> pl.Expr:
    return (pl.col("since") <= on).fill_null(value=True)
