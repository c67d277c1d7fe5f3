"""The broker's list of instruments: checked row by row, and registered as of its day."""

import datetime

import polars as pl

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest.defects import Defect, flag, with_defect
from alpha_panda.data.ingest.listing import CALENDARS, INDEX_TICK_E4
from alpha_panda.data.listings import TERMS
from alpha_panda.instruments import SEGMENTS, SYMBOL, Instrument
from alpha_panda.units import E4

_TOKEN_MAX = 2**31 - 1
_CONTRACTS = ("FUT", "CE", "PE")


def check_instruments(rows: pl.DataFrame) -> pl.DataFrame:
    """Return listed instruments in the order of their file with their `defect`, under the names of `Instrument`."""
    index, option = pl.col("kind") == "INDEX", pl.col("kind").is_in(["CE", "PE"])
    cash = ~pl.col("kind").is_in(_CONTRACTS)
    share_of_contracts = cash & (pl.col("exchange") == "NSE") & pl.col("tradingsymbol").is_in(_underlyings(rows))
    calendar = pl.col("exchange").replace_strict(CALENDARS, default=None, return_dtype=pl.String)
    rows = with_defect(rows).with_columns(
        symbol=pl.col("exchange") + ":" + pl.col("tradingsymbol"),
        calendar=pl.when(share_of_contracts).then(pl.lit("NSE_EQ_FO")).otherwise(calendar),
        segment=pl.col("kind").replace_strict(SEGMENTS, default=None, return_dtype=pl.Int64),
        tick_e4=pl.when(index).then(INDEX_TICK_E4).otherwise((pl.col("tick") * E4).round().cast(pl.Int64)),
        lot=pl.when(index).then(1).otherwise("lot"),
        strike_e4=pl.when(option).then((pl.col("strike") * E4).round().cast(pl.Int64)).otherwise(0),
        expiry=pl.when(~cash).then("expiry"),
        underlying=pl.when(cash).then(pl.lit("")).otherwise("name"),
    )
    complete = (pl.col("instrument_token").is_between(1, _TOKEN_MAX)) & (pl.col("tick_e4") > 0) & (pl.col("lot") > 0)
    terms = cash | (pl.col("expiry").is_not_null() & (~option | (pl.col("strike_e4") > 0)))
    rows = flag(rows, pl.col("calendar").is_null(), Defect.EXCHANGE)
    rows = flag(rows, ~_matches("symbol", SYMBOL.pattern) | pl.col("segment").is_null(), Defect.SYMBOL)
    rows = flag(rows, ~complete.fill_null(value=False), Defect.TERMS)
    rows = flag(rows, ~terms.fill_null(value=False), Defect.CONTRACT)
    good = pl.when(pl.col("defect").is_null())
    repeated = ~good.then(pl.col("symbol")).is_first_distinct() | ~good.then("instrument_token").is_first_distinct()
    return flag(rows, repeated, Defect.DUPLICATE)


def store_instruments(catalog: Catalog, good: pl.DataFrame, since: datetime.date) -> int:
    """Register listed instruments from a day on and return how many of them tell anything new.

    What the list leaves out, the largest order that the exchange takes, stays as it was known.
    """
    before = catalog.listings()
    known = catalog.registry(since).listings.select("symbol", "freeze_quantity")
    rows = good.join(known, on="symbol", how="left", maintain_order="left")
    terms = rows.with_columns(pl.col("freeze_quantity").fill_null(0)).select(TERMS.names())
    catalog.register([Instrument(*row) for row in terms.iter_rows()], since)
    return len(catalog.listings().join(before, on=before.columns, how="anti", nulls_equal=True))


def _underlyings(rows: pl.DataFrame) -> list[str]:
    """Return on what NSE's contracts are written, of which shares have a closing auction."""
    return rows.filter(pl.col("exchange") == "NFO")["name"].unique().to_list()


def _matches(column: str, pattern: str) -> pl.Expr:
    return pl.col(column).str.contains(f"^(?:{pattern})$").fill_null(value=False)
