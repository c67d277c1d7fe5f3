"""Which shares have futures on a day, as far as the catalog knows contracts."""

import datetime
import pathlib

import polars as pl
import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.contract_days import CONTRACT_COLUMNS
from alpha_panda.data.shares import fo_shares, share_calendars
from alpha_panda.instruments import Instrument
from alpha_panda.kernels.records import FUTURE

AUGUST, SEPTEMBER = datetime.date(2026, 8, 3), datetime.date(2026, 9, 1)
EXPIRY = datetime.date(2026, 9, 29)


def contracts(*underlyings: str, kind: str = "FUT") -> pl.DataFrame:
    """Return contracts of a day, one on each underlying, of which only names and kinds matter here."""
    rows = pl.DataFrame({"symbol": [f"NFO:{name}26SEP{kind}" for name in underlyings], "underlying": underlyings})
    absent = {name: pl.lit(0) for name, dtype in CONTRACT_COLUMNS.items() if dtype == pl.Int64}
    return rows.with_columns(**absent, kind=pl.lit(kind), expiry=pl.lit(EXPIRY))


@pytest.fixture
def catalog(tmp_path: pathlib.Path) -> Catalog:
    """Return contracts of two days: of RELIANCE and NIFTY, then of INFY as well."""
    catalog = Catalog(tmp_path)
    catalog.store_contracts("NFO", AUGUST, contracts("RELIANCE", "NIFTY"))
    catalog.store_contracts("NFO", SEPTEMBER, contracts("INFY", "RELIANCE", "NIFTY"))
    return catalog


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (AUGUST, {"NSE:RELIANCE"}),
        (SEPTEMBER - datetime.timedelta(days=1), {"NSE:RELIANCE"}),
        (SEPTEMBER, {"NSE:INFY", "NSE:RELIANCE"}),
        (datetime.date(2026, 12, 1), {"NSE:INFY", "NSE:RELIANCE"}),
        (AUGUST - datetime.timedelta(days=1), {"NSE:RELIANCE"}),  # before the first day known, that day is the nearest
    ],
)
def test_a_share_has_futures_as_the_newest_day_of_contracts_says(
    catalog: Catalog, on: datetime.date, expected: set[str]
):
    assert fo_shares(catalog, on) & {"NSE:INFY", "NSE:RELIANCE", "NSE:TCS"} == expected


def test_options_alone_make_no_share_of_the_auction(tmp_path: pathlib.Path):
    catalog = Catalog(tmp_path)
    catalog.store_contracts("NFO", AUGUST, contracts("NIFTY", kind="CE"))
    assert fo_shares(catalog, AUGUST) == frozenset()


def test_futures_that_a_broker_lists_count_until_they_expire(tmp_path: pathlib.Path):
    catalog = Catalog(tmp_path)
    future = Instrument("NFO:TCS26SEPFUT", 77, 500, FUTURE, 175, 0, "NFO", underlying="TCS", kind="FUT", expiry=EXPIRY)
    catalog.register([future], since=AUGUST)
    assert fo_shares(catalog, EXPIRY) == {"NSE:TCS"}
    assert fo_shares(catalog, EXPIRY + datetime.timedelta(days=1)) == frozenset()


def test_shares_keep_the_calendar_of_their_kind(catalog: Catalog, tmp_path: pathlib.Path):
    found = share_calendars(catalog, ["NSE:INFY", "NSE:TCS"], SEPTEMBER)
    assert found == {"NSE:INFY": "NSE_EQ_FO", "NSE:TCS": "NSE_EQ"}
    assert share_calendars(Catalog(tmp_path / "empty"), ["NSE:INFY"], SEPTEMBER) == {"NSE:INFY": "NSE_EQ"}
