"""Days of futures and options for tests, made up or out of NSE's own files."""

import datetime
import pathlib
from typing import Any

import polars as pl

from alpha_panda.data.catalog import Catalog
from alpha_panda.units import E4, to_e4

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


def store_bhavcopy(catalog: Catalog, path: pathlib.Path) -> None:
    """Store a day of futures and options as NSE publishes it, in the UDiFF layout since July 2024."""
    published = pl.read_csv(path, infer_schema_length=None)
    prices = {"open": "Opn", "high": "Hgh", "low": "Lw", "close": "Cls", "settle": "Sttlm", "underlying": "Undrlyg"}
    rows = published.select(
        symbol="NFO:" + pl.col("FinInstrmNm"),
        underlying="TckrSymb",
        kind=pl.col("OptnTp").fill_null("FUT"),
        expiry=pl.col("XpryDt").str.to_date(),
        strike_e4=_e4("StrkPric").fill_null(0),
        lot="NewBrdLotQty",
        **{f"{name}_e4": _e4(f"{column}Pric") for name, column in prices.items()},
        volume=pl.col("TtlTradgVol") * pl.col("NewBrdLotQty"),  # published in contracts
        open_interest="OpnIntrst",
        open_interest_change="ChngInOpnIntrst",
        turnover_e4=_e4("TtlTrfVal"),
        trades="TtlNbOfTxsExctd",
    )
    catalog.store_contracts("NFO", datetime.date.fromisoformat(published["TradDt"][0]), rows)


def _e4(column: str) -> pl.Expr:
    return (pl.col(column) * E4).round().cast(pl.Int64)
