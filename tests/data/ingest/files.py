"""What the tests of ingesting share: small files in the layouts of the exchange, and what became of them."""

import pathlib

import polars as pl

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest import FileReport, ingest

UDIFF_HEADER = (
    "TradDt,BizDt,Sgmt,Src,FinInstrmTp,FinInstrmId,ISIN,TckrSymb,SctySrs,XpryDt,FininstrmActlXpryDt,StrkPric,OptnTp,"
    "FinInstrmNm,OpnPric,HghPric,LwPric,ClsPric,LastPric,PrvsClsgPric,UndrlygPric,SttlmPric,OpnIntrst,ChngInOpnIntrst,"
    "TtlTradgVol,TtlTrfVal,TtlNbOfTxsExctd,SsnId,NewBrdLotQty,Rmks,Rsvd1,Rsvd2,Rsvd3,Rsvd4"
)


def written(path: pathlib.Path, *lines: str) -> pathlib.Path:
    """Write a text file of these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def taken(path: pathlib.Path, catalog: Catalog, **given: object) -> FileReport:
    """Ingest one file and return its report, every row of which is accounted for."""
    (report,) = ingest([path], catalog, **given).files
    assert report.rows == report.written + report.present + sum(report.quarantined.values())
    return report


def bars(catalog: Catalog, symbol: str, resolution: str) -> list[tuple[int, ...]]:
    """Return open, high, low, close in E4 and the volume of each bar that a catalog holds."""
    folder, name = symbol.split(":")
    path = catalog.root / "bars" / resolution / folder / f"{name}.parquet"
    return pl.read_parquet(path).select("open_e4", "high_e4", "low_e4", "close_e4", "volume").rows()
