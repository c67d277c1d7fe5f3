"""What Kite answers: candles that name no instrument, and the list of instruments as of its day."""

import datetime
import json
import pathlib

import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest.defects import Defect
from alpha_panda.errors import DataError
from alpha_panda.instruments import Instrument
from alpha_panda.kernels.records import FUTURE, OPTION
from alpha_panda.units import ist_datetime
from tests.data.ingest.files import bars, taken, written

MONDAY = datetime.date(2025, 1, 6)
HEADER = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,instrument_type,"
    "segment,exchange"
)
SHARE = "738561,2885,RELIANCE,RELIANCE INDUSTRIES,0.0,,0.0,0.1,1,EQ,NSE,NSE"
INDEX = "256265,1001,NIFTY 50,NIFTY 50,0.0,,0.0,0.0,0,EQ,INDICES,NSE"
FUTURE_LINE = "14866434,58072,NIFTY26AUGFUT,NIFTY,0.0,2026-08-25,0.0,0.1,65,FUT,NFO-FUT,NFO"
OPTION_LINE = "14866690,58073,RELIANCE26AUG1400CE,RELIANCE,0.0,2026-08-25,1400.0,0.05,500,CE,NFO-OPT,NFO"


def candles(path: pathlib.Path, *rows: list[object]) -> pathlib.Path:
    path.write_text(json.dumps({"status": "success", "data": {"candles": rows}}))
    return path


def minute(clock: str, volume: int = 7) -> list[object]:
    return [f"2025-01-06T{clock}:00+0530", 100, 101.5, 99, 100, volume]


def test_candles_are_of_the_instrument_that_is_given(catalog: Catalog, tmp_path: pathlib.Path):
    path = candles(tmp_path / "answer.json", minute("09:15"), minute("09:16"))
    report = taken(path, catalog, symbol="NSE:AAA")
    assert (report.source, report.symbols, report.written) == ("Kite candles", ("NSE:AAA",), 2)
    assert bars(catalog, "NSE:AAA", "1m")[0] == (1_000_000, 1_015_000, 990_000, 1_000_000, 7)
    _, events = catalog.events(["NSE:AAA"], clocks=False)
    assert f"{ist_datetime(events['time_ns'][0]):%H:%M}" == "09:16"


def test_candles_are_of_the_instrument_whose_token_is_in_the_name(catalog: Catalog, tmp_path: pathlib.Path):
    catalog.register([Instrument("NSE:INFY", 408065, 500), Instrument("NSE:TCS", 2953217, 500)])
    path = candles(tmp_path / "minute_408065_0915.json", minute("09:15"))
    assert taken(path, catalog).symbols == ("NSE:INFY",)


@pytest.mark.parametrize("name", ["answer.json", "minute_408065.json", "both_1_and_2.json", f"{10**30}.json"])
def test_candles_of_nobody_knows_what_are_refused(catalog: Catalog, tmp_path: pathlib.Path, name: str):
    catalog.register([Instrument("NSE:AAA", 1, 500), Instrument("NSE:BBB", 2, 500)])
    with pytest.raises(DataError, match=r"it names no instrument.* say it with --symbol, for instance NSE:INFY"):
        taken(candles(tmp_path / name, minute("09:15")), catalog)


@pytest.mark.parametrize(
    ("minutes", "interval"), [((15, 20, 30), 5), ((15, 18, 21, 27), 3), ((15, 30, 45), 15), (range(15, 60, 5), 5)]
)
def test_candles_of_other_intervals_are_refused(
    catalog: Catalog, tmp_path: pathlib.Path, minutes: tuple[int, ...], interval: int
):
    path = candles(tmp_path / "a", *(minute(f"09:{each}") for each in minutes))
    with pytest.raises(DataError, match=f"its bars are of {interval} minutes: the catalog takes those of one minute"):
        taken(path, catalog, symbol="NSE:AAA")


@pytest.mark.parametrize("minutes", [(15, 20), (15, 17, 19), (15, 20, 25, 26)])
def test_few_candles_far_apart_may_be_minutes_in_which_something_traded(
    catalog: Catalog, tmp_path: pathlib.Path, minutes: tuple[int, ...]
):
    path = candles(tmp_path / "a", *(minute(f"09:{each}") for each in minutes))
    assert taken(path, catalog, symbol="NSE:AAA").written == len(minutes)


def test_daily_candles_are_adjusted_or_not_as_the_caller_says(catalog: Catalog, tmp_path: pathlib.Path):
    path = candles(tmp_path / "day.json", ["2025-01-06T00:00:00+0530", 100, 101, 99, 100, 7])
    with pytest.raises(DataError, match="say --adjusted or --raw"):
        taken(path, catalog, symbol="NSE:AAA")
    assert taken(path, catalog, symbol="NSE:AAA", adjusted=False).written == 1
    assert taken(path, catalog, symbol="NSE:AAA", adjusted=True).written == 1
    assert catalog.adjusted_sources("NSE:AAA") == ("day",)


def test_daily_candles_of_an_index_are_what_they_are(catalog: Catalog, tmp_path: pathlib.Path):
    path = candles(tmp_path / "day.json", ["2025-01-06T00:00:00+0530", 24045, 24089.95, 23551.9, 23616.05, 0])
    taken(path, catalog, symbol="NSE:NIFTY 50")
    assert bars(catalog, "NSE:NIFTY 50", "1d") == [(240_450_000, 240_899_500, 235_519_000, 236_160_500, 0)]
    assert not catalog.registry()["NSE:NIFTY 50"].tradable


# ── The list of instruments ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_list_registers_instruments_as_of_its_day(catalog: Catalog, tmp_path: pathlib.Path):
    path = written(tmp_path / "kite_2026-08-18.csv", HEADER, SHARE, INDEX, FUTURE_LINE, OPTION_LINE)
    assert taken(path, catalog).written == 4
    registry = catalog.registry(datetime.date(2026, 8, 18))
    # A share on which contracts are written closes in the auction.
    assert registry["NSE:RELIANCE"] == Instrument(
        "NSE:RELIANCE", 738561, 1_000, calendar="NSE_EQ_FO", name="RELIANCE INDUSTRIES"
    )
    assert registry["NSE:NIFTY 50"] == Instrument("NSE:NIFTY 50", 256265, 500, name="NIFTY 50", kind="INDEX")
    assert registry["NFO:NIFTY26AUGFUT"] == Instrument(
        *("NFO:NIFTY26AUGFUT", 14866434, 1_000, FUTURE, 65),
        calendar="NFO",
        name="NIFTY",
        underlying="NIFTY",
        kind="FUT",
        expiry=datetime.date(2026, 8, 25),
    )
    assert registry["NFO:RELIANCE26AUG1400CE"] == Instrument(
        *("NFO:RELIANCE26AUG1400CE", 14866690, 500, OPTION, 500),
        calendar="NFO",
        name="RELIANCE",
        underlying="RELIANCE",
        kind="CE",
        expiry=datetime.date(2026, 8, 25),
        strike_e4=14_000_000,
    )


def test_a_list_that_says_nothing_new_is_present(catalog: Catalog, tmp_path: pathlib.Path):
    path = written(tmp_path / "a.csv", HEADER, SHARE, FUTURE_LINE)
    taken(path, catalog, on=datetime.date(2026, 8, 18))
    again = taken(path, catalog, on=datetime.date(2026, 8, 18))
    later = taken(path, catalog, on=datetime.date(2026, 8, 19))
    assert [(each.written, each.present) for each in (again, later)] == [(0, 2), (0, 2)]


def test_a_later_list_changes_the_lot_from_its_day_on(catalog: Catalog, tmp_path: pathlib.Path):
    taken(written(tmp_path / "a_2026-08-18.csv", HEADER, FUTURE_LINE), catalog)
    taken(written(tmp_path / "b_2026-08-20.csv", HEADER, FUTURE_LINE.replace(",65,", ",75,")), catalog)
    lots = [catalog.registry(datetime.date(2026, 8, day))["NFO:NIFTY26AUGFUT"].lot for day in (19, 20)]
    assert lots == [65, 75]


def test_a_list_leaves_the_freeze_quantity_as_it_was(catalog: Catalog, tmp_path: pathlib.Path):
    catalog.register(
        [
            Instrument(
                *("NFO:NIFTY26AUGFUT", -5, 500, FUTURE, 65, 1_800, "NFO"),
                underlying="NIFTY",
                expiry=datetime.date(2026, 8, 25),
            )
        ]
    )
    taken(written(tmp_path / "a_2026-08-18.csv", HEADER, FUTURE_LINE), catalog)
    listed = catalog.registry()["NFO:NIFTY26AUGFUT"]
    assert (listed.instrument_token, listed.tick_e4, listed.freeze_quantity) == (14866434, 1_000, 1_800)


def test_a_list_without_a_day_is_refused_until_the_day_is_given(catalog: Catalog, tmp_path: pathlib.Path):
    path = written(tmp_path / "instruments.csv", HEADER, SHARE)
    with pytest.raises(DataError, match="say it with --on"):
        taken(path, catalog)
    assert not len(catalog.registry())
    assert taken(path, catalog, on=MONDAY).written == 1


@pytest.mark.parametrize(
    ("line", "defect"),
    [
        (SHARE.replace("NSE,NSE", "MCX,MCX"), Defect.EXCHANGE),
        (FUTURE_LINE.replace("NFO", "BFO"), Defect.EXCHANGE),
        (SHARE.replace("RELIANCE,", "Reliance,"), Defect.SYMBOL),
        (SHARE.replace("738561", "0"), Defect.TERMS),
        (SHARE.replace("738561", "9999999999"), Defect.TERMS),
        (SHARE.replace("0.1,1,", "0.0,1,"), Defect.TERMS),
        (FUTURE_LINE.replace(",65,", ",0,"), Defect.TERMS),
        (FUTURE_LINE.replace("2026-08-25", ""), Defect.CONTRACT),
        (OPTION_LINE.replace("1400.0", "0.0"), Defect.CONTRACT),
        (INDEX, Defect.DUPLICATE),
        (INDEX.replace("NIFTY 50", "NIFTY NEXT 50"), Defect.DUPLICATE),
        (HEADER, Defect.NO_DATA),
    ],
)
def test_what_cannot_be_an_instrument_is_refused_for_its_reason(
    catalog: Catalog, tmp_path: pathlib.Path, line: str, defect: Defect
):
    report = taken(written(tmp_path / "a.csv", HEADER, INDEX, line), catalog, on=MONDAY)
    assert (report.written, report.quarantined) == (1, {defect: 1})
