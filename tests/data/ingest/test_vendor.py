"""Bars of vendors and recorders: columns by their usual names, zones, intervals, symbols, options by the minute."""

import datetime
import pathlib
from collections.abc import Callable

import polars as pl
import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest.defects import Defect
from alpha_panda.errors import DataError
from alpha_panda.kernels.records import OPTION
from alpha_panda.units import ist_datetime
from tests.data.ingest.files import bars, taken, written

Find = Callable[[str], pathlib.Path]

AAA = (1_000_000, 1_010_000, 990_000, 1_005_000, 7)


def clocks(catalog: Catalog, symbol: str = "NSE:AAA") -> list[str]:
    _, events = catalog.events([symbol], clocks=False)
    return [f"{ist_datetime(time_ns):%Y-%m-%d %H:%M}" for time_ns in events["time_ns"]]


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("symbol,timestamp,open,high,low,close,volume", "AAA,2025-01-06 09:15:00,100,101,99,100.5,7"),
        ("Ticker,Date Time,Open,High,Low,Close,Volume", "AAA,06-01-2025 09:15,100,101,99,100.5,7"),
        ("<ticker>,<date>,<time>,<open>,<high>,<low>,<close>,<vol>,<oi>", "AAA,20250106,09:15,100,101,99,100.5,7,0"),
        ("date,time,o,h,l,c,v,symbol", "2025-01-06,09:15:00,100,101,99,100.5,7,AAA"),
        (
            ",Datetime,Open,High,Low,Close,Adj Close,Volume,Symbol",
            "0,2025-01-06 09:15:00+05:30,100,101,99,100.5,9,7,AAA.NS",
        ),
        ("datetime,open,high,low,close,volume,tradingsymbol", "1736135100,100,101,99,100.5,7,AAA-EQ"),
        ("timestamp,open,high,low,close,volume,symbol", "2025-01-06T09:15:00+0530,100,101,99,100.5,7,NSE:AAA"),
    ],
)
def test_columns_are_found_by_their_usual_names(catalog: Catalog, tmp_path: pathlib.Path, header: str, line: str):
    assert taken(written(tmp_path / "a.csv", header, line), catalog).source == "one-minute bars"
    assert bars(catalog, "NSE:AAA", "1m") == [AAA]
    assert clocks(catalog) == ["2025-01-06 09:16"]


def test_columns_of_other_names_are_what_the_caller_says(catalog: Catalog, tmp_path: pathlib.Path):
    path = written(tmp_path / "a.csv", "Wann,Erster,high,low,close,volume", "2025-01-06 09:15:00,100,101,99,100.5,7")
    with pytest.raises(DataError, match="which are those of no kind that we know"):
        taken(path, catalog)
    taken(path, catalog, columns={"timestamp": "Wann", "open": "Erster"}, symbol="NSE:AAA")
    assert bars(catalog, "NSE:AAA", "1m") == [AAA]


def test_a_column_that_we_do_not_have_cannot_be_mapped(catalog: Catalog, tmp_path: pathlib.Path):
    path = written(tmp_path / "a.csv", "symbol,timestamp,open,high,low,close,volume", "AAA,2025-01-06,1,1,1,1,1")
    with pytest.raises(DataError, match="opening is no column of ours to map"):
        taken(path, catalog, columns={"opening": "open"})


def test_bars_that_name_no_instrument_need_one_and_others_need_none(catalog: Catalog, tmp_path: pathlib.Path):
    line = "2025-01-06 09:15:00,100,101,99,100.5,7"
    nameless = written(tmp_path / "a.csv", "timestamp,open,high,low,close,volume", line)
    with pytest.raises(DataError, match="it names no instrument: say it with --symbol"):
        taken(nameless, catalog)
    taken(nameless, catalog, symbol="NSE:AAA")
    named = written(tmp_path / "b.csv", "timestamp,open,high,low,close,volume,symbol", f"{line},AAA")
    with pytest.raises(DataError, match="names its instruments itself: leave out --symbol NSE:BBB"):
        taken(named, catalog, symbol="NSE:BBB")
    assert taken(named, catalog).present == 1


def test_a_repeated_header_is_no_bar(catalog: Catalog, tmp_path: pathlib.Path):
    header = "symbol,timestamp,open,high,low,close,volume"
    rows = [f"AAA,2025-01-06 09:{minute}:00,100,101,99,100.5,7" for minute in (15, 16)]
    report = taken(written(tmp_path / "a.csv", header, rows[0], header, rows[1], ""), catalog)
    assert (report.written, report.quarantined) == (2, {Defect.NO_DATA: 2})


@pytest.mark.parametrize("name", ["", "aaa:", "!AAA", "A/B", "nifty5thJune9_45"])
def test_a_symbol_that_no_exchange_could_list_is_refused(catalog: Catalog, tmp_path: pathlib.Path, name: str):
    rows = [f"{each},2025-01-06 09:15:00,100,101,99,100.5,7" for each in ("AAA", name)]
    report = taken(written(tmp_path / "a.csv", "symbol,timestamp,open,high,low,close,volume", *rows), catalog)
    assert (report.written, report.quarantined) == (1, {Defect.SYMBOL: 1})


def test_an_exchange_whose_hours_are_not_known_is_refused(catalog: Catalog, tmp_path: pathlib.Path):
    rows = [f"{each},2025-01-06 09:15:00,100,101,99,100.5,7" for each in ("AAA", "MCX:GOLD")]
    report = taken(written(tmp_path / "a.csv", "symbol,timestamp,open,high,low,close,volume", *rows), catalog)
    assert (report.written, report.quarantined) == (1, {Defect.EXCHANGE: 1})


def test_only_an_index_may_lack_a_volume(catalog: Catalog, tmp_path: pathlib.Path):
    rows = [f"{each},2025-01-06 09:15:00,100,101,99,100.5" for each in ("NIFTY", "BANKNIFTY", "AAA")]
    report = taken(written(tmp_path / "a.csv", "symbol,timestamp,open,high,low,close", *rows), catalog)
    assert report.symbols == ("NSE:NIFTY 50", "NSE:NIFTY BANK")
    assert report.quarantined == {Defect.VOLUME: 1}
    assert not any(each.tradable for each in catalog.registry())


def test_contracts_under_the_name_of_their_underlying_are_refused(catalog: Catalog, tmp_path: pathlib.Path):
    line = "AAA,2025-01-06 09:15:00,100,101,99,100.5,7,100,2025-01-30"
    path = written(tmp_path / "a.csv", "symbol,timestamp,open,high,low,close,volume,strike,expiry", line)
    with pytest.raises(DataError, match="of no kind that we know"):
        taken(path, catalog)


def test_two_columns_of_one_plain_name_are_refused(catalog: Catalog, tmp_path: pathlib.Path):
    path = written(tmp_path / "a.csv", "symbol,timestamp,open,high,low,close,Close,volume", "A,2025-01-06,1,1,1,1,1,1")
    with pytest.raises(DataError, match="more than one column that is called close"):
        taken(path, catalog)


# ── Zones ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def whole_day(path: pathlib.Path, opens: str, zone: str | None) -> pathlib.Path:
    """Write the 375 minutes of a day from `opens` on, as stamps of a zone or of none."""
    start = datetime.datetime.combine(datetime.date(2025, 1, 6), datetime.time.fromisoformat(opens))
    times = [start + datetime.timedelta(minutes=minute) for minute in range(375)]
    stamps = pl.Series(times, dtype=pl.Datetime("us")).dt.replace_time_zone(zone)
    prices = dict.fromkeys(("open", "high", "low", "close"), 100.0)
    frame = pl.DataFrame({"timestamp": stamps}).with_columns(symbol=pl.lit("AAA"), volume=pl.lit(7), **prices)
    frame.write_parquet(path)
    return path


@pytest.mark.parametrize(
    ("opens", "zone", "given"),
    [("09:15", None, None), ("09:15", "Asia/Kolkata", None), ("03:45", "UTC", None), ("03:45", None, "UTC")],
)
def test_the_zone_is_that_of_the_type_or_the_one_given_or_ist(
    catalog: Catalog, tmp_path: pathlib.Path, opens: str, zone: str | None, given: str | None
):
    assert taken(whole_day(tmp_path / "a", opens, zone), catalog, zone=given).written == 375
    assert (clocks(catalog)[0], clocks(catalog)[-1]) == ("2025-01-06 09:16", "2025-01-06 15:30")


@pytest.mark.parametrize(
    ("opens", "zone", "given", "sentence"),
    [
        ("03:45", None, None, "would fit 5:30 hours later: they are of UTC, so say --zone UTC"),
        ("09:15", "UTC", None, "would fit 5:30 hours earlier: they are of IST"),
        ("09:15", None, "UTC", "would fit 5:30 hours earlier: they are of IST"),
    ],
)
def test_stamps_of_the_other_zone_are_refused(
    catalog: Catalog, tmp_path: pathlib.Path, opens: str, zone: str | None, given: str | None, sentence: str
):
    with pytest.raises(DataError, match=sentence):
        taken(whole_day(tmp_path / "a", opens, zone), catalog, zone=given)
    assert not catalog.root.exists()


def test_a_day_without_a_session_is_not_taken_for_another_zone(catalog: Catalog, tmp_path: pathlib.Path):
    path = written(tmp_path / "a.csv", "symbol,timestamp,open,high,low,close,volume", "A,2025-01-05 09:15:00,1,1,1,1,1")
    assert taken(path, catalog).quarantined == {Defect.SESSION: 1}


# ── Days ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stamp", ["2025-01-06", "2025-01-06 00:00:00", "2025-01-05T18:30:00Z", "2025-01-06T00:00:00Z"])
def test_a_bar_stamped_with_midnight_here_or_in_london_is_of_a_day(
    catalog: Catalog, tmp_path: pathlib.Path, stamp: str
):
    path = written(tmp_path / "a.csv", "symbol,date,open,high,low,close,volume", f"AAA,{stamp},100,101,99,100.5,7")
    taken(path, catalog, adjusted=False)
    assert bars(catalog, "NSE:AAA", "1d") == [AAA]
    assert clocks(catalog) == ["2025-01-06 15:30"]


def test_days_that_do_not_say_whether_they_are_adjusted_are_refused_with_what_the_catalog_shows(
    catalog: Catalog, tmp_path: pathlib.Path
):
    header = "symbol,date,open,high,low,close,volume"
    raw = written(tmp_path / "raw.csv", header, "AAA,2025-01-06,100,100,100,100,7", "AAA,2025-01-07,50,50,50,50,7")
    adjusted = written(
        tmp_path / "adjusted.csv", header, "AAA,2025-01-06,50,50,50,50,7", "AAA,2025-01-07,50,50,50,50,7"
    )
    with pytest.raises(DataError, match=r"adjusted for corporate actions: say --adjusted or --raw"):
        taken(raw, catalog)
    taken(raw, catalog, adjusted=False)
    with pytest.raises(DataError, match=r"\(of 2 that the catalog also holds unadjusted, 1 differ\)"):
        taken(adjusted, catalog)


def test_adjusted_days_lie_beside_the_truth_and_never_in_it(catalog: Catalog, tmp_path: pathlib.Path):
    header = "symbol,date,open,high,low,close,volume"
    raw = written(tmp_path / "raw.csv", header, "AAA,2025-01-06,100,100,100,100,7")
    taken(raw, catalog, adjusted=False)
    path = written(tmp_path / "broker.2025.csv", header, "AAA,2025-01-06,50,50,50,50,14", "BBB,2025-01-06,9,9,9,9,9")
    report = taken(path, catalog, adjusted=True)
    assert (report.source, report.written) == ("daily bars, adjusted", 2)
    assert taken(path, catalog, adjusted=True).present == 2
    assert catalog.adjusted_bars("NSE:AAA", "broker")["close_e4"].to_list() == [500_000]
    assert bars(catalog, "NSE:AAA", "1d") == [(1_000_000, 1_000_000, 1_000_000, 1_000_000, 7)]
    assert catalog.symbols("1d") == ("NSE:AAA",)


# ── Options by the minute ────────────────────────────────────────────────────────────────────────────────────────────


def test_options_get_their_terms_from_their_names_and_their_lot_from_what_traded(catalog: Catalog, shared_file: Find):
    report = taken(shared_file("fo/nifty_options_1min_2023_06_05.parquet"), catalog)
    assert len(report.symbols) == 95
    # The recorder filed 158 rows under the name of a sheet, which says of no contract that it was theirs.
    assert report.quarantined == {Defect.NO_DATA: 11, Defect.SYMBOL: 158}
    option = catalog.registry()["NFO:NIFTY23JUN17000CE"]
    # NIFTY's lot was 50 in June 2023; Thursday the 29th, a holiday, moved the expiry to the 28th.
    assert (option.lot, option.expiry, option.strike_e4) == (50, datetime.date(2023, 6, 28), 170_000_000)
    assert (option.segment, option.underlying, option.calendar) == (OPTION, "NIFTY", "NFO")


def test_what_the_exchange_says_of_a_contract_comes_before_its_name(catalog: Catalog, tmp_path: pathlib.Path):
    contracts = pl.DataFrame(
        {"symbol": ["NFO:AAA25JAN100CE"], "underlying": "AAA", "kind": "CE", "expiry": datetime.date(2025, 1, 29)}
    ).with_columns(strike_e4=1_000_000, lot=350, **dict.fromkeys(_FIGURES, 0))
    catalog.store_contracts("NFO", datetime.date(2025, 1, 6), contracts)
    path = written(
        tmp_path / "a.csv",
        "tradingsymbol,timestamp,open,high,low,close,volume",
        "AAA25JAN100CE,2025-01-06 09:15:00,2,2,2,2,700",
    )
    taken(path, catalog)
    option = catalog.registry()["NFO:AAA25JAN100CE"]
    assert (option.lot, option.expiry) == (350, datetime.date(2025, 1, 29))


_FIGURES = (
    *("open_e4", "high_e4", "low_e4", "close_e4", "settle_e4", "underlying_e4"),
    *("volume", "open_interest", "open_interest_change", "turnover_e4", "trades"),
)


def test_a_contract_of_which_nothing_tells_the_expiry_is_refused(catalog: Catalog, tmp_path: pathlib.Path):
    lines = [
        f"{name},2025-01-06 09:{15 + minute}:00,2,2,2,2,{30 * minute}"
        for name in ("NIFTY25JAN100CE", "BANKNIFTY25JAN100CE")
        for minute in range(1, 9)
    ]
    path = written(tmp_path / "a.csv", "tradingsymbol,timestamp,open,high,low,close,volume", *lines)
    report = taken(path, catalog)
    assert (report.symbols, report.quarantined) == (("NFO:NIFTY25JAN100CE",), {Defect.CONTRACT: 8})


@pytest.mark.parametrize("given", [None, 1_500])
def test_prices_of_options_need_a_lot_that_somebody_tells(catalog: Catalog, shared_file: Find, given: int | None):
    path = shared_file("fo/atm_options_1min_iv_2023_SBIN.parquet")
    if given is None:
        with pytest.raises(DataError, match="nothing tells how many units its contracts have: say it with --lot"):
            taken(path, catalog)
        assert not catalog.root.exists()
        return
    report = taken(path, catalog, lot=given)
    assert (report.source, report.written) == ("option prices by the minute", 27_602)
    option = catalog.registry()["NFO:SBIN23APR525PE"]
    assert (option.lot, option.expiry, option.strike_e4) == (1_500, datetime.date(2023, 4, 27), 5_250_000)
    # The first row of the file: 12.20 at 09:15, the last price of that minute.
    assert bars(catalog, "NFO:SBIN23APR525PE", "1m")[0] == (122_000, 122_000, 122_000, 122_000, 0)
    assert clocks(catalog, "NFO:SBIN23APR525PE")[0] == "2023-04-03 09:16"


def test_an_option_whose_name_cannot_be_made_is_refused(catalog: Catalog, tmp_path: pathlib.Path):
    header = "Date,OptionPrice,StrikePrice,OptionSymbol,ExpiryDate,OptionType"
    lines = [
        f"2023-06-05 09:15:00,12.2,{strike},{name}29JUN23{strike}CE,2023-06-29,c"
        for name, strike in (("SBIN", 525), ("BANKNIFTY", 44_000))
    ]
    report = taken(written(tmp_path / "a.csv", header, *lines), catalog, lot=1_500)
    assert (report.symbols, report.quarantined) == (("NFO:SBIN23JUN525CE",), {Defect.SYMBOL: 1})
