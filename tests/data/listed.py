"""Days of futures and options that are made up for tests."""

import datetime
from typing import Any

import polars as pl

from alpha_panda.data.catalog import Catalog
from alpha_panda.units import to_e4

FEBRUARY, MARCH = datetime.date(2026, 2, 24), datetime.date(2026, 3, 30)


def contract(name: str, close: float, expiry: datetime.date, **changes: Any) -> dict[str, Any]:
    """Return a contract of one day, on NIFTY and without range, in the columns of the catalog."""
    kind = next(kind for kind in ("FUT", "CE", "PE") if name.endswith(kind))
    prices = dict.fromkeys(("open_e4", "high_e4", "low_e4", "close_e4", "settle_e4"), to_e4(close))
    return {
        "symbol": f"NFO:{name}",
        "underlying": "NIFTY",
        "kind": kind,
        "expiry": expiry,
        "strike_e4": 0 if kind == "FUT" else to_e4(25_000),
        "lot": 65,
        **prices,
        "underlying_e4": to_e4(25_400),
        "volume": 650,
        "open_interest": 6_500,
        "open_interest_change": -65,
        "turnover_e4": 650 * to_e4(close),
        "trades": 7,
        **changes,
    }


def store(catalog: Catalog, on: datetime.date, *contracts: dict[str, Any]) -> tuple[int, int]:
    """Store the contracts of one day; return how many are new and how many were there."""
    stored = catalog.store_contracts("NFO", on, pl.DataFrame(list(contracts)))
    return stored.written, stored.present
