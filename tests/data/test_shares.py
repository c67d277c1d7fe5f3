"""Which shares have futures on a day, as far as the catalog knows contracts."""

import datetime
import pathlib

import polars as pl
import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.contract_days import CONTRACT_COLUMNS
from alpha_panda.data.ingest import ingest
from alpha_panda.data.shares import auction_shares, fo_shares
from alpha_panda.errors import EventError
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


def listed(name: str, token: int, expiry: datetime.date) -> Instrument:
    symbol = f"NFO:{name}{expiry:%y%b}FUT".upper()
    return Instrument(symbol, token, 500, FUTURE, 175, 0, "NFO", underlying=name, kind="FUT", expiry=expiry)


def test_futures_that_a_broker_lists_count_until_they_expire(tmp_path: pathlib.Path):
    catalog = Catalog(tmp_path)
    october = EXPIRY + datetime.timedelta(days=28)
    catalog.register([listed("TCS", 1, EXPIRY), listed("INFY", 2, EXPIRY), listed("INFY", 3, october)], since=AUGUST)
    assert fo_shares(catalog, EXPIRY) == {"NSE:INFY", "NSE:TCS"}
    assert fo_shares(catalog, EXPIRY + datetime.timedelta(days=1)) == {"NSE:INFY"}
    # Of later days nothing better is known than what was listed last.
    assert fo_shares(catalog, october + datetime.timedelta(days=60)) == {"NSE:INFY"}


def test_no_share_closed_in_an_auction_before_there_was_one(catalog: Catalog, tmp_path: pathlib.Path):
    assert "NSE:RELIANCE" in auction_shares(catalog, AUGUST)
    assert auction_shares(catalog, datetime.date(2026, 7, 1)) == frozenset()
    assert auction_shares(Catalog(tmp_path / "empty"), SEPTEMBER) == frozenset()


# ── At ingest ────────────────────────────────────────────────────────────────────────────────────────────────────────


def minute_file(folder: pathlib.Path, *symbols: str) -> pathlib.Path:
    """Return a vendor's file of the minutes of 2026-08-03, from 09:15 to 15:29, whatever then traded."""
    start = datetime.datetime.combine(AUGUST, datetime.time(9, 15))
    times = [start + datetime.timedelta(minutes=minute) for minute in range(375)]
    prices = dict.fromkeys(("open", "high", "low", "close"), 100.0)
    frames = [pl.DataFrame({"symbol": name, "timestamp": times}).with_columns(**prices, volume=10) for name in symbols]
    path = folder / "minutes.parquet"
    pl.concat(frames).with_columns(pl.col(name).cast(pl.Float64) for name in prices).write_parquet(path)
    return path


def test_minutes_of_the_auction_are_no_continuous_trading_of_a_share_that_has_one(
    catalog: Catalog, tmp_path: pathlib.Path
):
    report = ingest([minute_file(tmp_path, "RELIANCE", "TCS")], catalog)
    assert report.quarantined == {"outside the session": 15}
    assert [catalog.registry()[symbol].calendar for symbol in ("NSE:RELIANCE", "NSE:TCS")] == ["NSE_EQ_FO", "NSE_EQ"]
    _, events = catalog.events(["NSE:RELIANCE", "NSE:TCS"], "1m", clocks=False)
    assert len(events) == 360 + 375


def test_a_share_is_known_by_its_contracts_even_when_they_come_after_its_prices(tmp_path: pathlib.Path):
    catalog, path = Catalog(tmp_path / "data"), minute_file(tmp_path, "RELIANCE")
    ingest([path], catalog)
    assert catalog.registry()["NSE:RELIANCE"].calendar == "NSE_EQ"
    catalog.store_contracts("NFO", AUGUST, contracts("RELIANCE"))
    ingest([path], catalog)
    assert catalog.registry()["NSE:RELIANCE"].calendar == "NSE_EQ_FO"
    # Its minutes after 15:15 were taken for trading before that was known: they are refused, not traded on.
    with pytest.raises(EventError, match=r"when NSE_EQ_FO is closed: .* ingest its data anew"):
        catalog.events(["NSE:RELIANCE"], "1m")
