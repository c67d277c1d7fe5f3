"""Ingesting files: recognise, check, merge, and report what became of every row."""

import hashlib
import pathlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.data.catalog import BAR_COLUMNS, TICK_COLUMNS, Catalog
from alpha_panda.data.events import prices_to_e4
from alpha_panda.data.files import Stored
from alpha_panda.data.ingest.defects import Defect, check_bars, check_ticks
from alpha_panda.data.ingest.sources import INDEX_NAMES, INDEX_TICK_E4, SOURCES, Source, recognise
from alpha_panda.data.listings import Registry
from alpha_panda.errors import DataError
from alpha_panda.instruments import Instrument, share_tick_e4, unlisted_token
from alpha_panda.kernels.records import EQUITY
from alpha_panda.units import ist_date

Progress = Callable[[int, int, str], None]
"""Told how many files are done, of how many, and the name of the next."""

_BAR_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class FileReport:
    """What became of one file: `rows` is `written` plus `present` plus all that is `quarantined`."""

    path: pathlib.Path
    source: str
    symbols: tuple[str, ...]
    rows: int
    written: int
    present: int  # in the catalog already
    quarantined: dict[str, int]  # by reason


@dataclass(frozen=True)
class IngestReport:
    """What became of all files; `unrecognised` are those that lay in a folder and are of no kind that we know."""

    files: tuple[FileReport, ...]
    unrecognised: tuple[pathlib.Path, ...] = ()

    @property
    def rows(self) -> int:
        """Rows read."""
        return sum(file.rows for file in self.files)

    @property
    def written(self) -> int:
        """Rows that are new in the catalog."""
        return sum(file.written for file in self.files)

    @property
    def present(self) -> int:
        """Rows that the catalog already held."""
        return sum(file.present for file in self.files)

    @property
    def quarantined(self) -> dict[str, int]:
        """Rows refused, by reason."""
        return dict(sum((Counter(file.quarantined) for file in self.files), start=Counter[str]()))


def _unheard(done: int, total: int, label: str) -> None:
    """Tell nobody."""


def ingest(paths: Sequence[pathlib.Path], catalog: Catalog, progress: Progress = _unheard) -> IngestReport:
    """Merge Parquet files, and those in folders, into `catalog`; doing it twice changes nothing.

    Rows with a defect go to the catalog's quarantine. Raises DataError, before anything is written, for a path that is
    absent and for a named file that is of no known kind; a file found in a folder is then only reported.
    """
    recognised, unrecognised = _recognise_all(paths)
    reports: list[FileReport] = []
    for done, (path, source) in enumerate(recognised):
        progress(done, len(recognised), path.name)
        reports.append(_ingest_file(path, source, catalog))
    progress(len(recognised), len(recognised), "done")
    return IngestReport(tuple(reports), tuple(unrecognised))


def _recognise_all(paths: Sequence[pathlib.Path]) -> tuple[list[tuple[pathlib.Path, Source]], list[pathlib.Path]]:
    recognised: dict[pathlib.Path, Source] = {}
    unrecognised: list[pathlib.Path] = []
    for path in paths:
        if not path.exists():
            raise DataError(f"{path} does not exist: name a Parquet file, or a folder of them")
        for file in sorted(path.rglob("*.parquet")) if path.is_dir() else [path]:
            schema = _schema(file)
            source = recognise(schema)
            if source is not None:
                recognised[file] = source
            elif path.is_dir():
                unrecognised.append(file)
            else:
                kinds = ", ".join(each.name for each in SOURCES)
                columns = ", ".join(schema)
                raise DataError(f"{file} has the columns {columns}, which are those of no kind that we know: {kinds}")
    if not recognised:
        raise DataError(f"there is nothing to ingest in {', '.join(map(str, paths)) or 'no path at all'}")
    return list(recognised.items()), unrecognised


def _schema(path: pathlib.Path) -> pl.Schema:
    try:
        return pl.Schema(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} cannot be read as Parquet: {error}") from error


def _ingest_file(path: pathlib.Path, source: Source, catalog: Catalog) -> FileReport:
    try:
        frame = pl.read_parquet(path)
        rows = source.read(frame)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} cannot be read as {source.name}: {error}") from error
    registry = catalog.registry()
    rows = rows.with_columns(symbol=pl.concat_str(pl.lit(f"{source.exchange}:"), "symbol"))
    rows = rows.with_columns(calendar=_calendars(rows["symbol"], registry, source))
    checked = check_ticks(rows) if source.resolution == "tick" else check_bars(rows, source.resolution)
    good = _in_e4(checked.filter(pl.col("defect").is_null()), source)
    by_symbol = {str(key): own for (key,), own in good.partition_by("symbol", as_dict=True).items()}
    # Instruments first: data of an unknown instrument could not be read, should the next step fail.
    catalog.register([_instrument(symbol, own, source, catalog, registry) for symbol, own in by_symbol.items()])
    stored = [catalog.store(symbol, source.resolution, own) for symbol, own in by_symbol.items()]
    refused = _refused(checked, stored)
    catalog.quarantine(_quarantine_name(path), frame.with_row_index("row").join(refused, on="row").sort("row"))
    return FileReport(
        path=path,
        source=source.name,
        symbols=tuple(sorted(by_symbol)),
        rows=len(frame),
        written=sum(each.written for each in stored),
        present=sum(each.present for each in stored),
        quarantined=dict(sorted(Counter(refused["defect"]).items())),
    )


def _calendars(symbols: pl.Series, registry: Registry, source: Source) -> pl.Series:
    """Return the calendar of each row's instrument: the registry's, or that of its source for a new one."""
    known = {symbol: registry[symbol].calendar for symbol in symbols.unique() if symbol in registry}
    return symbols.replace_strict(known, default=source.calendar, return_dtype=pl.String)


def _in_e4(good: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Return good rows as the catalog keeps them, with their row number and symbol."""
    prices, columns = (("price",), TICK_COLUMNS) if source.resolution == "tick" else (_BAR_PRICES, BAR_COLUMNS)
    converted = {f"{name}_e4": prices_to_e4(good[name].to_numpy()) for name in prices}
    if source.resolution == "tick":
        converted |= {f"{name}_e4": _quotes_to_e4(good[name].to_numpy()) for name in ("bid", "ask")}
    return good.with_columns(pl.Series(name, values) for name, values in converted.items()).select(
        "row", "symbol", *columns
    )


def _quotes_to_e4(rupees: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    quotes_e4 = np.zeros(len(rupees), dtype=np.int64)
    quotes_e4[rupees > 0] = prices_to_e4(rupees[rupees > 0])  # 0 is a quote that is not known
    return quotes_e4


def _instrument(symbol: str, rows: pl.DataFrame, source: Source, catalog: Catalog, registry: Registry) -> Instrument:
    """Return the instrument of these rows: as a broker lists it, or with the tick that its last price ever seen has."""
    if symbol in registry and registry[symbol].instrument_token > 0:
        return registry[symbol]
    price = "price_e4" if source.resolution == "tick" else "close_e4"
    newest = (rows["time_ns"][-1], rows[price][-1])
    time_ns, price_e4 = max(newest, catalog.latest(symbol) or newest)
    index = symbol.partition(":")[2] in INDEX_NAMES
    tick_e4 = INDEX_TICK_E4 if index else share_tick_e4(price_e4, ist_date(time_ns))
    if symbol in registry:
        return replace(registry[symbol], tick_e4=tick_e4)
    # Without a list of contracts, the lot of a future is the largest number that divides all that traded.
    lot = 1 if source.segment == EQUITY else max(int(np.gcd.reduce(rows["volume_day"].to_numpy())), 1)
    kind = "INDEX" if index else ""
    return Instrument(symbol, unlisted_token(symbol), tick_e4, source.segment, lot, calendar=source.calendar, kind=kind)


def _refused(checked: pl.DataFrame, stored: Sequence[Stored]) -> pl.DataFrame:
    """Return the row numbers that were refused, each with its defect."""
    conflicts = [each.conflicts.select("row", defect=pl.lit(str(Defect.CONFLICT))) for each in stored]
    return pl.concat([checked.drop_nulls("defect").select("row", "defect"), *conflicts])


def _quarantine_name(path: pathlib.Path) -> str:
    """Return a name that tells apart two files of one name and is the same when a file is ingested again."""
    return f"{path.stem}-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"
