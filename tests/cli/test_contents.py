"""`alpha-panda data list`, `chain` and `instrument`: what the catalog holds, and what it knows."""

import datetime
import pathlib

import polars as pl
import pytest

from alpha_panda.data.catalog import BAR_COLUMNS, Catalog
from alpha_panda.instruments import Instrument
from alpha_panda.units import ist_time_ns, parse_clock, to_e4
from tests.cli.conftest import Command, MinuteFile
from tests.data.listed import FEBRUARY, MARCH, contract, store

DAY = datetime.date(2026, 2, 16)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a catalog with two shares by the day, and one day of a chain of three strikes."""
    catalog = Catalog(tmp_path)
    bar = pl.DataFrame({name: [to_e4(100)] for name in BAR_COLUMNS})
    for name in ("AAA", "BBB"):
        catalog.store(f"NSE:{name}", "1d", bar.with_columns(time_ns=ist_time_ns(DAY, parse_clock("15:30"))))
    catalog.register([Instrument("NSE:AAA", 7, 500, name="Alpha")], since=datetime.date(2026, 1, 5))
    strikes = [
        contract(f"NIFTY26FEB{strike}CE", 30_000 - strike, FEBRUARY, strike_e4=to_e4(strike))
        for strike in (25_300, 25_400, 25_500)
    ]
    store(catalog, DAY, *strikes, contract("NIFTY26MAR25400PE", 210, MARCH))
    return tmp_path


def test_list_counts_what_there_is(command: Command, folder: pathlib.Path):
    lines = command("data", "list", "--data", folder).output.splitlines()
    assert any(line.split() == ["NSE,", "1d", "2", "2026-02-16", "2026-02-16", "2"] for line in lines)
    assert any(line.split() == ["NFO", "contracts,", "1d", "1", "days", "2026-02-16", "2026-02-16"] for line in lines)
    assert not any("NSE:AAA" in line for line in lines)


def test_list_names_every_instrument_when_asked(command: Command, folder: pathlib.Path):
    assert "NSE:BBB" in command("data", "list", "--symbols", "--data", folder).output


def test_list_as_json_holds_everything(command: Command, folder: pathlib.Path):
    held = command("data", "list", "--data", folder, "--json").json
    span = {"resolution": "1d", "from": "2026-02-16", "to": "2026-02-16", "rows": 1}
    assert held["contents"] == [{"symbol": "NSE:AAA", **span}, {"symbol": "NSE:BBB", **span}]
    assert held["contracts"] == [{"exchange": "NFO", "days": 1, "from": "2026-02-16", "to": "2026-02-16"}]


def test_list_of_minutes(command: Command, minute_file: MinuteFile, tmp_path: pathlib.Path):
    command("data", "ingest", minute_file([100.0]), "--data", tmp_path / "data")
    held = {"symbol": "NSE:AAA", "resolution": "1m", "from": "2025-01-06", "to": "2025-01-06", "rows": 1}
    assert command("data", "list", "--data", tmp_path / "data", "--json").json["contents"] == [held]


def test_list_of_an_empty_catalog_says_how_to_fill_it(command: Command, tmp_path: pathlib.Path):
    answer = command("data", "list", "--data", tmp_path)
    assert answer.code == 0
    assert "alpha-panda data ingest PATH" in answer.output
    assert command("data", "list", "--data", tmp_path, "--json").json["contents"] == []


def test_chain_shows_the_strikes_around_the_price(command: Command, folder: pathlib.Path):
    shown = command("data", "chain", "NIFTY", "--on", DAY, "--strikes", 1, "--data", folder).output
    assert "NIFTY on 2026-02-16, options of 2026-02-24: 25,400.00 rupees, lots of 65" in shown
    assert "expiries: 2026-02-24, 2026-03-30" in shown
    assert ("25,300.00" in shown, "25,400.00 " in shown, "25,500.00" in shown) == (True, True, False)


def test_chain_without_a_price_shows_what_traded_most(command: Command, tmp_path: pathlib.Path):
    strikes = [
        contract(f"NIFTY26FEB{strike}PE", 9, FEBRUARY, strike_e4=to_e4(strike), underlying_e4=0, volume=volume)
        for strike, volume in ((25_300, 65), (25_400, 130), (25_500, 650))
    ]
    store(Catalog(tmp_path), DAY, *strikes)
    shown = command("data", "chain", "NIFTY", "--on", DAY, "--strikes", 1, "--data", tmp_path).output
    assert "options of 2026-02-24: – rupees" in shown
    assert ("25,300.00" in shown, "25,400.00" in shown, "25,500.00" in shown) == (False, True, True)


def test_chain_as_json_holds_all_strikes(command: Command, folder: pathlib.Path):
    chain = command("data", "chain", "NIFTY", "--on", DAY, "--data", folder, "--json").json
    assert (chain["expiry"], chain["underlying_price"], chain["lot"]) == ("2026-02-24", 25_400.0, 65)
    assert [row["strike"] for row in chain["strikes"]] == [25_300, 25_400, 25_500]
    assert [row["call_close"] for row in chain["strikes"]] == [4_700, 4_600, 4_500]
    march = command("data", "chain", "NIFTY", "--on", DAY, "--expiry", MARCH, "--data", folder, "--json").json
    assert [row["put_close"] for row in march["strikes"]] == [210]


def test_chain_of_what_is_not_there_is_one_sentence(command: Command, folder: pathlib.Path):
    answer = command("data", "chain", "NIFTI", "--on", DAY, "--data", folder)
    assert (answer.code, answer.output) == (4, "")
    assert answer.complaint.endswith("NFO lists no contract on NIFTI on 2026-02-16 (did you mean 'NIFTY'?)\n")


def test_instrument_says_what_is_known_and_since_when(command: Command, folder: pathlib.Path):
    share = command("data", "instrument", "NSE:AAA", "--data", folder, "--json").json
    assert (share["name"], share["tick"], share["known_since"]) == ("Alpha", 0.05, "2026-01-05")
    assert share["data"] == {"1d": {"from": "2026-02-16", "to": "2026-02-16"}}
    call = command("data", "instrument", "NFO:NIFTY26FEB25400CE", "--on", DAY, "--data", folder).output
    assert [line.split()[1] for line in call.splitlines() if line.startswith((" lot", " strike"))] == ["25400.0", "65"]


def test_an_unknown_instrument_is_answered_with_a_guess(command: Command, folder: pathlib.Path):
    answer = command("data", "instrument", "NFO:NIFTY26FEB25400C", "--data", folder)
    assert answer.code == 4
    assert "is not in the catalog; did you mean NFO:NIFTY26FEB25400CE" in answer.complaint
