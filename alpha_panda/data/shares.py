"""Which shares have futures and options on a day, as far as the catalog knows contracts, and so when they trade.

Since 2026-08-03 such a share trades continuously until 15:15 only and closes in an auction, whatever came before.
"""

import datetime

import numpy as np
import polars as pl

from alpha_panda.data.catalog import Catalog
from alpha_panda.sessions import sessions

_EXCHANGE = "NFO"


def fo_shares(catalog: Catalog, on: datetime.date) -> frozenset[str]:
    """Return the symbols of NSE's shares that had futures on a day, by the contracts that the catalog knows.

    These are the contracts of the newest day up to `on`, or of the first after it where it has none before, and the
    futures that a broker listed by then and that had not expired, or expire with the last that are known. None where
    the catalog knows no contracts.
    """
    days = catalog.contract_days(_EXCHANGE)
    day = max((each for each in days if each <= on), default=min(days, default=None))
    traded = (
        catalog.contracts(_EXCHANGE, day, day).filter(pl.col("kind") == "FUT").select("underlying").collect()
        if day is not None
        else pl.DataFrame(schema={"underlying": pl.String()})
    )
    futures = pl.col("symbol").str.starts_with(f"{_EXCHANGE}:"), pl.col("kind") == "FUT"
    listed = catalog.registry(on).listings.filter(*futures)
    listed = listed.filter(pl.col("expiry") >= pl.min_horizontal(pl.lit(on), pl.col("expiry").max()))
    names = pl.concat([traded["underlying"], listed["underlying"]])
    return frozenset(f"NSE:{name}" for name in names.unique() if name)


def auction_shares(catalog: Catalog, on: datetime.date) -> frozenset[str]:
    """Return the symbols of NSE's shares that close in an auction on a day; none before there was one.

    They keep the calendar `NSE_EQ_FO`. Before the auction the calendars of all shares are one.
    """
    week = on, on + datetime.timedelta(days=7)
    if np.array_equal(sessions("NSE_EQ", *week), sessions("NSE_EQ_FO", *week)):
        return frozenset()
    return fo_shares(catalog, on)
