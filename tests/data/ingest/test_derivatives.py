"""NSE's daily files of futures and options: lots, volume in units, what did not trade, and what the rows leave out."""

import datetime
import pathlib
from collections.abc import Callable

import polars as pl
import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest.defects import Defect
from alpha_panda.errors import DataError
from tests.data.ingest.files import UDIFF_HEADER, taken, written

Find = Callable[[str], pathlib.Path]

OLD_HEADER = (
    "INSTRUMENT,SYMBOL,EXPIRY_DT,STRIKE_PR,OPTION_TYP,OPEN,HIGH,LOW,CLOSE,SETTLE_PR,CONTRACTS,VAL_INLAKH,OPEN_INT,"
    "CHG_IN_OI,TIMESTAMP,"
)
OPTIONS_HEADER = (
    "INSTRUMENT,SYMBOL    ,EXP_DATE  ,STR_PRICE  ,OPT_TYPE,OPEN_PRICE ,HI_PRICE   ,LO_PRICE   ,CLOSE_PRICE,"
    "OPEN_INT*      ,TRD_QTY          ,NO_OF_CONT       ,NO_OF_TRADE      ,NOTION_VAL        ,PR_VAL            "
)
OPTION = (
    "OPTIDX    ,NIFTY     ,18/11/2025,00025900.00,CE      ,00000100.00,00000120.00,00000090.00,00000110.00,"
    "000000000150000,            15000,              200,              150,      390165000.00,        1650000.00"
)
FOOTNOTE = "* - OPEN_INT as available in the trading system at the end of trading hours.     "


def udiff(
    symbol: str = "NIFTY", kind: str = "CE", strike: str = "24500.00", expiry: str = "2026-02-24", **changes: str
):
    """Return a line of a UDiFF file of 2026-02-23: 200 contracts of 65 units, unless it says otherwise."""
    values = {"prices": "100.00,120.00,90.00,110.00", "contracts": "200", "lot": "65", "day": "2026-02-23"} | changes
    return (
        f"{values['day']},{values['day']},FO,NSE,IDO,1,,{symbol},,{expiry},{expiry},{strike},{kind},NAME,"
        f"{values['prices']},110.00,95.00,24480.50,110.00,130000,-650,{values['contracts']},319850000.00,150,F1,"
        f"{values['lot']},,,,,"
    )


def held(catalog: Catalog, day: datetime.date) -> pl.DataFrame:
    return catalog.contracts("NFO", day, day).collect().sort("symbol")


def test_a_contract_is_kept_with_all_that_its_line_says(catalog: Catalog, tmp_path: pathlib.Path):
    report = taken(written(tmp_path / "a.csv", UDIFF_HEADER, udiff()), catalog)
    assert report.symbols == ("NFO:NIFTY26FEB24500CE",)
    assert held(catalog, datetime.date(2026, 2, 23)).row(0, named=True) == {
        "symbol": "NFO:NIFTY26FEB24500CE",
        "underlying": "NIFTY",
        "kind": "CE",
        "expiry": datetime.date(2026, 2, 24),
        "strike_e4": 245_000_000,
        "lot": 65,
        "open_e4": 1_000_000,
        "high_e4": 1_200_000,
        "low_e4": 900_000,
        "close_e4": 1_100_000,
        "settle_e4": 1_100_000,
        "underlying_e4": 244_805_000,
        "volume": 13_000,  # 200 contracts of 65
        "open_interest": 130_000,
        "open_interest_change": -650,
        "turnover_e4": 3_198_500_000_000,
        "trades": 150,
        "date": datetime.date(2026, 2, 23),
    }


def test_a_weekly_contract_is_named_by_its_day_and_a_future_has_no_strike(catalog: Catalog, tmp_path: pathlib.Path):
    lines = (udiff(), udiff(expiry="2026-02-17", day="2026-02-13"), udiff(kind="", strike="0.00"))
    weekly_with_monthly = (UDIFF_HEADER, lines[0].replace("2026-02-23", "2026-02-13"), lines[1])
    taken(written(tmp_path / "weekly.csv", *weekly_with_monthly), catalog)
    taken(written(tmp_path / "future.csv", UDIFF_HEADER, lines[2]), catalog)
    assert held(catalog, datetime.date(2026, 2, 13))["symbol"].to_list() == [
        "NFO:NIFTY2621724500CE",
        "NFO:NIFTY26FEB24500CE",
    ]
    future = held(catalog, datetime.date(2026, 2, 23)).row(0, named=True)
    assert (future["symbol"], future["kind"], future["strike_e4"]) == ("NFO:NIFTY26FEBFUT", "FUT", 0)


def test_a_contract_that_did_not_trade_keeps_its_close(catalog: Catalog, tmp_path: pathlib.Path):
    idle = udiff(prices="0.00,0.00,0.00,66.40", contracts="0")
    assert taken(written(tmp_path / "a.csv", UDIFF_HEADER, idle), catalog).written == 1
    row = held(catalog, datetime.date(2026, 2, 23)).row(0, named=True)
    assert (row["open_e4"], row["close_e4"], row["volume"]) == (0, 664_000, 0)


def test_the_turnover_of_a_lively_contract_is_kept_to_the_paisa(catalog: Catalog, tmp_path: pathlib.Path):
    # NIFTY2520623300PE in the file of 2025-02-03: in E4 more than 2⁵³, up to which a float is exact.
    line = udiff().replace("319850000.00", "5313640629153.75")
    taken(written(tmp_path / "a.csv", UDIFF_HEADER, line), catalog)
    assert held(catalog, datetime.date(2026, 2, 23))["turnover_e4"].to_list() == [53_136_406_291_537_500]


@pytest.mark.parametrize(
    ("changes", "defect"),
    [
        ({"symbol": ""}, Defect.SYMBOL),
        ({"day": "soon"}, Defect.STAMP),
        ({"expiry": ""}, Defect.CONTRACT),
        ({"expiry": "2026-02-20"}, Defect.CONTRACT),
        ({"kind": "XY"}, Defect.CONTRACT),
        ({"strike": "0.00"}, Defect.CONTRACT),
        ({"prices": "0.00,0.00,0.00,110.00"}, Defect.PRICE),
        ({"prices": "0.00,0.00,0.00,-1.00", "contracts": "0"}, Defect.PRICE),
        ({"prices": "100.00,120.00,90.00,121.00"}, Defect.RANGE),
        ({"contracts": "-1"}, Defect.VOLUME),
        ({"lot": ""}, Defect.VOLUME),
        ({"day": "2026-02-22"}, Defect.SESSION),  # a Sunday
        ({}, Defect.DUPLICATE),
        ({"contracts": "201"}, Defect.CONFLICT),
    ],
)
def test_a_contract_with_one_defect_is_refused_for_it(
    catalog: Catalog, tmp_path: pathlib.Path, changes: dict[str, str], defect: Defect
):
    report = taken(written(tmp_path / "a.csv", UDIFF_HEADER, udiff(), udiff(**changes)), catalog)
    assert (report.written, report.quarantined) == (1, {defect: 1})


def test_a_second_file_of_a_day_adds_to_the_first_and_never_changes_it(catalog: Catalog, tmp_path: pathlib.Path):
    first = written(tmp_path / "a.csv", UDIFF_HEADER, udiff())
    second = written(tmp_path / "b.csv", UDIFF_HEADER, udiff(contracts="201"), udiff(kind="PE"))
    taken(first, catalog)
    report = taken(second, catalog)
    assert (report.written, report.present, report.quarantined) == (1, 0, {Defect.CONFLICT: 1})
    assert held(catalog, datetime.date(2026, 2, 23))["volume"].to_list() == [13_000, 13_000]
    assert (taken(first, catalog).present, taken(second, catalog).present) == (1, 1)


# ── Layouts without a lot, without a day ─────────────────────────────────────────────────────────────────────────────


def old(kind: str, strike: int, prices: str, contracts: int, turnover_lakh: float, open_interest: int) -> str:
    instrument = "FUTSTK" if kind == "XX" else "OPTSTK"
    traded = f"{contracts},{turnover_lakh},{open_interest},0"
    return f"{instrument},AAA,30-Jan-2020,{strike},{kind},{prices},{traded},01-JAN-2020,"


def test_turnover_tells_the_lot_of_all_contracts_of_an_expiry(catalog: Catalog, tmp_path: pathlib.Path):
    # 1,000 contracts of 300 at 100.05 on average: 300.15 lakh; the put did not trade, and has the lot of its expiry.
    lines = (
        old("XX", 0, "100,100.1,100,100.1,100.1", 1_000, 300.15, 30_000),
        old("PE", 100, "0,0,0,2.5,2.5", 0, 0, 600),
    )
    taken(written(tmp_path / "a.csv", OLD_HEADER, *lines), catalog)
    rows = held(catalog, datetime.date(2020, 1, 1))
    assert rows.select("symbol", "lot", "volume").rows() == [
        ("NFO:AAA20JAN100PE", 300, 0),
        ("NFO:AAA20JANFUT", 300, 300_000),
    ]


def test_open_interest_decides_between_lots_that_turnover_allows(catalog: Catalog, tmp_path: pathlib.Path):
    # One contract of 300 at 100 to 101 bounds the lot to 299 to 311 only; of these 300 alone divides 4,500 and 600.
    lines = (
        old("XX", 0, "100,101,100,101,101", 1, 0.301, 4_500),
        old("CE", 100, "0,0,0,2.5,2.5", 0, 0, 600),
    )
    taken(written(tmp_path / "a.csv", OLD_HEADER, *lines), catalog)
    assert held(catalog, datetime.date(2020, 1, 1))["lot"].to_list() == [300, 300]


@pytest.mark.parametrize("open_interest", [7, 300 * 310])
def test_a_contract_that_traded_in_lots_that_nothing_tells_is_refused(
    catalog: Catalog, tmp_path: pathlib.Path, open_interest: int
):
    line = old("XX", 0, "100,101,100,101,101", 1, 0.301, open_interest)
    idle = old("CE", 100, "0,0,0,2.5,2.5", 0, 0, 0)
    report = taken(written(tmp_path / "a.csv", OLD_HEADER, line, idle), catalog)
    assert report.quarantined == {Defect.CONTRACT: 1}
    assert held(catalog, datetime.date(2020, 1, 1)).select("kind", "lot", "volume").rows() == [("CE", 0, 0)]


@pytest.mark.parametrize(("open_interest", "lot"), [(600, 300), (700, None)])
def test_the_lot_of_other_expiries_is_that_of_one_whose_trades_lie_outside_its_range(
    catalog: Catalog, tmp_path: pathlib.Path, open_interest: int, lot: int | None
):
    # 10 contracts of 300 at 100.50, where the file says that none was above 100.10.
    later = old("XX", 0, "100,100.1,100,100.1,100.1", 10, 3.015, open_interest).replace("30-Jan", "27-Feb")
    lines = (old("XX", 0, "100,100.1,100,100.1,100.1", 1_000, 300.15, 30_000), later)
    report = taken(written(tmp_path / "a.csv", OLD_HEADER, *lines), catalog)
    lots = dict(held(catalog, datetime.date(2020, 1, 1)).select("symbol", "lot").rows())
    assert (lots["NFO:AAA20JANFUT"], lots.get("NFO:AAA20FEBFUT")) == (300, lot)
    assert report.written == (1 if lot is None else 2)


def test_the_lots_of_a_real_day_are_those_of_its_time(catalog: Catalog, shared_file: Find):
    taken(shared_file("fo/fo01JAN2020bhav.csv.gz"), catalog)
    rows = held(catalog, datetime.date(2020, 1, 1))
    lots = dict(rows.filter(kind="FUT").group_by("underlying").agg(pl.col("lot").max()).iter_rows())
    # NIFTY's lot was 75 and BANKNIFTY's 20 in January 2020 by NSE's circulars; RELIANCE's 500, SBIN's 3,000, TCS's 250.
    known = {"NIFTY": 75, "BANKNIFTY": 20, "RELIANCE": 500, "SBIN": 3_000, "TCS": 250}
    assert {name: lots[name] for name in known} == known
    traded = pl.col("turnover_e4") > 0
    assert rows.filter(traded, pl.col("volume") > 0).height == 3_968  # zcat FILE | awk -F, '$11 > 0' | wc -l, less one


def test_a_list_of_options_has_its_day_in_its_name_and_a_footnote(catalog: Catalog, tmp_path: pathlib.Path):
    path = written(tmp_path / "op14112025.csv", OPTIONS_HEADER, OPTION, FOOTNOTE)
    report = taken(path, catalog)
    assert (report.written, report.quarantined) == (1, {Defect.NO_DATA: 1})
    row = held(catalog, datetime.date(2025, 11, 14)).row(0, named=True)
    assert (row["lot"], row["volume"], row["open_interest"]) == (75, 15_000, 150_000)
    assert (row["strike_e4"], row["high_e4"], row["turnover_e4"]) == (259_000_000, 1_200_000, 3_901_650_000_000)


def test_a_list_of_options_without_a_day_is_refused_until_the_day_is_given(catalog: Catalog, tmp_path: pathlib.Path):
    path = written(tmp_path / "options.csv", OPTIONS_HEADER, OPTION)
    with pytest.raises(DataError, match="say it with --on"):
        taken(path, catalog)
    assert taken(path, catalog, on=datetime.date(2025, 11, 14)).written == 1
