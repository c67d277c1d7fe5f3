"""The days of futures and options: how they are kept, and what a backtest sees of them."""

import datetime
import pathlib
from collections.abc import Callable

import polars as pl
import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.contract_days import CONTRACT_COLUMNS
from alpha_panda.data.ingest import ingest
from alpha_panda.errors import CatalogError
from alpha_panda.instruments import Instrument
from alpha_panda.kernels.records import FUTURE, OPTION
from alpha_panda.units import ist_time_ns, parse_clock, to_e4
from tests.data.listed import FEBRUARY, MARCH, contract, store

MONDAY, TUESDAY, WEDNESDAY = (datetime.date(2026, 2, day) for day in (16, 17, 18))
FUTURE_NAME, CALL_NAME = "NFO:NIFTY26FEBFUT", "NFO:NIFTY26FEB25000CE"


@pytest.fixture
def catalog(tmp_path: pathlib.Path) -> Catalog:
    """Return three days of one future, which did not trade on the second, and one day of a call on it."""
    catalog = Catalog(tmp_path)
    store(catalog, MONDAY, contract("NIFTY26FEBFUT", 25_450, FEBRUARY), contract("NIFTY26FEB25000CE", 470, FEBRUARY))
    store(catalog, TUESDAY, contract("NIFTY26FEBFUT", 25_460, FEBRUARY, volume=0))
    store(catalog, WEDNESDAY, contract("NIFTY26FEBFUT", 25_500, FEBRUARY))
    return catalog


# ── Keeping them ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_day_is_one_file_of_all_contracts(catalog: Catalog):
    rows = pl.read_parquet(catalog.root / "contracts/1d/NFO/2026-02-16.parquet")
    assert rows.schema == {**CONTRACT_COLUMNS, "date": pl.Date()}
    assert rows["symbol"].to_list() == [CALL_NAME, FUTURE_NAME]
    assert catalog.contract_days("NFO") == (MONDAY, TUESDAY, WEDNESDAY)


def test_storing_a_day_twice_changes_nothing_and_a_contradiction_is_handed_back(catalog: Catalog):
    path = catalog.root / "contracts/1d/NFO/2026-02-18.parquet"
    before = path.read_bytes()
    assert store(catalog, WEDNESDAY, contract("NIFTY26FEBFUT", 25_500, FEBRUARY)) == (0, 1)
    other = pl.DataFrame([contract("NIFTY26FEBFUT", 25_501, FEBRUARY, row=40)])
    assert catalog.store_contracts("NFO", WEDNESDAY, other).conflicts["row"].to_list() == [40]
    assert path.read_bytes() == before
    assert store(catalog, WEDNESDAY, contract("NIFTY26MARFUT", 25_600, MARCH)) == (1, 0)


def test_a_day_without_a_column_is_refused(catalog: Catalog):
    rows = pl.DataFrame([contract("NIFTY26FEBFUT", 1, FEBRUARY)]).drop("lot", "trades")
    with pytest.raises(CatalogError, match="a day of contracts lacks lot, trades: it has symbol, underlying"):
        catalog.store_contracts("NFO", MONDAY, rows)


# ── Out of them ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_contract_has_a_daily_bar_for_each_day_on_which_it_traded(catalog: Catalog):
    universe, events = catalog.events([FUTURE_NAME], clocks=False)
    assert events["close_e4"].tolist() == [to_e4(25_450), to_e4(25_500)]
    assert events["volume"].tolist() == [650, 650]
    known_ns = [ist_time_ns(day, parse_clock("15:30")) for day in (MONDAY, WEDNESDAY)]
    assert events["time_ns"].tolist() == known_ns
    assert (catalog.resolutions(FUTURE_NAME), catalog.span(FUTURE_NAME, "1d")) == (("1d",), (MONDAY, WEDNESDAY))
    assert len(catalog.events([FUTURE_NAME], "1d", last=TUESDAY, clocks=False)[1]) == 1
    assert universe[0].symbol == FUTURE_NAME


def test_a_contract_is_known_from_its_days_alone(catalog: Catalog):
    (future,) = catalog.events([FUTURE_NAME])[0]
    (call,) = catalog.events([CALL_NAME])[0]
    assert (future.kind, future.segment, future.lot, future.expiry) == ("FUT", FUTURE, 65, FEBRUARY)
    assert (call.kind, call.segment, call.strike_e4, call.underlying) == ("CE", OPTION, to_e4(25_000), "NIFTY")
    assert (future.tick_e4, call.tick_e4) == (1_000, 500)  # ten and five paise, as in Kite's list of 2026-08-18


def test_what_a_broker_lists_is_kept_but_for_the_lot_of_the_days(catalog: Catalog):
    listed = Instrument(
        FUTURE_NAME, 14866434, 1_000, FUTURE, lot=75, freeze_quantity=1_800, calendar="NFO", expiry=FEBRUARY
    )
    catalog.register([listed], since=datetime.date(2026, 1, 1))
    (future,) = catalog.events([FUTURE_NAME])[0]
    assert (future.instrument_token, future.freeze_quantity, future.lot) == (14866434, 1_800, 65)


def test_a_lot_that_changes_within_the_range_is_refused_with_the_day(catalog: Catalog):
    store(catalog, datetime.date(2026, 2, 19), contract("NIFTY26FEBFUT", 25_500, FEBRUARY, lot=60))
    with pytest.raises(CatalogError, match="the lot of NFO:NIFTY26FEBFUT became 60 on 2026-02-19"):
        catalog.events([FUTURE_NAME])
    assert catalog.events([FUTURE_NAME], last=WEDNESDAY)[0][0].lot == 65


def test_a_lot_that_no_file_gives_is_not_guessed(tmp_path: pathlib.Path):
    catalog = Catalog(tmp_path)
    store(catalog, MONDAY, contract("NIFTY26FEBFUT", 25_450, FEBRUARY, lot=0))
    with pytest.raises(CatalogError, match="the lot of NFO:NIFTY26FEBFUT is not known: ingest a list of instruments"):
        catalog.events([FUTURE_NAME])
    catalog.register([Instrument(FUTURE_NAME, -1, 1_000, FUTURE, lot=65, calendar="NFO")])
    assert catalog.events([FUTURE_NAME])[0][0].lot == 65


def test_an_exchange_of_unknown_hours_has_no_events(tmp_path: pathlib.Path):
    catalog = Catalog(tmp_path)
    rows = pl.DataFrame([contract("COPPER26FEBFUT", 800, FEBRUARY, symbol="MCX:COPPER26FEBFUT")])
    catalog.store_contracts("MCX", MONDAY, rows)
    with pytest.raises(CatalogError, match="the trading hours of MCX are not known"):
        catalog.events(["MCX:COPPER26FEBFUT"])


@pytest.mark.parametrize(
    ("symbol", "asked", "answer"),
    [
        ("NFO:NIFTY26FEBFUTT", {}, "is not in the catalog; did you mean NFO:NIFTY26FEBFUT"),
        (FUTURE_NAME, {"resolution": "1m"}, "holds no 1m data of NFO:NIFTY26FEBFUT, but 1d"),
        (FUTURE_NAME, {"first": MARCH}, "from 2026-03-30 to the end: it has 2026-02-16 to 2026-02-18"),
        (FUTURE_NAME, {"first": TUESDAY, "last": TUESDAY}, "from 2026-02-17 to 2026-02-17: it has 2026-02-16"),
    ],
)
def test_a_contract_that_is_not_there_says_what_is(
    catalog: Catalog, symbol: str, asked: dict[str, object], answer: str
):
    with pytest.raises(CatalogError, match=answer):
        catalog.events([symbol], **{"resolution": "1d", **asked})


def test_who_names_no_instrument_does_not_trade_fifty_thousand_contracts(catalog: Catalog):
    with pytest.raises(CatalogError, match="is empty"):
        catalog.tradable()


def test_the_expiry_of_a_real_future_is_in_its_events(
    tmp_path: pathlib.Path, shared_file: Callable[[str], pathlib.Path]
):
    catalog = Catalog(tmp_path)
    ingest([shared_file("fo/udiff_fo_2026-02-24_monthly_expiry.csv.gz")], catalog)
    universe, events = catalog.events([FUTURE_NAME, "NFO:NIFTY26MARFUT"], "1d", clocks=False)
    # The rows of NIFTY26FEBFUT and NIFTY26MARFUT in the file: 88,367 and 112,855 contracts of 65 units.
    assert events["close_e4"].tolist() == [to_e4(25_421.70), to_e4(25_600.30)]
    assert events["volume"].tolist() == [88_367 * 65, 112_855 * 65]
    assert [(item.expiry, item.lot, item.tick_e4) for item in universe] == [(FEBRUARY, 65, 1_000), (MARCH, 65, 1_000)]
