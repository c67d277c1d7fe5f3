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
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from alpha_panda.data import adjust, contract_days
from alpha_panda.data.events import EventArray, bars, sessions_around, ticks, validate, with_clocks
from alpha_panda.data.files import DAY, Stored, merge, merge_ticks, write
from alpha_panda.data.listings import Registry, in_force, merged, read_listings
from alpha_panda.errors import CatalogError
from alpha_panda.instruments import Instrument, Universe
from alpha_panda.kernels.clock import NEVER_NS
from alpha_panda.sessions import at_day_close, day_calendar
from alpha_panda.units import ist_date, ist_time_ns

RESOLUTIONS = ("tick", "1m", "1d")
"""What a catalog can hold, finest first."""

BAR_COLUMNS = ("time_ns", "open_e4", "high_e4", "low_e4", "close_e4", "volume")
TICK_COLUMNS = ("time_ns", "price_e4", "volume_day", "bid_e4", "ask_e4", "open_interest")
"""What each kind of file holds, all int64; `volume_day` is what traded since the day began."""

_FOLDERS = {"tick": "ticks", "1m": "bars/1m", "1d": "bars/1d"}


class Catalog:
    """The Parquet files under one folder; nothing is kept in memory, so that several processes may read at once."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root

    def __repr__(self) -> str:
        return f"Catalog({str(self.root)!r})"

    # ── What there is ────────────────────────────────────────────────────────────────────────────────────────────────

    def registry(self, on: datetime.date | None = None) -> Registry:
        """Return the instruments as of an IST day, without one as they are known last; none for an empty catalog.

        What is first known of an instrument stands for the days before.
        """
        return Registry(in_force(self.listings(), on))

    def listings(self) -> pl.DataFrame:
        """Return all that was ever known of instruments, by symbol and day: their terms, and `since` when."""
        return read_listings(self.root / "instruments.parquet")

    def symbols(self, resolution: str | None = None) -> tuple[str, ...]:
        """Return the symbols that have data of `resolution`, or of any, sorted."""
        asked = RESOLUTIONS if resolution is None else (_known(resolution),)
        paths = [path for each in asked for path in (self.root / _FOLDERS[each]).glob("*/*.parquet")]
        return tuple(sorted({f"{path.parent.name}:{path.stem}" for path in paths}))

    def resolutions(self, symbol: str) -> tuple[str, ...]:
        """Return the resolutions in which the catalog holds `symbol`, finest first."""
        return tuple(resolution for resolution in RESOLUTIONS if self._path(symbol, resolution).exists())

    def span(self, symbol: str, resolution: str) -> tuple[datetime.date, datetime.date]:
        """Return the first and last IST date of `symbol`; CatalogError, saying what there is, if it has none."""
        path = self._path(symbol, _known(resolution))
        if not path.exists():
            held = " and ".join(self.resolutions(symbol))
            raise CatalogError(
                f"the catalog holds no {resolution} data of {symbol}, {f'but {held}' if held else 'nor any'}"
            )
        times = pl.scan_parquet(path).select(first=pl.col("time_ns").min(), last=pl.col("time_ns").max()).collect()
        return ist_date(times["first"][0]), ist_date(times["last"][0])

    def tradable(
        self, resolution: str | None = None, first: datetime.date | None = None, last: datetime.date | None = None
    ) -> tuple[str, ...]:
        """Return what has data of `resolution` between two days, both included, but for indices.

        CatalogError where the resolution would be a guess, or where there is nothing.
        """
        held = sorted({each for symbol in self.symbols() for each in self.resolutions(symbol)})
        if not held:
            raise CatalogError(f"the catalog at {self.root} is empty: fill it with `alpha-panda data ingest FILE`")
        if resolution is None and len(held) > 1:
            raise CatalogError(f"the catalog holds {' and '.join(held)} data: name one of them as the resolution")
        chosen = resolution or held[0]
        indices = set(self.listings().filter(pl.col("kind") == "INDEX")["symbol"])
        found = tuple(
            symbol
            for symbol in self.symbols(chosen)
            if symbol not in indices and self._has_rows(symbol, chosen, first, last)
        )
        if not found:
            span = f"from {first or 'its beginning'} to {last or 'its end'}"
            raise CatalogError(f"the catalog at {self.root} holds no {chosen} data {span}")
        return found

    def _has_rows(self, symbol: str, resolution: str, first: datetime.date | None, last: datetime.date | None) -> bool:
        """Say whether an instrument has data between two days; it may have some on either side and a hole between."""
        since_ns = ist_time_ns(first) if first else 0
        until_ns = ist_time_ns(last + datetime.timedelta(days=1)) if last else NEVER_NS
        within = pl.col("time_ns").is_between(since_ns, until_ns, closed="left")
        return bool(pl.scan_parquet(self._path(symbol, resolution)).select(within.any()).collect().item())

    def adjusted_sources(self, symbol: str) -> tuple[str, ...]:
        """Return who adjusted daily bars of `symbol`, sorted."""
        found = (self.root / "adjusted" / "1d").glob("*")
        return tuple(sorted(path.name for path in found if self._adjusted_path(symbol, path.name).exists()))

    def adjusted_bars(self, symbol: str, source: str | None = None) -> pl.DataFrame:
        """Return daily bars that `source` adjusted, or the only one that did; CatalogError if that is not to be told."""
        held = self.adjusted_sources(symbol)
        if source not in held and (source is not None or len(held) != 1):
            told = f"those of {' and '.join(held)}: name one of them" if held else "none"
            raise CatalogError(
                f"the catalog holds no adjusted bars of {symbol} by {source or 'one source'}, but {told}"
            )
        return pl.read_parquet(self._adjusted_path(symbol, source or held[0]))

    def actions(self) -> pl.DataFrame:
        """Return the corporate actions, with the columns of `adjust.ACTIONS`; none where the catalog has no file."""
        path = self.root / "actions.parquet"
        return pl.read_parquet(path) if path.exists() else pl.DataFrame(schema=adjust.ACTIONS)

    def contracts(
        self, exchange: str, first: datetime.date | None = None, last: datetime.date | None = None
    ) -> pl.LazyFrame:
        """Return the futures and options of an exchange, each day with its `date`, as far as they are then read."""
        return contract_days.scan(self.root, exchange, first, last)

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
        up to then. Every event is valid and lies in a session of its instrument; daily bars, whatever their instrument,
        belong to the day of the exchange and are known when it ends. Raises CatalogError where the catalog does not
        hold what is asked, saying what it does hold, and EventError where a file breaks the rules.
        """
        registry = self.registry()
        if not len(registry):
            raise CatalogError(f"the catalog at {self.root} is empty: fill it with `alpha-panda data ingest FILE`")
        universe = registry.universe(symbols)
        chosen = self._finest(universe) if resolution is None else _known(resolution)
        frames = [self._rows(instrument.symbol, chosen, first, last) for instrument in universe]
        if chosen == "1d":
            frames = [_known_at_day_close(rows, item.calendar) for rows, item in zip(frames, universe, strict=True)]
            universe = Universe(replace(item, calendar=day_calendar(item.calendar)) for item in universe)
        if adjusted:
            frames = self._adjusted(frames, universe, last)
        numbered = [frame.with_columns(instrument=pl.lit(index, pl.Int16)) for index, frame in enumerate(frames)]
        rows = pl.concat(numbered).sort("time_ns", "instrument", maintain_order=True).rechunk()
        columns = {name: rows[name].to_numpy() for name in rows.columns}
        events = ticks(universe, **columns) if chosen == "tick" else bars(universe, **columns)
        table = sessions_around(universe, events, "correct its calendar in the catalog, or ingest its data anew")
        events = with_clocks(events, table) if clocks else events
        validate(events, universe)
        return universe, events

    def _adjusted(
        self, frames: Sequence[pl.DataFrame], universe: Universe, as_of: datetime.date | None
    ) -> list[pl.DataFrame]:
        """Return the rows of each instrument as they read on a day; without one, on the last of all."""
        last = as_of or ist_date(max(rows["time_ns"][-1] for rows in frames))
        actions = self.actions()
        return [
            adjust.adjusted(rows, symbol, actions, last) for rows, symbol in zip(frames, universe.symbols, strict=True)
        ]

    def _finest(self, universe: Universe) -> str:
        """Return the finest resolution that all instruments have; CatalogError, saying what each has, if none."""
        held = {instrument.symbol: self.resolutions(instrument.symbol) for instrument in universe}
        common = [resolution for resolution in RESOLUTIONS if all(resolution in each for each in held.values())]
        if not common:
            each = "; ".join(f"{symbol}: {', '.join(found) or 'none'}" for symbol, found in held.items())
            raise CatalogError(f"no resolution is common to all instruments asked for ({each})")
        return common[0]

    def _rows(
        self, symbol: str, resolution: str, first: datetime.date | None, last: datetime.date | None
    ) -> pl.DataFrame:
        """Return the rows of one instrument as `bars` or `ticks` take them; CatalogError if the range holds none."""
        held_first, held_last = self.span(symbol, resolution)
        since, until = first or held_first, last or held_last
        within = pl.col("time_ns").is_between(
            ist_time_ns(since), ist_time_ns(until + datetime.timedelta(days=1)), closed="left"
        )
        rows = pl.read_parquet(self._path(symbol, resolution)).filter(within)
        if not len(rows):
            raise CatalogError(
                f"the catalog holds no {resolution} data of {symbol} from {since} to {until}: "
                f"it has {held_first} to {held_last}"
            )
        if resolution != "tick":
            return rows
        # What traded before the first tick of a day was not seen happening, so it is no tick's volume.
        traded = pl.col("volume_day").diff().over(DAY).fill_null(0)
        return rows.with_columns(volume=traded).drop("volume_day")

    # ── Into it ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def register(self, instruments: Sequence[Instrument], since: datetime.date | None = None) -> None:
        """Note what is known of instruments from an IST day on; without one, in place of what is known last.

        An instrument of which nothing is known yet is then taken to have been so from the beginning. Listings of an
        earlier day than the newest hold until the next day that is known. Registering the same twice changes nothing.
        """
        before = self.listings()
        after = merged(before, instruments, since)
        if not after.equals(before):
            write(after, self.root / "instruments.parquet")

    def store(self, symbol: str, resolution: str, rows: pl.DataFrame) -> Stored:
        """Merge `rows`, in order of time, into the file of one instrument; what is there is never changed.

        A bar is new when there is none of its time, a tick when it lies outside the stretch that is recorded of its
        day. Rows that are not new are `present` if they equal what is stored, and otherwise `conflicts`.
        """
        path = self._path(symbol, _known(resolution))
        if resolution == "tick":
            return merge_ticks(path, rows, TICK_COLUMNS)
        return merge(path, rows, BAR_COLUMNS, ["time_ns"])

    def store_contracts(self, exchange: str, date: datetime.date, rows: pl.DataFrame) -> Stored:
        """Merge the futures and options of one exchange and day, with the columns of CONTRACT_COLUMNS, by symbol."""
        return contract_days.store(self.root, exchange, date, rows)

    def store_adjusted(self, symbol: str, rows: pl.DataFrame, source: str = "vendor") -> Stored:
        """Merge daily bars that `source` adjusted; they are kept beside the truth and never become events.

        Each source has its own file, since two of them, or one before and after a split, are on different scales.
        """
        return merge(self._adjusted_path(symbol, source), rows, BAR_COLUMNS, ["time_ns"])

    def store_actions(self, rows: pl.DataFrame) -> Stored:
        """Merge corporate actions, with the columns of `adjust.ACTIONS`, by symbol and ex-date."""
        return merge(self.root / "actions.parquet", rows, adjust.ACTIONS.names(), ["symbol", "ex_date"])

    def latest(self, symbol: str) -> tuple[int, int] | None:
        """Return the time and price of the last row of `symbol` at any resolution; None if it has none."""
        found: list[tuple[int, int]] = []
        for resolution in self.resolutions(symbol):
            price = "price_e4" if resolution == "tick" else "close_e4"
            tail = pl.scan_parquet(self._path(symbol, resolution)).select("time_ns", price).tail(1).collect()
            found.extend(tail.rows())
        return max(found, default=None)

    def quarantine(self, name: str, rows: pl.DataFrame) -> None:
        """Keep the refused rows of one source under `name`, in place of those kept before."""
        path = self.root / "quarantine" / f"{name}.parquet"
        if len(rows):
            write(rows, path)
        else:
            path.unlink(missing_ok=True)

    def _adjusted_path(self, symbol: str, source: str) -> pathlib.Path:
        exchange, _, name = symbol.partition(":")
        return self.root / "adjusted" / "1d" / source / exchange / f"{name}.parquet"

    def _path(self, symbol: str, resolution: str) -> pathlib.Path:
        exchange, _, name = symbol.partition(":")
        return self.root / _FOLDERS[resolution] / exchange / f"{name}.parquet"


def _known(resolution: str) -> str:
    if resolution not in RESOLUTIONS:
        raise CatalogError(f"{resolution!r} is not a resolution of the catalog: choose one of {', '.join(RESOLUTIONS)}")
    return resolution


def _known_at_day_close(rows: pl.DataFrame, calendar: str) -> pl.DataFrame:
    """Return daily bars at the end of their day, by the hours that are known now and not when they were stored."""
    return rows.with_columns(time_ns=pl.Series(at_day_close(calendar, rows["time_ns"].to_numpy())))
