"""The days of futures and options: one file of every contract per exchange and day, and what a run needs of them.

An exchange lists some fifty thousand contracts a day and most live for weeks: a file for each would make millions. Rows
lie by symbol in small groups, and a reader that asks for few symbols skips the others.
"""

import datetime
import pathlib
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from alpha_panda.data.files import Stored, collected, merge
from alpha_panda.errors import CatalogError
from alpha_panda.instruments import SEGMENTS, Instrument, contract_tick_e4, unlisted_token
from alpha_panda.units import IST_OFFSET_NS

CONTRACT_COLUMNS = pl.Schema(
    {
        "symbol": pl.String(),
        "underlying": pl.String(),
        "kind": pl.String(),
        "expiry": pl.Date(),
        "strike_e4": pl.Int64(),
        "lot": pl.Int64(),
        "open_e4": pl.Int64(),
        "high_e4": pl.Int64(),
        "low_e4": pl.Int64(),
        "close_e4": pl.Int64(),
        "settle_e4": pl.Int64(),
        "underlying_e4": pl.Int64(),
        "volume": pl.Int64(),
        "open_interest": pl.Int64(),
        "open_interest_change": pl.Int64(),
        "turnover_e4": pl.Int64(),
        "trades": pl.Int64(),
    }
)
"""What a file of contracts holds: prices in E4 and 0 where unknown or untraded, volume and open interest in units."""

CALENDARS = {"NFO": "NFO"}
"""The calendar by which the contracts of an exchange trade."""

_GROUP_ROWS = 2_048  # so few that a reader skips most, so many that they still compress


def store(root: pathlib.Path, exchange: str, date: datetime.date, rows: pl.DataFrame) -> Stored:
    """Merge the contracts of a day into its file, by symbol; CatalogError where a column is absent."""
    absent = [name for name in CONTRACT_COLUMNS if name not in rows.columns]
    if absent:
        raise CatalogError(f"a day of contracts lacks {', '.join(absent)}: it has {', '.join(rows.columns)}")
    typed = rows.with_columns(pl.col(name).cast(kind) for name, kind in CONTRACT_COLUMNS.items())
    path = _folder(root) / exchange / f"{date}.parquet"
    columns = (*CONTRACT_COLUMNS, "date")  # the day is in every row too, so that one scan reads many files
    return merge(path, typed.with_columns(date=pl.lit(date)), columns, ["symbol"], _GROUP_ROWS)


def days(root: pathlib.Path, exchange: str) -> tuple[datetime.date, ...]:
    """Return the days of which the contracts of an exchange are held, in order."""
    return tuple(
        sorted(datetime.date.fromisoformat(path.stem) for path in (_folder(root) / exchange).glob("*.parquet"))
    )


def exchanges(root: pathlib.Path) -> tuple[str, ...]:
    """Return the exchanges of which contracts are held."""
    return tuple(sorted({path.parent.name for path in _folder(root).glob("*/*.parquet")}))


def scan(
    root: pathlib.Path, exchange: str, first: datetime.date | None = None, last: datetime.date | None = None
) -> pl.LazyFrame:
    """Return the contracts of an exchange from one day to another, both included, with their `date`; lazily."""
    wanted = [day for day in days(root, exchange) if (first or day) <= day <= (last or day)]
    if not wanted:
        return pl.LazyFrame(schema={**CONTRACT_COLUMNS, "date": pl.Date()})
    return pl.scan_parquet([_folder(root) / exchange / f"{day}.parquet" for day in wanted])


def found_in(root: pathlib.Path, contracts: pl.LazyFrame) -> pl.DataFrame:
    """Return the rows of a frame that `scan` gave; CatalogError naming a file that cannot be read."""
    return collected(contracts, _folder(root).glob("*/*.parquet"))


def of_symbols(
    root: pathlib.Path, symbols: Sequence[str], first: datetime.date | None, last: datetime.date | None
) -> dict[str, pl.DataFrame]:
    """Return the days of each contract among `symbols`, in order; without those of which there are none."""
    found: dict[str, pl.DataFrame] = {}
    for exchange in {symbol.partition(":")[0] for symbol in symbols}.intersection(exchanges(root)):
        rows = found_in(root, scan(root, exchange, first, last).filter(pl.col("symbol").is_in(symbols))).sort("date")
        found |= {str(key): own for (key,), own in rows.partition_by("symbol", as_dict=True).items()}
    return found


def newest_symbols(root: pathlib.Path) -> list[str]:
    """Return the symbols of all contracts of the last day of each exchange."""
    newest = [scan(root, exchange, days(root, exchange)[-1]) for exchange in exchanges(root)]
    return [symbol for contracts in newest for symbol in found_in(root, contracts.select("symbol"))["symbol"]]


def bars(contracts: pl.DataFrame) -> pl.DataFrame:
    """Return the days on which a contract traded as daily bars of the catalog, as yet at the midnight before."""
    time_ns = pl.col("date").cast(pl.Datetime("ns")).dt.epoch("ns") - IST_OFFSET_NS
    traded = contracts.filter(pl.col("volume") > 0)
    return traded.select(time_ns.alias("time_ns"), "open_e4", "high_e4", "low_e4", "close_e4", "volume")


def instrument(contracts: pl.DataFrame, listed: Instrument | None) -> Instrument:
    """Return a contract as it traded on the days given, by a broker's listing where there is one, but for its lot.

    Raises CatalogError where its lot changed meanwhile, so that a position would count otherwise before and after, or
    is not known, and for an exchange whose trading hours are not known.
    """
    row = contracts.row(-1, named=True)
    symbol, exchange = row["symbol"], row["symbol"].partition(":")[0]
    lot = _lot(symbol, contracts)
    if listed is not None:
        return replace(listed, lot=lot or listed.lot)
    if not lot:
        raise CatalogError(f"the lot of {symbol} is not known: ingest a list of instruments from when it traded")
    if exchange not in CALENDARS:
        raise CatalogError(f"the trading hours of {exchange} are not known here, so {symbol} has no events")
    return Instrument(
        symbol,
        unlisted_token(symbol),
        contract_tick_e4(row["kind"], row["underlying"], row["underlying_e4"] or row["close_e4"], row["date"]),
        SEGMENTS[row["kind"]],
        lot,
        calendar=CALENDARS[exchange],
        name=row["underlying"],
        underlying=row["underlying"],
        kind=row["kind"],
        expiry=row["expiry"],
        strike_e4=row["strike_e4"],
    )


def _lot(symbol: str, contracts: pl.DataFrame) -> int:
    """Return the lot of a contract, 0 where all its days leave it out; CatalogError where it changed."""
    known = contracts.filter(pl.col("lot") > 0)
    changes = known.filter(pl.col("lot") != pl.col("lot").shift())
    if len(changes):
        raise CatalogError(
            f"the lot of {symbol} became {changes['lot'][0]} on {changes['date'][0]}: "
            "end the range before that day, or begin it there"
        )
    return known["lot"][0] if len(known) else 0


def _folder(root: pathlib.Path) -> pathlib.Path:
    return root / "contracts" / "1d"
