"""What is known of instruments, and since when: listings, their history, and the registry of a day."""

import datetime
import pathlib

import polars as pl
import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.listings import TERMS, Registry, in_force, merged, read_listings
from alpha_panda.errors import CatalogError, DataError
from alpha_panda.instruments import Instrument, Universe

INFY = Instrument("NSE:INFY", 408065, 500, name="Infosys")
RELIANCE = Instrument("NSE:RELIANCE", 738561, 1000, calendar="NSE_EQ_FO")
NIFTY = {"instrument_token": 9, "tick_e4": 1_000, "segment": 1, "calendar": "NFO", "underlying": "NIFTY"}
MARCH, MAY, JULY = (datetime.date(2026, month, 2) for month in (3, 5, 7))


def future(lot: int) -> Instrument:
    return Instrument("NFO:NIFTY26DECFUT", **NIFTY, lot=lot, expiry=datetime.date(2026, 12, 29))


def listings(*given: tuple[Instrument, datetime.date | None]) -> pl.DataFrame:
    """Return what is known after each instrument was registered with its day, in this order."""
    known = pl.DataFrame(schema={**TERMS, "since": pl.Date()})
    for instrument, since in given:
        known = merged(known, [instrument], since)
    return known


def registry(*instruments: Instrument) -> Registry:
    return Registry(in_force(listings(*((instrument, None) for instrument in instruments)), None))


def lot_on(known: pl.DataFrame, on: datetime.date | None) -> int:
    return Registry(in_force(known, on))["NFO:NIFTY26DECFUT"].lot


# ── The registry ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("asked", ["NSE:RELAINCE", "RELIANCE", "nse:reliance", "reliance"])
def test_a_misspelt_symbol_is_answered_with_what_was_perhaps_meant(asked: str):
    with pytest.raises(CatalogError, match=rf"^{asked} is not in the catalog; did you mean NSE:RELIANCE\?$"):
        registry(INFY, RELIANCE)[asked]


def test_a_symbol_unlike_any_is_just_not_there():
    with pytest.raises(CatalogError, match=r"^NSE:ZZZZ is not in the catalog$"):
        registry(INFY)["NSE:ZZZZ"]


def test_a_universe_comes_from_symbols():
    assert registry(RELIANCE, INFY).universe(["NSE:RELIANCE"]) == Universe([RELIANCE])


def test_a_registry_gives_back_what_was_registered():
    known = registry(RELIANCE, future(65), INFY)
    assert list(known) == [future(65), INFY, RELIANCE]
    assert (len(known), "NSE:INFY" in known, "NSE:TCS" in known) == (3, True, False)


# ── Since when ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_instrument_is_known_as_of_a_day():
    known = listings((future(75), MARCH), (future(65), JULY))
    assert [lot_on(known, day) for day in (MARCH, MAY, JULY, None)] == [75, 75, 65, 65]


def test_what_is_first_known_stands_for_the_days_before():
    assert lot_on(listings((future(75), MAY), (future(65), JULY)), MARCH) == 75


def test_listings_may_come_in_any_order_of_days():
    assert listings((future(65), JULY), (future(75), MARCH)).equals(listings((future(75), MARCH), (future(65), JULY)))


def test_what_is_known_already_adds_no_listing():
    known = listings((future(75), MARCH), (future(75), MAY), (future(75), None))
    assert known.select("lot", "since").rows() == [(75, MARCH)]


def test_without_a_day_the_newest_listing_is_replaced_and_keeps_its_day():
    known = listings((future(75), MARCH), (future(65), MAY), (future(60), None))
    assert known.select("lot", "since").rows() == [(75, MARCH), (60, MAY)]
    assert listings((future(75), None), (future(60), None)).select("lot", "since").rows() == [(60, None)]


def test_an_instrument_is_registered_once_at_a_time():
    with pytest.raises(DataError, match="NSE:INFY is given twice"):
        merged(listings(), [INFY, INFY], None)


def test_two_contracts_may_have_one_token_in_turn_but_not_in_one_run():
    spent, following = future(75), Instrument("NFO:NIFTY27DECFUT", **NIFTY)  # a broker uses a token again
    known = registry(spent, following)
    with pytest.raises(DataError, match="have the same token"):
        known.universe([spent.symbol, following.symbol])


# ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_from_before_listings_had_days_is_still_read(tmp_path: pathlib.Path):
    columns = TERMS.names()[: TERMS.names().index("underlying")]
    rows = {
        "symbol": ["NFO:TCS-FUT", "NSE:INFY", "NSE:NIFTY 50"],
        "instrument_token": [-3, -2, -1],
        "tick_e4": [100, 500, 500],
        "segment": [1, 0, 0],
        "lot": [175, 1, 1],
        "freeze_quantity": [0, 0, 0],
        "calendar": ["NFO", "NSE_EQ", "NSE_EQ"],
        "name": ["", "", "index, not traded itself"],
    }
    assert list(rows) == columns
    pl.DataFrame(rows).write_parquet(tmp_path / "instruments.parquet")
    assert [instrument.kind for instrument in Catalog(tmp_path).registry()] == ["FUT", "EQ", "INDEX"]
    assert read_listings(tmp_path / "instruments.parquet").select("expiry", "strike_e4", "since").row(0) == (
        None,
        0,
        None,
    )
