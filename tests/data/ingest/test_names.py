"""Names of contracts, held against Kite's own list and NSE's own files: all of them, to the last letter."""

import datetime
import pathlib
from collections.abc import Callable

import polars as pl
import pytest

from alpha_panda.data.ingest.names import (
    contract_names,
    expires_last,
    index_names,
    last_of_month,
    monthly_expiry,
    parsed,
)
from alpha_panda.units import E4

Find = Callable[[str], pathlib.Path]

DUMP = "instruments/kite_instruments_NFO_BFO_2026-08-18.csv.gz"
UDIFF = (
    "fo/BhavCopy_NSE_FO_0_0_0_20250203_F_0000.csv.gz",
    "fo/BhavCopy_NSE_FO_0_0_0_20250227_F_0000.csv.gz",
    "fo/udiff_fo_2026-02-24_monthly_expiry.csv.gz",
    "fo/udiff_fo_2026-03-25.csv.gz",
)


def in_e4(column: str) -> pl.Expr:
    return (pl.col(column).fill_null(0.0) * E4).round().cast(pl.Int64)


@pytest.fixture
def dump(shared_file: Find) -> pl.DataFrame:
    listed = pl.read_csv(shared_file(DUMP), try_parse_dates=True)
    return listed.select(
        "tradingsymbol", "exchange", "expiry", underlying="name", kind="instrument_type", strike_e4=in_e4("strike")
    )


def test_every_contract_of_the_brokers_list_gets_its_own_name(dump: pl.DataFrame):
    made = dump.with_columns(made=contract_names(last_of_month()))
    assert len(made) == 39_941
    assert made.filter(pl.col("made") != pl.col("tradingsymbol")).is_empty()


@pytest.mark.parametrize("name", UDIFF)
def test_every_contract_of_the_exchanges_files_gets_its_own_name(shared_file: Find, name: str):
    listed = pl.read_csv(shared_file(name), try_parse_dates=True)
    contracts = listed.select(
        "FinInstrmNm",
        underlying="TckrSymb",
        expiry="XpryDt",
        kind=pl.col("OptnTp").fill_null("FUT"),
        strike_e4=in_e4("StrkPric"),
    ).with_columns(made=contract_names(last_of_month()))
    assert contracts.filter(pl.col("made") != pl.col("FinInstrmNm")).is_empty()


def test_a_name_is_read_back_as_what_it_says(dump: pl.DataFrame):
    read = parsed(dump["tradingsymbol"])
    for column in ("underlying", "kind", "strike_e4"):
        assert read[column].equals(dump[column].rename(column)), column
    told = dump.with_columns(read=read["expiry"]).filter(exchange="NFO").drop_nulls("read")
    assert told.filter(pl.col("read") != pl.col("expiry")).is_empty()
    assert len(told) > 30_000


def test_what_is_no_name_of_a_contract_says_nothing():
    read = parsed(pl.Series(["RELIANCE", "RELIND-FUT", "NIFTY2623124500CE"]))  # February has no 31st
    assert read["expiry"].to_list() == [None] * 3
    assert read["kind"].to_list() == [None, None, "CE"]


@pytest.mark.parametrize(
    ("underlying", "year", "month", "expected"),
    [
        ("NIFTY", 2020, 1, datetime.date(2020, 1, 30)),  # fo01JAN2020bhav.csv
        ("SBIN", 2023, 4, datetime.date(2023, 4, 27)),  # atm_options_1min_iv_2023_SBIN
        ("NIFTY", 2023, 6, datetime.date(2023, 6, 28)),  # Thursday the 29th became a holiday
        ("NIFTY", 2025, 2, datetime.date(2025, 2, 27)),  # the UDiFF file of that day
        ("NIFTY", 2026, 3, datetime.date(2026, 3, 30)),  # Tuesday the 31st is a holiday
        ("BANKNIFTY", 2024, 6, None),  # was on Wednesdays for a year
        ("NIFTY", 2029, 12, None),  # Christmas is not in the calendar yet
    ],
)
def test_a_months_last_expiry_moves_before_a_holiday(
    underlying: str, year: int, month: int, expected: datetime.date | None
):
    assert monthly_expiry(underlying, year, month) == expected


def test_contracts_on_shares_expire_last_in_their_month_and_those_on_nifty_by_the_rule():
    rows = [
        ("SBIN", datetime.date(2023, 6, 29)),  # as listed, before it was moved
        ("NIFTY", datetime.date(2023, 6, 28)),
        ("NIFTY", datetime.date(2023, 6, 8)),
        ("BANKNIFTY", datetime.date(2023, 6, 8)),
    ]
    contracts = pl.DataFrame(rows, schema=["underlying", "expiry"], orient="row")
    assert contracts.select(expires_last(contracts)).to_series().to_list() == [True, True, False, None]
    options = contracts.with_columns(kind=pl.lit("CE"), strike_e4=440_000_000)
    names = options.select(contract_names(expires_last(contracts))).to_series().to_list()
    assert names[2:] == ["NIFTY2360844000CE", None]


def test_an_index_has_the_brokers_name():
    names = pl.DataFrame({"name": ["Nifty", "BANKNIFTY", "Nifty_Bank", "NIFTY 50", "RELIANCE", "M&M"]})
    expected = ["NIFTY 50", "NIFTY BANK", "NIFTY BANK", "NIFTY 50", "RELIANCE", "M&M"]
    assert names.select(index_names(pl.col("name"))).to_series().to_list() == expected
