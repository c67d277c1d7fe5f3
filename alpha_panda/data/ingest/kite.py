"""Readers of what Kite gives: historical candles, and the daily list of instruments."""

import pathlib
import re

import polars as pl

from alpha_panda.data.ingest.reading import Given, Reading, counts, dates, prices
from alpha_panda.data.ingest.vendor import bars_of
from alpha_panda.data.listings import Registry
from alpha_panda.errors import DataError

_DIGITS_MAX = 10  # of a token


def read_candles(frame: pl.DataFrame, path: pathlib.Path, given: Given, registry: Registry) -> Reading:
    """Read historical candles, which name no instrument: it is the one given, or that whose token is in the name.

    DataError where it is neither.
    """
    symbol = given.symbol or _symbol_by_token(path, registry)
    named = frame.rename({"candle": "timestamp"}).with_columns(symbol=pl.lit(symbol))
    terms = ("timestamp", "open", "high", "low", "close", "volume", "symbol")
    return bars_of(named, {name: name for name in terms}, given)


def _symbol_by_token(path: pathlib.Path, registry: Registry) -> str:
    numbers = [int(text) for text in re.findall(r"\d+", path.name) if len(text) <= _DIGITS_MAX]
    found = registry.listings.filter(pl.col("instrument_token").is_in(numbers))["symbol"].unique().to_list()
    if len(found) != 1:
        raise DataError(
            "it names no instrument, nor does its name hold the token of one that the catalog knows: say it with "
            "--symbol, for instance NSE:INFY"
        )
    return found[0]


def read_instruments(frame: pl.DataFrame) -> Reading:
    """Read the list of instruments; of which day it is, it does not say."""
    kind = pl.when(pl.col("segment") == "INDICES").then(pl.lit("INDEX")).otherwise("instrument_type")
    rows = frame.select(
        "row",
        dates(frame["expiry"]).alias("expiry"),
        "exchange",
        "tradingsymbol",
        pl.col("name").fill_null(""),
        kind=kind,
        **prices({"strike": "strike", "tick": "tick_size"}),
        **counts({"instrument_token": "instrument_token", "lot": "lot_size"}),
    )
    return Reading(rows, "instruments")
