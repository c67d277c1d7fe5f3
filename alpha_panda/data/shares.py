"""Which shares have futures and options on a day, as far as the catalog knows contracts, and so when they trade.

Since 2026-08-03 such a share trades continuously until 15:15 only and closes in an auction, whatever came before.
"""

import datetime
from collections.abc import Iterable

import polars as pl

from alpha_panda.data.catalog import Catalog

_EXCHANGE = "NFO"


def fo_shares(catalog: Catalog, on: datetime.date) -> frozenset[str]:
    """Return the symbols of NSE's shares that had futures on a day, by the contracts that the catalog knows.

    These are the contracts of the newest day up to `on`, or of the first after it where it has none before, and the
    futures that a broker listed by then and that had not expired. None where the catalog knows no contracts.
    """
    days = catalog.contract_days(_EXCHANGE)
    day = max((each for each in days if each <= on), default=min(days, default=None))
    traded = (
        catalog.contracts(_EXCHANGE, day, day).filter(pl.col("kind") == "FUT").select("underlying").collect()
        if day is not None
        else pl.DataFrame(schema={"underlying": pl.String()})
    )
    listed = catalog.registry(on).listings.filter(
        pl.col("symbol").str.starts_with(f"{_EXCHANGE}:"), pl.col("kind") == "FUT", pl.col("expiry") >= on
    )
    names = pl.concat([traded["underlying"], listed["underlying"]])
    return frozenset(f"NSE:{name}" for name in names.unique() if name)


def share_calendars(catalog: Catalog, symbols: Iterable[str], on: datetime.date) -> dict[str, str]:
    """Return the calendar of each share on a day: `NSE_EQ_FO` of those with futures, else `NSE_EQ`."""
    with_futures = fo_shares(catalog, on)
    return {symbol: "NSE_EQ_FO" if symbol in with_futures else "NSE_EQ" for symbol in symbols}
