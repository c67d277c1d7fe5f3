"""NSE's daily files of the cash market, each layout with the padding and the series that it has."""

import pathlib

import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest.defects import Defect
from alpha_panda.errors import DataError
from alpha_panda.units import ist_datetime
from tests.data.ingest.files import UDIFF_HEADER, bars, taken, written

AAA = (1_000_000, 1_100_000, 900_000, 1_050_000, 700)

LAYOUTS = {
    "old": (
        "SYMBOL,SERIES,OPEN,HIGH,LOW,CLOSE,LAST,PREVCLOSE,TOTTRDQTY,TOTTRDVAL,TIMESTAMP,TOTALTRADES,ISIN,",
        "AAA,EQ,100,110,90,105,105,99,700,73500,06-JAN-2025,9,INE144J01027,",
        "AAA,N1,1000,1000,1000,1000,1000,1000,5,5000,06-JAN-2025,1,INE144J07027,",
    ),
    "full": (
        "SYMBOL, SERIES, DATE1, PREV_CLOSE, OPEN_PRICE, HIGH_PRICE, LOW_PRICE, LAST_PRICE, CLOSE_PRICE, AVG_PRICE, "
        "TTL_TRD_QNTY, TURNOVER_LACS, NO_OF_TRADES, DELIV_QTY, DELIV_PER",
        "AAA, EQ, 06-Jan-2025, 99.00, 100.00, 110.00, 90.00, 105.00, 105.00, 105.00, 700, 0.73, 9, 500, 71.43",
        "AAA, N1, 06-Jan-2025, 99.00, 1000.00, 1000.00, 1000.00, 1000.00, 1000.00, 1000.00, 5, 0.05, 1, -, -",
    ),
    "UDiFF": (
        UDIFF_HEADER,
        "2025-01-06,2025-01-06,CM,NSE,STK,1,INE144J01027,AAA,EQ,,,,,AAA LTD,100.00,110.00,90.00,105.00,105.00,99.00,,"
        "105.00,,,700,73500.00,9,F1,1,,,,,",
        "2025-01-06,2025-01-06,CM,NSE,STK,2,INE144J07027,AAA,N1,,,,,AAA NCD,1000.00,1000.00,1000.00,1000.00,1000.00,"
        "99.00,,1000.00,,,5,5000.00,1,F1,1,,,,,",
    ),
    "one security": (
        "DATE,SERIES,OPEN,HIGH,LOW,PREV. CLOSE,LTP,CLOSE,VWAP,52W H,52W L,VOLUME,VALUE,NO OF TRADES,SYMBOL",
        "2025-01-06,EQ,100,110,90,99,105,105,105,200,50,700,73500,9,AAA",
        "2025-01-06,N1,1000,1000,1000,1000,1000,1000,1000,1000,1000,5,5000,1,AAA",
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_day_of_the_series_eq_is_kept_and_another_series_is_counted(
    catalog: Catalog, tmp_path: pathlib.Path, layout: str
):
    report = taken(written(tmp_path / "a.csv", *LAYOUTS[layout]), catalog)
    assert (report.rows, report.written, report.quarantined) == (2, 1, {Defect.SERIES: 1})
    assert bars(catalog, "NSE:AAA", "1d") == [AAA]
    _, events = catalog.events(["NSE:AAA"], "1d", clocks=False)
    assert f"{ist_datetime(events['time_ns'][0]):%Y-%m-%d %H:%M}" == "2025-01-06 15:30"


def test_all_layouts_of_one_day_agree(catalog: Catalog, tmp_path: pathlib.Path):
    for layout, lines in LAYOUTS.items():
        taken(written(tmp_path / f"{layout}.csv", *lines), catalog)
    report = taken(tmp_path / "old.csv", catalog)
    assert (report.written, report.present) == (0, 1)


def test_a_history_may_stand_newest_first_and_repeat_its_header(catalog: Catalog, tmp_path: pathlib.Path):
    header, row, _ = LAYOUTS["one security"]
    later = row.replace("2025-01-06", "2025-01-07").replace("700", "800")
    report = taken(written(tmp_path / "a.csv", header, later, header, row, ""), catalog)
    assert (report.written, report.quarantined) == (2, {Defect.NO_DATA: 2})
    assert [bar[-1] for bar in bars(catalog, "NSE:AAA", "1d")] == [700, 800]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("CM,NSE", "CM,BSE"), "rows of the exchange BSE: of UDiFF files only those of NSE"),
        (("CM,NSE", "CD,NSE"), "a UDiFF file of the segment CD: one of CM or FO"),
    ],
)
def test_a_udiff_file_of_another_market_is_refused(
    catalog: Catalog, tmp_path: pathlib.Path, change: tuple[str, str], sentence: str
):
    lines = (line.replace(*change) for line in LAYOUTS["UDiFF"])
    with pytest.raises(DataError, match=sentence):
        taken(written(tmp_path / "a.csv", *lines), catalog)
    assert not catalog.root.exists()
