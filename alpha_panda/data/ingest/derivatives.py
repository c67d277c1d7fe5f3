"""Readers of NSE's daily files of futures and options: every contract of one day.

In common terms a contract has prices in rupees, null or 0 where there is none, and volume and open interest in units.
NSE counts the volume in contracts, whose `lot` the old layouts leave out: there it is derived, or 0 if it cannot be.
"""

import math
import pathlib

import numpy as np
import polars as pl

from alpha_panda.data.ingest.cash import refuse_other_exchanges
from alpha_panda.data.ingest.names import contract_names, last_of_month
from alpha_panda.data.ingest.reading import Given, Reading, counts, date_of, dates, prices
from alpha_panda.units import E4

_KINDS = {"CE": "CE", "PE": "PE", "CA": "CE", "PA": "PE", "XX": "FUT", "FUT": "FUT"}  # A: exercised as in America
_LAKH = 100_000
_LOT_CANDIDATES_MAX = 100_000
_ROUNDING = 1e-9  # of a quotient of floats that should be whole
_BESIDE = 0.01  # of a lot, by which turnover misses it where trades lie outside the range given


def read_udiff_contracts(frame: pl.DataFrame) -> Reading:
    """Read the UDiFF file of futures and options, in use since July 2024; DataError for one of another exchange."""
    refuse_other_exchanges(frame)
    rows = frame.select(
        "row",
        dates(frame["traddt"]).alias("date"),
        dates(frame["xprydt"]).alias("expiry"),
        underlying="tckrsymb",
        kind=_kind("optntp"),
        **_ohlc("opnpric", "hghpric", "lwpric", "clspric"),
        **prices({"strike": "strkpric", "settle": "sttlmpric", "underlying_price": "undrlygpric"}),
        **prices({"turnover": "ttltrfval"}),
        **counts({"contracts": "ttltradgvol", "open_interest": "opnintrst", "open_interest_change": "chnginopnintrst"}),
        **counts({"trades": "ttlnboftxsexctd", "lot": "newbrdlotqty"}),
    )
    return _contracts(rows)


def read_old_contracts(frame: pl.DataFrame) -> Reading:
    """Read `fo01JAN2020bhav.csv`, in use until July 2024."""
    rows = frame.select(
        "row",
        dates(frame["timestamp"]).alias("date"),
        dates(frame["expiry_dt"]).alias("expiry"),
        underlying="symbol",
        kind=_kind("option_typ"),
        **_ohlc("open", "high", "low", "close"),
        **prices({"strike": "strike_pr", "settle": "settle_pr", "turnover": "val_inlakh"}),
        **counts({"contracts": "contracts", "open_interest": "open_int", "open_interest_change": "chg_in_oi"}),
        underlying_price=pl.lit(0.0),
        trades=pl.lit(0),
    ).with_columns(turnover=pl.col("turnover") * _LAKH)
    return _contracts(rows.with_columns(lot=_lots_by_turnover(rows)))


def read_market_activity(frame: pl.DataFrame, path: pathlib.Path, given: Given) -> Reading:
    """Read `fo14112025.csv` or `op14112025.csv` of NSE's market activity report, whose rows do not say of which day."""
    option = "opt_type" in frame.columns
    rows = frame.select(
        "row",
        pl.lit(date_of(path, given)).alias("date"),
        dates(frame["exp_date"]).alias("expiry"),
        underlying="symbol",
        kind=_kind("opt_type") if option else pl.lit("FUT"),
        **_ohlc("open_price", "hi_price", "lo_price", "close_price"),
        **prices({"turnover": "notion_val" if option else "trd_val"}),
        **(prices({"strike": "str_price"}) if option else {"strike": pl.lit(0.0)}),
        **counts({"contracts": "no_of_cont", "units": "trd_qty", "open_interest": "open_int", "trades": "no_of_trade"}),
        settle=pl.lit(0.0),
        underlying_price=pl.lit(0.0),
        open_interest_change=pl.lit(0),
    )
    whole = (pl.col("contracts") > 0) & (pl.col("units") % pl.col("contracts") == 0)
    lot = pl.when(whole).then(pl.col("units") // pl.col("contracts")).otherwise(0)
    return _contracts(rows.with_columns(lot=lot))


def _ohlc(*columns: str) -> dict[str, pl.Expr]:
    return prices(dict(zip(("open", "high", "low", "close"), columns, strict=True)))


def _kind(column: str) -> pl.Expr:
    return pl.col(column).fill_null("FUT").replace_strict(_KINDS, default=None)


def _contracts(rows: pl.DataFrame) -> Reading:
    """Return contracts under Kite's names, a future without a strike, what traded counted in units."""
    strike = pl.when(pl.col("kind") == "FUT").then(0.0).otherwise("strike")
    rows = rows.with_columns(
        strike_e4=(strike * E4).round().cast(pl.Int64, strict=False),
        volume=pl.col("contracts") * pl.col("lot"),
    )
    return Reading(rows.with_columns(symbol="NFO:" + contract_names(last_of_month())), "contracts")


def _lots_by_turnover(rows: pl.DataFrame) -> pl.Series:
    """Return the lot of each contract, the same for all of one underlying and expiry; 0 where it cannot be told.

    Turnover is contracts x lot x a price between low and high, an option's with its strike, and is cut off at a
    thousand rupees, so that every contract that traded bounds the lot on both sides. Of the whole numbers between, the
    lot divides all open interest. Where that leaves none or several, it is the lot of the other expiries.
    """
    value = pl.when(pl.col("kind") == "FUT").then(0.0).otherwise("strike")
    traded = pl.col("contracts") > 0
    least = pl.when(traded).then(pl.col("turnover") / (pl.col("contracts") * (value + pl.col("high"))))
    most = pl.when(traded).then((pl.col("turnover") + 1_000) / (pl.col("contracts") * (value + pl.col("low"))))
    groups = rows.group_by("underlying", "expiry", maintain_order=True).agg(
        least=least.max(), most=most.min(), open_interest=pl.col("open_interest").drop_nulls()
    )
    common = [np.gcd.reduce(np.array(each, dtype=np.int64)) for each in groups["open_interest"]]
    groups = groups.with_columns(common=pl.Series(common, dtype=pl.Int64))
    lots = [_lot(*group) for group in groups.select("least", "most", "common").iter_rows()]
    found = groups.with_columns(lot=pl.Series(lots, dtype=pl.Int64)).with_columns(lot=_lot_of_others())
    return rows.join(found, on=["underlying", "expiry"], how="left", nulls_equal=True, maintain_order="left")["lot"]


def _lot_of_others() -> pl.Expr:
    """Return the lot of each expiry, or where it is not known the only one that others of its underlying have.

    That must lie between the bounds, or divide all open interest and lie beside them: trades outside the range that the
    file gives, and open interest from before a change of lots, are rare, and never seen together.
    """
    known = pl.col("lot").filter(pl.col("lot") > 0)
    other = known.max().over("underlying")
    between, beside = (
        other.is_between(pl.col("least") * (1 - margin), pl.col("most") * (1 + margin))
        for margin in (_ROUNDING, _BESIDE)
    )
    fits = between | (beside & (pl.col("common") % other == 0))
    told = (pl.col("lot") == 0) & (other == known.min().over("underlying")) & fits
    return pl.when(told).then(other).otherwise("lot")


def _lot(least: float | None, most: float | None, common: int) -> int:
    """Return the only lot between two bounds that divides all open interest; 0 where there is none, or more."""
    if least is None or most is None or not math.isfinite(most):
        return 0
    first, last = math.ceil(least * (1 - _ROUNDING)), math.floor(most * (1 + _ROUNDING))
    if not 0 < first <= last < first + _LOT_CANDIDATES_MAX:
        return 0
    candidates = np.arange(first, last + 1)
    divisors = candidates[common % candidates == 0]
    return int(divisors[0]) if len(divisors) == 1 else 0
