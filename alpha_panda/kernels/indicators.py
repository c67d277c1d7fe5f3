"""The indicators that strategies are written in, one value at a time, with the conventions of TA-Lib.

A state starts as all zeros, serves one indicator with one set of parameters, and is fed once per bar. Prices go in as
int64 E4, straight from the bar; results are float64 in the unit of the input, NaN until ready. Lengths count bars.
"""

import numpy as np

from alpha_panda.kernels.clock import DAY_NS, ist_midnight_ns
from alpha_panda.kernels.jit import kernel
from alpha_panda.kernels.records import record
from alpha_panda.kernels.windows import (
    bollinger,
    deviation,
    extremes,
    highest,
    moments,
    oldest,
    push,
    returns,
    rolling_max,
    rolling_min,
    sma,
    window,
    window_sum,
    z_score,
)

__all__ = [
    "ATR",
    "EMA",
    "MACD",
    "RSI",
    "VWAP",
    "WILDER",
    "atr",
    "bollinger",
    "channel",
    "deviation",
    "donchian",
    "ema",
    "extremes",
    "macd",
    "moments",
    "oldest",
    "push",
    "returns",
    "rolling_max",
    "rolling_min",
    "rsi",
    "session_vwap",
    "sma",
    "wilder",
    "window",
    "window_sum",
    "z_score",
]

# ── Exponential averages ─────────────────────────────────────────────────────────────────────────────────────────────

EMA = record(("count", "i8"), ("average", "f8"))
"""The state of `ema`; until `count` reaches the length, `average` holds the sum of the values so far."""

WILDER = EMA
"""The state of `wilder`, filled in the same way."""

MACD = record(("fast", EMA), ("slow", EMA), ("signal", EMA))
"""The state of `macd`."""


@kernel
def ema(state, length, value):
    """Return the exponential moving average of weight 2/(length+1), in the unit of `value`.

    It is seeded with the mean of the first `length` values. Source: TA-Lib EMA.
    """
    if state.count < length:
        return _seed(state, length, value)
    state.average += (value - state.average) * (2.0 / (length + 1))
    return state.average


@kernel
def wilder(state, length, value):
    """Return Wilder's average, of weight 1/length, in the unit of `value`.

    It is seeded with the mean of the first `length` values. Source: Wilder, New Concepts in Technical Trading Systems
    (1978), as in TA-Lib.
    """
    if state.count < length:
        return _seed(state, length, value)
    state.average = (state.average * (length - 1) + value) / length
    return state.average


@kernel
def _seed(state, length, value):
    state.count += 1
    state.average += value
    if state.count < length:
        return np.nan
    state.average /= length
    return state.average


@kernel
def macd(state, fast, slow, signal, value):
    """Return the MACD line, its signal line and their difference, in the unit of `value`; `fast` is below `slow`.

    The fast average starts late, so that both seeds end at the same bar; the line is ready before its signal line.
    Source: TA-Lib MACD.
    """
    slow_average = ema(state.slow, slow, value)
    fast_average = ema(state.fast, fast, value) if state.slow.count > slow - fast else np.nan
    line = fast_average - slow_average
    signal_line = ema(state.signal, signal, line) if state.slow.count == slow else np.nan
    return line, signal_line, line - signal_line


# ── Strength and range ───────────────────────────────────────────────────────────────────────────────────────────────

RSI = record(("started", "i8"), ("previous", "f8"), ("gain", WILDER), ("loss", WILDER))
"""The state of `rsi`."""

ATR = record(("previous_close_e4", "i8"), ("range_e4", WILDER))
"""The state of `atr`."""


@kernel
def rsi(state, length, value):
    """Return the relative strength index, from 0 to 100, over Wilder averages of gains and losses.

    It is NaN while no value has differed from the first: TA-Lib says 0 there, which would be taken for oversold.
    Source: TA-Lib RSI.
    """
    change = value - state.previous
    state.previous = value
    if state.started == 0:
        state.started = 1
        return np.nan
    gain = wilder(state.gain, length, max(change, 0.0))
    loss = wilder(state.loss, length, max(-change, 0.0))
    moved = gain + loss
    return 100.0 * (gain / moved) if moved > 0.0 else np.nan


@kernel
def atr(state, length, bar):
    """Return the average true range in E4, Wilder's average from the second bar on (TA-Lib ATR)."""
    previous_close_e4 = state.previous_close_e4
    state.previous_close_e4 = bar.close_e4
    if previous_close_e4 == 0:
        return np.nan
    true_range_e4 = max(bar.high_e4, previous_close_e4) - min(bar.low_e4, previous_close_e4)
    return wilder(state.range_e4, length, true_range_e4)


# ── Channels ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def channel(capacity: int) -> np.dtype[np.void]:
    """Return the state of `donchian` over at most `capacity` bars."""
    return record(("highs", extremes(capacity)), ("lows", extremes(capacity)))


@kernel
def donchian(state, length, bar):
    """Return the highest high and the lowest low, in E4, of the `length` bars before this one."""
    upper_e4, lower_e4 = highest(state.highs, length), -highest(state.lows, length)
    rolling_max(state.highs, length, bar.high_e4)
    rolling_min(state.lows, length, bar.low_e4)
    return upper_e4, lower_e4


# ── Volume ───────────────────────────────────────────────────────────────────────────────────────────────────────────

VWAP = record(("day_end_ns", "i8"), ("turnover_e4", "f8"), ("volume", "i8"))
"""The state of `session_vwap`; `turnover_e4` is three times the turnover at typical prices."""


@kernel
def session_vwap(state, bar):
    """Return the volume-weighted average of typical prices, (high + low + close)/3, since IST midnight, in E4.

    It is NaN until the day's first traded unit. Turnover is a float64 because in int64 it could wrap: it is exact up
    to 2⁵³, which is 30,000 crore rupees in a day, and rounds in the sixteenth digit beyond.
    """
    if bar.time_ns >= state.day_end_ns:
        state.day_end_ns = ist_midnight_ns(bar.time_ns) + DAY_NS
        state.turnover_e4 = 0.0
        state.volume = 0
    state.turnover_e4 += float(bar.high_e4 + bar.low_e4 + bar.close_e4) * bar.volume
    state.volume += bar.volume
    return state.turnover_e4 / (3 * state.volume) if state.volume > 0 else np.nan
