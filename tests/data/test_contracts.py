"""Futures and options as people look at them: the expiries and the chain of a day, and futures without end."""

import datetime
import pathlib
from collections.abc import Callable

import polars as pl
import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.contracts import continuous, expiries, option_chain
from alpha_panda.data.ingest import ingest
from alpha_panda.errors import CatalogError, ConfigurationError
from alpha_panda.units import to_e4
from tests.data.listed import FEBRUARY, MARCH, contract, store

FRIDAY, MONDAY, TUESDAY, WEDNESDAY = (datetime.date(2026, 2, day) for day in (20, 23, 24, 25))
DAYS = (FRIDAY, MONDAY, TUESDAY)  # Tuesday is the expiry of February


@pytest.fixture
def catalog(tmp_path: pathlib.Path) -> Catalog:
    """Return two futures around the expiry of the first, in sessions that follow each other, and a few options."""
    catalog = Catalog(tmp_path)
    for number, on in enumerate(DAYS):
        near = contract("NIFTY26FEBFUT", 25_400 + number, FEBRUARY, open_interest=9_000 - 4_000 * number)
        far = contract("NIFTY26MARFUT", 25_500 + 2 * number, MARCH, open_interest=4_000 + 2_000 * number)
        store(catalog, on, near, far)
    store(catalog, WEDNESDAY, contract("NIFTY26MARFUT", 25_600, MARCH))
    strike = {"strike_e4": to_e4(25_100)}
    store(
        catalog,
        FRIDAY,
        contract("NIFTY26FEB25000CE", 420, FEBRUARY, open_interest=65),
        contract("NIFTY26FEB25000PE", 15, FEBRUARY, volume=0, settle_e4=0),
        contract("NIFTY26FEB25100PE", 20, FEBRUARY, **strike),
        contract("NIFTY26MAR25000CE", 700, MARCH),
    )
    return catalog


# ── The chain ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_chain_has_calls_left_and_puts_right_of_the_strike(catalog: Catalog):
    chain = option_chain(catalog, "NIFTY", FRIDAY)
    middle = chain.columns.index("strike")
    left, right = chain.columns[:middle], chain.columns[middle + 1 : 2 * middle + 1]
    assert [name.removeprefix("call_") for name in left] == [name.removeprefix("put_") for name in reversed(right)]
    assert chain["strike"].to_list() == [25_000, 25_100]
    assert chain["call_close"].to_list() == [420, None]
    assert chain["call_open_interest"].to_list() == [65, None]
    assert chain["put_close"].to_list() == [None, 20]  # the first did not trade
    assert chain["put_settle"].to_list() == [None, 20]
    assert chain["put_volume"].to_list() == [0, 650]
    assert chain.select("lot", "expiry", "underlying_price").unique().rows() == [(65, FEBRUARY, 25_400)]


def test_a_chain_is_of_the_nearest_expiry_or_of_the_one_named(catalog: Catalog):
    assert option_chain(catalog, "NIFTY", FRIDAY, MARCH)["call_close"].to_list() == [700]
    with pytest.raises(CatalogError, match="no options on NIFTY expire on 2026-02-25 as of 2026-02-20: there are 2026"):
        option_chain(catalog, "NIFTY", FRIDAY, WEDNESDAY)
    with pytest.raises(CatalogError, match="no options on NIFTY expire on any day as of 2026-02-23: there are none"):
        option_chain(catalog, "NIFTY", MONDAY)


def test_the_expiries_of_a_day_say_what_is_listed(catalog: Catalog):
    assert expiries(catalog, "NIFTY", FRIDAY).rows() == [
        (FEBRUARY, True, 2, 1_950, 9_000 + 65 + 6_500 + 6_500),
        (MARCH, True, 1, 1_300, 4_000 + 6_500),
    ]


@pytest.mark.parametrize(
    ("underlying", "on", "answer"),
    [
        ("NIFTI", FRIDAY, r"NFO lists no contract on NIFTI on 2026-02-20 \(did you mean 'NIFTY'\?\)"),
        ("nifty", FRIDAY, r"NFO lists no contract on nifty on 2026-02-20 \(did you mean 'NIFTY'\?\)"),
        ("NIFTY", datetime.date(2026, 2, 21), "its days are from 2026-02-20 to 2026-02-25, 4 in all"),
    ],
)
def test_a_chain_that_is_not_there_says_what_is(catalog: Catalog, underlying: str, on: datetime.date, answer: str):
    with pytest.raises(CatalogError, match=answer):
        option_chain(catalog, underlying, on)


def test_an_empty_catalog_says_what_it_wants(tmp_path: pathlib.Path):
    with pytest.raises(CatalogError, match="holds no contracts of NFO: ingest the F&O bhavcopy of 2026-02-20"):
        expiries(Catalog(tmp_path), "NIFTY", FRIDAY)
    with pytest.raises(CatalogError, match="holds no futures on NIFTY at NFO"):
        continuous(Catalog(tmp_path), "NIFTY")


def test_the_chain_of_a_real_expiry_day(tmp_path: pathlib.Path, shared_file: Callable[[str], pathlib.Path]):
    catalog = Catalog(tmp_path)
    ingest([shared_file("fo/udiff_fo_2026-02-24_monthly_expiry.csv.gz")], catalog)
    listed = expiries(catalog, "NIFTY", FEBRUARY)
    assert listed["expiry"].to_list()[:2] == [FEBRUARY, datetime.date(2026, 3, 2)]  # the weekly one moved for Holi
    assert listed.filter("future")["expiry"].to_list() == [FEBRUARY, MARCH, datetime.date(2026, 4, 28)]
    at_the_money = option_chain(catalog, "NIFTY", FEBRUARY).filter(pl.col("strike") == 25_400)
    # The rows NIFTY26FEB25400CE and …PE of the file.
    assert at_the_money.select("call_close", "put_close", "call_open_interest", "put_open_interest").row(0) == (
        21.9,
        3.3,
        8_735_805,
        25_000_040,
    )
    assert at_the_money.select("lot", "underlying_price").row(0) == (65, 25_424.65)
    # The file settles every row at 25,424.65, which is the index: the call is worth 24.65 of it, the put nothing.
    assert at_the_money.select("call_settle", "put_settle").row(0) == (24.65, 0.0)


# ── Futures without end ──────────────────────────────────────────────────────────────────────────────────────────────


def contracts_of(series: pl.DataFrame) -> list[str]:
    return [symbol.removeprefix("NFO:NIFTY26").removesuffix("FUT") for symbol in series["symbol"]]


@pytest.mark.parametrize(
    ("rule", "contracts"),
    [
        ({"roll": "expiry"}, ["FEB", "FEB", "FEB", "MAR"]),
        ({"roll": "expiry", "sessions_before": 1}, ["FEB", "FEB", "MAR", "MAR"]),
        ({"roll": "expiry", "sessions_before": 2}, ["FEB", "MAR", "MAR", "MAR"]),
        # March has more open interest for the first time at the end of Monday, so that Tuesday is its first day.
        ({"roll": "open_interest"}, ["FEB", "FEB", "MAR", "MAR"]),
        ({"roll": "volume"}, ["FEB", "FEB", "FEB", "MAR"]),  # never more, so at the expiry
    ],
)
def test_the_rule_says_when_a_series_rolls(catalog: Catalog, rule: dict[str, object], contracts: list[str]):
    series = continuous(catalog, "NIFTY", **rule)
    assert series["date"].to_list() == [*DAYS, WEDNESDAY]
    assert contracts_of(series) == contracts


def test_a_series_never_goes_back_to_a_contract_that_it_left(catalog: Catalog):
    again = contract("NIFTY26FEBFUT", 25_300, FEBRUARY, open_interest=10**6)
    store(catalog, datetime.date(2026, 2, 18), again, contract("NIFTY26MARFUT", 25_400, MARCH, open_interest=2 * 10**6))
    store(catalog, datetime.date(2026, 2, 19), again, contract("NIFTY26MARFUT", 25_400, MARCH, open_interest=1))
    assert contracts_of(continuous(catalog, "NIFTY", roll="open_interest")) == [
        "FEB",
        "MAR",
        "MAR",
        "MAR",
        "MAR",
        "MAR",
    ]


def test_the_gap_of_a_roll_is_that_of_the_session_before(catalog: Catalog):
    series = continuous(catalog, "NIFTY")
    assert series["close"].to_list() == [25_400, 25_401, 25_402, 25_600]
    assert series["roll_gap"].to_list() == [None, None, None, 25_504 - 25_402]


def test_back_adjusting_moves_what_came_before_and_leaves_the_last_contract(catalog: Catalog):
    series = continuous(catalog, "NIFTY", back_adjusted=True)
    assert series["close"].to_list() == [25_502, 25_503, 25_504, 25_600]
    assert series["low"].to_list() == series["close"].to_list()
    assert contracts_of(series) == ["FEB", "FEB", "FEB", "MAR"]


def test_a_gap_over_days_that_are_missing_is_not_made_up(catalog: Catalog):
    (catalog.root / f"contracts/1d/NFO/{TUESDAY}.parquet").unlink()
    assert continuous(catalog, "NIFTY")["roll_gap"].to_list() == [None, None, None]
    with pytest.raises(CatalogError, match="the roll into NFO:NIFTY26MARFUT on 2026-02-25 has no known gap"):
        continuous(catalog, "NIFTY", back_adjusted=True)


@pytest.mark.parametrize("rule", [{"roll": "moon"}, {"sessions_before": -1}, {"roll": "volume", "sessions_before": 3}])
def test_a_rule_that_is_none_is_refused(catalog: Catalog, rule: dict[str, object]):
    with pytest.raises(ConfigurationError, match="is no rule: roll by expiry, open_interest, volume"):
        continuous(catalog, "NIFTY", **rule)
