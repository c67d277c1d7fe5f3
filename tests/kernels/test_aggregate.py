"""Bars that strategies see, against Polars' grouping of the same events, and what closes them."""

import datetime
import itertools
import math
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from alpha_panda.chain import SignalStage
from alpha_panda.data.events import with_clocks
from alpha_panda.data.synthetic import synthetic_bars, synthetic_day
from alpha_panda.instruments import Universe
from alpha_panda.kernels.aggregate import VARIANCE_WEIGHT
from alpha_panda.kernels.records import BAR, CLOCK, Records
from alpha_panda.sessions import sessions
from alpha_panda.units import ist_date, parse_interval, to_e4
from tests.bars import minute_bars
from tests.market import (
    MONDAY,
    ONE_SHARE,
    TUESDAY,
    at,
    bar,
    clock,
    instrument,
    profile,
    shares,
    strategy_terms,
    tick,
    together,
)
from tests.recording import FIELDS, recorded, recorder

SUMMARY = (
    pl.col("open_e4").first(),
    pl.col("high_e4").max(),
    pl.col("low_e4").min(),
    pl.col("close_e4").last(),
    pl.col("volume").sum(),
    pl.col("bid_e4").last(),
    pl.col("ask_e4").last(),
    pl.col("open_interest").last(),
)


def grouped(events: Records, universe: Universe, interval: str) -> pl.DataFrame:
    """Return the bars of `interval` by Polars: each event to its session, each session cut from its open."""
    dates = [ist_date(time_ns) for time_ns in events["time_ns"][[0, -1]]]
    table = pl.DataFrame(
        dict(zip(("opens", "closes"), np.array(sessions(universe[0].calendar, *dates).tolist()).T, strict=True))
    )
    length = parse_interval(interval)
    market = events[events["kind"] != CLOCK]
    columns = {name: market[name] for name in ("kind", "instrument", *FIELDS)}
    return (
        pl.DataFrame(columns)
        .with_columns(happened=pl.col("time_ns") - (pl.col("kind") == BAR).cast(pl.Int64))
        .join_asof(table, left_on="happened", right_on="opens")
        .filter(pl.col("happened") < pl.col("closes"))
        .with_columns(place=(pl.col("happened") - pl.col("opens")) // length)
        .with_columns(time_ns=pl.min_horizontal(pl.col("opens") + (pl.col("place") + 1) * length, "closes"))
        .group_by("instrument", "time_ns", maintain_order=True)
        .agg(*SUMMARY)
        .sort("instrument", "time_ns")
        .with_columns(pl.col("instrument").cast(pl.Int64))
    )


def assert_same(seen: pl.DataFrame, expected: pl.DataFrame) -> None:
    assert len(expected) > 0
    assert seen.columns == expected.columns
    assert seen.equals(expected)


# ── Against Polars ───────────────────────────────────────────────────────────────────────────────────────────────────

MUHURAT = datetime.date(2024, 11, 1)
TWO_SESSIONS = datetime.date(2021, 2, 24)


@pytest.mark.parametrize("interval", ["7s", "1m", "5m", "15m", "1h", "1d"])
@pytest.mark.parametrize("date", [MONDAY, MUHURAT, TWO_SESSIONS])
def test_ticks_become_the_bars_that_polars_groups(date: datetime.date, interval: str):
    universe, events = synthetic_day(date, seed=3, symbols=("SIM:PANDA", "SIM:TIGER"), ticks_a_second=0.3)
    seen, _ = recorded(events, universe, interval)
    assert_same(seen, grouped(events, universe, interval))


@pytest.mark.parametrize("interval", ["1m", "5m", "15m", "1h", "1d"])
def test_fine_bars_become_coarse_bars_over_days(interval: str):
    universe, events = synthetic_bars(MONDAY, MONDAY + datetime.timedelta(days=9), seed=3)
    seen, _ = recorded(events, universe, interval)
    assert_same(seen, grouped(events, universe, interval))


@pytest.mark.parametrize("symbol", ["INFY", "MRF"])
@pytest.mark.parametrize(("interval", "count"), [("5m", 30_000), ("15m", 80_000), ("1h", 80_000), ("1d", 80_000)])
def test_real_minutes_become_the_bars_that_polars_groups(
    symbol: str, interval: str, count: int, shared_file: Callable[[str], pathlib.Path]
):
    minutes = minute_bars(shared_file("minute/stocks_1min_2024_2025.parquet"), symbol, count)
    events = together([with_clocks(minutes), clock("23:59", ist_date(minutes["time_ns"][-1]))])
    seen, _ = recorded(events, ONE_SHARE, interval)
    assert_same(seen, grouped(minutes, ONE_SHARE, interval))
    assert count < 80_000 or at("19:00", MUHURAT) in seen["time_ns"]


def test_bars_of_one_day_are_the_bars_of_the_source(shared_file: Callable[[str], pathlib.Path]):
    events = minute_bars(shared_file("minute/stocks_1min_2024_2025.parquet"), "INFY", 375)
    seen, signals = recorded(with_clocks(events), ONE_SHARE, "1m")
    for field in ("time_ns", "open_e4", "high_e4", "low_e4", "close_e4", "volume"):
        assert seen[field].to_list() == events[field].tolist()
    assert signals["time_ns"].tolist() == events["time_ns"].tolist()


# ── What closes a bar ────────────────────────────────────────────────────────────────────────────────────────────────


def closings(*events: Records, interval: str = "5m", universe: Universe = ONE_SHARE) -> list[tuple[int, int]]:
    """Return the row of the event that closed each bar of the first instrument, and the time of that bar."""
    seen, signals = recorded(together(events), universe, interval)
    rows = signals["event_index"][signals["instrument"] == 0].tolist()
    return list(zip(rows, seen.filter(instrument=0)["time_ns"].to_list(), strict=True))


def test_a_bar_closes_with_the_bar_that_completes_it():
    events = [bar(f"09:{minute}", 100, 100, 100, 100) for minute in range(16, 22)]
    assert closings(*events) == [(4, at("09:20"))]


def test_a_bar_closes_with_the_first_event_beyond_it():
    assert closings(tick("09:15", 100), tick("09:19:59", 101), tick("09:20", 102)) == [(2, at("09:20"))]
    assert closings(tick("09:16", 100), tick("11:01", 101), tick("11:06", 101)) == [(1, at("09:20")), (2, at("11:05"))]


def test_a_bar_closes_with_a_clock_at_its_end_and_not_before():
    assert closings(tick("09:16", 100), clock("09:19:59"), clock("09:20"), clock("09:25")) == [(2, at("09:20"))]


def test_a_bar_of_another_instrument_closes_nothing():
    events = [tick("09:16", 100), tick("09:21", 100, index=1), tick("09:22", 100)]
    assert closings(*events, universe=shares(2)) == [(2, at("09:20"))]


def test_an_event_may_close_one_bar_and_be_the_next():
    # The bar of five minutes known at 09:30 is whole by itself, after an unfinished one.
    events = [bar("09:17", 100, 100, 100, 100), bar("09:30", 101, 101, 101, 101)]
    assert closings(*events) == [(1, at("09:20")), (1, at("09:30"))]


def test_an_unfinished_bar_is_not_shown():
    assert closings(tick("09:16", 100), tick("09:17", 100)) == []


def test_a_bar_without_events_does_not_exist():
    seen, _ = recorded(together([tick("09:16", 100), tick("09:31", 101), clock("09:40")]), ONE_SHARE, "5m")
    assert seen["time_ns"].to_list() == [at("09:20"), at("09:35")]


# ── Sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_hours_are_counted_from_the_open_and_the_last_one_ends_with_the_session():
    events = [tick(f"{hour:02d}:{minute}", 100) for hour in range(9, 16) for minute in (14, 16, 29)]
    seen, _ = recorded(together([*events, clock("16:00")]), ONE_SHARE, "1h")
    ends = [f"{hour:02d}:15" for hour in range(10, 16)]
    assert seen["time_ns"].to_list() == [at(end) for end in [*ends, "15:30"]]


def test_a_day_is_one_bar_known_at_its_close():
    events = [tick(time, price) for time, price in (("09:15", 100), ("12:00", 120), ("15:29", 110))]
    seen, signals = recorded(together([*events, tick("09:15", 130, date=TUESDAY)]), ONE_SHARE, "1d")
    assert seen["time_ns"].to_list() == [at("15:30")]
    assert seen.select("open_e4", "high_e4", "low_e4", "close_e4").rows() == [tuple(map(to_e4, (100, 120, 100, 110)))]
    assert signals["time_ns"].tolist() == [at("09:15", TUESDAY)]


def test_muhurat_bars_are_counted_from_its_own_open():
    events = [tick(time, 100, date=MUHURAT) for time in ("12:00", "17:59:59", "18:00", "18:59", "19:00")]
    seen, _ = recorded(together([*events, clock("19:05", MUHURAT)]), ONE_SHARE, "15m")
    assert seen["time_ns"].to_list() == [at("18:15", MUHURAT), at("19:00", MUHURAT)]


@pytest.mark.parametrize("time", ["09:14:59", "15:30", "20:00"])
def test_what_happens_outside_a_session_enters_no_bar(time: str):
    seen, _ = recorded(together([tick(time, 100), clock("23:00")]), ONE_SHARE, "1m")
    assert len(seen) == 0


def test_an_event_after_the_close_closes_the_last_bar_and_stays_out_of_it():
    seen, signals = recorded(together([tick("15:29", 100), tick("15:31", 999)]), ONE_SHARE, "5m")
    assert seen.select("time_ns", "close_e4", "volume").rows() == [(at("15:30"), to_e4(100), 1_000)]
    assert signals["time_ns"].tolist() == [at("15:31")]


def test_instruments_of_two_calendars_have_bars_of_their_own():
    # From 2026-08-03 on, shares with futures stop at 15:15 and their futures at 15:40.
    date = datetime.date(2026, 8, 4)
    universe = Universe([instrument("SHARE", 1, calendar="NSE_EQ_FO"), instrument("ZFUTURE", 2, calendar="NFO")])
    events = [tick(time, 100, index=index, date=date) for time in ("15:01", "15:16", "15:31") for index in (0, 1)]
    seen, _ = recorded(together([*events, clock("15:45", date)]), universe, "15m")
    assert seen.filter(instrument=0)["time_ns"].to_list() == [at("15:15", date)]
    assert seen.filter(instrument=1)["time_ns"].to_list() == [at(end, date) for end in ("15:15", "15:30", "15:40")]


# ── The estimate of volatility ───────────────────────────────────────────────────────────────────────────────────────


def volatilities(closes: list[float], **terms: Any) -> list[float]:
    """Return the volatility in the signal of each minute bar with these closes."""
    events = [bar(f"10:{minute:02d}", price, price, price, price) for minute, price in enumerate(closes)]
    stage = SignalStage(profile(strategy_terms("recorder", **terms)), ONE_SHARE, [recorder()])
    return stage.advance(together(events))["volatility"].tolist()


def test_the_variance_of_returns_decays_by_its_weight():
    closes = [100, 102, 101, 101, 105, 99.5]
    changes = [later / earlier - 1 for earlier, later in itertools.pairwise(closes)]
    # The first return is the first estimate.
    variance, expected = changes[0] ** 2, [0.0]
    for change in changes:
        variance = (1 - VARIANCE_WEIGHT) * variance + VARIANCE_WEIGHT * change**2
        expected.append(math.sqrt(variance))
    assert volatilities(closes, size={"mode": "volatility", "value": 0.2}) == pytest.approx(expected, rel=1e-12)


def test_no_volatility_is_estimated_where_nothing_is_sized_by_it():
    assert volatilities([100, 102, 101]) == [0.0, 0.0, 0.0]
