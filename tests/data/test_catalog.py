"""The catalog: what goes in comes out, nothing is half-written, and what is absent is said in one sentence."""

import dataclasses
import datetime
import pathlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

from alpha_panda.data.catalog import BAR_COLUMNS, TICK_COLUMNS, Catalog
from alpha_panda.data.events import EventArray, validate
from alpha_panda.errors import CatalogError, EventError
from alpha_panda.instruments import Instrument, unlisted_token
from alpha_panda.kernels.records import BAR, CLOCK, TICK
from alpha_panda.sessions import sessions
from alpha_panda.units import E4, MINUTE_NS, SECOND_NS, ist_time_ns, parse_clock

MONDAY = datetime.date(2025, 1, 6)
TUESDAY = datetime.date(2025, 1, 7)
OPEN_NS = parse_clock("09:15")


def instrument(symbol: str, calendar: str = "NSE_EQ") -> Instrument:
    return Instrument(symbol, unlisted_token(symbol), 500, calendar=calendar)


def bars_of(date: datetime.date, closes: list[int], row: int = 0) -> pl.DataFrame:
    """One-minute bars from the open on, flat at so many rupees each."""
    times = [ist_time_ns(date, OPEN_NS) + (number + 1) * MINUTE_NS for number in range(len(closes))]
    columns = {"row": range(row, row + len(closes)), "time_ns": times}
    columns |= {name: [close * E4 for close in closes] for name in ("open_e4", "high_e4", "low_e4", "close_e4")}
    return pl.DataFrame(columns | {"volume": [10] * len(closes)})


def days_of(closes: list[int], closing: str = "15:30") -> pl.DataFrame:
    """Daily bars from Monday on, flat at so many rupees each."""
    days = [MONDAY + datetime.timedelta(number) for number in range(len(closes))]
    times = pl.Series("time_ns", [ist_time_ns(day, parse_clock(closing)) for day in days])
    return bars_of(MONDAY, closes).with_columns(times)


def ticks_of(date: datetime.date, seconds: list[int], volumes: list[int], rupees: int = 100) -> pl.DataFrame:
    """Ticks so many seconds after the open, with the cumulative volume of the day."""
    times = [ist_time_ns(date, OPEN_NS) + second * SECOND_NS for second in seconds]
    columns = {"row": range(len(seconds)), "time_ns": times, "price_e4": [rupees * E4] * len(seconds)}
    quotes = {"bid_e4": 0, "ask_e4": (rupees + 1) * E4, "open_interest": 5}
    return pl.DataFrame(columns | {"volume_day": volumes} | quotes)


@pytest.fixture
def catalog(tmp_path: pathlib.Path) -> Catalog:
    """Two shares with minutes of two days, the second with days as well, and one with ticks."""
    catalog = Catalog(tmp_path / "data")
    catalog.register([instrument("NSE:AAA"), instrument("NSE:BBB"), instrument("NSE:TTT")])
    for date in (MONDAY, TUESDAY):
        catalog.store("NSE:BBB", "1m", bars_of(date, [200, 201, 202]))
        catalog.store("NSE:AAA", "1m", bars_of(date, [100, 101]))
    catalog.store("NSE:BBB", "1d", bars_of(MONDAY, [202]))
    catalog.store("NSE:TTT", "tick", ticks_of(MONDAY, [1, 1, 3], [1_000, 1_000, 1_250]))
    catalog.store("NSE:TTT", "tick", ticks_of(TUESDAY, [2, 4], [7, 9]))
    return catalog


def closes_e4(bars: pl.DataFrame) -> list[float]:
    return [close_e4 / E4 for close_e4 in bars["close_e4"]]


def closes_of(events: EventArray) -> list[float]:
    return (events["close_e4"][events["kind"] == BAR] / E4).tolist()


def files_of(catalog: Catalog) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(catalog.root)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in catalog.root.rglob("*")
        if path.is_file()
    }


# ── Out of it ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_events_lie_by_time_and_instrument_with_a_clock_after_each_bar_time(catalog: Catalog):
    universe, events = catalog.events(["NSE:BBB", "NSE:AAA"], "1m", MONDAY, MONDAY)
    assert universe.symbols == ("NSE:AAA", "NSE:BBB")
    assert events["kind"].tolist() == [BAR, BAR, CLOCK, BAR, BAR, CLOCK, BAR, CLOCK]
    assert closes_of(events) == [100, 200, 101, 201, 202]
    assert events["instrument_token"][:2].tolist() == [unlisted_token("NSE:AAA"), unlisted_token("NSE:BBB")]
    validate(events, universe)


def test_a_range_of_dates_includes_both_ends(catalog: Catalog):
    assert len(closes_of(catalog.events(["NSE:AAA"], "1m")[1])) == 4
    assert len(closes_of(catalog.events(["NSE:AAA"], "1m", first=TUESDAY)[1])) == 2
    assert len(closes_of(catalog.events(["NSE:AAA"], "1m", last=MONDAY)[1])) == 2


def test_without_clocks_there_are_none(catalog: Catalog):
    _, events = catalog.events(["NSE:AAA"], "1m", clocks=False)
    assert events["kind"].tolist() == [BAR] * 4


def test_the_volume_of_a_tick_is_what_traded_since_the_tick_before(catalog: Catalog):
    _, events = catalog.events(["NSE:TTT"], "tick", clocks=False)
    assert events["kind"].tolist() == [TICK] * 5
    # What traded before the first tick of a day was seen by nobody.
    assert events["volume"].tolist() == [0, 0, 250, 0, 2]
    assert events["ask_e4"].tolist() == [101 * E4] * 5
    assert events["open_interest"].tolist() == [5] * 5


def test_ticks_bring_clocks_until_the_close(catalog: Catalog):
    _, events = catalog.events(["NSE:TTT"], "tick", MONDAY, MONDAY)
    close_ns = sessions("NSE_EQ", MONDAY, MONDAY)["close_ns"][0]
    clocks = events["time_ns"][events["kind"] == CLOCK]
    assert clocks[-1] == close_ns
    assert np.all(np.diff(clocks) == SECOND_NS)


def test_the_finest_resolution_common_to_all_is_taken(catalog: Catalog):
    assert len(closes_of(catalog.events(["NSE:BBB"])[1])) == 6
    catalog.store("NSE:TTT", "1d", bars_of(MONDAY, [100]))
    assert closes_of(catalog.events(["NSE:BBB", "NSE:TTT"])[1]) == [202, 100]


def test_an_event_outside_its_calendar_is_refused_rather_than_overlooked(catalog: Catalog):
    closing_auction = datetime.date(2026, 8, 3)
    late = bars_of(closing_auction, [100] * 370)  # the last at 15:25, when shares with futures trade no more
    catalog.store("NSE:AAA", "1m", late)
    assert len(closes_of(catalog.events(["NSE:AAA"], "1m", first=closing_auction)[1])) == 370
    catalog.register([instrument("NSE:AAA", calendar="NSE_EQ_FO")])
    with pytest.raises(EventError, match="NSE:AAA has an event at 2026-08-03 15:16:00 IST, when NSE_EQ_FO is closed"):
        catalog.events(["NSE:AAA"], "1m", first=closing_auction)


# ── What is absent ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_catalog_says_how_to_fill_it(tmp_path: pathlib.Path):
    with pytest.raises(CatalogError, match=r"is empty: fill it with `alpha-panda data ingest FILE`$"):
        Catalog(tmp_path).events(["NSE:AAA"])
    assert Catalog(tmp_path).symbols() == ()


def test_an_unknown_symbol_is_refused_with_a_guess(catalog: Catalog):
    with pytest.raises(CatalogError, match=r"^AAA is not in the catalog; did you mean NSE:AAA\?$"):
        catalog.events(["AAA"])


def test_a_run_has_the_instruments_of_its_last_day(catalog: Catalog):
    finer = dataclasses.replace(instrument("NSE:AAA"), tick_e4=100)
    catalog.register([finer], since=TUESDAY)
    assert catalog.events(["NSE:AAA"], "1m", last=MONDAY)[0][0].tick_e4 == 500
    assert catalog.events(["NSE:AAA"], "1m", first=MONDAY)[0][0].tick_e4 == 100
    assert (catalog.instrument("NSE:AAA", MONDAY).tick_e4, catalog.instrument("NSE:AAA")) == (500, finer)


def test_an_index_has_events_and_is_not_tradable(catalog: Catalog):
    catalog.register([dataclasses.replace(instrument("NSE:AAA"), kind="INDEX")])
    assert catalog.tradable("1m") == ("NSE:BBB",)
    assert len(catalog.events(["NSE:AAA"], "1m", clocks=False)[1]) == 4


def test_an_empty_range_says_what_there_is(catalog: Catalog):
    with pytest.raises(CatalogError, match="of NSE:AAA from 2025-01-08 to 2025-01-09: it has 2025-01-06 to 2025-01-07"):
        catalog.events(["NSE:AAA"], "1m", datetime.date(2025, 1, 8), datetime.date(2025, 1, 9))


def test_a_resolution_that_is_not_held_says_which_are(catalog: Catalog):
    with pytest.raises(CatalogError, match="holds no tick data of NSE:BBB, but 1m and 1d"):
        catalog.events(["NSE:BBB"], "tick")
    with pytest.raises(CatalogError, match=r"no resolution is common .*NSE:BBB: 1m, 1d; NSE:TTT: tick"):
        catalog.events(["NSE:BBB", "NSE:TTT"])


def test_an_instrument_without_data_is_said_to_have_none(catalog: Catalog):
    catalog.register([instrument("NSE:NEW")])
    with pytest.raises(CatalogError, match="holds no 1m data of NSE:NEW, nor any"):
        catalog.events(["NSE:NEW"], "1m")
    with pytest.raises(CatalogError, match="NSE:NEW: none"):
        catalog.events(["NSE:NEW"])


def test_another_resolution_is_refused(catalog: Catalog):
    with pytest.raises(CatalogError, match="'5m' is not a resolution of the catalog: choose one of tick, 1m, 1d"):
        catalog.events(["NSE:AAA"], "5m")


def test_symbols_and_spans_say_what_there_is(catalog: Catalog):
    assert catalog.symbols() == ("NSE:AAA", "NSE:BBB", "NSE:TTT")
    assert catalog.symbols("1d") == ("NSE:BBB",)
    assert catalog.span("NSE:AAA", "1m") == (MONDAY, TUESDAY)
    assert catalog.resolutions("NSE:BBB") == ("1m", "1d")


# ── Into it ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_files_hold_whole_numbers_in_order_of_time(catalog: Catalog):
    bars = pl.read_parquet(catalog.root / "bars/1m/NSE/AAA.parquet")
    assert bars.columns == list(BAR_COLUMNS)
    assert set(bars.dtypes) == {pl.Int64}
    assert bars["time_ns"].is_sorted()
    assert pl.read_parquet(catalog.root / "ticks/NSE/TTT.parquet").columns == list(TICK_COLUMNS)


def test_storing_the_same_twice_touches_no_file(catalog: Catalog):
    before = files_of(catalog)
    assert catalog.store("NSE:AAA", "1m", bars_of(MONDAY, [100, 101]))[:2] == (0, 2)
    assert catalog.store("NSE:TTT", "tick", ticks_of(TUESDAY, [2, 4], [7, 9]))[:2] == (0, 2)
    catalog.register(list(catalog.registry()))
    assert files_of(catalog) == before


def test_a_bar_that_contradicts_a_stored_one_is_handed_back(catalog: Catalog):
    stored = catalog.store("NSE:AAA", "1m", bars_of(MONDAY, [100, 999, 102], row=40))
    assert stored[:2] == (1, 1)
    assert stored.conflicts["row"].to_list() == [41]
    assert closes_of(catalog.events(["NSE:AAA"], "1m", last=MONDAY)[1]) == [100, 101, 102]


def test_bars_of_an_earlier_day_are_put_before(catalog: Catalog):
    catalog.store("NSE:AAA", "1m", bars_of(datetime.date(2025, 1, 3), [99]))
    assert closes_of(catalog.events(["NSE:AAA"], "1m")[1]) == [99, 100, 101, 100, 101]


def test_ticks_before_and_after_a_recorded_stretch_are_new_and_those_inside_are_not(catalog: Catalog):
    # Recorded on Monday: seconds 1, 1 and 3.
    stored = catalog.store("NSE:TTT", "tick", ticks_of(MONDAY, [0, 1, 2, 3, 5], [900, 1_000, 1_100, 1_250, 1_300]))
    assert stored[:2] == (2, 2)
    assert stored.conflicts["row"].to_list() == [2]
    _, events = catalog.events(["NSE:TTT"], "tick", last=MONDAY, clocks=False)
    assert events["volume"].tolist() == [0, 100, 0, 250, 50]


def test_the_latest_price_is_the_last_of_all_resolutions(catalog: Catalog):
    assert catalog.latest("NSE:BBB") == (ist_time_ns(TUESDAY, OPEN_NS) + 3 * MINUTE_NS, 202 * E4)
    assert catalog.latest("NSE:NEW") is None


def test_a_crash_while_writing_leaves_the_old_file_and_no_part_of_a_new_one(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
):
    def crash(frame: pl.DataFrame, file: object, **options: object):
        file.write(b"half a file")
        raise OSError("no space left on device")

    before = files_of(catalog)
    with monkeypatch.context() as patched:
        patched.setattr(pl.DataFrame, "write_parquet", crash)
        with pytest.raises(OSError, match="no space left"):
            catalog.store("NSE:AAA", "1m", bars_of(datetime.date(2025, 1, 8), [103]))
        with pytest.raises(OSError, match="no space left"):
            catalog.store("NSE:CCC", "1m", bars_of(MONDAY, [1]))
    assert files_of(catalog) == before


def test_the_registry_survives_a_round_trip(catalog: Catalog):
    future = Instrument(
        "NFO:TCS-FUT", -77, 1_000, segment=1, lot=175, freeze_quantity=7_000, calendar="NFO", name="TCS"
    )
    catalog.register([future])
    assert Catalog(catalog.root).registry()["NFO:TCS-FUT"] == future
    assert len(catalog.registry()) == 4


def test_adjusted_bars_are_kept_apart_by_their_source_and_are_no_data(catalog: Catalog):
    catalog.store_adjusted("NSE:TTT", bars_of(MONDAY, [50, 51]), "kite")
    assert closes_e4(catalog.adjusted_bars("NSE:TTT")) == [50, 51]
    assert catalog.resolutions("NSE:TTT") == ("tick",)
    catalog.store_adjusted("NSE:TTT", bars_of(MONDAY, [25]), "vendor")
    assert catalog.adjusted_sources("NSE:TTT") == ("kite", "vendor")
    assert closes_e4(catalog.adjusted_bars("NSE:TTT", "vendor")) == [25]
    with pytest.raises(CatalogError, match="by one source, but those of kite and vendor: name one of them"):
        catalog.adjusted_bars("NSE:TTT")
    with pytest.raises(CatalogError, match="no adjusted bars of NSE:AAA by kite, but none"):
        catalog.adjusted_bars("NSE:AAA", "kite")


def test_adjusted_bars_of_another_scale_are_refused_as_a_whole(catalog: Catalog):
    catalog.store_adjusted("NSE:AAA", days_of([100, 102]))
    assert catalog.store_adjusted("NSE:AAA", days_of([100, 102, 104]))[:2] == (1, 2)
    after_a_split = catalog.store_adjusted("NSE:AAA", days_of([50, 51, 52, 53]))
    assert (after_a_split[:2], len(after_a_split.conflicts)) == ((0, 0), 4)
    assert closes_e4(catalog.adjusted_bars("NSE:AAA")) == [100, 102, 104]


def test_a_day_has_one_bar_whenever_it_was_thought_to_close(catalog: Catalog):
    for store in (catalog.store_adjusted, lambda symbol, rows: catalog.store(symbol, "1d", rows)):
        store("NSE:AAA", days_of([100, 102]))
        later = store("NSE:AAA", days_of([100, 102, 104], closing="15:40"))
        assert (later[:2], later.fresh["close_e4"].to_list()) == ((1, 2), [104 * E4])
    assert catalog.store("NSE:AAA", "1d", days_of([100, 103], closing="15:40")).conflicts["row"].to_list() == [1]
    assert closes_of(catalog.events(["NSE:AAA"], "1d")[1]) == [100, 102, 104]


def test_of_two_that_write_at_once_nothing_is_lost(catalog: Catalog):
    days = [datetime.date(2025, 2, day) for day in range(1, 25)]
    with ThreadPoolExecutor(4) as writers:
        list(writers.map(lambda day: catalog.store("NSE:CCC", "1m", bars_of(day, [100])), days))
    assert catalog.spans("1m").filter(symbol="NSE:CCC")["rows"].to_list() == [len(days)]


def test_the_quarantine_of_a_source_is_replaced_and_goes_away_when_empty(catalog: Catalog):
    path = catalog.root / "quarantine" / "ticks-12ab.parquet"
    catalog.quarantine("ticks-12ab", pl.DataFrame({"row": [1, 2]}))
    catalog.quarantine("ticks-12ab", pl.DataFrame({"row": [3]}))
    assert pl.read_parquet(path)["row"].to_list() == [3]
    catalog.quarantine("ticks-12ab", pl.DataFrame({"row": []}))
    assert not path.exists()


# ── What is damaged ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("bars/1m/NSE/AAA", lambda catalog: catalog.events(["NSE:AAA"], "1m")),
        ("bars/1m/NSE/AAA", lambda catalog: catalog.spans("1m")),
        ("bars/1m/NSE/AAA", lambda catalog: catalog.store("NSE:AAA", "1m", bars_of(MONDAY, [1]))),
        ("instruments", lambda catalog: catalog.registry()),
        ("contracts/1d/NFO/2026-02-24", lambda catalog: catalog.resolutions("NFO:NIFTY26FEBFUT")),
    ],
    ids=["events", "spans", "store", "registry", "contracts"],
)
def test_a_file_that_cannot_be_read_is_named(catalog: Catalog, name: str, ask: Callable[[Catalog], object]):
    path = catalog.root / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not Parquet")
    with pytest.raises(CatalogError, match=f"{name}.parquet cannot be read, so delete it and ingest its data again: "):
        ask(catalog)


def test_a_file_without_its_columns_is_no_file_of_the_catalog(catalog: Catalog):
    pl.DataFrame({"weather": ["fine"]}).write_parquet(catalog.root / "bars/1m/NSE/AAA.parquet")
    with pytest.raises(CatalogError, match='the catalog cannot answer: unable to find column "time_ns"'):
        catalog.events(["NSE:AAA"], "1m")
