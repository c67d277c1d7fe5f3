"""Adjusted prices: exact, rounded in a stated way, as of a day, and never twice."""

import datetime
import pathlib
from collections.abc import Callable
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alpha_panda.data.adjust import ACTIONS, adjusted
from alpha_panda.errors import DataError
from alpha_panda.kernels.records import BAR
from alpha_panda.units import E4, MINUTE_NS, ist_date
from tests.data.shares import daily, filled, session_dates

DATES = session_dates(6)
AS_OF = DATES[-1]


def actions(*rows: tuple[int, float, float], symbol: str = "NSE:AAA") -> pl.DataFrame:
    """Return actions of one share: on which of DATES, and their factors of price and volume."""
    listed = [(symbol, DATES[day], price, volume, "test") for day, price, volume in rows]
    return pl.DataFrame(listed, ACTIONS, orient="row")


def closes(rows: pl.DataFrame) -> list[float]:
    return (rows["close_e4"] / E4).to_list()


def test_what_traded_before_the_ex_date_is_adjusted_and_nothing_after():
    rows = adjusted(daily([100, 100, 100, 50, 50, 50]), "NSE:AAA", actions((3, 0.5, 0.5)), AS_OF)
    assert closes(rows) == [50, 50, 50, 50, 50, 50]
    assert rows["volume"].to_list() == [2_000, 2_000, 2_000, 1_000, 1_000, 1_000]


def test_a_demerger_may_leave_volumes_as_they_are():
    rows = adjusted(daily([100, 100, 95, 95, 95, 95]), "NSE:AAA", actions((2, 0.95, 1.0)), AS_OF)
    assert closes(rows) == [95, 95, 95, 95, 95, 95]
    assert rows["volume"].to_list() == [1_000] * 6


def test_two_actions_multiply_before_the_first():
    rows = adjusted(daily([100, 50, 50, 5, 5, 5]), "NSE:AAA", actions((3, 0.1, 0.1), (1, 0.5, 0.5)), AS_OF)
    assert closes(rows) == [5, 5, 5, 5, 5, 5]


def test_an_action_after_the_day_as_of_which_is_asked_is_not_known_yet():
    raw = daily([100, 100, 100, 50, 50, 50])
    known = actions((3, 0.5, 0.5))
    assert adjusted(raw, "NSE:AAA", known, DATES[2]).equals(raw)
    assert closes(adjusted(raw.head(3), "NSE:AAA", known, DATES[3])) == [50, 50, 50]


def test_actions_of_others_change_nothing():
    raw = daily([100, 100, 50, 50, 50, 50])
    assert adjusted(raw, "NSE:AAA", actions((2, 0.5, 0.5), symbol="NSE:AAAA"), AS_OF).equals(raw)


def test_adjusting_leaves_the_rows_that_it_was_given_alone():
    raw = daily([100, 100, 50, 50, 50, 50])
    before = raw.clone()
    adjusted(raw, "NSE:AAA", actions((2, 0.5, 0.5)), AS_OF)
    assert raw.equals(before)


@given(
    price_e4=st.integers(1_000, 10**11),
    volume=st.integers(0, 10**12),
    factor=st.floats(0.001, 0.8) | st.sampled_from([0.1, 0.2, 1 / 3, 0.5, 2 / 3]),
)
def test_a_figure_is_the_exact_product_rounded_half_up(price_e4: int, volume: int, factor: float):
    after_e4 = max(round(price_e4 * factor), 1)
    rows = daily([1.0, 1.0]).with_columns(close_e4=pl.Series([price_e4, after_e4]), volume=pl.Series([volume, 0]))
    rows = rows.with_columns(pl.col("close_e4").alias(name) for name in ("open_e4", "high_e4", "low_e4"))
    found = adjusted(rows, "NSE:AAA", actions((1, factor, factor)), AS_OF)
    exact = Fraction(round(Fraction(factor) * 10**12), 10**12)
    assert found["close_e4"][0] == int(price_e4 * exact + Fraction(1, 2))
    assert found["volume"][0] == int(volume / exact + Fraction(1, 2))


def test_halves_are_rounded_up():
    raw = daily([0.0101, 0.0101, 0.0051, 0.0051, 0.0051, 0.0051], volume=3)
    rows = adjusted(raw, "NSE:AAA", actions((2, 0.5, 2.0)), AS_OF)
    assert rows["close_e4"][0] == 51  # 50.5
    assert rows["volume"][0] == 2  # 1.5


def test_open_and_close_stay_between_low_and_high():
    raw = daily([100.0, 99.95, 33.3, 33.35, 33.4, 33.3]).with_columns(
        high_e4=pl.col("high_e4") + 1, low_e4=pl.col("low_e4") - 1
    )
    rows = adjusted(raw, "NSE:AAA", actions((2, 1 / 3, 1 / 3)), AS_OF)
    assert rows.filter(~pl.col("close_e4").is_between("low_e4", "high_e4")).is_empty()


def test_ticks_are_adjusted_with_their_quotes_and_an_unknown_quote_stays_unknown():
    times = daily([1.0] * 2)["time_ns"]
    ticks = pl.DataFrame({"time_ns": times, "price_e4": [100 * E4, 50 * E4], "bid_e4": [99 * E4, 0], "ask_e4": [0, 0]})
    rows = adjusted(ticks.with_columns(volume=pl.lit(4)), "NSE:AAA", actions((1, 0.5, 0.5)), AS_OF)
    assert rows["price_e4"].to_list() == [50 * E4, 50 * E4]
    assert rows["bid_e4"].to_list() == [int(49.5 * E4), 0]
    assert rows["ask_e4"].to_list() == [0, 0]
    assert rows["volume"].to_list() == [8, 4]


def test_data_that_came_adjusted_are_not_adjusted_again():
    with pytest.raises(DataError, match=r"NSE:AAA shows no step on its ex-date 2025-01-08.*use them unadjusted"):
        adjusted(daily([100, 101, 100, 99, 100, 100]), "NSE:AAA", actions((2, 0.2, 0.2)), AS_OF)


def test_real_minutes_that_came_adjusted_are_not_adjusted_again(shared_file: Callable[[str], pathlib.Path]):
    # DRREDDY was split 1 to 5 on 2024-10-28 (corporate_action_factors_derived.csv), and its vendor adjusted for that.
    minutes = pl.read_parquet(shared_file("minute/stocks_1min_2024_2025.parquet")).filter(
        pl.col("symbol").cast(pl.String) == "DRREDDY"
    )
    prices = {f"{name}_e4": (pl.col(name) * E4).round().cast(pl.Int64) for name in ("open", "high", "low", "close")}
    rows = minutes.select(time_ns=pl.col("timestamp").dt.epoch("ns") + MINUTE_NS, **prices, volume="volume")
    split = {"symbol": "NSE:DRREDDY", "ex_date": datetime.date(2024, 10, 28), "price_factor": 0.2, "volume_factor": 0.2}
    with pytest.raises(DataError, match="seem to be adjusted already"):
        adjusted(rows, "NSE:DRREDDY", pl.DataFrame([split]), datetime.date(2025, 4, 17))


def test_a_small_action_cannot_be_told_from_a_nights_trading_and_passes():
    rows = adjusted(daily([100, 100, 100, 100, 100, 100]), "NSE:AAA", actions((2, 0.95, 0.95)), AS_OF)
    assert closes(rows)[:3] == [95, 95, 100]


def test_a_price_that_would_vanish_is_refused():
    with pytest.raises(DataError, match="prices below 1/20,000 rupee"):
        adjusted(daily([0.01, 0.0001]), "NSE:AAA", actions((1, 0.001, 0.001)), AS_OF)


def test_factors_that_no_history_has_are_refused():
    with pytest.raises(DataError, match="the factors of NSE:AAA multiply to a millionth or a million"):
        adjusted(daily([100.0]), "NSE:AAA", actions(*((day, 0.005, 0.005) for day in (1, 2, 3))), AS_OF)


# ── Out of the catalog ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_catalog_gives_adjusted_events_on_request_and_keeps_raw_ones(tmp_path: pathlib.Path):
    catalog = filled(tmp_path, AAA=daily([100, 100, 100, 50, 50, 50]))
    catalog.store_actions(actions((3, 0.5, 0.5)))
    file = tmp_path / "bars/1d/NSE/AAA.parquet"
    before = file.read_bytes()
    _, seen = catalog.events(["NSE:AAA"], "1d", adjusted=True)
    assert set(seen["close_e4"][seen["kind"] == BAR] / E4) == {50}
    _, raw = catalog.events(["NSE:AAA"], "1d")
    assert set(raw["close_e4"][raw["kind"] == BAR] / E4) == {50, 100}
    assert file.read_bytes() == before


def test_events_are_adjusted_as_of_the_last_day_asked(tmp_path: pathlib.Path):
    catalog = filled(tmp_path, AAA=daily([100, 100, 100, 50, 50, 50]))
    catalog.store_actions(actions((3, 0.5, 0.5)))
    _, before = catalog.events(["NSE:AAA"], "1d", last=DATES[2], adjusted=True)
    assert set(before["close_e4"][before["kind"] == BAR] / E4) == {100}
    weekend = DATES[4] + datetime.timedelta(days=2)
    _, after = catalog.events(["NSE:AAA"], "1d", last=weekend, adjusted=True)
    assert ist_date(int(after["time_ns"][-1])) == DATES[4]
    assert set(after["close_e4"][after["kind"] == BAR] / E4) == {50}
