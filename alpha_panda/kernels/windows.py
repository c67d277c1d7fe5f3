"""Ring buffers over the last values of a series: exact sums, deviations, extremes and returns, in constant time.

A state starts as all zeros, serves one indicator with one length, and is fed once per bar. Values are int64, prices in
E4, so sums are exact: they do not drift, and two averages of prices tie exactly where they are equal. Results are
float64 in the unit of the values, NaN until `length` values were seen.

A strategy picks the capacity of its rings and bounds the length by the same number, as in `Parameter(20, 2, 512)`
beside `window(512)`. No kernel checks a length against its ring: within those bounds it cannot be longer.
"""

import numpy as np

from alpha_panda.kernels.jit import kernel
from alpha_panda.kernels.records import Field, record

CAPACITY_MAX = 8192
"""The longest ring for which every sum below stays inside int64 at prices up to 10¹¹ E4, one crore rupees."""


def window(capacity: int) -> np.dtype[np.void]:
    """Return the state of `window_sum`, `sma` and `returns` over at most `capacity` values."""
    return _ring(capacity, ("total", "i8"))


def moments(capacity: int) -> np.dtype[np.void]:
    """Return the state of `deviation`, `z_score` and `bollinger` over at most `capacity` values."""
    return _ring(capacity, ("anchor", "i8"), ("total", "i8"), ("squares_high", "i8"), ("squares_low", "i8"))


def extremes(capacity: int) -> np.dtype[np.void]:
    """Return the state of `rolling_max` or `rolling_min` over at most `capacity` values."""
    return _ring(capacity, ("extreme", "i8"))


def _ring(capacity: int, *fields: Field) -> np.dtype[np.void]:
    if not 1 <= capacity <= CAPACITY_MAX:
        raise ValueError(f"a ring of {capacity} values cannot be: choose a capacity from 1 to {CAPACITY_MAX}")
    return record(("count", "i8"), ("head", "i8"), *fields, ("ring", "i8", (capacity,)))


@kernel
def oldest(state):
    """Return the value that the next `push` displaces, 0 while the window is filling."""
    return state.ring[state.head]


@kernel
def push(state, length, value):
    """Put `value` among the last `length` and return the one that it displaces, 0 while the window is filling."""
    head = state.head
    displaced = state.ring[head]
    state.ring[head] = value
    head += 1
    state.head = 0 if head == length else head
    if state.count < length:
        state.count += 1
    return displaced


# ── Sums and returns ─────────────────────────────────────────────────────────────────────────────────────────────────


@kernel
def window_sum(state, length, value):
    """Return the exact int64 sum of the last `length` values; until `state.count` reaches `length`, of fewer."""
    state.total += value - push(state, length, value)
    return state.total


@kernel
def sma(state, length, value):
    """Return the simple moving average of the last `length` values, in their unit (TA-Lib SMA)."""
    total = window_sum(state, length, value)
    return total / length if state.count == length else np.nan


@kernel
def returns(state, length, value):
    """Return the return since the value `length` before, a ratio; NaN unless that one was positive (TA-Lib ROCP)."""
    earlier = push(state, length, value)
    return (value - earlier) / earlier if earlier > 0 else np.nan


# ── Deviation ────────────────────────────────────────────────────────────────────────────────────────────────────────
#
# Sums of squared prices leave the 53 bits of a float64, and their difference, the variance, keeps the debris. Here
# offsets from an anchor are summed in integers, exactly. The anchor is a value of the window itself, chosen anew each
# time the ring wraps, which costs one more visit per value. Because it lies in the window, its squared distance from
# the mean is below `length` variances: the one subtraction, in float64, costs at most log2(length) of 53 bits, and a
# flat window, whose offsets are all zero, has a deviation of exactly zero.

_HALF_BITS = 12
_HALF_MASK = (1 << _HALF_BITS) - 1


@kernel
def deviation(state, length, value):
    """Return the population standard deviation of the last `length` values, in their unit (TA-Lib STDDEV)."""
    _extend_moments(state, length, value)
    return _deviation(state, length) if state.count == length else np.nan


@kernel
def z_score(state, length, value):
    """Return how many population deviations `value` lies above the mean of the last `length`; NaN in a flat window."""
    spread = deviation(state, length, value)
    above = length * (value - state.anchor) - state.total
    return above / (length * spread) if spread > 0.0 else np.nan


@kernel
def bollinger(state, length, width, value):
    """Return the lower, middle and upper Bollinger band: `sma` and `width` deviations around it (TA-Lib BBANDS)."""
    reach = width * deviation(state, length, value)
    middle = (length * state.anchor + state.total) / length if state.count == length else np.nan
    return middle - reach, middle, middle + reach


@kernel
def _deviation(state, length):
    squares = state.squares_high * float(1 << 2 * _HALF_BITS) + state.squares_low
    return np.sqrt((squares - state.total * (state.total / length)) / length)


@kernel
def _extend_moments(state, length, value):
    displaced = push(state, length, value)
    if state.head == 0:
        _choose_anchor(state, length, value)
    elif state.count == length:
        _add_offset(state, value - state.anchor, 1)
        _add_offset(state, displaced - state.anchor, -1)


@kernel
def _choose_anchor(state, length, anchor):
    state.anchor = anchor
    state.total = 0
    state.squares_high = 0
    state.squares_low = 0
    for i in range(length):
        _add_offset(state, state.ring[i] - anchor, 1)


@kernel
def _add_offset(state, offset, sign):
    """Add or remove an offset; its square, up to 10²², is kept as a multiple of 2²⁴ and a rest, both of which fit."""
    magnitude = abs(offset)
    high, low = magnitude >> _HALF_BITS, magnitude & _HALF_MASK
    state.total += sign * offset
    state.squares_high += sign * high * high
    state.squares_low += sign * low * (2 * magnitude - low)


# ── Extremes ─────────────────────────────────────────────────────────────────────────────────────────────────────────
#
# The series is cut into blocks of `length` values. A window is the end of one block and the beginning of the next, so
# its maximum is the larger of two: the running maximum of the block in progress, and the maximum over a tail of the
# finished block. When a block is complete, the ring turns its values into the maxima of its tails, one comparison per
# value (van Herk 1992; Gil and Werman 1993).


@kernel
def rolling_max(state, length, value):
    """Return the highest of the last `length` values."""
    _extend_extremes(state, length, value)
    return highest(state, length)


@kernel
def rolling_min(state, length, value):
    """Return the lowest of the last `length` values."""
    return -rolling_max(state, length, -value)


@kernel
def highest(state, length):
    """Return the highest of the `length` values that `rolling_max` was given last, without giving it another."""
    if state.count < length:
        return np.nan
    tail = state.ring[state.head]
    return float(tail if state.head == 0 else max(tail, state.extreme))


@kernel
def _extend_extremes(state, length, value):
    state.extreme = value if state.head == 0 else max(value, state.extreme)
    push(state, length, value)
    if state.head == 0:
        for i in range(length - 2, -1, -1):
            state.ring[i] = max(state.ring[i], state.ring[i + 1])
