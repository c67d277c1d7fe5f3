"""Indicators on frames against TA-Lib on real and random bars, against the kernels bit by bit, and on bad input."""

import datetime
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
import talib

from alpha_panda import indicators
from alpha_panda.errors import ConfigurationError, DataError
from alpha_panda.kernels import indicators as kernels
from alpha_panda.kernels import kernel
from alpha_panda.kernels.indicators import channel, extremes, moments, window
from alpha_panda.units import MINUTE_NS
from tests.bars import daily_bars, minute_bars, random_bars

ROOT = pathlib.Path(__file__).parents[1]
CAPACITY = 256
LENGTH = 20

# TA-Lib is fed rupees, the kernels E4: the formulas are the same, but the last of sixteen digits may differ at each
# step. A return near zero is a small difference of prices, whose digits are gone.
RTOL, ATOL = 1e-11, 1e-15


@pytest.fixture(scope="module", params=["random walk", "minutes of INFY", "days of RELIANCE", "days of MRF"])
def bars(request: pytest.FixtureRequest) -> np.ndarray:
    kind, _, symbol = request.param.partition(" of ")
    if kind == "minutes":
        find = request.getfixturevalue("shared_file")
        return minute_bars(find("minute/stocks_1min_2024_2025.parquet"), symbol, 20_000)
    if kind == "days":
        return daily_bars(request.getfixturevalue("shared_file")("daily/raw_eq_2019_2026.parquet"), symbol)
    return random_bars(5_000, seed=1)


def frame_of(bars: np.ndarray, **columns: Any) -> pl.DataFrame:
    """Return bars as people hold them, in rupees and IST."""
    prices = {name: bars[f"{name}_e4"] / 10_000 for name in ("open", "high", "low", "close")}
    time = pl.Series(bars["time_ns"].copy()).cast(pl.Datetime("ns", "UTC")).dt.convert_time_zone("Asia/Kolkata")
    return pl.DataFrame({"time": time, **prices, "volume": bars["volume"].copy(), **columns})


def numbers(series: pl.Series, field: str | None = None) -> np.ndarray:
    """Return a result, or one field of it, with NaN where it is null."""
    return (series if field is None else series.struct.field(field)).cast(pl.Float64).fill_null(np.nan).to_numpy()


# ── The reference implementation ─────────────────────────────────────────────────────────────────────────────────────

OF_CLOSES: dict[str, Callable[..., np.ndarray]] = {
    "sma": talib.SMA,
    "ema": talib.EMA,
    "rsi": talib.RSI,
    "returns": talib.ROCP,
    "highest": talib.MAX,
    "lowest": talib.MIN,
}


@pytest.mark.parametrize("length", [2, 14, 200])
@pytest.mark.parametrize("name", OF_CLOSES)
def test_an_indicator_of_closes_is_that_of_talib(name: str, length: int, bars: np.ndarray):
    frame = frame_of(bars)
    ours = numbers(getattr(indicators, name)(frame, length))
    theirs = OF_CLOSES[name](frame["close"].to_numpy(), length)
    np.testing.assert_allclose(ours, theirs, rtol=RTOL, atol=ATOL, equal_nan=True)


def test_deviation_and_bands_are_those_of_talib(bars: np.ndarray):
    # A deviation does not change with the origin; TA-Lib loses what squares of prices have beyond 53 bits.
    frame = frame_of(bars)
    origin = frame["close"][0]
    offsets = frame["close"].to_numpy() - origin
    ours = numbers(indicators.deviation(frame, LENGTH))
    np.testing.assert_allclose(ours, talib.STDDEV(offsets, LENGTH), rtol=1e-7, atol=1e-6, equal_nan=True)
    bands = indicators.bollinger(frame, LENGTH, 2.5)
    for field, theirs in zip(("upper", "middle", "lower"), talib.BBANDS(offsets, LENGTH, 2.5, 2.5), strict=True):
        np.testing.assert_allclose(numbers(bands, field), theirs + origin, rtol=1e-9, equal_nan=True)


def test_macd_is_that_of_talib(bars: np.ndarray):
    frame = frame_of(bars)
    ours = indicators.macd(frame, 12, 26, 9)
    line, signal, histogram = talib.MACD(frame["close"].to_numpy(), 12, 26, 9)
    ready = ~np.isnan(line)  # ours says its line before its signal line is known
    np.testing.assert_allclose(numbers(ours, "macd")[ready], line[ready], atol=1e-8)
    np.testing.assert_allclose(numbers(ours, "signal"), signal, atol=1e-8, equal_nan=True)
    np.testing.assert_allclose(numbers(ours, "histogram"), histogram, atol=1e-8, equal_nan=True)


def test_average_true_range_is_that_of_talib(bars: np.ndarray):
    frame = frame_of(bars)
    theirs = talib.ATR(*(frame[name].to_numpy() for name in ("high", "low", "close")), 14)
    np.testing.assert_allclose(numbers(indicators.atr(frame, 14)), theirs, rtol=RTOL, atol=1e-9, equal_nan=True)


def test_a_donchian_channel_is_that_of_the_bars_before(bars: np.ndarray):
    frame = frame_of(bars)
    ours = indicators.donchian(frame, LENGTH)
    assert numbers(ours, "upper")[1:] == pytest.approx(talib.MAX(frame["high"].to_numpy(), LENGTH)[:-1], nan_ok=True)
    assert numbers(ours, "lower")[1:] == pytest.approx(talib.MIN(frame["low"].to_numpy(), LENGTH)[:-1], nan_ok=True)


# ── The kernels ──────────────────────────────────────────────────────────────────────────────────────────────────────


@kernel
def _drive(indicator, states, length, values, results):
    for i in range(len(values)):
        results[i] = indicator(states[0], length, values[i])


@kernel
def _drive_three(indicator, states, values, results):
    for i in range(len(values)):
        results[i, 0], results[i, 1], results[i, 2] = indicator(states[0], values[i])


@kernel
def _macd_of(state, value):
    return kernels.macd(state, 12, 26, 9, value)


@kernel
def _bands_of(state, value):
    return kernels.bollinger(state, 20, 2.0, value)


@kernel
def _channel_and_vwap_of(state, bar):
    lower_e4, upper_e4 = 0.0, 0.0
    upper_e4, lower_e4 = kernels.donchian(state.channel, 20, bar)
    return lower_e4, upper_e4, kernels.session_vwap(state.vwap, bar)


OF_A_STRATEGY = {
    "sma": (kernels.sma, window(CAPACITY), 10_000),
    "ema": (kernels.ema, kernels.EMA, 10_000),
    "wilder": (kernels.wilder, kernels.WILDER, 10_000),
    "rsi": (kernels.rsi, kernels.RSI, 1),
    "returns": (kernels.returns, window(CAPACITY), 1),
    "deviation": (kernels.deviation, moments(CAPACITY), 10_000),
    "z_score": (kernels.z_score, moments(CAPACITY), 1),
    "highest": (kernels.rolling_max, extremes(CAPACITY), 10_000),
    "lowest": (kernels.rolling_min, extremes(CAPACITY), 10_000),
}


@pytest.mark.parametrize("name", OF_A_STRATEGY)
def test_each_row_has_to_the_bit_what_a_strategy_sees_at_that_bar(name: str, bars: np.ndarray):
    indicator, state, scale = OF_A_STRATEGY[name]
    seen = np.empty(len(bars))
    _drive(indicator, np.zeros(1, state), LENGTH, bars["close_e4"], seen)
    np.testing.assert_array_equal(numbers(getattr(indicators, name)(frame_of(bars), LENGTH)), seen / scale)


def test_structs_and_figures_of_bars_are_those_that_a_strategy_sees(bars: np.ndarray):
    frame, seen = frame_of(bars), np.empty((len(bars), 3))
    _drive_three(_macd_of, np.zeros(1, kernels.MACD), bars["close_e4"], seen)
    macd = indicators.macd(frame)
    np.testing.assert_array_equal(numbers(macd, "macd"), seen[:, 0] / 10_000)
    np.testing.assert_array_equal(numbers(macd, "signal"), seen[:, 1] / 10_000)
    _drive_three(_bands_of, np.zeros(1, moments(CAPACITY)), bars["close_e4"], seen)
    bands = indicators.bollinger(frame)
    for k, field in enumerate(("lower", "middle", "upper")):
        np.testing.assert_array_equal(numbers(bands, field), seen[:, k] / 10_000)
    state = np.zeros(1, np.dtype((np.record, [("channel", channel(CAPACITY)), ("vwap", kernels.VWAP)])))
    _drive_three(_channel_and_vwap_of, state, bars, seen)
    donchian = indicators.donchian(frame)
    np.testing.assert_array_equal(numbers(donchian, "lower"), seen[:, 0] / 10_000)
    np.testing.assert_array_equal(numbers(donchian, "upper"), seen[:, 1] / 10_000)
    np.testing.assert_array_equal(numbers(indicators.session_vwap(frame)), seen[:, 2] / 10_000)


def say_hits() -> None:
    """Print how often the block of an indicator was found compiled; the test runs this in new processes."""
    indicators.rsi(pl.Series([1.0, 2.0, 3.0]), 2)
    block = indicators.block_kernel(indicators._template, _say=indicators._rsi)
    sys.stdout.write(str(sum(block.stats.cache_hits.values())))


def test_the_compiled_loop_is_found_again_by_the_next_process(tmp_path: pathlib.Path):
    script = "from tests.test_indicators import say_hits; say_hits()"
    hits = [
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "ALPHA_PANDA_CACHE": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert hits == ["0", "1"]


# ── Frames, Series and expressions ───────────────────────────────────────────────────────────────────────────────────

ALL = dict.fromkeys((*OF_A_STRATEGY, "donchian", "atr", "bollinger"), (LENGTH,)) | {"macd": (), "session_vwap": ()}


def of_three() -> pl.DataFrame:
    """Return the bars of three shares, in order of time, so that their rows alternate."""
    frames = [frame_of(random_bars(300, seed), symbol=pl.repeat(f"S{seed}", 300, eager=True)) for seed in range(3)]
    return pl.concat(frames).sort("time", maintain_order=True)


@pytest.mark.parametrize("name", ALL)
def test_each_symbol_is_a_series_of_its_own_aligned_with_its_rows(name: str):
    frame = of_three()
    together = frame.with_columns(figure=getattr(indicators, name)(frame, *ALL[name]))
    for (symbol,), own in frame.group_by("symbol"):
        alone = getattr(indicators, name)(own.drop("symbol"), *ALL[name])
        assert together.filter(pl.col("symbol") == symbol)["figure"].equals(alone)


@pytest.mark.parametrize("name", [*OF_A_STRATEGY, "macd", "bollinger"])
def test_an_expression_of_closes_says_what_the_frame_says(name: str):
    frame, indicator = of_three(), getattr(indicators, name)
    by_expression = frame.lazy().select(indicator(pl.col("close"), *ALL[name]).over("symbol")).collect().to_series()
    assert by_expression.equals(indicator(frame, *ALL[name]))


def test_a_series_of_whole_numbers_is_taken_as_it_is():
    volumes = pl.Series([5, 7, 20_000_000, 9])
    assert indicators.sma(volumes, 2).to_list() == [None, 6.0, 10_000_003.5, 10_000_004.5]


def test_whole_prices_of_a_frame_are_rupees():
    whole, real = pl.DataFrame({"close": [3, 4, 6]}), pl.DataFrame({"close": [3.0, 4.0, 6.0]})
    assert indicators.z_score(whole, 2).equals(indicators.z_score(real, 2))


def test_values_that_come_late_begin_the_series_late():
    series = pl.Series([None, None, 2.0, 4.0, 5.0])
    assert indicators.sma(series, 2).to_list() == [None, None, None, 3.0, 4.5]
    # So one indicator may be asked of another.
    twice = indicators.sma(indicators.sma(pl.Series([1.0, 3.0, 5.0, 7.0]), 2), 2)
    assert twice.to_list() == [None, None, 3.0, 5.0]


def test_prices_are_rounded_to_a_hundredth_of_a_paisa_as_events_are():
    assert indicators.highest(pl.Series([1.000_04, 1.000_06]), 1).to_list() == [1.0, 1.0001]


def test_nothing_gives_nothing():
    assert indicators.rsi(pl.Series(dtype=pl.Float64)).to_list() == []
    assert indicators.sma(pl.Series([None, None], dtype=pl.Float64), 2).to_list() == [None, None]


# ── What cannot be ───────────────────────────────────────────────────────────────────────────────────────────────────

TIMES = [
    datetime.datetime(2024, 7, 8, 9, 16, tzinfo=datetime.UTC),
    datetime.datetime(2024, 7, 8, 9, 15, tzinfo=datetime.UTC),
]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (pl.DataFrame({"price": [1.0]}), "the frame has no column close: it has price"),
        (pl.DataFrame({"close": ["1"]}), "column close is String: it must hold numbers"),
        (pl.Series([1.0, None, 2.0]), "row 1 has no value, but rows before it have: fill it, or leave out the row"),
        (
            pl.DataFrame({"symbol": ["A", "B", "A"], "close": [1.0, 2.0, None]}),
            "row 2 of A has no value, but rows before it have",
        ),
        (pl.Series([1.0, float("nan")]), "column close: row 1 has the price nan, which is not a price"),
        (pl.Series([1.0, float("inf")]), "column close: row 1 has the price inf, which is not a price"),
        (pl.Series([1.0, -1.0]), "column close: row 1 has the price -1.0, which is not a price"),
        (pl.Series([1, 10**12]), "the Series holds 1000000000000: whole numbers are taken up to"),
        (pl.DataFrame({"symbol": ["A", None], "close": [1.0, 2.0]}), "column symbol: row 1 has no value"),
        (pl.DataFrame({"time": TIMES, "close": [1.0, 2.0]}), "row 1 lies before the row above it: sort by time first"),
        ([1.0, 2.0], "an indicator is asked of a frame, a Series or an expression, not of list"),
    ],
)
def test_a_source_that_cannot_be_is_refused_in_one_sentence(source: Any, sentence: str):
    with pytest.raises(DataError) as refused:
        indicators.sma(source, 2)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize("volume", [-1.0, 0.5, float("nan"), float("inf")])
def test_a_volume_that_is_no_count_is_refused(volume: float):
    frame = frame_of(random_bars(3, seed=1)).with_columns(volume=pl.Series([1.0, volume, 1.0]))
    with pytest.raises(DataError, match=f"column volume: row 1 has {volume}, which is not a whole number"):
        indicators.session_vwap(frame)


def test_a_time_that_is_no_instant_is_refused():
    frame = frame_of(random_bars(3, seed=1)).with_columns(time=pl.lit("09:15"))
    with pytest.raises(DataError, match="column time is String: it holds the instants of the rows, as Datetime"):
        indicators.session_vwap(frame)


def test_a_time_without_zone_is_read_as_ist():
    frame = frame_of(random_bars(400, seed=1))
    # Two days of half the bars each: where a day ends decides the average.
    shifted = frame.with_columns(pl.col("time").dt.offset_by(f"{int(14 * 60 * MINUTE_NS)}ns"))
    naive = shifted.with_columns(pl.col("time").dt.replace_time_zone(None))
    assert indicators.session_vwap(naive).equals(indicators.session_vwap(shifted))


@pytest.mark.parametrize("length", [0, -1, 8193, 2.0, True, "3"])
def test_a_length_that_cannot_be_is_refused(length: Any):
    for source in (pl.Series([1.0, 2.0]), pl.col("close")):
        with pytest.raises(ConfigurationError, match=r"ema of .* rows cannot be: give a whole number from 1 to 8192"):
            indicators.ema(source, length)


def test_a_macd_whose_fast_side_is_slow_is_refused():
    with pytest.raises(ConfigurationError, match="a MACD of 26 and 12 cannot be"):
        indicators.macd(pl.Series([1.0]), 26, 12)


@pytest.mark.parametrize("width", [0.0, -1.0, float("nan"), float("inf")])
def test_a_band_without_width_is_refused(width: float):
    with pytest.raises(ConfigurationError, match="a Bollinger band of width"):
        indicators.bollinger(pl.Series([1.0]), 20, width)
