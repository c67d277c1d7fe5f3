"""Ingesting files: recognise, read, check, store, and report what became of every row."""

import datetime
import functools
import pathlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from alpha_panda.data import series
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest import broker, opening, vendor
from alpha_panda.data.ingest.defects import Defect, check_bars, check_contracts, check_ticks, share_in_session
from alpha_panda.data.ingest.listing import with_instruments
from alpha_panda.data.ingest.reading import Given, Reading, Zone, date_of
from alpha_panda.data.ingest.report import FileReport, IngestReport
from alpha_panda.data.ingest.sources import BARS, Source, recognise
from alpha_panda.data.ingest.storing import Batch, Outcome, store_contracts
from alpha_panda.errors import DataError
from alpha_panda.units import DAY_NS, E4, IST_OFFSET_NS

Progress = Callable[[int, int, str], None]
"""Told how many files are done, of how many, and the file that is read or the instrument that is stored."""

_ROUNDING = 0.002  # of a price, by which two sources may differ that mean the same
_BARS = {("1m", False): "one-minute bars", ("1d", False): "daily bars", ("1d", True): "daily bars, adjusted"}
_RESOLUTIONS = {
    **{(each, False): each for each in series.RESOLUTIONS},
    ("1d", True): "1d adjusted",
    ("contracts", False): "1d",
    ("instruments", False): None,
}
"""What the quarantine says of rows, by what they hold and whether they are adjusted."""

_IN_SESSION, _OUT_OF_SESSION = 0.9, 0.5  # shares of rows that tell a wrong time zone from bad rows


def _unheard(done: int, total: int, label: str) -> None:
    """Tell nobody."""


def ingest(
    paths: Sequence[pathlib.Path],
    catalog: Catalog,
    progress: Progress = _unheard,
    *,
    symbol: str | None = None,
    adjusted: bool | None = None,
    on: datetime.date | None = None,
    zone: Zone | None = None,
    columns: Mapping[str, str] | None = None,
    lot: int | None = None,
) -> IngestReport:
    """Merge files, and those in folders, into `catalog`; doing it twice changes nothing.

    A file's kind is told from its content. What files do not say themselves, the caller may: the `symbol` of candles
    that name none, whether daily bars are `adjusted` for corporate actions, `on` which day a list was made, the `zone`
    of stamps without one (IST if not given), what a vendor calls our `columns`, and the `lot` of contracts.

    Rows with a defect go to the catalog's quarantine. Raises DataError for a path that is absent and for a named file
    in which there is nothing to ingest; a file found in a folder is then passed over and reported.
    """
    unknown = sorted(set(columns or {}) - set(vendor.USUAL))
    if unknown:
        raise DataError(f"{unknown[0]} is no column of ours to map: those are {', '.join(vendor.USUAL)}")
    given = Given(symbol, adjusted, on, zone, columns or {}, lot)
    recognised, passed_over = _recognise_all(paths, given, catalog)
    if catalog.root.exists():
        catalog.clear_leftovers()
    ingestion = _Ingestion(catalog, given)
    for done, (path, source) in enumerate(sorted(recognised.items(), key=lambda item: item[1].priority)):
        tell = functools.partial(progress, done, len(recognised))
        tell(path.name)
        try:
            ingestion.take(path, source, tell)
        except DataError as error:
            if path in paths:
                raise
            passed_over[path] = str(error)
    tell = functools.partial(progress, len(recognised), len(recognised))
    reports = ingestion.finish(tell)
    tell("done")
    return IngestReport(tuple(reports[path] for path in recognised if path in reports), passed_over)


def _recognise_all(
    paths: Sequence[pathlib.Path], given: Given, catalog: Catalog
) -> tuple[dict[pathlib.Path, Source], dict[pathlib.Path, str]]:
    """Return the kind of each file, and of those in folders that have none, why."""
    recognised: dict[pathlib.Path, Source] = {}
    passed_over: dict[pathlib.Path, str] = {}
    for path in paths:
        if not path.exists():
            raise DataError(f"{path} does not exist: name a file, or a folder of them")
        for file in _files_in(path, catalog) if path.is_dir() else [path]:
            try:
                recognised[file] = recognise(file, opening.columns_of(file), given)
            except DataError as error:
                if not path.is_dir():
                    raise
                passed_over[file] = str(error)
    if not recognised and not passed_over:
        raise DataError(f"there is nothing to ingest in {', '.join(map(str, paths)) or 'no path at all'}")
    return recognised, passed_over


def _files_in(folder: pathlib.Path, catalog: Catalog) -> list[pathlib.Path]:
    """Return the files below a folder, but for those of the catalog itself."""
    own = catalog.root.resolve()
    return sorted(path for path in folder.rglob("*") if path.is_file() and own not in path.resolve().parents)


@dataclass
class _Taken:
    """A file that was read and checked; what becomes of its good rows is known when its batch is stored."""

    source: str
    symbols: tuple[str, ...]
    rows: int
    refused: pl.DataFrame  # row, symbol and defect
    kept: pl.DataFrame  # the same rows as they stand in the file
    resolution: str | None  # of all its rows
    outcome: Outcome


class _Ingestion:
    """One call of `ingest`: files go in one after another, and come out as reports when all is stored."""

    def __init__(self, catalog: Catalog, given: Given) -> None:
        self._catalog = catalog
        self._given = given
        self._registry = catalog.registry()
        self._taken: dict[pathlib.Path, _Taken] = {}
        self._batches: dict[tuple[str, str | None], Batch] = {}

    def take(self, path: pathlib.Path, source: Source, tell: Callable[[str], None]) -> None:
        """Read and check a file and pass on its good rows; DataError, saying why, for one that cannot be taken."""
        frame = _load(path)
        try:
            if self._given.symbol is not None and not source.takes_symbol:
                raise DataError(f"it names its instruments itself: leave out --symbol {self._given.symbol}")
            rows, empty = _split(frame)
            reading = source.read(rows, path, self._given, self._registry)
            checked, outcome = self._pass_on(reading, path, tell)
        except (DataError, pl.exceptions.PolarsError) as error:
            raise DataError(f"{path} cannot be ingested as {source.name}: {' '.join(str(error).split())}") from error
        refused = pl.concat([empty, checked.drop_nulls("defect").select(empty.columns)])
        good = checked.filter(pl.col("defect").is_null())["symbol"]
        symbols = tuple(good.unique().sort().to_list())
        kind = _BARS[reading.holds, bool(reading.adjusted)] if source is BARS else source.name
        resolution = _RESOLUTIONS[reading.holds, bool(reading.adjusted)]
        self._taken[path] = _Taken(kind, symbols, len(frame), refused, _kept(frame, refused), resolution, outcome)

    def finish(self, tell: Callable[[str], None]) -> dict[pathlib.Path, FileReport]:
        """Store what still waits and return the report of each file."""
        for batch in self._batches.values():
            batch.store(self._catalog, tell)
        return {path: self._report(path, taken) for path, taken in self._taken.items()}

    def _pass_on(
        self, reading: Reading, path: pathlib.Path, tell: Callable[[str], None]
    ) -> tuple[pl.DataFrame, Outcome]:
        """Return the checked rows, and the outcome of the good ones, which may still be open."""
        if reading.holds == "instruments":
            checked = broker.check_instruments(reading.rows)
            good = checked.filter(pl.col("defect").is_null())
            written = broker.store_instruments(self._catalog, good, date_of(path, self._given))
            self._registry = self._catalog.registry()
            return checked, Outcome(written, len(good) - written)
        if reading.holds == "contracts":
            checked = check_contracts(reading.rows)
            return checked, store_contracts(self._catalog, checked.filter(pl.col("defect").is_null()))
        return self._pass_on_series(reading, path, tell)

    def _pass_on_series(
        self, reading: Reading, path: pathlib.Path, tell: Callable[[str], None]
    ) -> tuple[pl.DataFrame, Outcome]:
        rows, contracts = with_instruments(reading, self._catalog, self._registry, self._given)
        if reading.adjusted is None:
            _refuse_to_guess(rows, self._catalog)
        if reading.holds != "1d":
            _refuse_other_zone(rows, self._given.zone)
        checked = check_ticks(rows) if reading.holds == "tick" else check_bars(rows, reading.holds)
        key = (reading.holds, _stem(path) if reading.adjusted else None)
        batch = self._batches.setdefault(key, Batch(*key))
        outcome = batch.add(checked.filter(pl.col("defect").is_null()), contracts)
        if batch.is_full:
            self._batches.pop(key).store(self._catalog, tell)
        return checked, outcome

    def _report(self, path: pathlib.Path, taken: _Taken) -> FileReport:
        refused, kept = taken.refused, taken.kept
        conflicts = [rows.with_columns(defect=pl.lit(str(Defect.CONFLICT))) for rows in taken.outcome.conflicts]
        if any(map(len, conflicts)):
            refused = pl.concat([refused, *conflicts])
            kept = _kept(_load(path), refused)
        kept = kept.with_columns(resolution=pl.lit(taken.resolution, pl.String))
        self._catalog.quarantine(f"{path.stem}-{opening.fingerprint(path)}", kept)
        return FileReport(
            path=path,
            source=taken.source,
            symbols=taken.symbols,
            rows=taken.rows,
            written=taken.outcome.written,
            present=taken.outcome.present,
            quarantined=dict(sorted(Counter(refused["defect"]).items())),
        )


def _load(path: pathlib.Path) -> pl.DataFrame:
    """Return the rows of a file, where a column that has a name of ours gets another."""
    return _renamed(opening.load(path), ("row", "defect"))


def _renamed(frame: pl.DataFrame, ours: Collection[str]) -> pl.DataFrame:
    return frame.rename({name: f"{name}_given" for name in frame.columns if opening.plain(name) in ours})


def _split(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows under plain names, text without padding, and the numbers of those that are no data, refused."""
    names = {name: opening.plain(name) for name in frame.columns}
    repeated = [name for name, count in Counter(names.values()).items() if count > 1]
    if repeated:
        raise DataError(f"it has more than one column that is called {repeated[0]}: leave all but one out")
    rows = frame.with_columns(pl.col(pl.String).str.strip_chars().replace(["", "-"], None))
    blank = pl.all_horizontal(pl.col(frame.columns[1:]).is_null())
    no_data = rows.select(blank | _is_header(frame.schema)).to_series().fill_null(value=False)
    rows = rows.with_row_index("row").rename(names)
    nothing = rows.filter(no_data).select("row", symbol=pl.lit(None, pl.String), defect=pl.lit(str(Defect.NO_DATA)))
    return rows.filter(~no_data), nothing


def _is_header(schema: pl.Schema) -> pl.Expr:
    """Return which rows repeat the header, which only rows of text can."""
    if any(kind != pl.String for kind in schema.values()):
        return pl.lit(value=False)
    return pl.all_horizontal(pl.col(name) == name.strip() for name in schema)


def _kept(frame: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    """Return refused rows as they stand in the file, with their number, instrument and defect."""
    frame = _renamed(frame, ("symbol", "resolution"))
    return frame.with_row_index("row").join(refused, on="row").sort("row")


def _stem(path: pathlib.Path) -> str:
    """Return the name of a file without any of its endings."""
    return path.name.partition(".")[0]


def _refuse_to_guess(rows: pl.DataFrame, catalog: Catalog) -> None:
    """Raise DataError for daily bars of which nobody said whether they are adjusted, with what the catalog shows."""
    times = pl.col("time_ns") + IST_OFFSET_NS
    own = rows.select("symbol", "close", day=times // DAY_NS)
    held = series.paths(catalog.root, "1d")
    compared = differing = 0
    for (name,), bars in own.partition_by("symbol", as_dict=True).items():
        if name in held:
            both = bars.join(series.read(held[str(name)], "1d").select("close_e4", day=times // DAY_NS), on="day")
            compared += len(both)
            differing += both.filter(
                (pl.col("close") * E4 - pl.col("close_e4")).abs() > pl.col("close_e4") * _ROUNDING
            ).height
    shown = f" (of {compared:,} that the catalog also holds unadjusted, {differing:,} differ)" if compared else ""
    raise DataError(
        f"it does not say whether its daily bars are adjusted for corporate actions{shown}: say --adjusted or --raw"
    )


def _refuse_other_zone(rows: pl.DataFrame, zone: Zone | None) -> None:
    """Raise DataError where most rows lie outside their sessions and would lie inside, were they of the other zone."""
    if share_in_session(rows) >= _OUT_OF_SESSION:
        return
    outside = "most of its stamps lie outside the sessions and would fit 5:30 hours"
    if share_in_session(rows, IST_OFFSET_NS) >= _IN_SESSION:
        # Stamps that name their own zone do not listen to --zone.
        cure = "although they name another zone: correct them in the file" if zone == "UTC" else "so say --zone UTC"
        raise DataError(f"{outside} later: they are of UTC, {cure}")
    if share_in_session(rows, -IST_OFFSET_NS) >= _IN_SESSION:
        raise DataError(f"{outside} earlier: they are of IST, so neither the file nor --zone may call them UTC")
