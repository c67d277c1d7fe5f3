"""Readers of NSE's daily files of the cash market: what each security did on one day, or one security on many days.

They are raw by nature. A bar bears the midnight before, until its session is looked up.
"""

import polars as pl

from alpha_panda.data.ingest.defects import Defect
from alpha_panda.data.ingest.names import index_names
from alpha_panda.data.ingest.reading import Reading, counts, dates, instants, prices
from alpha_panda.errors import DataError

SERIES = "EQ"
"""The series in which shares trade continuously without restriction; bonds, small companies and more have others."""


def read_old_bhavcopy(frame: pl.DataFrame) -> Reading:
    """Read `cm01JAN2020bhav.csv`, in use until July 2024."""
    return _days(frame, "timestamp", ("open", "high", "low", "close"), "tottrdqty")


def read_full_bhavcopy(frame: pl.DataFrame) -> Reading:
    """Read `sec_bhavdata_full`, of all series or of one, or many days of it put together."""
    stamp = "date1" if "date1" in frame.columns else "date"
    return _days(frame, stamp, ("open_price", "high_price", "low_price", "close_price"), "ttl_trd_qnty")


def read_security(frame: pl.DataFrame) -> Reading:
    """Read the history of one security as NSE's site gives it, newest day first."""
    return _days(frame, "date", ("open", "high", "low", "close"), "volume")


def read_udiff_bhavcopy(frame: pl.DataFrame) -> Reading:
    """Read the UDiFF file of the cash segment, in use since July 2024; DataError for one of another exchange."""
    refuse_other_exchanges(frame)
    renamed = frame.rename({"tckrsymb": "symbol", "sctysrs": "series"})
    return _days(renamed, "traddt", ("opnpric", "hghpric", "lwpric", "clspric"), "ttltradgvol")


def refuse_other_exchanges(frame: pl.DataFrame) -> None:
    """Raise DataError for a UDiFF file that is not of NSE: the layout is shared, the names of contracts are not."""
    others = frame.filter(pl.col("src") != "NSE")["src"]
    if len(others):
        raise DataError(f"it has rows of the exchange {others[0]}: of UDiFF files only those of NSE can be ingested")


def _days(frame: pl.DataFrame, stamp: str, price_columns: tuple[str, str, str, str], volume: str) -> Reading:
    series = pl.col("series").fill_null("") if "series" in frame.columns else pl.lit(SERIES)
    days = instants(dates(frame[stamp]))
    rows = frame.select(
        "row",
        days,
        symbol="NSE:" + index_names(pl.col("symbol").cast(pl.String)),
        defect=pl.when(series != SERIES).then(pl.lit(str(Defect.SERIES))),
        **prices(dict(zip(("open", "high", "low", "close"), price_columns, strict=True))),
        **counts({"volume": volume}),
    )
    return Reading(rows, "1d")
