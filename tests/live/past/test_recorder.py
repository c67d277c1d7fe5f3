"""Yesterday's live day is today's backtest: the ticks of a session in the catalog, and the same ledger over them."""

import asyncio
import datetime
import math
import pathlib
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from alpha_panda.backtest.run import run
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest import ingest
from alpha_panda.data.synthetic import synthetic_day
from alpha_panda.errors import CatalogError, LogError, RecoveryError
from alpha_panda.kernels.records import TICK, Records
from alpha_panda.live.build import Options, new_status, planned, trade
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.past.recorder import RecordReport, record
from tests.live.handwritten import Written
from tests.live.trading import DATE, PAPER_TOML, SYMBOLS, ChoppedFeed, market, paper, run_in
from tests.market import tick, together

FUTURES = "ticks/stock_futures_ticks_bbo_2025_11_17.parquet"


def held(catalog: Catalog, symbol: str = "NSE:SHARE000") -> list[tuple[int, ...]]:
    """Return time and cumulative volume of each tick that the catalog holds."""
    exchange, _, name = symbol.partition(":")
    return pl.read_parquet(catalog.root / f"ticks/{exchange}/{name}.parquet").select("time_ns", "volume_day").rows()


# ── The same ledger ──────────────────────────────────────────────────────────────────────────────────────────────────


def whole_day() -> Records:
    """Return the day of two companies as a feed tells it that cannot know what the first tick traded."""
    return without_first_volumes(market()[1])


def without_first_volumes(events: Records) -> Records:
    events = events.copy()
    events["volume"][first_ticks(events)] = 0
    return events


def first_ticks(events: Records) -> list[int]:
    """Return the row of the first tick of each instrument."""
    ticks = np.flatnonzero(events["kind"] == TICK)
    return ticks[np.unique(events["instrument"][ticks], return_index=True)[1]].tolist()


def test_a_backtest_over_the_recorded_ticks_gives_the_ledger_of_the_session(tmp_path: pathlib.Path):
    engine = asyncio.run(run_in(tmp_path / "state", ChoppedFeed(whole_day())))
    catalog = Catalog(tmp_path / "data")
    report = record(tmp_path / "state", catalog)
    assert report.exact
    assert report.symbols == SYMBOLS
    assert report.days == (DATE,)
    assert report.written == np.count_nonzero(whole_day()["kind"] == TICK)
    result = run(paper(), data=catalog, instruments=SYMBOLS, resolution="tick")
    assert result.summary == engine.stage.summary()
    assert engine.stage.account["fills"] > 10
    assert result.universe == market()[0]
    assert result.events.tobytes() == whole_day().tobytes()


def test_a_replayed_day_of_real_ticks_comes_back_as_it_was(
    tmp_path: pathlib.Path, shared_file: Callable[[str], pathlib.Path]
):
    original, copy = Catalog(tmp_path / "data"), Catalog(tmp_path / "recorded")
    ingest([shared_file(FUTURES)], original)
    symbols = original.symbols("tick")
    options = Options(
        profile=PAPER_TOML,
        feed="replay",
        data=original.root,
        instruments=symbols,
        resolution="tick",
        speed=math.inf,
        state=tmp_path / "state",
    )
    engine = asyncio.run(trade(planned(options), new_status(), asyncio.Event()))
    assert record(options.state, copy).exact
    result = run(paper(), data=copy, instruments=symbols, resolution="tick")
    assert result.ledger_hash == engine.stage.ledger_hash()
    assert result.events.tobytes() == original.events(symbols, "tick")[1].tobytes()
    again = record(options.state, original)
    assert (again.written, again.present) == (0, result.events["kind"].tolist().count(TICK))


def test_what_the_synthetic_feed_says_of_first_ticks_is_told_to_be_lost(tmp_path: pathlib.Path):
    engine = asyncio.run(run_in(tmp_path / "state", ChoppedFeed(market()[1])))
    catalog = Catalog(tmp_path / "data")
    report = record(tmp_path / "state", catalog)
    lost = market()[1]["volume"][first_ticks(market()[1])].sum()
    assert report.differences == (f"what the first tick of a day traded is not kept: {lost} units, of 2 first ticks",)
    assert run(paper(), data=catalog, instruments=SYMBOLS).ledger_hash == engine.stage.ledger_hash()


# ── As the log grows ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_recording_again_adds_what_is_new_and_nothing_else(tmp_path: pathlib.Path):
    catalog, session = Catalog(tmp_path / "data"), Written(tmp_path / "state")
    first = together([tick("10:00", 100, volume=5), tick("10:01", 101, volume=6)])
    session.frames(first)
    report = record(session.state, catalog)
    assert (report.written, report.present, report.waiting) == (1, 0, 1)
    assert not report.exact
    session.frames(together([tick("10:01", 102, volume=7), tick("10:02", 103, volume=8)])).report("ended")
    assert counts(record(session.state, catalog)) == (3, 1, 0)
    assert counts(record(session.state, catalog)) == (0, 4, 0)
    assert [volume for _, volume in held(catalog)] == [5, 11, 18, 26]


def counts(report: RecordReport) -> tuple[int, int, int]:
    return report.written, report.present, report.waiting


def test_a_stopped_session_has_no_last_instant_to_wait_for_until_it_goes_on(tmp_path: pathlib.Path):
    catalog, session = Catalog(tmp_path / "data"), Written(tmp_path / "state")
    session.frames(tick("10:00", 100)).report("stopped")
    assert counts(record(session.state, catalog)) == (1, 0, 0)
    session.frames(tick("10:01", 100)).report("running")
    assert counts(record(session.state, catalog)) == (0, 1, 1)


@pytest.mark.parametrize("partitions", [1, 3])
def test_what_is_stored_does_not_depend_on_partitions_or_on_how_much_is_stored_at_once(
    partitions: int, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    universe, events = synthetic_day(datetime.date(2026, 11, 20), 3, ("SIM:A", "SIM:B", "SIM:C"))
    arrivals = np.split(events[:4_000], np.sort(np.random.default_rng(1).integers(0, 4_000, 25)))
    session = Written(tmp_path / "state", universe, partitions).frames(*arrivals).report("ended")
    monkeypatch.setattr("alpha_panda.live.past.recorder._EVENTS", 500)
    catalog = Catalog(tmp_path / "data")
    record(session.state, catalog)
    _, recorded = catalog.events(universe.symbols, "tick")
    ticks, wanted = (each[each["kind"] == TICK] for each in (recorded, without_first_volumes(events[:4_000])))
    assert ticks.tobytes() == wanted.tobytes()


def test_the_second_session_of_a_day_goes_on_with_its_volume(tmp_path: pathlib.Path):
    catalog = Catalog(tmp_path / "data")
    for state, clock, volumes in (("morning", "10:00", (5, 6)), ("afternoon", "14:00", (0, 9))):
        ticks = [tick(f"{clock[:-1]}{row}", 100, volume=volume) for row, volume in enumerate(volumes)]
        session = Written(tmp_path / state).frames(together(ticks)).report("ended")
        for _ in range(2):
            record(session.state, catalog)
    assert [volume for _, volume in held(catalog)] == [5, 11, 11, 20]
    assert catalog.events(["NSE:SHARE000"], "tick", clocks=False)[1]["volume"].tolist() == [0, 6, 0, 9]


def test_nothing_is_recorded_before_what_the_catalog_holds_of_a_day(tmp_path: pathlib.Path):
    catalog = Catalog(tmp_path / "data")
    record(Written(tmp_path / "afternoon").frames(tick("14:00", 100)).report("ended").state, catalog)
    morning = Written(tmp_path / "morning").frames(tick("10:00", 100)).report("ended")
    with pytest.raises(CatalogError, match="begins the 2024-04-22 of NSE:SHARE000 later than this session"):
        record(morning.state, catalog)
    assert len(held(catalog)) == 1


@pytest.mark.parametrize(
    "prices", [{"14:00": 99, "14:02": 100, "14:03": 100}, {"14:00": 100, "14:02": 100}, {"14:01": 100, "14:03": 100}]
)
def test_of_a_stretch_that_another_session_recorded_nothing_is_mixed_in(prices: dict[str, int], tmp_path: pathlib.Path):
    """Be it another price, a tick less, or another tick, with more to come after the stretch."""
    catalog = Catalog(tmp_path / "data")
    told = together([tick("14:00", 100, volume=0), tick("14:01", 100, volume=0), tick("14:02", 100, volume=0)])
    record(Written(tmp_path / "one").frames(told).report("ended").state, catalog)
    before = held(catalog)
    ticks = [tick(clock, price, volume=0) for clock, price in prices.items()]
    other = Written(tmp_path / "other").frames(together(ticks)).report("ended")
    with pytest.raises(CatalogError, match="holds other ticks of NSE:SHARE000 of 2024-04-22 than this session"):
        record(other.state, catalog)
    assert held(catalog) == before


# ── What is not there ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_without_ticks_leaves_the_catalog_as_it_was(tmp_path: pathlib.Path):
    session = Written(tmp_path / "state").frames(tick("10:00", 100)[:0])
    report = record(session.state, Catalog(tmp_path / "data"))
    assert (report.written, report.symbols, report.days, report.exact) == (0, (), (), True)
    assert not (tmp_path / "data").exists()


def test_where_there_is_no_session_there_is_nothing_to_record(tmp_path: pathlib.Path):
    with pytest.raises(LogError):
        record(tmp_path / "nowhere", Catalog(tmp_path / "data"))

    async def nothing() -> None:
        async with SqliteLog(tmp_path / "empty"):
            pass

    asyncio.run(nothing())
    with pytest.raises(RecoveryError, match="no session has begun in"):
        record(tmp_path / "empty", Catalog(tmp_path / "data"))


def test_progress_is_told_in_records_of_the_log(tmp_path: pathlib.Path):
    session = Written(tmp_path / "state", partitions=2).frames(*[tick("10:00", 100)] * 3).report("ended")
    told: list[tuple[int, int]] = []
    record(session.state, Catalog(tmp_path / "data"), lambda done, total: told.append((done, total)))
    assert told[-1] == (6, 6)
