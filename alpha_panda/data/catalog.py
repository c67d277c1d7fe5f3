"""The catalog: a folder of Parquet files that is the truth about the past, and the way out of it as event arrays.

    instruments.parquet              what is known of each instrument
    bars/1m/NSE/RELIANCE.parquet     one file per resolution and instrument, in order of time
    bars/1d/…  ticks/…
    quarantine/<file>.parquet        rows of a source that were refused, each with its reason

Prices are int64 E4, times int64 nanoseconds UTC; a bar's time is its close. Ticks keep the day's cumulative volume. A
file is replaced whole or not at all, and storing the same rows twice changes nothing.
"""

import datetime
import os
import pathlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

import polars as pl

from alpha_panda.data.events import EventArray, bars, ticks, validate, with_clocks
from alpha_panda.errors import CatalogError, EventError
from alpha_panda.instruments import INDEX_NAMES, Instrument, Registry, Universe
from alpha_panda.kernels.clock import NEVER_NS
from alpha_panda.kernels.records import BAR
from alpha_panda.sessions import SessionArray, inside
from alpha_panda.units import DAY_NS, IST_OFFSET_NS, ist_date, ist_datetime, ist_time_ns

RESOLUTIONS = ("tick", "1m", "1d")
"""What a catalog can hold, finest first."""

BAR_COLUMNS = ("time_ns", "open_e4", "high_e4", "low_e4", "close_e4", "volume")
TICK_COLUMNS = ("time_ns", "price_e4", "volume_day", "bid_e4", "ask_e4", "open_interest")
"""What each kind of file holds, all int64; `volume_day` is what traded since the day began."""

_FOLDERS = {"tick": "ticks", "1m": "bars/1m", "1d": "bars/1d"}
_DAY = ((pl.col("time_ns") + IST_OFFSET_NS) // DAY_NS).alias("day")


class Stored(NamedTuple):
    """What became of rows given to the catalog: how many are new, how many it had, and which contradict it."""

    written: int
    present: int
    conflicts: pl.DataFrame


class Catalog:
    """The Parquet files under one folder; nothing is kept in memory, so that several processes may read at once."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root

    def __repr__(self) -> str:
        return f"Catalog({str(self.root)!r})"

    # ── What there is ────────────────────────────────────────────────────────────────────────────────────────────────

    def registry(self) -> Registry:
        """Return every instrument that the catalog knows; none for an empty catalog."""
        path = self.root / "instruments.parquet"
        rows = pl.read_parquet(path).rows(named=True) if path.exists() else []
        return Registry(Instrument(**row) for row in rows)

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
        found = tuple(
            symbol
            for symbol in self.symbols(chosen)
            if symbol.partition(":")[2] not in INDEX_NAMES and self._has_rows(symbol, chosen, first, last)
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

    # ── Out of it ────────────────────────────────────────────────────────────────────────────────────────────────────

    def events(
        self,
        symbols: Sequence[str],
        resolution: str | None = None,
        first: datetime.date | None = None,
        last: datetime.date | None = None,
        clocks: bool = True,
    ) -> tuple[Universe, EventArray]:
        """Return the events of `symbols` from `first` to `last`, both included, by (time_ns, instrument).

        `resolution` is `tick`, `1m` or `1d`; without one, the finest that all symbols have. `clocks` adds those of
        `with_clocks`. Every event is valid and lies in a session of its instrument. Raises CatalogError where the
        catalog does not hold what is asked, saying what it does hold, and EventError where a file breaks the rules.
        """
        registry = self.registry()
        if not len(registry):
            raise CatalogError(f"the catalog at {self.root} is empty: fill it with `alpha-panda data ingest FILE`")
        universe = registry.universe(symbols)
        chosen = self._finest(universe) if resolution is None else _known(resolution)
        frames = [self._rows(instrument.symbol, chosen, first, last) for instrument in universe]
        numbered = [frame.with_columns(instrument=pl.lit(index, pl.Int16)) for index, frame in enumerate(frames)]
        rows = pl.concat(numbered).sort("time_ns", "instrument", maintain_order=True).rechunk()
        columns = {name: rows[name].to_numpy() for name in rows.columns}
        events = ticks(universe, **columns) if chosen == "tick" else bars(universe, **columns)
        table = _refuse_outside_sessions(universe, events)
        events = with_clocks(events, table) if clocks else events
        validate(events, universe)
        return universe, events

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
        traded = pl.col("volume_day").diff().over(_DAY).fill_null(0)
        return rows.with_columns(volume=traded).drop("volume_day")

    # ── Into it ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def register(self, instruments: Sequence[Instrument]) -> None:
        """Add instruments, or replace those of the same symbol."""
        before = self.registry()
        after = before.upsert(instruments)
        if list(after) != list(before):
            _write(pl.DataFrame([asdict(instrument) for instrument in after]), self.root / "instruments.parquet")

    def store(self, symbol: str, resolution: str, rows: pl.DataFrame) -> Stored:
        """Merge `rows`, in order of time, into the file of one instrument; what is there is never changed.

        A bar is new when there is none of its time. A tick is new when it lies outside the stretch that is recorded of
        its day: ticks have no key, so two recordings of one stretch cannot be told from one. Rows that are not new are
        `present` if they equal what is stored, and otherwise `conflicts`.
        """
        path = self._path(symbol, _known(resolution))
        columns = TICK_COLUMNS if resolution == "tick" else BAR_COLUMNS
        if not path.exists():
            _write(rows.select(columns), path)
            return Stored(len(rows), 0, rows.clear())
        stored = pl.read_parquet(path)
        fresh, known = _outside_recorded(rows, stored) if resolution == "tick" else _without_bar(rows, stored)
        if len(fresh):
            _write(pl.concat([stored, fresh.select(columns)]).sort("time_ns", maintain_order=True), path)
        conflicts = known.join(stored, on=columns, how="anti", maintain_order="left")
        return Stored(len(fresh), len(known) - len(conflicts), conflicts)

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
            _write(rows, path)
        else:
            path.unlink(missing_ok=True)

    def _path(self, symbol: str, resolution: str) -> pathlib.Path:
        exchange, _, name = symbol.partition(":")
        return self.root / _FOLDERS[resolution] / exchange / f"{name}.parquet"


def _known(resolution: str) -> str:
    if resolution not in RESOLUTIONS:
        raise CatalogError(f"{resolution!r} is not a resolution of the catalog: choose one of {', '.join(RESOLUTIONS)}")
    return resolution


def _without_bar(rows: pl.DataFrame, stored: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split bars into those of times that have none yet and those of times that have one."""
    fresh = rows.join(stored, on="time_ns", how="anti", maintain_order="left")
    return fresh, rows.join(stored, on="time_ns", how="semi", maintain_order="left")


def _outside_recorded(rows: pl.DataFrame, stored: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split ticks into those outside and those inside the stretch that is recorded of their day."""
    stretches = stored.group_by(_DAY).agg(first=pl.col("time_ns").min(), last=pl.col("time_ns").max())
    held = rows.with_columns(_DAY).join(stretches, on="day", how="left", maintain_order="left")
    recorded = pl.col("time_ns").is_between("first", "last").fill_null(value=False)
    return held.filter(~recorded).drop("day", "first", "last"), held.filter(recorded).drop("day", "first", "last")


def _refuse_outside_sessions(universe: Universe, events: EventArray) -> SessionArray:
    """Return the sessions of these events; EventError naming one outside them, which no strategy would ever see."""
    instruments, table = universe.records(ist_date(events["time_ns"][0]), ist_date(events["time_ns"][-1]))
    happened_ns = events["time_ns"] - (events["kind"] == BAR)  # a bar known at the close happened before it
    for start, stop in set(zip(instruments["sessions_start"], instruments["sessions_stop"], strict=True)):
        of_calendar = (instruments["sessions_start"] == start)[events["instrument"]]
        outside = of_calendar & ~inside(table[start:stop], happened_ns)
        if outside.any():
            event = events[outside][0]
            found = universe[int(event["instrument"])]
            raise EventError(
                f"{found.symbol} has an event at {ist_datetime(event['time_ns']):%Y-%m-%d %H:%M:%S} IST, "
                f"when {found.calendar} is closed: correct its calendar in the catalog, or ingest its data anew"
            )
    return table


def _write(frame: pl.DataFrame, path: pathlib.Path) -> None:
    """Replace `path` by `frame` in one step: a crash leaves the old file or the new one, and never a part of either."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            frame.write_parquet(file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
