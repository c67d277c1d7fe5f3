"""Indicators against TA-Lib on a random walk and on real minute and daily bars, and with the compiler off."""

import datetime
import hashlib
import os
import pathlib
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import talib

from alpha_panda.kernels import kernel, record
from alpha_panda.kernels.indicators import (
    ATR,
    EMA,
    MACD,
    RSI,
    VWAP,
    WILDER,
    atr,
    bollinger,
    channel,
    deviation,
    donchian,
    ema,
    extremes,
    macd,
    moments,
    returns,
    rolling_max,
    rolling_min,
    rsi,
    session_vwap,
    sma,
    wilder,
    window,
)
from alpha_panda.units import ist_date, ist_time_ns
from tests.bars import daily_bars, minute_bars, random_bars

CAPACITY = 256
LENGTHS = (2, 14, 20, 200)

# The formulas are the same; where TA-Lib adds and divides in another order, the last of sixteen digits differ.
RTOL = 1e-13


@pytest.fixture(scope="module", params=["random walk", "minutes of INFY", "days of RELIANCE", "days of MRF"])
def bars(request: pytest.FixtureRequest) -> np.ndarray:
    kind, _, symbol = request.param.partition(" of ")
    if kind == "minutes":
        find = request.getfixturevalue("shared_file")
        return minute_bars(find("minute/stocks_1min_2024_2025.parquet"), symbol, 20_000)
    if kind == "days":
        return daily_bars(request.getfixturevalue("shared_file")("daily/raw_eq_2019_2026.parquet"), symbol)
    return random_bars(20_000, seed=1)


@kernel
def drive(indicator, states, length, values, results):
    for i in range(len(values)):
        results[i] = indicator(states[0], length, values[i])


def feed(indicator, state: np.dtype, length: int, values: np.ndarray) -> np.ndarray:
    """Return what `indicator` says after each value or bar, from a state of zeros."""
    results = np.empty(len(values))
    drive(indicator, np.zeros(1, state), length, values, results)
    return results


def prices(bars: np.ndarray, field: str) -> np.ndarray:
    return bars[field].astype(np.float64)


def assert_same(ours: np.ndarray, theirs: np.ndarray, rtol: float = RTOL, atol: float = 0.0):
    """Check that both are NaN at the same bars and equal at the others."""
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol, equal_nan=True)


OF_CLOSES = {
    "SMA": (sma, window(CAPACITY), talib.SMA),
    "EMA": (ema, EMA, talib.EMA),
    "RSI": (rsi, RSI, talib.RSI),
    "MAX": (rolling_max, extremes(CAPACITY), talib.MAX),
    "MIN": (rolling_min, extremes(CAPACITY), talib.MIN),
    "ROCP": (returns, window(CAPACITY), talib.ROCP),
}


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("name", OF_CLOSES)
def test_an_indicator_of_closes_is_that_of_talib(name: str, length: int, bars: np.ndarray):
    indicator, state, oracle = OF_CLOSES[name]
    assert_same(feed(indicator, state, length, bars["close_e4"]), oracle(prices(bars, "close_e4"), length))


# TA-Lib sums squares of the values themselves and loses what they have beyond 53 bits. A deviation does not change with
# the origin, so TA-Lib is given offsets from the first close, whose squares still fit. It then subtracts squares that
# are up to 10⁵ variances, and five digits are gone.


@pytest.mark.parametrize("length", LENGTHS)
def test_deviation_is_that_of_talib(length: int, bars: np.ndarray):
    offsets = prices(bars, "close_e4") - bars["close_e4"][0]
    ours = feed(deviation, moments(CAPACITY), length, bars["close_e4"])
    assert_same(ours, talib.STDDEV(offsets, length), rtol=1e-10)


@kernel
def drive_bollinger(states, length, width, values, results):
    for i in range(len(values)):
        results[i, 0], results[i, 1], results[i, 2] = bollinger(states[0], length, width, values[i])


@pytest.mark.parametrize("width", [1.0, 2.5])
def test_bollinger_bands_are_those_of_talib(width: float, bars: np.ndarray):
    results = np.empty((len(bars), 3))
    drive_bollinger(np.zeros(1, moments(CAPACITY)), 20, width, bars["close_e4"], results)
    origin_e4 = bars["close_e4"][0]
    theirs = talib.BBANDS(prices(bars, "close_e4") - origin_e4, 20, width, width)
    for ours, band in zip(results.T, reversed(theirs), strict=True):
        assert_same(ours, band + origin_e4)


@pytest.mark.parametrize("length", LENGTHS)
def test_atr_is_that_of_talib(length: int, bars: np.ndarray):
    theirs = talib.ATR(*(prices(bars, field) for field in ("high_e4", "low_e4", "close_e4")), length)
    assert_same(feed(atr, ATR, length, bars), theirs)


@kernel
def drive_macd(states, fast, slow, signal, values, results):
    for i in range(len(values)):
        results[i, 0], results[i, 1], results[i, 2] = macd(states[0], fast, slow, signal, values[i])


@pytest.mark.parametrize(("fast", "slow", "signal"), [(12, 26, 9), (3, 10, 16)])
def test_macd_is_that_of_talib(fast: int, slow: int, signal: int, bars: np.ndarray):
    results = np.empty((len(bars), 3))
    drive_macd(np.zeros(1, MACD), fast, slow, signal, bars["close_e4"], results)
    line, signal_line, histogram = talib.MACD(prices(bars, "close_e4"), fast, slow, signal)
    # The line is a small difference of averages near 10⁷ E4, whose last bit is 10⁻⁹ E4.
    assert_same(results[:, 1], signal_line, atol=1e-7)
    assert_same(results[:, 2], histogram, atol=1e-7)
    ready = ~np.isnan(line)
    assert_same(results[ready, 0], line[ready], atol=1e-7)
    assert np.flatnonzero(~np.isnan(results[:, 0]))[0] == slow - 1


@kernel
def drive_donchian(states, length, bars, results):
    for i in range(len(bars)):
        results[i, 0], results[i, 1] = donchian(states[0], length, bars[i])


@pytest.mark.parametrize("length", LENGTHS)
def test_a_donchian_channel_is_that_of_the_bars_before(length: int, bars: np.ndarray):
    results = np.empty((len(bars), 2))
    drive_donchian(np.zeros(1, channel(CAPACITY)), length, bars, results)
    assert np.isnan(results[0]).all()
    assert_same(results[1:, 0], talib.MAX(prices(bars, "high_e4"), length)[:-1])
    assert_same(results[1:, 1], talib.MIN(prices(bars, "low_e4"), length)[:-1])


def test_wilder_is_an_exponential_average_of_weight_one_over_length():
    # By hand, for length 4: seed (4 + 8 + 12 + 16)/4 = 10; then (3·10 + 2)/4 = 8 and (3·8 + 0)/4 = 6.
    averages = feed(wilder, WILDER, 4, np.array([4, 8, 12, 16, 2, 0]))
    np.testing.assert_array_equal(averages, [np.nan, np.nan, np.nan, 10.0, 8.0, 6.0])


def test_strength_is_undefined_while_no_price_has_moved():
    strengths = feed(rsi, RSI, 2, np.array([100, 100, 100, 100, 101, 101]))
    np.testing.assert_array_equal(strengths, [np.nan, np.nan, np.nan, np.nan, 100.0, 100.0])


# ── Volume ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@kernel
def drive_vwap(states, bars, results):
    for i in range(len(bars)):
        results[i] = session_vwap(states[0], bars[i])


def vwap_of(bars: np.ndarray) -> np.ndarray:
    results = np.empty(len(bars))
    drive_vwap(np.zeros(1, VWAP), bars, results)
    return results


def test_session_vwap_is_the_exact_fraction_of_each_day(bars: np.ndarray):
    day, turnover_e4, volume = None, 0, 0
    for bar, measured in zip(bars.tolist()[:5_000], vwap_of(bars), strict=False):
        row = dict(zip(bars.dtype.names or (), bar, strict=True))
        if ist_date(row["time_ns"]) != day:
            day, turnover_e4, volume = ist_date(row["time_ns"]), 0, 0
        turnover_e4 += (row["high_e4"] + row["low_e4"] + row["close_e4"]) * row["volume"]
        volume += row["volume"]
        assert measured == pytest.approx(float(Fraction(turnover_e4, 3 * volume)), rel=1e-15)


def test_session_vwap_begins_anew_at_midnight_in_india():
    bars = random_bars(4, seed=2)
    bars["volume"] = [0, 10, 10, 10]
    bars["time_ns"] = ist_time_ns(datetime.date(2024, 4, 22)) + np.array([-2, -1, 0, 1])
    typical_e4 = (bars["high_e4"] + bars["low_e4"] + bars["close_e4"]) / 3
    expected = [np.nan, typical_e4[1], typical_e4[2], (typical_e4[2] + typical_e4[3]) / 2]
    np.testing.assert_allclose(vwap_of(bars), expected, rtol=1e-15)


# ── The compiler ─────────────────────────────────────────────────────────────────────────────────────────────────────

EVERYTHING = record(
    ("average", window(20)),
    ("exponential", EMA),
    ("strength", RSI),
    ("band", moments(20)),
    ("donchian", channel(20)),
    ("vwap", VWAP),
    ("range", ATR),
    ("convergence", MACD),
    ("past", window(20)),
)


@kernel
def drive_everything(states, bars, results):
    state = states[0]
    for i in range(len(bars)):
        bar, result = bars[i], results[i]
        result[0] = sma(state.average, 10, bar.close_e4)
        result[1] = ema(state.exponential, 10, bar.close_e4)
        result[2] = rsi(state.strength, 10, bar.close_e4)
        result[3], result[4], result[5] = bollinger(state.band, 10, 2.0, bar.close_e4)
        result[6], result[7] = donchian(state.donchian, 10, bar)
        result[8] = session_vwap(state.vwap, bar)
        result[9] = atr(state.range, 10, bar)
        result[10], result[11], result[12] = macd(state.convergence, 5, 10, 4, bar.close_e4)
        result[13] = returns(state.past, 10, bar.close_e4)


def everything() -> str:
    """Return a hash of what every indicator says, and of its state, on a hundred bars."""
    states, results = np.zeros(1, EVERYTHING), np.zeros((100, 14))
    drive_everything(states, random_bars(100, seed=3), results)
    return hashlib.sha256(states.tobytes() + results.tobytes()).hexdigest()


def test_every_indicator_is_the_same_to_the_bit_with_the_compiler_off():
    script = "import sys; from tests.kernels.test_indicators import everything; sys.stdout.write(everything())"
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=pathlib.Path(__file__).parents[2],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stdout == everything(), finished.stderr
