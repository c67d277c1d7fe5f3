"""Ingesting files: small ones made by hand, and the real ones to the last row."""

import datetime
import pathlib
from collections import Counter
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest import ingest
from alpha_panda.data.ingest.defects import Defect
from alpha_panda.errors import DataError
from alpha_panda.instruments import Instrument, unlisted_token
from alpha_panda.kernels.records import BAR, FUTURE, TICK
from alpha_panda.units import E4, ist_datetime

IST = "Asia/Kolkata"
Find = Callable[[str], pathlib.Path]

MINUTES = "minute/stocks_1min_2024_2025.parquet"
DAYS = "daily/raw_eq_2019_2026.parquet"
TICKS = ("ticks/ltp_ticks_2021_05_27.parquet", "ticks/ltp_ticks_2021_06_11.parquet")
QUOTES = "ticks/stock_futures_ticks_bbo_2025_11_17.parquet"


def stamps(*clocks: str, date: datetime.date = datetime.date(2025, 1, 6)) -> pl.Series:
    moments = [datetime.datetime.combine(date, datetime.time.fromisoformat(clock)) for clock in clocks]
    return pl.Series(moments, dtype=pl.Datetime("us"))


def minute_file(path: pathlib.Path, closes: list[float], symbol: str = "AAA", zone: str | None = IST) -> pathlib.Path:
    """Write flat bars from 09:15 on, one a minute, stamped with the start of the minute."""
    times = stamps(*(f"09:{15 + number}" for number in range(len(closes)))).dt.replace_time_zone(zone)
    columns = dict.fromkeys(["open", "high", "low", "close"], closes)
    frame = pl.DataFrame({"symbol": [symbol] * len(closes), "timestamp": times, **columns, "volume": [7] * len(closes)})
    path.parent.mkdir(exist_ok=True)
    frame.write_parquet(path)
    return path


def state_of(catalog: Catalog) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in catalog.root.rglob("*") if path.is_file()}


# ── Files made by hand ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("zone", [IST, None, "UTC"])
def test_a_bar_is_known_when_its_minute_is_over(catalog: Catalog, tmp_path: pathlib.Path, zone: str | None):
    path = minute_file(tmp_path / "bars.parquet", [100.05, 101.1], zone=IST)
    frame = pl.read_parquet(path)
    stamp = (
        pl.col("timestamp").dt.replace_time_zone(None)
        if zone is None
        else pl.col("timestamp").dt.convert_time_zone(zone)
    )
    frame.with_columns(stamp).write_parquet(path)
    ingest([path], catalog)
    _, events = catalog.events(["NSE:AAA"], clocks=False)
    assert [f"{ist_datetime(time_ns):%H:%M:%S}" for time_ns in events["time_ns"]] == ["09:16:00", "09:17:00"]
    assert events["close_e4"].tolist() == [1_000_500, 1_011_000]
    assert events["volume"].tolist() == [7, 7]


def test_every_row_of_a_file_is_accounted_for(catalog: Catalog, tmp_path: pathlib.Path):
    minute_file(tmp_path / "a.parquet", [100.0, 101.0])
    path = minute_file(tmp_path / "b.parquet", [100.0, 999.0, -1.0, 103.0])
    ingest([tmp_path / "a.parquet"], catalog)
    report = ingest([path], catalog)
    assert (report.rows, report.written, report.present) == (4, 1, 1)
    assert report.quarantined == {Defect.CONFLICT: 1, Defect.PRICE: 1}
    assert report.files[0].symbols == ("NSE:AAA",)


def test_refused_rows_are_kept_with_their_reason_and_their_place(catalog: Catalog, tmp_path: pathlib.Path):
    ingest([minute_file(tmp_path / "b.parquet", [100.0, -1.0, float("nan")])], catalog)
    (path,) = (catalog.root / "quarantine").glob("b-*.parquet")
    kept = pl.read_parquet(path)
    refused = ("NSE:AAA", "1m", Defect.PRICE)
    assert kept.select("row", "symbol", "resolution", "defect").rows() == [(1, *refused), (2, *refused)]
    assert kept["close"][0] == -1.0
    assert kept["timestamp"].dtype == pl.Datetime("us", IST)


def test_ingesting_twice_changes_nothing(catalog: Catalog, tmp_path: pathlib.Path):
    path = minute_file(tmp_path / "b.parquet", [100.0, 101.0, -1.0])
    ingest([path], catalog)
    before = state_of(catalog)
    report = ingest([path], catalog)
    assert (report.written, report.present, report.quarantined) == (0, 2, {Defect.PRICE: 1})
    assert state_of(catalog) == before


def test_a_new_share_gets_a_negative_token_and_the_tick_of_its_last_price(catalog: Catalog, tmp_path: pathlib.Path):
    ingest([minute_file(tmp_path / "b.parquet", [260.0, 240.0])], catalog)
    share = catalog.registry()["NSE:AAA"]
    assert share == Instrument("NSE:AAA", unlisted_token("NSE:AAA"), 100)  # one paisa below 250 rupees since June 2024
    ingest([minute_file(tmp_path / "c.parquet", [260.0, 240.0, 260.0])], catalog)
    assert catalog.registry()["NSE:AAA"].tick_e4 == 500


def test_an_instrument_that_a_broker_lists_stays_as_it_is(catalog: Catalog, tmp_path: pathlib.Path):
    listed = Instrument("NSE:AAA", 408065, 5000, calendar="NSE_EQ_FO", name="listed")
    catalog.register([listed])
    ingest([minute_file(tmp_path / "b.parquet", [260.0])], catalog)
    assert catalog.registry()["NSE:AAA"] == listed
    universe, events = catalog.events(["NSE:AAA"])
    assert events["instrument_token"][0] == 408065
    assert universe[0] == listed


def test_a_folder_is_walked_and_what_is_not_known_in_it_is_reported(catalog: Catalog, tmp_path: pathlib.Path):
    folder = tmp_path / "source"
    minute_file(folder / "a.parquet", [100.0])
    pl.DataFrame({"strike": [1]}).write_parquet(folder / "strange.parquet")
    (folder / "notes.txt").write_text("not Parquet")
    told: list[tuple[int, int, str]] = []
    report = ingest([folder], catalog, lambda *step: told.append(step))
    assert [file.path.name for file in report.files] == ["a.parquet"]
    assert sorted(path.name for path in report.passed_over) == ["notes.txt", "strange.parquet"]
    assert told == [(0, 1, "a.parquet"), (1, 1, "NSE:AAA"), (1, 1, "done")]


def test_the_files_of_the_catalog_are_no_market_data(tmp_path: pathlib.Path):
    catalog = Catalog(tmp_path / "data")
    minute_file(tmp_path / "a.parquet", [100.0, -1.0])
    ingest([tmp_path], catalog)
    again = ingest([tmp_path], catalog)
    assert [file.path.name for file in again.files] == ["a.parquet"]
    assert not again.passed_over


def test_columns_with_names_of_ours_keep_out_of_the_way(catalog: Catalog, tmp_path: pathlib.Path):
    path = minute_file(tmp_path / "a.parquet", [100.0, -1.0])
    pl.read_parquet(path).with_columns(Row=pl.lit("x"), defect=pl.lit("y")).write_parquet(path)
    assert ingest([path], catalog).quarantined == {Defect.PRICE: 1}
    (kept,) = (catalog.root / "quarantine").glob("*.parquet")
    assert pl.read_parquet(kept).select("row", "Row_given", "defect", "defect_given").rows() == [
        (1, "x", Defect.PRICE, "y")
    ]


def test_a_file_without_a_row_of_data_is_counted_and_nothing_else(catalog: Catalog, tmp_path: pathlib.Path):
    path = tmp_path / "a.csv"
    path.write_text("symbol,timestamp,open,high,low,close,volume\n" * 3)
    report = ingest([path], catalog)
    assert (report.rows, report.written, report.quarantined) == (2, 0, {Defect.NO_DATA: 2})


def test_a_symbol_for_files_that_name_their_own_is_refused(catalog: Catalog, tmp_path: pathlib.Path):
    path = tmp_path / "ticks.parquet"
    pl.DataFrame({"symbol": ["AAA"], "timestamp": stamps("09:15"), "ltp": [1.0], "cum_volume": [1]}).write_parquet(path)
    with pytest.raises(DataError, match="it names its instruments itself: leave out --symbol NSE:BBB"):
        ingest([path], catalog, symbol="NSE:BBB")


def test_a_file_of_no_known_kind_is_refused_by_its_columns_before_anything_is_written(
    catalog: Catalog, tmp_path: pathlib.Path
):
    good = minute_file(tmp_path / "a.parquet", [100.0])
    strange = tmp_path / "strange.parquet"
    pl.DataFrame({"strike": [1], "expiry": ["x"]}).write_parquet(strange)
    with pytest.raises(DataError, match=r"strange\.parquet has the columns strike, expiry, which are those of no kind"):
        ingest([good, strange], catalog)
    assert not catalog.root.exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("absent.parquet", "does not exist"), ("notes.txt", "of no kind that we know"), ("empty", "nothing to ingest")],
)
def test_what_holds_no_market_data_is_refused(catalog: Catalog, tmp_path: pathlib.Path, name: str, sentence: str):
    (tmp_path / "notes.txt").write_text("not Parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=sentence):
        ingest([tmp_path / name], catalog)
    assert not catalog.root.exists()


def test_rows_whose_figures_are_no_numbers_are_refused(catalog: Catalog, tmp_path: pathlib.Path):
    path = minute_file(tmp_path / "a.parquet", [100.0])
    pl.read_parquet(path).with_columns(close=pl.lit("cheap")).write_parquet(path)
    assert ingest([path], catalog).quarantined == {Defect.PRICE: 1}
    assert catalog.symbols() == ()


def test_after_a_crash_the_same_ingest_completes(
    catalog: Catalog, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "source"
    minute_file(folder / "a.parquet", [100.0], symbol="AAA")
    minute_file(folder / "b.parquet", [100.0], symbol="BBB")
    whole = Catalog(tmp_path / "whole")
    ingest([folder], whole)
    write = pl.DataFrame.write_parquet
    written: list[object] = []

    def crash_at_the_third(frame: pl.DataFrame, file: object, **options: object):
        written.append(file)
        if len(written) == 3:  # instruments, bars of AAA, and then the bars of BBB
            raise OSError("no space left on device")
        write(frame, file, **options)

    with monkeypatch.context() as patched:
        patched.setattr(pl.DataFrame, "write_parquet", crash_at_the_third)
        with pytest.raises(OSError, match="no space left"):
            ingest([folder], catalog)
    assert catalog.symbols() == ("NSE:AAA",)
    (catalog.root / "bars/1m/NSE/BBB.parquet.77.partial").write_bytes(b"what a process was writing when it was killed")
    ingest([folder], catalog)
    assert not list(catalog.root.rglob("*.partial"))
    assert [path.read_bytes() for path in sorted(catalog.root.rglob("*.parquet"))] == [
        path.read_bytes() for path in sorted(whole.root.rglob("*.parquet"))
    ]


# ── The real files ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_year_of_minutes_is_read_to_the_last_bar(catalog: Catalog, shared_file: Find):
    path = shared_file(MINUTES)
    report = ingest([path], catalog)
    # 26 minutes stand there twice, alike: counted with group_by("symbol", "timestamp").
    assert (report.rows, report.written, report.quarantined) == (1_052_559, 1_052_533, {Defect.DUPLICATE: 26})
    again = ingest([path], catalog)
    assert (again.written, again.present, again.quarantined) == (0, 1_052_533, {Defect.DUPLICATE: 26})

    source = (
        pl.read_parquet(path).with_columns(pl.col("symbol").cast(pl.String), pl.col("volume").cast(pl.Int64)).unique()
    )
    universe, events = catalog.events(catalog.symbols("1m"))
    bars = events[events["kind"] == BAR]
    assert len(universe) == 13
    assert len(bars) == len(source)
    assert bars["volume"].sum() == source["volume"].sum()
    assert bars["high_e4"].sum() == sum(round(high * E4) for high in source["high"])
    # INFY opened at 1419.90 on 2024-04-22: the first row of the file.
    first = bars[bars["instrument"] == universe.index_of("NSE:INFY")][0]
    assert f"{ist_datetime(first['time_ns'])}" == "2024-04-22 09:16:00+05:30"
    assert (first["open_e4"], first["low_e4"], first["volume"]) == (14_199_000, 14_130_500, 212_006)


def expected_of_ticks(path: pathlib.Path) -> Counter[str | None]:
    """Judge every row of a tick file one by one, by the rules in words."""
    seen: set[tuple[object, ...]] = set()
    latest: dict[str, datetime.datetime] = {}
    most: dict[str, int] = {}
    before: dict[str, tuple[float, int]] = {}
    found: Counter[str | None] = Counter()
    day = datetime.date.fromisoformat("-".join(path.stem.split("_")[-3:]))
    opens, closes = (datetime.datetime.combine(day, datetime.time(*clock)) for clock in ((9, 15), (15, 30)))
    for symbol, stamp, price, volume in pl.read_parquet(path).rows():
        repeats = before.get(symbol) == (price, volume)
        before[symbol] = (price, volume)
        if stamp.year == 1970:
            found[Defect.STAMP] += 1
        elif not opens <= stamp < closes:
            found[Defect.STALE if repeats else Defect.SESSION] += 1
        elif (symbol, stamp, price, volume) in seen:
            found[Defect.DUPLICATE] += 1
        elif stamp < latest.get(symbol, stamp):
            found[Defect.ORDER] += 1
            seen.add((symbol, stamp, price, volume))
        else:
            latest[symbol] = stamp
            seen.add((symbol, stamp, price, volume))
            fell = volume < most.get(symbol, 0)
            found[Defect.VOLUME_FELL if fell else None] += 1
            most[symbol] = max(most.get(symbol, 0), volume)
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (TICKS[0], {Defect.DUPLICATE: 1_168, Defect.ORDER: 424, Defect.VOLUME_FELL: 512}),
        (
            TICKS[1],
            {
                Defect.STAMP: 5_426,  # of 1970
                Defect.STALE: 103_024,  # the recorder ran on through the evening and the Saturday
                Defect.SESSION: 273,
                Defect.DUPLICATE: 3_009,
                Defect.ORDER: 576,
                Defect.VOLUME_FELL: 778,
            },
        ),
    ],
)
def test_the_defects_of_the_tick_files_are_found_and_no_others(
    catalog: Catalog, shared_file: Find, name: str, expected: dict[str, int]
):
    path = shared_file(name)
    report = ingest([path], catalog)
    assert report.quarantined == expected
    judged = expected_of_ticks(path)
    assert judged == {**expected, None: report.written}
    (kept,) = (catalog.root / "quarantine").glob("*.parquet")
    assert len(pl.read_parquet(kept)) == sum(expected.values())


def test_tick_volume_adds_up_to_what_traded_since_the_first_tick(catalog: Catalog, shared_file: Find):
    path = shared_file(TICKS[0])
    ingest([path], catalog)
    universe, events = catalog.events(catalog.symbols("tick"))
    assert universe.symbols == ("NSE:ICICIBANK", "NSE:NIFTY 50", "NSE:NIFTY BANK", "NSE:SBIN", "NSE:TCS")
    source = pl.read_parquet(path).filter(symbol="SBIN")["cum_volume"]
    own = events[(events["instrument"] == universe.index_of("NSE:SBIN")) & (events["kind"] == TICK)]
    assert own["volume"].sum() == source.max() - source[0]
    assert events["volume"][events["instrument"] == universe.index_of("NSE:NIFTY 50")].sum() == 0


def test_futures_have_their_lot_their_calendar_and_the_ask_from_under_the_wrong_label(
    catalog: Catalog, shared_file: Find
):
    path = shared_file(QUOTES)
    report = ingest([path], catalog)
    # 602 rows repeat another in every column; one has less volume than a row before it.
    assert (report.rows, report.quarantined) == (2_833, {Defect.DUPLICATE: 602, Defect.VOLUME_FELL: 1})
    universe, events = catalog.events(["NFO:RELIND-FUT", "NFO:TCS-FUT"], clocks=False)
    assert [(each.lot, each.segment, each.calendar) for each in universe] == [
        (500, FUTURE, "NFO"),
        (175, FUTURE, "NFO"),
    ]
    assert np.all(events["bid_e4"] < events["ask_e4"])
    # The first row of the file: 1518.90 traded, 1518.50 bid, 1518.80 under `bid_price_2`.
    first = events[events["instrument"] == 0][0]
    assert [int(first[field]) for field in ("close_e4", "bid_e4", "ask_e4")] == [15_189_000, 15_185_000, 15_188_000]
    assert first["open_interest"] == 100_700_000


def test_seven_years_of_days_are_known_at_the_close_of_their_session(catalog: Catalog, shared_file: Find):
    report = ingest([shared_file(DAYS)], catalog)
    assert (report.rows, report.written, report.quarantined) == (196_714, 196_714, {})
    universe, events = catalog.events(["NSE:RELIANCE"], "1d", clocks=False)
    closes = {f"{ist_datetime(time_ns):%Y-%m-%d}": f"{ist_datetime(time_ns):%H:%M}" for time_ns in events["time_ns"]}
    assert closes["2025-01-06"] == "15:30"
    assert closes["2024-11-01"] == "19:00"  # Muhurat trading
    assert closes["2024-03-02"] == "12:30"  # two sessions
    assert len(catalog.symbols("1d")) == 130
    assert universe[0].tick_e4 == 1_000  # above 1,000 rupees on 2026-08-21
