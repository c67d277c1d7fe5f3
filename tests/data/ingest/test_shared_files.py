"""Every file of market data beside the checkout goes in, with an account of its last row.

The counts were taken from the files themselves where a rule can be said in a line (`group_by(...).len()` and the like);
the others pin what the rules of `defects` make of files that never change.
"""

import datetime
import pathlib

import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest import IngestReport, ingest
from alpha_panda.data.ingest.defects import Defect
from alpha_panda.instruments import Instrument

DAYS = {
    # SYMBOL in the series EQ: zcat FILE | grep -c ',EQ,'
    "cm01JAN2020bhav.csv.gz": (1_910, 1_502, 0, {Defect.SERIES: 408}),
    "sec_bhavdata_full_EQ_2024-01-20.csv.gz": (1_792, 1_792, 0, {}),
    "sec_bhavdata_full_EQ_2024-11-01.csv.gz": (1_912, 1_912, 0, {}),
    "sec_bhavdata_full_EQ_2025-02-01.csv.gz": (2_007, 2_007, 0, {}),
    "sec_bhavdata_full_EQ_2026-02-01.csv.gz": (2_411, 2_411, 0, {}),
    "sec_bhavdata_full_EQ_2026-08-03.csv.gz": (2_415, 2_415, 0, {}),
    "sec_bhavdata_full_EQ_2026-08-21.csv.gz": (2_633, 2_633, 0, {}),
    "sec_bhavdata_full_allseries_2025-03-03.csv.gz": (2_854, 2_040, 0, {Defect.SERIES: 814}),
    # Of Saturdays and Sundays before 2007 on which NSE traded no other file tells; 14 days stand there twice.
    "SBIN_raw_2000_2024_nse_securitywise.csv.gz": (6_001, 5_975, 2, {Defect.DUPLICATE: 14, Defect.SESSION: 10}),
    "adj_daily_1994_2024.parquet": (118_604, 112_109, 0, {Defect.EARLY: 6_495}),
    "adj_daily_2008_2021.parquet": (76_804, 76_429, 0, {Defect.CONFLICT: 375}),
    "kite_adj_daily_2020_2025.parquet": (30_110, 30_110, 0, {}),
    "raw_eq_2019_2026.parquet": (196_714, 194_670, 2_044, {}),  # days that the bhavcopies above have already
}
CONTRACTS = {
    # OBEROIRLTY25APRFUT traded one contract at no price, GRANULES25APRFUT closed below its low.
    "BhavCopy_NSE_FO_0_0_0_20250203_F_0000.csv.gz": (34_304, 34_302, 0, {Defect.PRICE: 1, Defect.RANGE: 1}),
    "BhavCopy_NSE_FO_0_0_0_20250227_F_0000.csv.gz": (41_097, 41_097, 0, {}),
    "udiff_fo_2026-02-24_monthly_expiry.csv.gz": (49_854, 49_854, 0, {}),
    "udiff_fo_2026-03-25.csv.gz": (53_418, 53_418, 0, {}),
    "fo01JAN2020bhav.csv.gz": (31_809, 31_809, 0, {}),
    # CHOLAFIN and BLUESTARCO of January closed outside their range; the last line is a footnote.
    "legacy_fo14112025.csv.gz": (633, 630, 0, {Defect.NO_DATA: 1, Defect.RANGE: 2}),
    "legacy_op14112025.csv.gz": (15_131, 15_130, 0, {Defect.NO_DATA: 1}),
    # BSE's futures and options: exchange == "BFO".
    "kite_instruments_NFO_BFO_2026-08-18.csv.gz": (39_941, 35_683, 0, {Defect.EXCHANGE: 4_258}),
}
MINUTES = {
    "atm_options_1min_iv_2023_SBIN.parquet": (27_602, 27_602, 0, {}),
    # 169 rows bear the name of a sheet, nifty5thJune9_45, and 11 of them nothing else.
    "nifty_options_1min_2023_06_05.parquet": (5_756, 5_587, 0, {Defect.NO_DATA: 11, Defect.SYMBOL: 158}),
    "index_1min_2024_janapr.parquet": (59_044, 58_710, 0, {Defect.SESSION: 334}),
    "kite_filled_1min_2023_aprmay.parquet": (30_002, 30_000, 0, {Defect.SESSION: 2}),  # of 15:30
    "nifty_1min_2026_jul28_aug07.parquet": (3_371, 3_371, 0, {}),
    "stocks_1min_2024_2025.parquet": (1_052_559, 1_052_533, 0, {Defect.DUPLICATE: 26}),
}
TICKS = {
    "ltp_ticks_2021_05_27.parquet": (
        *(95_625, 93_521, 0),
        {Defect.DUPLICATE: 1_168, Defect.ORDER: 424, Defect.VOLUME_FELL: 512},
    ),
    "ltp_ticks_2021_06_11.parquet": (
        *(241_755, 128_669, 0),
        {
            Defect.STAMP: 5_426,
            Defect.STALE: 103_024,
            Defect.SESSION: 273,
            Defect.DUPLICATE: 3_009,
            Defect.ORDER: 576,
            Defect.VOLUME_FELL: 778,
        },
    ),
    "stock_futures_ticks_bbo_2025_11_17.parquet": (2_833, 2_230, 0, {Defect.DUPLICATE: 602, Defect.VOLUME_FELL: 1}),
}
PASSED_OVER = {
    "README.md": "of no kind that we know",
    "nse_preopen_snapshot_2025-11-17.json.gz": "a snapshot of the pre-open auction",
    "nse_calendar_2024_2026.csv": "a list of holidays and special sessions",
    "corporate_action_factors_derived.csv": "a list of corporate actions",
}


def outcomes(report: IngestReport) -> dict[str, tuple[int, int, int, dict[str, int]]]:
    return {each.path.name: (each.rows, each.written, each.present, each.quarantined) for each in report.files}


def test_every_file_goes_in_and_a_second_time_changes_nothing(shared_data: pathlib.Path, catalog: Catalog):
    report = ingest([shared_data], catalog, adjusted=True, lot=1_500)
    expected = DAYS | CONTRACTS | MINUTES | TICKS
    assert outcomes(report) == expected
    for rows, written, present, quarantined in expected.values():
        assert rows == written + present + sum(quarantined.values())
    for path, reason in report.passed_over.items():
        assert PASSED_OVER[path.name] in reason
    assert len(report.passed_over) == len(PASSED_OVER)

    times = {
        path: path.stat().st_mtime_ns for path in catalog.root.rglob("*.parquet") if "quarantine" not in path.parts
    }
    again = ingest([shared_data], catalog, adjusted=True, lot=1_500)
    assert outcomes(again) == {
        name: (rows, 0, written + present, quarantined)
        for name, (rows, written, present, quarantined) in expected.items()
    }
    assert times == {path: path.stat().st_mtime_ns for path in times}


@pytest.mark.parametrize(
    ("name", "symbol", "rows"),
    [
        ("historical_minute.json", "NSE:NIFTY 50", 6),
        ("historical_oi.json", "NSE:NIFTY 50", 6),
        ("real_2026_10_08/historical_minute_oi_256265_0920-0924.json", "NSE:NIFTY 50", 5),
        ("real_2026_10_08/historical_minute_oi_265_0920-0924.json", "BSE:SENSEX", 5),
    ],
)
def test_the_brokers_candles_go_in(kite_mocks: pathlib.Path, catalog: Catalog, name: str, symbol: str, rows: int):
    (report,) = ingest([kite_mocks / name], catalog, symbol=symbol).files
    assert (report.rows, report.written, report.symbols) == (rows, rows, (symbol,))
    assert not catalog.registry()[symbol].tradable


def test_the_brokers_candles_of_a_day_go_in_by_the_tokens_in_their_names(kite_mocks: pathlib.Path, catalog: Catalog):
    catalog.register(
        [
            Instrument("NSE:NIFTY 50", 256265, 500, kind="INDEX"),
            Instrument("BSE:SENSEX", 265, 500, kind="INDEX"),
            Instrument("NSE:STANDS FOR AN OPTION", 11421186, 500),  # which contract it was, nobody noted
        ]
    )
    report = ingest([kite_mocks / "real_2026_10_08"], catalog)
    assert (report.rows, report.written, report.passed_over) == (22, 22, {})
    assert catalog.symbols("1m") == ("BSE:SENSEX", "NSE:NIFTY 50", "NSE:STANDS FOR AN OPTION")


@pytest.mark.parametrize(
    ("name", "written", "quarantined"),
    [("instruments_nse.csv", 99, {}), ("instruments_all.csv", 99, {})],
)
def test_the_brokers_lists_go_in(
    kite_mocks: pathlib.Path, catalog: Catalog, name: str, written: int, quarantined: dict[str, int]
):
    (report,) = ingest([kite_mocks / name], catalog, on=datetime.date(2017, 11, 24)).files
    assert (report.written, report.quarantined) == (written, quarantined)


def test_the_brokers_other_answers_are_passed_over(kite_mocks: pathlib.Path, catalog: Catalog):
    report = ingest([kite_mocks], catalog)
    assert not report.files
    assert all(str(path) in reason for path, reason in report.passed_over.items())
    assert len(report.passed_over) == sum(path.is_file() for path in kite_mocks.rglob("*"))
