"""Readers of what vendors and recorders give: bars of a minute or a day, options by the minute, ticks.

Columns are found by the names that are usual for them, or as the caller maps them. Bars of a minute are stamped with
its start and known at its end.
"""

import math
from collections.abc import Collection, Mapping

import numpy as np
import polars as pl

from alpha_panda.data.ingest.names import CONTRACT, INDEX_NAMES, contract_names, expires_last, index_names
from alpha_panda.data.ingest.opening import plain
from alpha_panda.data.ingest.reading import Given, Reading, counts, dates, instants, prices
from alpha_panda.errors import DataError
from alpha_panda.units import DAY_NS, E4, IST_OFFSET_NS, MINUTE_NS

USUAL = {
    "timestamp": ("timestamp", "datetime", "date_time", "time_stamp", "date", "time", "day"),
    "symbol": ("symbol", "tradingsymbol", "trading_symbol", "ticker", "instrument", "scrip", "stock"),
    "open": ("open", "open_price", "o"),
    "high": ("high", "high_price", "h"),
    "low": ("low", "low_price", "l"),
    "close": ("close", "close_price", "c", "ltp"),
    "volume": ("volume", "vol", "v", "traded_volume", "volume_traded"),
}
"""What our columns are usually called, best name first."""

_NEEDED = ("timestamp", "open", "high", "low", "close")
_OF_CONTRACTS = ("strike", "expiry", "xpry", "exp_date", "option", "opt_type")
_SAMPLE_ROWS = 200_000  # enough to tell an interval
_CHANCE = 25  # the least that is to one against steps of one minute having another interval by chance
_DAY_STAMPS_NS = tuple(minutes * MINUTE_NS for minutes in (0, 330, 930))  # midnight in India, in London; the close


def terms_of(columns: Collection[str], given: Given) -> dict[str, str] | None:
    """Return which column holds what, as given or by its usual name; None if these are no bars of instruments."""
    named = {ours: plain(theirs) for ours, theirs in given.columns.items()}
    if "tradingsymbol" not in columns and any(word in column for column in columns for word in _OF_CONTRACTS):
        return None  # under the name of its underlying, no contract could be told from another
    found = {ours: next((name for name in usual if name in columns), "") for ours, usual in USUAL.items()}
    terms = {ours: theirs for ours, theirs in (found | named).items() if theirs in columns}
    return terms if all(name in terms for name in _NEEDED) else None


def read_bars(frame: pl.DataFrame, terms: Mapping[str, str], given: Given) -> Reading:
    """Read bars of a minute or a day; DataError for those of another interval, or of no instrument."""
    if "symbol" not in terms:
        if given.symbol is None:
            raise DataError("it names no instrument: say it with --symbol, for instance NSE:INFY")
        frame, terms = frame.with_columns(symbol=pl.lit(given.symbol)), {**terms, "symbol": "symbol"}
    elif given.symbol is not None:
        raise DataError(f"it names its instruments itself: leave out --symbol {given.symbol}")
    if terms["timestamp"] == "date" and "time" in frame.columns:
        day = pl.col("date") if frame["date"].dtype == pl.String else pl.col("date").cast(pl.Date).cast(pl.String)
        frame = frame.with_columns(timestamp=day + " " + pl.col("time").cast(pl.String))
        terms = {**terms, "timestamp": "timestamp"}
    return bars_of(frame, terms, given)


def bars_of(frame: pl.DataFrame, terms: Mapping[str, str], given: Given) -> Reading:
    """Return bars in common terms: at the end of their minute, or at the midnight before, until a session is found.

    Their open interest is left in the file: the catalog keeps that of ticks and of days of contracts.
    """
    symbol = full_symbols(pl.col(terms["symbol"]).cast(pl.String))
    rows = frame.select(
        "row",
        instants(frame[terms["timestamp"]], given.zone),
        symbol.alias("symbol"),
        **prices({name: terms[name] for name in ("open", "high", "low", "close")}),
        **(counts({"volume": terms["volume"]}) if "volume" in terms else {}),
    )
    return _by_interval(rows.with_columns(volume=_volume(rows)), given)


def full_symbols(names: pl.Expr) -> pl.Expr:
    """Return names with their exchange: a contract's is NFO, any other's NSE, unless the name says it."""
    names = names.str.strip_chars().str.to_uppercase()
    cash = "NSE:" + index_names(names.str.strip_suffix(".NS").str.strip_suffix("-EQ"))
    contract = names.str.contains(CONTRACT)
    return pl.when(names.str.contains(":")).then(names).when(contract).then("NFO:" + names).otherwise(cash)


def _volume(rows: pl.DataFrame) -> pl.Expr:
    """Return the volume: an index has none, and of anything else it must be told."""
    volume = pl.col("volume") if "volume" in rows.columns else pl.lit(None, pl.Int64)
    return pl.when(_is_index()).then(volume.fill_null(0)).otherwise(volume)


def _is_index() -> pl.Expr:
    return pl.col("symbol").str.split(":").list.last().is_in(list(INDEX_NAMES)).fill_null(value=False)


def _by_interval(rows: pl.DataFrame, given: Given) -> Reading:
    """Return bars as those of a day or a minute, by their stamps; DataError for those of another interval."""
    times = pl.col("time_ns") + IST_OFFSET_NS
    clocks = rows.select((times % DAY_NS).unique().drop_nulls()).to_series().to_list()
    days = rows.select((times // DAY_NS).n_unique()).item()
    if len(clocks) == 1 and clocks[0] in _DAY_STAMPS_NS and (days > 1 or clocks[0] != _DAY_STAMPS_NS[-1]):
        of_shares = rows.filter(pl.col("symbol").str.starts_with("NFO:") | _is_index()).height < rows.height
        midnight = rows.with_columns(time_ns=times // DAY_NS * DAY_NS - IST_OFFSET_NS)
        return Reading(midnight, "1d", given.adjusted if of_shares else False)
    minutes = _interval_minutes(rows.with_columns(day=times // DAY_NS))
    if minutes > 1:
        raise DataError(f"its bars are of {minutes} minutes: the catalog takes those of one minute and of one day")
    return Reading(rows.with_columns(pl.col("time_ns") + MINUTE_NS), "1m")


def _interval_minutes(rows: pl.DataFrame) -> int:
    """Return the largest number of minutes that divides all steps between bars of a day; 1 where that may be chance."""
    steps = pl.col("time_ns").diff().over("symbol", "day") // MINUTE_NS
    found = (
        rows.head(_SAMPLE_ROWS)
        .sort("symbol", "time_ns")
        .select(steps.alias("steps"))
        .filter(pl.col("steps") > 0)["steps"]
    )
    divisor = int(np.gcd.reduce(found.unique().to_numpy())) if len(found) else 1
    return divisor if len(found) * math.log(divisor) >= math.log(_CHANCE) else 1


def read_option_prices(frame: pl.DataFrame) -> Reading:
    """Read one price a minute of options at the money: the last of the minute, as a bar that never moved.

    What traded is not known, so the volume is 0. Of an index only NIFTY's contracts can be named, see `names`.
    """
    rows = frame.select(
        "row",
        instants(frame["date"]),
        dates(frame["expirydate"]).alias("expiry"),
        underlying=pl.col("optionsymbol").str.extract(r"^(.+?)\d{2}[A-Z]{3}\d{2}"),
        kind=pl.col("optiontype").str.to_uppercase().str.head(1) + "E",
        strike_e4=(pl.col("strikeprice").cast(pl.Float64, strict=False) * E4).round().cast(pl.Int64),
        volume=pl.lit(0, pl.Int64),
        **prices(dict.fromkeys(("open", "high", "low", "close"), "optionprice")),
    )
    named = rows.with_columns(symbol="NFO:" + contract_names(expires_last(rows)))
    return Reading(named.with_columns(pl.col("time_ns") + MINUTE_NS).drop("underlying", "kind", "strike_e4"), "1m")


def read_trade_ticks(frame: pl.DataFrame, given: Given) -> Reading:
    """Read last prices with the cumulative volume of the day, and no quotes."""
    rows = frame.select(
        "row",
        instants(frame["timestamp"], given.zone),
        symbol=full_symbols(pl.col("symbol").cast(pl.String)),
        bid=pl.lit(0.0),
        ask=pl.lit(0.0),
        open_interest=pl.lit(0, pl.Int64),
        **prices({"price": "ltp"}),
        **counts({"volume_day": "cum_volume"}),
    )
    return Reading(rows, "tick")


def read_quote_ticks(frame: pl.DataFrame, given: Given) -> Reading:
    """Read ticks with best quotes, whose recorder wrote the best ask under the label of the second bid."""
    rows = frame.select(
        "row",
        instants(frame["exchange_timestamp"], given.zone),
        symbol="NFO:" + pl.col("symbol") + "-FUT",  # the file does not say which expiry
        **prices({"price": "last_price", "bid": "bid_price_1", "ask": "bid_price_2"}),
        **counts({"volume_day": "volume_traded", "open_interest": "open_interest"}),
    )
    return Reading(rows, "tick")
