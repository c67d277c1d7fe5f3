"""The catalog in SQL: its files as views in DuckDB, which may read them and nothing else, and never write.

    bars_1m, bars_1d    symbol, time, open, high, low, close, volume, time_ns
    adjusted_1d         the same as vendors adjusted them, with their source
    ticks               symbol, time, price, volume_day, bid, ask, open_interest, time_ns
    contracts           futures and options by symbol and date
    instruments         every listing, with since when it is in force
    actions             symbol, ex_date, price_factor, volume_factor, source
    quarantine          source, row, symbol, resolution, defect

Prices are rupees, NULL where unknown; `time` is IST without a zone, `time_ns` nanoseconds UTC; quantities are units.
"""

import concurrent.futures
import functools
import importlib
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.contract_days import CONTRACT_COLUMNS
from alpha_panda.errors import CatalogError, ConfigurationError
from alpha_panda.units import IST_OFFSET_NS

_TIME = f"make_timestamp(time_ns // 1000 + {IST_OFFSET_NS // 1000}) AS time"
_SYMBOL = r"regexp_replace(filename, '^.*[/\\]([^/\\]+)[/\\]([^/\\]+)\.parquet$', '\1:\2') AS symbol"
_BAR = f"{_TIME}, open_e4 / 1e4 AS open, high_e4 / 1e4 AS high, low_e4 / 1e4 AS low, close_e4 / 1e4 AS close, volume"

_HEARD_S = 0.1  # how long an interrupt may have to wait


def query(sql: str, data: Catalog | str | os.PathLike[str] = "data") -> pl.DataFrame:
    """Return what one SELECT finds in a catalog; the module's docstring says which views there are.

    It runs in DuckDB, which may then open no other file, change no setting and write nothing. Raises ConfigurationError
    for SQL that cannot be, or that is anything but one SELECT, and for a missing extra; CatalogError for an empty
    catalog.
    """
    duckdb = _duckdb()
    catalog = data if isinstance(data, Catalog) else Catalog(pathlib.Path(data))
    with tempfile.TemporaryDirectory() as spill, duckdb.connect(config={"temp_directory": spill}) as connection:
        try:
            views = _create_views(connection, catalog)
        except duckdb.Error as error:
            raise _damaged(catalog.root, error) from None
        if not views:
            raise CatalogError(f"the catalog at {catalog.root} is empty: fill it with `alpha-panda data ingest FILE`")
        _lock(connection, catalog.root)
        try:
            return _interruptible(connection, functools.partial(_selected, duckdb, connection, sql))
        except duckdb.CatalogException as error:
            raise ConfigurationError(f"{_sentence(error, lines=1)}; the catalog has {', '.join(views)}") from None
        except duckdb.Error as error:
            # What is wrong with a file and not with the question, DuckDB tells with the path of the file.
            damaged = f"file '{catalog.root.absolute()}" in str(error)
            raise _damaged(catalog.root, error) if damaged else ConfigurationError(_sentence(error)) from None
        except pl.exceptions.PolarsError as error:
            reason = str(error).partition(". ")[0]
            raise ConfigurationError(f"the answer has a column that no table here can hold: {reason}") from None


def _interruptible(connection: Any, answer: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Return an answer found in another thread, so that an interrupt is heard: not all that DuckDB does listens to one.

    Nor does a wait without an end, where the system hands the signal to one of DuckDB's own threads.
    """
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        found = pool.submit(answer)
        try:
            while not found.done():
                concurrent.futures.wait([found], timeout=_HEARD_S)
            return found.result()
        except KeyboardInterrupt:
            connection.interrupt()
            raise


def _damaged(root: pathlib.Path, error: Exception) -> CatalogError:
    return CatalogError(
        f"the catalog at {root} cannot be read, so delete the file and ingest its data again: {_sentence(error)}"
    )


def _duckdb() -> Any:
    """Return DuckDB, which hands its results over through pyarrow; ConfigurationError where one is not installed."""
    try:
        importlib.import_module("pyarrow")
        return importlib.import_module("duckdb")
    except ImportError:
        raise ConfigurationError("SQL needs DuckDB: install it with `pip install alpha-panda[data]`") from None


def _create_views(connection: Any, catalog: Catalog) -> list[str]:
    """Create a view of each part of the catalog that there is; return their names."""
    connection.execute("SET enable_progress_bar = false")  # it would stand among the rows on stdout
    names: list[str] = []
    for name, selection in _selections(catalog.root):
        connection.execute(f"CREATE VIEW {name} AS {selection}")
        names.append(name)
    listings = catalog.listings()
    if len(listings):
        terms = "symbol, since, kind, name, underlying, expiry, lot, freeze_quantity, calendar, instrument_token"
        connection.register("listings", listings)
        connection.execute(f"CREATE TABLE instruments AS SELECT {terms}, {_rupees('tick', 'strike')} FROM listings")
        connection.unregister("listings")
        names.append("instruments")
    return names


def _selections(root: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the SELECT of each view that has files."""
    for name, folder, columns in (
        ("bars_1m", "bars/1m/*", f"{_SYMBOL}, {_BAR}, time_ns"),
        ("bars_1d", "bars/1d/*", f"{_SYMBOL}, {_BAR}, time_ns"),
        ("adjusted_1d", "adjusted/1d/*/*", f"parse_path(filename)[-3] AS source, {_SYMBOL}, {_BAR}, time_ns"),
        (
            "ticks",
            "ticks/*",
            f"{_SYMBOL}, {_TIME}, {_rupees('price', 'bid', 'ask')}, volume_day, open_interest, time_ns",
        ),
        ("contracts", "contracts/1d/*", _contract_columns()),
        ("quarantine", "quarantine", "parse_filename(filename, true) AS source, row, symbol, resolution, defect"),
    ):
        if next(root.glob(f"{folder}/*.parquet"), None) is not None:
            yield name, f"SELECT {columns} FROM {_parquet(root / folder / '*.parquet')}"
    if (root / "actions.parquet").exists():
        yield "actions", f"SELECT * EXCLUDE filename FROM {_parquet(root / 'actions.parquet')}"


def _contract_columns() -> str:
    """Return the columns of contracts in the order of their files, with the day after the symbol."""
    columns = [_rupees(name.removesuffix("_e4")) if name.endswith("_e4") else name for name in CONTRACT_COLUMNS]
    columns[columns.index(_rupees("underlying"))] += "_price"  # its name without the unit is taken
    return ", ".join(("symbol, date", *columns[1:]))


def _parquet(path: pathlib.Path) -> str:
    """Return the rows of files as DuckDB reads them; those of the quarantine have columns of their own."""
    quoted = str(path.absolute()).replace("'", "''")
    return f"read_parquet('{quoted}', filename = true, union_by_name = {path.parent.name == 'quarantine'})"


def _rupees(*names: str) -> str:
    """Return E4 columns in rupees, 0 as unknown."""
    return ", ".join(f"nullif({name}_e4, 0) / 1e4 AS {name}" for name in names)


def _lock(connection: Any, root: pathlib.Path) -> None:
    """Let the connection open files of the catalog only, and let nothing after this change that."""
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET allowed_directories = [?]", [str(root.absolute())])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _selected(duckdb: Any, connection: Any, sql: str) -> pl.DataFrame:
    """Return what the one SELECT of `sql` finds."""
    statements = duckdb.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ConfigurationError("the catalog answers one SELECT at a time, and nothing that changes or writes")
    # A SELECT may write in its WITH clause (`COPY … TO`), which DuckDB refuses inside a view: so it must pass as one.
    text = statements[0].query
    connection.execute(f"CREATE TEMPORARY VIEW asked AS {text}")
    connection.execute("DROP VIEW asked")
    return connection.sql(text).pl()


def _sentence(error: Exception, lines: int | None = None) -> str:
    """Return what DuckDB says as one line, without the query that it repeats."""
    said = str(error).partition("\n\n")[0].splitlines()[:lines]
    return " ".join(said).rstrip("!.")
