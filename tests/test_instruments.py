"""What is traded: instruments, the universe of a run, the registry, and NSE's tick sizes."""

import datetime
import pathlib
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from alpha_panda.errors import CatalogError, DataError, EventError
from alpha_panda.instruments import Instrument, Registry, Universe, share_tick_e4, unlisted_token
from alpha_panda.kernels.records import BAR, CLOCK, EVENT, FUTURE
from alpha_panda.sessions import sessions
from alpha_panda.units import E4, to_e4

INFY = Instrument("NSE:INFY", 408065, 500, name="Infosys")
RELIANCE = Instrument("NSE:RELIANCE", 738561, 1000, calendar="NSE_EQ_FO")
FUTURE_OF_TCS = Instrument("NFO:TCS26NOVFUT", 9134082, 1000, FUTURE, lot=175, freeze_quantity=7000, calendar="NFO")


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("symbol", "reliance", "EXCHANGE:NAME"),
        ("symbol", "NSE:../secrets", "EXCHANGE:NAME"),
        ("instrument_token", 0, "token is not 0"),
        ("instrument_token", 2**31, "fits 32 bits"),
        ("tick_e4", 0, "tick is positive"),
        ("lot", 0, "lot is positive"),
        ("freeze_quantity", -1, "freeze quantity is not negative"),
        ("segment", 3, "EQUITY, FUTURE or OPTION"),
        ("calendar", "MCX", "one of NFO, NSE_EQ, NSE_EQ_FO"),
    ],
)
def test_what_no_exchange_lists_cannot_be_an_instrument(field: str, value: object, rule: str):
    fields = {"symbol": "NSE:INFY", "instrument_token": 1, "tick_e4": 5} | {field: value}
    with pytest.raises(DataError, match=rule):
        Instrument(**fields)


@pytest.mark.parametrize("symbol", ["NSE:M&M", "NSE:BAJAJ-AUTO", "NSE:NIFTY 50", "NFO:NIFTY26NOV25000CE"])
def test_every_kind_of_symbol_that_kite_lists_is_accepted(symbol: str):
    assert Instrument(symbol, 1, 5).symbol == symbol


# ── Universe ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_universe_is_sorted_by_symbol_however_it_was_named():
    universe = Universe([RELIANCE, FUTURE_OF_TCS, INFY])
    assert universe.symbols == ("NFO:TCS26NOVFUT", "NSE:INFY", "NSE:RELIANCE")
    assert universe == Universe([INFY, RELIANCE, FUTURE_OF_TCS])
    assert [universe.index_of(symbol) for symbol in universe.symbols] == [0, 1, 2]


def test_a_universe_names_each_instrument_once():
    with pytest.raises(DataError, match="NSE:INFY is named twice"):
        Universe([INFY, INFY])


def test_two_instruments_never_share_a_token():
    with pytest.raises(DataError, match="NSE:TCS and NSE:INFY have the same token, 408065"):
        Universe([INFY, Instrument("NSE:TCS", INFY.instrument_token, 500)])


def test_a_universe_is_not_empty():
    with pytest.raises(DataError, match="1 to 32767 instruments, not 0"):
        Universe([])


def test_a_symbol_of_another_run_is_refused_with_the_closest_of_this_one():
    with pytest.raises(DataError, match="NSE:RELAINCE is not of this run; did you mean NSE:RELIANCE"):
        Universe([INFY, RELIANCE]).index_of("NSE:RELAINCE")


def test_events_are_resolved_from_token_to_index_and_clocks_left_alone():
    universe = Universe([RELIANCE, INFY])
    events = np.zeros(4, dtype=EVENT)
    events["kind"] = [BAR, BAR, CLOCK, BAR]
    events["instrument_token"] = [738561, 408065, 0, 738561]
    universe.resolve(events)
    assert events["instrument"].tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("token", [1, 500000, 999999])
def test_an_event_of_an_unknown_token_is_refused_by_name(token: int):
    events = np.zeros(2, dtype=EVENT)
    events["kind"] = BAR
    events["instrument_token"] = [408065, token]
    with pytest.raises(EventError, match=f"row 1 is of instrument token {token}"):
        Universe([RELIANCE, INFY]).resolve(events)


def test_records_point_each_instrument_to_the_sessions_of_its_calendar():
    first, last = datetime.date(2026, 7, 30), datetime.date(2026, 8, 4)  # the closing auction began on 2026-08-03
    universe = Universe([RELIANCE, FUTURE_OF_TCS, INFY])
    rows, table = universe.records(first, last)
    for instrument, row in zip(universe, rows, strict=True):
        own = table[row["sessions_start"] : row["sessions_stop"]]
        assert own.tolist() == sessions(instrument.calendar, first, last).tolist()
    assert rows["lot"].tolist() == [175, 1, 1]
    assert rows["freeze_quantity"].tolist() == [7000, 0, 0]
    assert rows["tick_e4"].tolist() == [1000, 500, 1000]
    assert rows["segment"].tolist() == [FUTURE, 0, 0]
    assert rows["instrument_token"].tolist() == universe.tokens.tolist()


def test_instruments_of_one_calendar_share_its_sessions():
    rows, table = Universe([INFY, Instrument("NSE:TCS", 2953217, 500)]).records(
        datetime.date(2025, 1, 1), datetime.date(2025, 1, 31)
    )
    assert rows["sessions_start"].tolist() == [0, 0]
    assert rows["sessions_stop"].tolist() == [len(table), len(table)]


def test_the_digest_of_a_universe_changes_with_any_fact():
    digest = Universe([INFY, RELIANCE]).digest()
    assert digest == Universe([RELIANCE, INFY]).digest()
    assert digest != Universe([INFY]).digest()
    assert digest != Universe([Instrument("NSE:INFY", 408065, 100, name="Infosys"), RELIANCE]).digest()


# ── Registry ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("asked", ["NSE:RELAINCE", "RELIANCE", "nse:reliance", "reliance"])
def test_a_misspelt_symbol_is_answered_with_what_was_perhaps_meant(asked: str):
    with pytest.raises(CatalogError, match=rf"^{asked} is not in the catalog; did you mean NSE:RELIANCE\?$"):
        Registry([INFY, RELIANCE])[asked]


def test_a_symbol_unlike_any_is_just_not_there():
    with pytest.raises(CatalogError, match=r"^NSE:ZZZZ is not in the catalog$"):
        Registry([INFY])["NSE:ZZZZ"]


def test_upsert_replaces_by_symbol_and_leaves_the_old_registry_as_it_was():
    before = Registry([INFY])
    cheaper = Instrument("NSE:INFY", 408065, 100)
    after = before.upsert([cheaper, RELIANCE])
    assert list(after) == [cheaper, RELIANCE]
    assert list(before) == [INFY]
    assert "NSE:RELIANCE" not in before


def test_a_registry_refuses_a_token_that_collides():
    with pytest.raises(DataError, match="have the same token"):
        Registry([INFY]).upsert([Instrument("NSE:TCS", INFY.instrument_token, 500)])


def test_a_universe_comes_from_symbols():
    assert Registry([RELIANCE, INFY]).universe(["NSE:RELIANCE"]) == Universe([RELIANCE])


def test_unlisted_tokens_are_negative_stable_and_different(shared_file: Callable[[str], pathlib.Path]):
    published = pl.read_parquet(shared_file("daily/raw_eq_2019_2026.parquet"), columns=["symbol"])["symbol"].unique()
    tokens = {unlisted_token(f"NSE:{name}") for name in published}
    assert len(tokens) == 130  # the number of stocks in the file
    assert all(-(2**31) < token < 0 for token in tokens)


def test_the_unlisted_token_is_the_cyclic_redundancy_check_of_the_symbol():
    assert unlisted_token("123456789") == -(0xCBF43926 & 0x7FFFFFFF)  # the check value of CRC-32


# ── Tick sizes ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("date", "rupees", "tick"),
    [
        ("2024-06-07", 100, 0.05),
        ("2024-06-10", 249.99, 0.01),  # NSE circular of 2024-05-24
        ("2024-06-10", 250, 0.05),
        ("2025-04-14", 30_000, 0.05),
        ("2025-04-15", 249.99, 0.01),  # the bands since 2025-04-15
        ("2025-04-15", 250, 0.05),
        ("2025-04-15", 1_000, 0.05),
        ("2025-04-15", 1_000.05, 0.10),
        ("2025-04-15", 5_000, 0.10),
        ("2025-04-15", 10_000, 0.50),
        ("2025-04-15", 20_000, 1),
        ("2025-04-15", 20_001, 5),
    ],
)
def test_the_tick_of_a_share_follows_the_bands_of_the_day(date: str, rupees: float, tick: float):
    assert share_tick_e4(to_e4(rupees), datetime.date.fromisoformat(date)) == to_e4(tick)


def test_published_prices_lie_on_the_tick(shared_file: Callable[[str], pathlib.Path]):
    raw = pl.read_parquet(shared_file("daily/raw_eq_2019_2026.parquet"))
    # Between two monthly reviews a price may stand in a band that is not yet its own, so a few miss the grid.
    month = raw.filter(pl.col("date").is_between(datetime.date(2025, 5, 1), datetime.date(2025, 5, 31)))
    rows = month.select("date", (pl.col("open_price") * E4).round().cast(pl.Int64)).rows()
    off = sum(price_e4 % share_tick_e4(price_e4, date) != 0 for date, price_e4 in rows)
    assert off / len(rows) < 0.02
