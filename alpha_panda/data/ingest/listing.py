"""Which instruments the rows of a file are of, and what is known of each: from lists, from days of contracts, or told.

Rows name instruments, the catalog needs their terms. Those that a broker lists are taken as they are. A share or an
index is known by its name and price. A contract needs its expiry, its strike and its lot, of which a name says but a
part; a contract of which nothing tells them is not taken.
"""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest.defects import Defect, flag, with_defect
from alpha_panda.data.ingest.names import INDEX_NAMES, parsed
from alpha_panda.data.ingest.reading import Given, Reading
from alpha_panda.data.listings import Registry
from alpha_panda.data.shares import auction_shares
from alpha_panda.errors import DataError
from alpha_panda.instruments import (
    SEGMENTS,
    SYMBOL,
    Instrument,
    Kind,
    contract_tick_e4,
    share_tick_e4,
    unlisted_token,
)
from alpha_panda.units import E4, ist_date

CALENDARS = {"NSE": "NSE_EQ", "NFO": "NFO", "BSE": "NSE_EQ"}
"""The calendar of each exchange for what nothing else is known of; shares trade alike at NSE and BSE."""

INDEX_TICK_E4 = 500

_AUCTION = "NSE_EQ_FO"  # the calendar of shares that close in an auction

_SIZES_MIN = 5  # different quantities that must have traded for their common divisor to be the lot

Contracts = dict[str, Instrument]
"""The contracts of a file that the registry does not know, each with the terms that were found for it."""


def with_instruments(
    reading: Reading, catalog: Catalog, registry: Registry, given: Given
) -> tuple[pl.DataFrame, Contracts]:
    """Return bars or ticks with the calendar of each row, and the contracts among them that are new.

    Rows whose symbol is none, and those of contracts that nothing tells about, get their defect.
    """
    exchange = pl.col("symbol").str.split(":").list.first()
    default = exchange.replace_strict(CALENDARS, default=None, return_dtype=pl.String)
    listed = registry.listings.select("symbol", listed="calendar")
    rows = with_defect(reading.rows).join(listed, on="symbol", how="left", maintain_order="left")
    in_auction = pl.col("symbol").is_in(_auction_shares(reading.rows, catalog))
    rows = rows.with_columns(
        calendar=pl.when(in_auction).then(pl.lit(_AUCTION)).otherwise(pl.coalesce("listed", default))
    )
    rows = flag(rows, ~pl.col("symbol").str.contains(f"^(?:{SYMBOL.pattern})$"), Defect.SYMBOL)
    is_new = (exchange == "NFO") & pl.col("listed").is_null()
    contracts = _contracts(rows.filter(is_new & pl.col("defect").is_null()), catalog, given)
    rows = flag(rows, is_new & ~pl.col("symbol").is_in(list(contracts)), Defect.CONTRACT)
    return rows.drop("listed"), contracts


def register(rows: pl.DataFrame, contracts: Contracts, catalog: Catalog, registry: Registry) -> None:
    """Register the instruments of rows that are about to be stored, but for those that a broker lists.

    The tick of a share is that of the last price ever seen of it.
    """
    price = "price_e4" if "price_e4" in rows.columns else "close_e4"
    # Of two files that have a bar of the last time, the first will be believed.
    by_time = pl.col(price).sort_by("time_ns", -pl.col("file"), maintain_order=True).last()
    newest = rows.group_by("symbol").agg(pl.col("time_ns").max(), price=by_time).sort("symbol")
    registered = [
        contracts[symbol] if symbol in contracts else _cash(symbol, (time_ns, price_e4), catalog, registry)
        for symbol, time_ns, price_e4 in newest.iter_rows()
    ]
    in_auction = set(_auction_shares(rows, catalog))
    catalog.register(
        [
            replace(instrument, calendar=_AUCTION) if instrument.symbol in in_auction else instrument
            for instrument in registered
            if instrument is not None
        ]
    )


def _auction_shares(rows: pl.DataFrame, catalog: Catalog) -> list[str]:
    """Return the shares that close in an auction on the last day of these rows, as far as contracts are known."""
    last_ns = rows["time_ns"].max()
    return sorted(auction_shares(catalog, ist_date(last_ns))) if isinstance(last_ns, int) else []


def _cash(symbol: str, newest: tuple[int, int], catalog: Catalog, registry: Registry) -> Instrument | None:
    """Return a share or an index as its last price tells; None for what a broker lists, or for a known contract."""
    known = registry.get(symbol)
    if known is not None and (known.instrument_token > 0 or known.kind not in ("EQ", "INDEX")):
        return None
    exchange, _, name = symbol.partition(":")
    if name in INDEX_NAMES:
        return Instrument(symbol, unlisted_token(symbol), INDEX_TICK_E4, calendar=CALENDARS[exchange], kind="INDEX")
    if known is None:
        return Instrument(symbol, unlisted_token(symbol), _tick_e4(newest), calendar=CALENDARS[exchange])
    if _tick_e4(newest) == known.tick_e4:
        return known
    stored = catalog.latest(symbol)
    return replace(known, tick_e4=_tick_e4(stored if stored and stored[0] >= newest[0] else newest))


def _tick_e4(newest: tuple[int, int]) -> int:
    """Return the tick of a share by the time and the price of its last row."""
    time_ns, price_e4 = newest
    return share_tick_e4(price_e4, ist_date(time_ns))


def _contracts(rows: pl.DataFrame, catalog: Catalog, given: Given) -> Contracts:
    """Return the contracts of which all is known that trading them needs; DataError where no lot of any is."""
    if not len(rows):
        return {}
    terms = _with_lots(_terms(rows, catalog), given)
    if not terms["lot"].sum():
        raise DataError(
            "nothing tells how many units its contracts have: say it with --lot, or ingest first a list of instruments "
            "or the F&O bhavcopy of one of its days"
        )
    option = pl.col("kind") != "FUT"
    told = (pl.col("lot") > 0) & pl.col("kind").is_not_null() & (~option | pl.col("expiry").is_not_null())
    return {row["symbol"]: _contract(**row) for row in terms.filter(told).iter_rows(named=True)}


def _terms(rows: pl.DataFrame, catalog: Catalog) -> pl.DataFrame:
    """Return what each contract's name tells of it, or better the file, or better the exchange; with what traded."""
    traded = "volume_day" if "volume_day" in rows.columns else "volume"
    price = "price" if "price" in rows.columns else "close"
    expiry = pl.col("expiry") if "expiry" in rows.columns else pl.lit(None, pl.Date)
    own = rows.group_by("symbol", maintain_order=True).agg(
        expiry.first().alias("told_expiry"),
        pl.col("time_ns").max(),
        pl.col(traded).filter(pl.col(traded) > 0).unique().alias("traded"),
        pl.col(price).last().alias("price"),
    )
    first, last = (
        ist_date(rows.select(each).item() or 0) for each in (pl.col("time_ns").min(), pl.col("time_ns").max())
    )
    held = catalog.contracts("NFO", first, last).filter(pl.col("symbol").is_in(own["symbol"].to_list()))
    listed = held.sort("date").group_by("symbol").agg(pl.col("expiry", "lot").last()).collect()
    names = own["symbol"].str.split(":").list.last()
    own = pl.concat([own, parsed(names)], how="horizontal").join(
        listed, on="symbol", how="left", suffix="_listed", maintain_order="left"
    )
    by_name = names.str.ends_with("-FUT")  # of a recorder who did not note which future it was
    return own.select(
        "symbol",
        "time_ns",
        "traded",
        "price",
        "strike_e4",
        pl.col("lot").fill_null(0),
        underlying=pl.coalesce("underlying", pl.when(by_name).then(names.str.strip_suffix("-FUT"))),
        kind=pl.coalesce("kind", pl.when(by_name).then(pl.lit("FUT"))),
        expiry=pl.coalesce("expiry_listed", "told_expiry", "expiry"),
    )


def _with_lots(terms: pl.DataFrame, given: Given) -> pl.DataFrame:
    """Return contracts with their lot: what the exchange says, or else what divides all that traded of one expiry.

    Where too little traded to tell it is the lot given, and 0 without one.
    """
    groups = terms.group_by("underlying", "expiry").agg(pl.col("traded").explode().unique())
    divisors = [
        int(np.gcd.reduce(traded.to_numpy())) if len(traded) >= _SIZES_MIN else given.lot or 0
        for traded in groups["traded"]
    ]
    groups = groups.select("underlying", "expiry", divisor=pl.Series(divisors, dtype=pl.Int64))
    joined = terms.join(groups, on=["underlying", "expiry"], how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns(lot=pl.when(pl.col("lot") > 0).then("lot").otherwise("divisor")).drop(
        "traded", "divisor"
    )


def _contract(
    symbol: str, time_ns: int, price: float, strike_e4: int | None, lot: int, underlying: str, kind: Kind, expiry: date
) -> Instrument:
    return Instrument(
        symbol,
        unlisted_token(symbol),
        contract_tick_e4(kind, underlying, round(price * E4), ist_date(time_ns)),
        SEGMENTS[kind],
        lot,
        calendar=CALENDARS["NFO"],
        underlying=underlying,
        kind=kind,
        expiry=expiry,
        strike_e4=strike_e4 or 0,
    )
