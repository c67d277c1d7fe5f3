"""What is missing, repeated or improbable in the catalog is found, and what is whole is called good."""

import datetime
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest import ingest
from alpha_panda.data.quality import QUALITY, quality
from alpha_panda.data.quality.prices import STALE_RUN
from alpha_panda.errors import CatalogError
from alpha_panda.instruments import Instrument, unlisted_token
from alpha_panda.sessions import sessions
from alpha_panda.units import E4, MINUTE_NS, SECOND_NS, ist_time_ns, parse_clock
from tests.data.shares import daily, filled, session_dates, share

SharedFile = Callable[[str], pathlib.Path]

DATES = session_dates(40)


def wandering(count: int, seed: int = 7) -> list[float]:
    """Return prices around 1,000 rupees that move by about a tenth of a percent each time, on a tick of 0.05."""
    steps = np.random.default_rng(seed).normal(0.0, 0.001, count)
    return (np.round(1_000 * np.exp(np.cumsum(steps)) * 20) / 20).tolist()


def minutes(dates: Sequence[datetime.date], seed: int = 7) -> pl.DataFrame:
    """Return all the minute bars of these dates, with volume, no two alike."""
    table = sessions("NSE_EQ", dates[0], dates[-1])
    times = np.concatenate([np.arange(opens, closes, MINUTE_NS) + MINUTE_NS for opens, closes in table.tolist()])
    closes = np.rint(np.array(wandering(len(times), seed)) * E4).astype(np.int64)
    prices = {f"{name}_e4": closes for name in ("open", "high", "low", "close")}
    return pl.DataFrame({"time_ns": times, **prices, "volume": 100 + np.arange(len(times)) % 977})


def report(root: pathlib.Path, rows: pl.DataFrame, calendar: str = "NSE_EQ") -> dict[str, Any]:
    """Return the report on one share with these minute bars."""
    catalog = Catalog(root)
    catalog.register([share("NSE:AAA", calendar)])
    catalog.store("NSE:AAA", "1m", rows)
    [found] = quality(catalog).rows(named=True)
    return found


def clock(day: int, time: str) -> int:
    return ist_time_ns(DATES[day], parse_clock(time))


# ── Years without holidays ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_day_that_may_have_been_a_holiday_is_not_missed(tmp_path: pathlib.Path):
    days = [datetime.date(2010, 1, day) for day in (4, 5, 7, 8)]  # the holidays of 2010 are not known
    [found] = quality(filled(tmp_path, AAA=daily(wandering(4), days))).rows(named=True)
    assert (found["sessions_present"], found["sessions_expected"], found["days_missing"]) == (4, 4, [])


# ── Whole data ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_whole_minutes_are_good(tmp_path: pathlib.Path):
    found = report(tmp_path, minutes(DATES[:5]))
    assert found["verdict"] == "good"
    assert (found["sessions_expected"], found["sessions_present"], found["days_missing"]) == (5, 5, [])
    assert (found["minutes_expected"], found["minutes_missing"], found["gap_minutes_max"]) == (5 * 375, 0, 0)
    assert (found["rows"], found["first"], found["last"]) == (5 * 375, DATES[0], DATES[4])


def test_whole_days_are_good_and_have_no_minutes(tmp_path: pathlib.Path):
    [found] = quality(filled(tmp_path, AAA=daily(wandering(40)))).rows(named=True)
    assert found["verdict"] == "good"
    assert (found["sessions_expected"], found["sessions_present"]) == (40, 40)
    assert found["minutes_missing"] is None


def test_a_day_of_two_sessions_and_the_hour_of_muhurat_are_whole_as_they_are(tmp_path: pathlib.Path):
    # 2024-03-02 was a drill in two parts, 2024-11-01 Muhurat trading.
    for date, count in ((datetime.date(2024, 3, 2), 105), (datetime.date(2024, 11, 1), 60)):
        found = report(tmp_path / str(date), minutes([date]))
        assert (found["minutes_expected"], found["minutes_missing"]) == (count, 0)


def test_a_share_with_futures_lacks_nothing_after_its_auction_began(tmp_path: pathlib.Path):
    date = datetime.date(2026, 8, 3)
    rows = minutes([date]).filter(pl.col("time_ns") <= ist_time_ns(date, parse_clock("15:15")))
    found = report(tmp_path / "with_futures", rows, "NSE_EQ_FO")
    assert (found["minutes_expected"], found["minutes_missing"]) == (360, 0)


def test_an_empty_catalog_has_an_empty_report(tmp_path: pathlib.Path):
    assert quality(Catalog(tmp_path)).schema == QUALITY
    assert quality(Catalog(tmp_path)).is_empty()


# ── Holes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_days_without_a_row_are_listed(tmp_path: pathlib.Path):
    rows = minutes(DATES[:10])
    found = report(tmp_path, rows.filter(~pl.col("time_ns").is_between(clock(3, "00:00"), clock(4, "23:59"))))
    assert found["days_missing"] == DATES[3:5]
    assert (found["sessions_present"], found["minutes_missing"]) == (8, 0)
    assert found["verdict"].startswith(f"doubtful: 2 of 10 sessions are missing, on {DATES[3]}, {DATES[4]}")


@pytest.mark.parametrize(
    ("begin", "end", "missing"),
    # A bar of the given minutes bears the end of its minute; the longest gap may touch either end of a session.
    [("09:16", "09:45", 30), ("11:01", "11:07", 7), ("15:30", "15:30", 1)],
)
def test_minutes_that_are_missing_are_counted_with_the_longest_gap(
    tmp_path: pathlib.Path, begin: str, end: str, missing: int
):
    rows = minutes(DATES[:3])
    hole = pl.col("time_ns").is_between(clock(1, begin), clock(1, end))
    lonely = pl.col("time_ns") == clock(1, "13:00")
    found = report(tmp_path, rows.filter(~hole & ~lonely))
    assert found["minutes_missing"] == missing + 1
    assert found["gap_minutes_max"] == missing


def test_nothing_is_expected_before_the_first_and_after_the_last_row(tmp_path: pathlib.Path):
    rows = minutes(DATES[:3]).filter(pl.col("time_ns").is_between(clock(0, "12:00"), clock(2, "12:00")))
    assert report(tmp_path, rows)["minutes_missing"] == 0


def test_data_that_end_before_others_say_so(tmp_path: pathlib.Path):
    catalog = filled(tmp_path, AAA=daily(wandering(40)), BBB=daily(wandering(20)))
    reports = {row["symbol"]: row for row in quality(catalog).rows(named=True)}
    assert reports["NSE:BBB"]["sessions_behind"] == 20
    assert reports["NSE:BBB"]["verdict"] == f"usable: it ends on {DATES[19]}, 20 sessions before the newest at 1d"
    assert reports["NSE:AAA"]["verdict"] == "good"


# ── Prices ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def with_close(rows: pl.DataFrame, row: int, factor: float) -> pl.DataFrame:
    changed = pl.int_range(pl.len()) == row
    scaled = ((pl.col(name) * factor).round().cast(pl.Int64) for name in ("open_e4", "high_e4", "low_e4", "close_e4"))
    return rows.with_columns(
        pl.when(changed).then(each).otherwise(each.meta.root_names()[0]).alias(each.meta.root_names()[0])
        for each in scaled
    )


def test_a_price_that_leaps_and_comes_back_is_an_outlier(tmp_path: pathlib.Path):
    found = report(tmp_path, with_close(minutes(DATES[:3]), 500, 1.1))
    assert (found["outliers"], found["outlier_days"]) == (1, [DATES[1]])
    assert found["verdict"] == f"usable: 1 price leaps and comes back, on {DATES[1]}"


def test_a_move_that_stays_is_no_outlier(tmp_path: pathlib.Path):
    rows = minutes(DATES[:3])
    moved = rows.with_columns(
        pl.when(pl.int_range(pl.len()) >= 500).then(pl.col(name) * 11 // 10).otherwise(name).alias(name)
        for name in ("open_e4", "high_e4", "low_e4", "close_e4")
    )
    assert report(tmp_path, moved)["outliers"] == 0


def test_a_step_overnight_is_suspected_unless_the_action_is_known(tmp_path: pathlib.Path):
    before, after = wandering(20), [price / 5 for price in wandering(20)]
    catalog = filled(tmp_path, AAA=daily(before + after))
    [found] = quality(catalog).rows(named=True)
    assert found["action_suspects"] == [DATES[20]]
    assert found["verdict"] == f"doubtful: steps like an unadjusted corporate action on {DATES[20]}"
    known = {"symbol": "NSE:AAA", "ex_date": DATES[20], "price_factor": 0.2, "volume_factor": 0.2, "source": "test"}
    catalog.store_actions(pl.DataFrame([known]))
    assert quality(catalog)["verdict"].to_list() == ["good"]


def test_a_crash_within_the_day_is_not_suspected(tmp_path: pathlib.Path):
    rows = daily(wandering(20) + [price * 0.7 for price in wandering(20)])
    crash = rows.with_columns(
        open_e4=pl.when(pl.int_range(pl.len()) == 20).then(rows["open_e4"][19]).otherwise("open_e4"),
        high_e4=pl.when(pl.int_range(pl.len()) == 20).then(rows["open_e4"][19]).otherwise("high_e4"),
    )
    assert quality(filled(tmp_path, AAA=crash))["action_suspects"].to_list() == [[]]


def test_a_step_over_a_hole_in_the_data_is_not_suspected(tmp_path: pathlib.Path):
    rows = daily([*wandering(10), 500.0, 501.0], dates=[*DATES[:10], *DATES[30:32]])
    assert quality(filled(tmp_path, AAA=rows))["action_suspects"].to_list() == [[]]


# ── Repeats ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def forward_filled(rows: pl.DataFrame, first: int, count: int) -> pl.DataFrame:
    """Return bars of which so many repeat the close before them, without volume."""
    filled = pl.int_range(pl.len()).is_between(first, first + count - 1)
    price = rows["close_e4"][first - 1]
    prices = (pl.when(filled).then(price).otherwise(name).alias(name) for name in rows.columns if name.endswith("_e4"))
    return rows.with_columns(*prices, volume=pl.when(filled).then(0).otherwise("volume"))


def test_bars_that_were_filled_in_are_told_by_their_repeats_and_their_volume(tmp_path: pathlib.Path):
    found = report(tmp_path, forward_filled(minutes(DATES[:2]), 300, 250))
    # The first bar of the next day begins a run of its own.
    assert (found["stale_bars"], found["stale_run_max"]) == (250, 175)
    assert found["zero_volume"] == pytest.approx(250 / 750)
    assert found["verdict"].startswith("doubtful: 33.3% of its bars stand in runs of equal ones, up to 175 long")
    assert "33% of its bars have no volume" in found["verdict"]


def test_a_few_equal_bars_are_no_run(tmp_path: pathlib.Path):
    found = report(tmp_path, forward_filled(minutes(DATES[:2]), 300, STALE_RUN - 1))
    assert found["stale_bars"] == 0


def test_an_index_has_no_volume_to_miss(tmp_path: pathlib.Path):
    catalog = Catalog(tmp_path)
    catalog.register([Instrument("NSE:NIFTY 50", unlisted_token("NSE:NIFTY 50"), 500, kind="INDEX")])
    catalog.store("NSE:NIFTY 50", "1m", minutes(DATES[:2]).with_columns(volume=pl.lit(0)))
    [found] = quality(catalog).rows(named=True)
    assert (found["zero_volume"], found["verdict"]) == (None, "good")


def test_ticks_are_looked_at_by_the_minute(tmp_path: pathlib.Path):
    times = np.arange(clock(0, "09:15"), clock(0, "15:30"), 20 * SECOND_NS)
    ticks = pl.DataFrame({"time_ns": times, "price_e4": [1_000 * E4 + number % 7 for number in range(len(times))]})
    ticks = ticks.with_columns(volume_day=pl.int_range(pl.len()), bid_e4=0, ask_e4=0, open_interest=0)
    ticks = ticks.filter(~pl.col("time_ns").is_between(clock(0, "10:00"), clock(0, "10:04:59")))
    catalog = Catalog(tmp_path)
    catalog.register([share("NSE:AAA")])
    catalog.store("NSE:AAA", "tick", ticks)
    [found] = quality(catalog).rows(named=True)
    assert (found["minutes_missing"], found["gap_minutes_max"]) == (5, 5)
    assert (found["stale_bars"], found["zero_volume"]) == (None, None)


# ── What is asked ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_may_be_on_some_symbols_or_one_resolution(tmp_path: pathlib.Path):
    catalog = filled(tmp_path, AAA=daily(wandering(10)), BBB=daily(wandering(10)))
    catalog.store("NSE:AAA", "1m", minutes(DATES[:1]))
    assert quality(catalog).select("symbol", "resolution").rows() == [
        ("NSE:AAA", "1d"),
        ("NSE:AAA", "1m"),
        ("NSE:BBB", "1d"),
    ]
    assert quality(catalog, ["NSE:AAA"], "1m")["resolution"].to_list() == ["1m"]
    assert quality(catalog, ["NSE:BBB"])["resolution"].to_list() == ["1d"]


def test_refused_rows_count_for_the_instrument_and_the_resolution_that_they_were_of(tmp_path: pathlib.Path):
    catalog, candles, days = Catalog(tmp_path / "data"), tmp_path / "candles.json", tmp_path / "days.csv"
    rows = [[f"2025-01-06T09:{minute}:00+0530", 100, 101, 99, close, 7] for minute, close in ((15, 100), (16, -1))]
    candles.write_text(json.dumps({"data": {"candles": rows}}))  # they name no instrument
    days.write_text("SYMBOL,date,open,high,low,close,volume\n" + "AAA,2025-01-06,100,101,99,100,7\n" * 3)
    ingest([candles], catalog, symbol="NSE:AAA")
    ingest([days], catalog, adjusted=True)
    ingest([days], catalog, adjusted=False)
    told = {row["resolution"]: row["refused"] for row in quality(catalog).rows(named=True)}
    assert told["1m"] == [{"reason": "price missing, not positive or absurd", "rows": 1}]
    assert told["1d"] == [{"reason": "duplicate", "rows": 2}]


@pytest.mark.parametrize("resolution", [None, "1m"])
def test_what_the_catalog_lacks_is_refused(tmp_path: pathlib.Path, resolution: str | None):
    catalog = filled(tmp_path, AAA=daily(wandering(10)))
    with pytest.raises(CatalogError, match="NSE:ZZZ is not in the catalog"):
        quality(catalog, ["NSE:AAA", "NSE:ZZZ"] if resolution is None else ["NSE:ZZZ"], resolution)


# ── Real data ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, shared_file: SharedFile) -> dict[str, dict[str, Any]]:
    """Return the reports on a year of real minutes of 13 shares, by name."""
    catalog = Catalog(tmp_path_factory.mktemp("data"))
    ingest([shared_file("minute/stocks_1min_2024_2025.parquet")], catalog)
    return {row["symbol"].removeprefix("NSE:"): row for row in quality(catalog).rows(named=True)}


def test_the_known_holes_of_a_real_file_show(real: dict[str, dict[str, Any]]):
    # The README of the file: long gaps in LUPIN, BAJAJFINSV and MRF, and minutes without a trade missing in MRF.
    assert real["LUPIN"]["sessions_expected"] - real["LUPIN"]["sessions_present"] == 199
    assert real["BAJAJFINSV"]["sessions_behind"] == 128
    assert real["MRF"]["sessions_expected"] - real["MRF"]["sessions_present"] == 40
    assert real["MRF"]["minutes_missing"] == 4_718
    grave = {name for name, row in real.items() if row["verdict"].startswith("doubtful")}
    assert grave == {"LUPIN", "MRF"}


def test_the_duplicates_of_a_real_file_show(real: dict[str, dict[str, Any]]):
    refused = {name: row["refused"] for name, row in real.items() if row["refused"]}
    assert set(refused) == {"APOLLOHOSP", "BAJAJFINSV", "BSE", "INFY", "MRF"}
    assert sum(each["rows"] for reasons in refused.values() for each in reasons) == 26
    assert {each["reason"] for reasons in refused.values() for each in reasons} == {"duplicate"}


def test_the_hole_of_one_day_shows_in_all_shares_of_the_file(real: dict[str, dict[str, Any]]):
    # On 2025-01-07 the file has 125 minutes of every share that it has on that day.
    assert {row["gap_minutes_max"] for name, row in real.items() if name not in ("LUPIN", "BAJAJFINSV", "MRF")} == {250}
