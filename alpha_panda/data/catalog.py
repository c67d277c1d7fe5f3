"""The catalog: a folder of Parquet files that is the truth about the past, and the way out of it as event arrays.

    instruments.parquet                      what is known of each instrument, and since when
    bars/1m/NSE/RELIANCE.parquet             one file per resolution and instrument, in order of time
    bars/1d/…  ticks/…
    contracts/1d/NFO/2026-02-24.parquet      every future and option of one exchange and day
    adjusted/1d/SOURCE/NSE/RELIANCE.parquet  bars that a vendor adjusted, to compare with, never traded over
    actions.parquet                          corporate actions
    quarantine/<file>.parquet                rows of a source that were refused, each with its reason

Prices are int64 E4, times int64 nanoseconds UTC; a bar's time is its close. Ticks keep the day's cumulative volume. A
file is replaced whole or not at all, and storing the same rows twice changes nothing.
"""

import datetime
import pathlib
from collections.abc import Mapping, Sequence

import polars as pl

from alpha_panda.data import adjust, contract_days, series, vendor_bars
from alpha_panda.data.assembly import assembled, of_days
from alpha_panda.data.events import EventArray
from alpha_panda.data.files import Stored, locked, merge, read, write
from alpha_panda.data.listings import Registry, in_force, merged, read_listings
from alpha_panda.data.series import BAR_COLUMNS, RESOLUTIONS, TICK_COLUMNS, known
from alpha_panda.errors import CatalogError
from alpha_panda.instruments import Instrument, Universe, close_matches
from alpha_panda.units import ist_date

__all__ = ["BAR_COLUMNS", "Catalog", "RESOLUTIONS", "TICK_COLUMNS"]


class Catalog:
    """The Parquet files under one folder; nothing is kept in memory: many processes may read while one writes."""

    def __init__(self, root: pathlib.Path) -> None:
        if root.exists() and not root.is_dir():
            raise CatalogError(f"{root} is a file, but a catalog is a folder: name one, which need not exist yet")
        self.root = root

    def __repr__(self) -> str:
        return f"Catalog({str(self.root)!r})"

    # ── What there is ────────────────────────────────────────────────────────────────────────────────────────────────

    def registry(self, on: datetime.date | None = None) -> Registry:
        """Return the instruments as of an IST day, without one as they are known last; none for an empty catalog.

        What is first known of an instrument stands for the days before.
        """
        return Registry(in_force(self.listings(), on))

    def instrument(self, symbol: str, on: datetime.date | None = None) -> Instrument:
        """Return one instrument as of an IST day; of a contract, as its last day up to then has it.

        Raises CatalogError, with close matches, for one that is not known.
        """
        registry = self.registry(on)
        self._refuse_unknown([symbol], registry)
        days = self._contracts_of([symbol], last=on).get(symbol)
        return self._instrument(symbol, {} if days is None else {symbol: days.tail(1)}, registry)

    def listings(self) -> pl.DataFrame:
        """Return all that was ever known of instruments, by symbol and day: their terms, and `since` when."""
        return read_listings(self.root / "instruments.parquet")

    def symbols(self, resolution: str | None = None) -> tuple[str, ...]:
        """Return the symbols that have a file of `resolution`, or of any, sorted."""
        asked = RESOLUTIONS if resolution is None else (resolution,)
        return tuple(sorted({symbol for each in asked for symbol in series.paths(self.root, each)}))

    def resolutions(self, symbol: str) -> tuple[str, ...]:
        """Return the resolutions in which the catalog holds `symbol`, finest first."""
        filed = self._filed(symbol)
        return (*filed, "1d") if self._contracts_of([symbol]) else filed

    def span(self, symbol: str, resolution: str) -> tuple[datetime.date, datetime.date]:
        """Return the first and last IST date of `symbol`; CatalogError, saying what there is, if it has none."""
        path = series.path_of(self.root, symbol, known(resolution))
        if path.exists():
            return series.spans({symbol: path}).select("first", "last").row(0)
        contracts = self._contracts_of([symbol]) if resolution == "1d" else {}
        if symbol in contracts:
            return contracts[symbol]["date"][0], contracts[symbol]["date"][-1]
        held = " and ".join(self.resolutions(symbol))
        raise CatalogError(
            f"the catalog holds no {resolution} data of {symbol}, {f'but {held}' if held else 'nor any'}"
        )

    def spans(self, resolution: str) -> pl.DataFrame:
        """Return how far each file of a resolution reaches: `symbol`, `first` and `last` IST date, `rows`."""
        return series.spans(series.paths(self.root, resolution))

    def tradable(
        self, resolution: str | None = None, first: datetime.date | None = None, last: datetime.date | None = None
    ) -> tuple[str, ...]:
        """Return what has a file of `resolution` with data between two days, both included, but for indices.

        CatalogError where the resolution would be a guess, or where there is nothing.
        """
        held = [each for each in RESOLUTIONS if series.paths(self.root, each)]
        if not held:
            raise self._empty()
        if resolution is None and len(held) > 1:
            raise CatalogError(
                f"the catalog holds {' and '.join(sorted(held))} data: name one of them as the resolution"
            )
        chosen = resolution or held[0]
        indices = set(self.listings().filter(pl.col("kind") == "INDEX")["symbol"])
        having = series.having_rows(series.paths(self.root, chosen), first, last)
        found = tuple(symbol for symbol in having if symbol not in indices)
        if not found:
            span = f"from {first or 'its beginning'} to {last or 'its end'}"
            raise CatalogError(f"the catalog at {self.root} holds no {chosen} data {span}")
        return found

    def contract_exchanges(self) -> tuple[str, ...]:
        """Return the exchanges of whose futures and options there are days."""
        return contract_days.exchanges(self.root)

    def contract_days(self, exchange: str) -> tuple[datetime.date, ...]:
        """Return the days of which the futures and options of an exchange are held, in order."""
        return contract_days.days(self.root, exchange)

    def contracts(
        self, exchange: str, first: datetime.date | None = None, last: datetime.date | None = None
    ) -> pl.LazyFrame:
        """Return the futures and options of an exchange by day, to be filtered: little is read where few are asked."""
        return contract_days.scan(self.root, exchange, first, last)

    def adjusted_sources(self, symbol: str) -> tuple[str, ...]:
        """Return which vendors adjusted daily bars of `symbol`, sorted."""
        return vendor_bars.sources(self.root, symbol)

    def adjusted_bars(self, symbol: str, source: str | None = None) -> pl.DataFrame:
        """Return daily bars that `source` adjusted, or the only one that did; CatalogError without one, or a choice."""
        return vendor_bars.bars(self.root, symbol, source)

    def actions(self) -> pl.DataFrame:
        """Return the corporate actions, with the columns of `adjust.ACTIONS`; none where the catalog has no file."""
        path = self.root / "actions.parquet"
        return read(path) if path.exists() else pl.DataFrame(schema=adjust.ACTIONS)

    # ── Out of it ────────────────────────────────────────────────────────────────────────────────────────────────────

    def events(
        self,
        symbols: Sequence[str],
        resolution: str | None = None,
        first: datetime.date | None = None,
        last: datetime.date | None = None,
        clocks: bool = True,
        adjusted: bool = False,
    ) -> tuple[Universe, EventArray]:
        """Return the events of `symbols` from `first` to `last`, both included, by (time_ns, instrument).

        `resolution` is `tick`, `1m` or `1d`; without one, the finest that all symbols have. `clocks` adds those of
        `with_clocks`. With `adjusted`, prices and volumes are as they read on the last day, after the corporate actions
        up to then. Instruments are as of the last day. A contract without a file of its own comes from the days of
        contracts, with a daily bar for each day on which it traded.

        Every event is valid and lies in a session of its instrument; daily bars, whatever their instrument, belong to
        the day of the exchange and are known when it ends. Raises CatalogError where the catalog does not hold what is
        asked, saying what it does hold, and EventError where a file breaks the rules.
        """
        registry = self.registry(last)
        contracts = self._contracts_of(symbols, first, last) if resolution in (None, "1d") else {}
        self._refuse_unknown([symbol for symbol in symbols if symbol not in contracts], registry)
        chosen = self._finest(symbols, contracts) if resolution is None else known(resolution)
        universe = Universe(self._instrument(symbol, contracts, registry) for symbol in symbols)
        frames = [self._rows(symbol, chosen, first, last, contracts) for symbol in universe.symbols]
        if chosen == "1d":
            universe, frames = of_days(universe, frames)
        if adjusted:
            frames = self._adjusted(frames, universe, last)
        return universe, assembled(universe, frames, chosen, clocks)

    def _adjusted(
        self, frames: Sequence[pl.DataFrame], universe: Universe, as_of: datetime.date | None
    ) -> list[pl.DataFrame]:
        """Return the rows of each instrument as they read on a day; without one, on the last of all."""
        last = as_of or ist_date(max(rows["time_ns"][-1] for rows in frames))
        actions = self.actions()
        return [
            adjust.adjusted(rows, symbol, actions, last) for rows, symbol in zip(frames, universe.symbols, strict=True)
        ]

    def _refuse_unknown(self, symbols: Sequence[str], registry: Registry) -> None:
        """Raise CatalogError for a symbol that is neither listed nor held, with what was perhaps meant."""
        if not len(registry) and not contract_days.exchanges(self.root):
            raise self._empty()
        for symbol in symbols:
            if symbol not in registry and not self.resolutions(symbol):
                names = [*registry.symbols, *contract_days.newest_symbols(self.root)]
                raise CatalogError(f"{symbol} is not in the catalog{close_matches(symbol, names)}")

    def _instrument(self, symbol: str, contracts: Mapping[str, pl.DataFrame], registry: Registry) -> Instrument:
        """Return an instrument of a run, a contract with the lot that it had on its days."""
        elsewhere = {} if symbol in contracts or symbol in registry else self._contracts_of([symbol])
        days = contracts.get(symbol, elsewhere.get(symbol))
        return registry[symbol] if days is None else contract_days.instrument(days, registry.get(symbol))

    def _finest(self, symbols: Sequence[str], contracts: Mapping[str, pl.DataFrame]) -> str:
        """Return the finest resolution that all instruments have; CatalogError, saying what each has, if none."""
        held = {
            symbol: (*self._filed(symbol), "1d") if symbol in contracts else self.resolutions(symbol)
            for symbol in symbols
        }
        common = [resolution for resolution in RESOLUTIONS if all(resolution in each for each in held.values())]
        if not common:
            each = "; ".join(f"{symbol}: {', '.join(found) or 'none'}" for symbol, found in held.items())
            raise CatalogError(f"no resolution is common to all instruments asked for ({each})")
        return common[0]

    def _rows(
        self,
        symbol: str,
        resolution: str,
        first: datetime.date | None,
        last: datetime.date | None,
        contracts: Mapping[str, pl.DataFrame],
    ) -> pl.DataFrame:
        """Return the rows of one instrument as events take them; CatalogError if the range holds none."""
        path = series.path_of(self.root, symbol, resolution)
        if symbol in contracts:
            rows = contract_days.bars(contracts[symbol])
        elif path.exists():
            rows = series.read(path, resolution, first, last)
        else:
            rows = pl.DataFrame()
        if not len(rows):
            held_first, held_last = self.span(symbol, resolution)
            asked = f"from {first or 'the beginning'} to {last or 'the end'}"
            raise CatalogError(
                f"the catalog holds no {resolution} data of {symbol} {asked}: it has {held_first} to {held_last}"
            )
        return rows

    def _contracts_of(
        self, symbols: Sequence[str], first: datetime.date | None = None, last: datetime.date | None = None
    ) -> dict[str, pl.DataFrame]:
        """Return the days of each contract among `symbols` that has no daily file of its own, in order."""
        unfiled = [symbol for symbol in symbols if "1d" not in self._filed(symbol)]
        return contract_days.of_symbols(self.root, unfiled, first, last)

    # ── Into it ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def register(self, instruments: Sequence[Instrument], since: datetime.date | None = None) -> None:
        """Note what is known of instruments from an IST day on; without one, in place of what is known last.

        An instrument of which nothing is known yet is then taken to have been so from the beginning. Listings of an
        earlier day than the newest hold until the next day that is known. Registering the same twice changes nothing.
        """
        with locked(self.root):
            before = self.listings()
            after = merged(before, instruments, since)
            if not after.equals(before):
                write(after, self.root / "instruments.parquet")

    def store(self, symbol: str, resolution: str, rows: pl.DataFrame) -> Stored:
        """Merge `rows`, in order of time, into the file of one instrument; what is there is never changed.

        A bar is new when there is none of its time, or of its day if it is daily, a tick when it lies outside the
        stretch that is recorded of its day. Rows that are not new are `present` if they equal what is stored, and
        otherwise `conflicts`.
        """
        with locked(self.root):
            return series.store(series.path_of(self.root, symbol, known(resolution)), resolution, rows)

    def store_contracts(self, exchange: str, date: datetime.date, rows: pl.DataFrame) -> Stored:
        """Merge the futures and options of one exchange and day, with the columns of CONTRACT_COLUMNS, by symbol."""
        with locked(self.root):
            return contract_days.store(self.root, exchange, date, rows)

    def store_adjusted(self, symbol: str, rows: pl.DataFrame, source: str = "vendor") -> Stored:
        """Merge daily bars that `source` adjusted; they are kept beside the truth and never become events.

        Where rows contradict those that are kept, they are of another scale, and all of them are `conflicts`.
        """
        with locked(self.root):
            return vendor_bars.store(self.root, symbol, source, rows)

    def store_actions(self, rows: pl.DataFrame) -> Stored:
        """Merge corporate actions, with the columns of `adjust.ACTIONS`, by symbol and ex-date."""
        with locked(self.root):
            return merge(self.root / "actions.parquet", rows, adjust.ACTIONS.names(), ["symbol", "ex_date"])

    def latest(self, symbol: str) -> tuple[int, int] | None:
        """Return the time and price of the last row of `symbol` at any resolution; None if it has none."""
        paths = {resolution: series.path_of(self.root, symbol, resolution) for resolution in self._filed(symbol)}
        return max((series.newest(path, resolution) for resolution, path in paths.items()), default=None)

    def quarantine(self, name: str, rows: pl.DataFrame) -> None:
        """Keep the refused rows of one source under `name`, in place of those kept before."""
        path = self.root / "quarantine" / f"{name}.parquet"
        with locked(self.root):
            if len(rows):
                write(rows, path)
            else:
                path.unlink(missing_ok=True)

    def clear_leftovers(self) -> None:
        """Delete the parts of files that writers left behind when they were killed."""
        with locked(self.root):
            for part in self.root.rglob("*.partial"):
                part.unlink()

    def _filed(self, symbol: str) -> tuple[str, ...]:
        """Return the resolutions of which `symbol` has a file, finest first."""
        return tuple(each for each in RESOLUTIONS if series.path_of(self.root, symbol, each).exists())

    def _empty(self) -> CatalogError:
        return CatalogError(f"the catalog at {self.root} is empty: fill it with `alpha-panda data ingest FILE`")
