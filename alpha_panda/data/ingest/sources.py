"""The kinds of file that can be ingested, each recognised by its columns; to read another kind, add a source.

A reader turns the rows of a file into rows in common terms, prices still in rupees and nothing left out:

    bars         row, symbol, time_ns, open, high, low, close, volume
    ticks        row, symbol, time_ns, price, volume_day, bid, ask, open_interest
    contracts    row, symbol, date, underlying, kind, expiry, strike_e4, lot, prices, volume, open interest …
    instruments  row, exchange, tradingsymbol, instrument_token, tick, lot, kind, expiry, strike, name

`row` counts from 0 in the file, `time_ns` is null for an impossible stamp.
"""

import pathlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

import polars as pl

from alpha_panda.data.ingest import cash, derivatives, kite, vendor
from alpha_panda.data.ingest.opening import CANDLE_COLUMNS
from alpha_panda.data.ingest.reading import Given, Reading
from alpha_panda.data.listings import Registry
from alpha_panda.errors import DataError

Read = Callable[[pl.DataFrame, pathlib.Path, Given, Registry], Reading]

_UDIFF = frozenset({"traddt", "sgmt", "src", "fininstrmtp", "tckrsymb", "xprydt", "clspric", "ttltradgvol"})


@dataclass(frozen=True)
class Source:
    """One kind of file: what it is called, the columns it must have, and how to read it.

    What tells about instruments is read before what needs to know them: the lowest `priority` first.
    """

    name: str
    columns: frozenset[str]
    read: Read
    priority: int = 2
    takes_symbol: bool = False  # whether it may leave open what its instrument is


def _plainly(read: Callable[[pl.DataFrame], Reading]) -> Read:
    """Return the reader of files that say everything themselves."""
    return lambda frame, path, given, registry: read(frame)


def _with_zone(read: Callable[[pl.DataFrame, Given], Reading]) -> Read:
    return lambda frame, path, given, registry: read(frame, given)


def _read_udiff(frame: pl.DataFrame, path: pathlib.Path, given: Given, registry: Registry) -> Reading:
    """Read a UDiFF file: that of futures and options has the header of that of the cash segment."""
    segments = sorted(frame["sgmt"].drop_nulls().unique().to_list())
    if segments == ["CM"]:
        return cash.read_udiff_bhavcopy(frame)
    if segments == ["FO"]:
        return derivatives.read_udiff_contracts(frame)
    raise DataError(f"it is a UDiFF file of the segment {' and '.join(segments)}: one of CM or FO can be ingested")


def _read_bars(frame: pl.DataFrame, path: pathlib.Path, given: Given, registry: Registry) -> Reading:
    return vendor.read_bars(frame, vendor.terms_of(frame.columns, given) or {}, given)


SOURCES = (
    Source("UDiFF bhavcopy", _UDIFF, _read_udiff, priority=1),
    Source(
        "cash bhavcopy, old layout",
        frozenset({"symbol", "series", "open", "high", "low", "close", "tottrdqty", "timestamp"}),
        _plainly(cash.read_old_bhavcopy),
    ),
    Source(
        "cash bhavcopy, full",
        frozenset({"symbol", "open_price", "high_price", "low_price", "close_price", "ttl_trd_qnty"}),
        _plainly(cash.read_full_bhavcopy),
    ),
    Source(
        "history of one security",
        frozenset({"date", "series", "symbol", "open", "high", "low", "close", "vwap", "volume", "52w_h"}),
        _plainly(cash.read_security),
    ),
    Source(
        "F&O bhavcopy, old layout",
        frozenset(
            {"instrument", "symbol", "expiry_dt", "strike_pr", "option_typ", "contracts", "val_inlakh", "timestamp"}
        ),
        _plainly(derivatives.read_old_contracts),
        priority=1,
    ),
    Source(
        "F&O market activity",
        frozenset({"instrument", "symbol", "exp_date", "hi_price", "lo_price", "trd_qty", "no_of_cont", "open_int"}),
        lambda frame, path, given, registry: derivatives.read_market_activity(frame, path, given),
        priority=1,
    ),
    Source("Kite candles", frozenset(CANDLE_COLUMNS[:-1]), kite.read_candles, takes_symbol=True),
    Source(
        "Kite instruments",
        frozenset({"instrument_token", "tradingsymbol", "expiry", "strike", "tick_size", "lot_size", "segment"}),
        _plainly(kite.read_instruments),
        priority=0,
    ),
    Source(
        "option prices by the minute",
        frozenset({"date", "optionprice", "strikeprice", "optionsymbol", "expirydate", "optiontype"}),
        _plainly(vendor.read_option_prices),
    ),
    Source(
        "ticks of last price and cumulative volume",
        frozenset({"timestamp", "symbol", "ltp", "cum_volume"}),
        _with_zone(vendor.read_trade_ticks),
    ),
    Source(
        "ticks of stock futures with best quotes",
        frozenset({"exchange_timestamp", "symbol", "last_price", "volume_traded", "bid_price_1", "bid_price_2"}),
        _with_zone(vendor.read_quote_ticks),
    ),
)
"""Every kind of file whose columns have names of their own, the most particular first."""

BARS = Source("bars", frozenset(), _read_bars, takes_symbol=True)
"""Bars of a vendor, whose columns have the usual names or those that the caller gives."""

OTHERS = {
    "a snapshot of the pre-open auction, whose prices are indicative and no trades: nothing of it is kept": frozenset(
        {"total_stocks", "advances", "declines"}
    ),
    "a list of holidays and special sessions, which belong in alpha_panda/calendars.toml": frozenset(
        {"date", "weekday", "kind", "open_ist", "close_ist"}
    ),
    "a list of corporate actions: add them with `alpha-panda data actions add`": frozenset(
        {"symbol", "ex_date", "price_factor"}
    ),
    "a list of mutual funds, which no exchange trades": frozenset({"amc", "scheme_type", "purchase_allowed"}),
}
"""Files that are known and hold nothing to ingest: what they are, by the columns that they have."""


def recognise(path: pathlib.Path, columns: Collection[str], given: Given) -> Source:
    """Return the kind of a file with these columns; DataError, saying why, if there is nothing to ingest in it."""
    found = next((source for source in SOURCES if source.columns <= set(columns)), None)
    if found is not None:
        return found
    for what, named in OTHERS.items():
        if named <= set(columns):
            raise DataError(f"{path} is {what}")
    if vendor.terms_of(columns, given) is not None:
        return BARS
    if not columns:
        raise DataError(f"{path} holds neither columns nor rows: there is nothing to ingest in it")
    raise DataError(
        f"{path} has the columns {', '.join(columns)}, which are those of no kind that we know: "
        "if it holds bars, say with --column open=NAME and so on what they are called"
    )
