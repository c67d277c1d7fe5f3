"""Windows against exact arithmetic: sums and moments against integers of any size, extremes against numpy."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alpha_panda.kernels import kernel
from alpha_panda.kernels.windows import (
    CAPACITY_MAX,
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
from alpha_panda.units import PRICE_E4_MAX


@kernel
def drive(indicator, states, length, values, results):
    for i in range(len(values)):
        results[i] = indicator(states[0], length, values[i])


def feed(indicator, state: np.dtype, length: int, values: np.ndarray) -> np.ndarray:
    """Return what `indicator` says after each value, from a state of zeros."""
    results = np.empty(len(values), np.int64 if indicator is window_sum else np.float64)
    drive(indicator, np.zeros(1, state), length, values, results)
    return results


def windows_of(values: np.ndarray, length: int) -> list[list[int]]:
    return [values[end - length : end].tolist() for end in range(length, len(values) + 1)]


unhurried = settings(deadline=None)  # the first example compiles the kernel
any_length = st.integers(1, 12)
any_prices_e4 = st.lists(st.integers(1, PRICE_E4_MAX), min_size=1, max_size=60).map(np.array)
near_prices_e4 = st.lists(st.integers(-3, 3), min_size=1, max_size=60).map(lambda steps: 10**10 + np.cumsum(steps))
series = any_prices_e4 | near_prices_e4


# ── Sums ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@unhurried
@given(length=any_length, values=series)
def test_a_window_sum_is_exact_also_while_it_fills(length: int, values: np.ndarray):
    sums = feed(window_sum, window(12), length, values)
    assert sums.tolist() == [sum(values[max(0, end - length) : end].tolist()) for end in range(1, len(values) + 1)]


@unhurried
@given(length=any_length, values=series)
def test_a_simple_average_is_the_sum_divided_once(length: int, values: np.ndarray):
    averages = feed(sma, window(12), length, values)
    assert np.isnan(averages[: length - 1]).all()
    assert averages[length - 1 :].tolist() == [sum(part) / length for part in windows_of(values, length)]


def test_two_averages_of_one_price_grid_tie_exactly():
    # Means of 0.1, 0.2, … in floats differ by the order of their sums; these are 1,000, 2,000, … E4.
    values = np.tile(np.array([1_000, 2_000, 3_000, 6_000, 7_000]), 40)
    fast, slow = feed(sma, window(64), 5, values), feed(sma, window(64), 50, values)
    assert (fast[49:] == slow[49:]).all()


@unhurried
@given(length=any_length, values=series)
def test_a_return_is_the_difference_over_the_earlier_price(length: int, values: np.ndarray):
    changes = feed(returns, window(12), length, values)
    assert np.isnan(changes[:length]).all()
    pairs = zip(values[:-length].tolist(), values[length:].tolist(), strict=True)
    expected = [float(Fraction(now - then, then)) for then, now in pairs]
    assert changes[length:].tolist() == expected


def test_a_return_from_no_price_is_undefined():
    assert np.isnan(feed(returns, window(2), 1, np.array([0, 5, -5, 5]))).tolist() == [True, True, False, True]


def test_the_oldest_value_is_the_one_that_the_next_push_displaces():
    @kernel
    def displaced_and_announced(states, values, results):
        for i in range(len(values)):
            results[i, 0] = oldest(states[0])
            results[i, 1] = push(states[0], 3, values[i])

    results = np.zeros((6, 2), np.int64)
    displaced_and_announced(np.zeros(1, window(4)), np.arange(1, 7), results)
    assert results.tolist() == [[0, 0], [0, 0], [0, 0], [1, 1], [2, 2], [3, 3]]


@pytest.mark.parametrize("state", [window, moments, extremes])
@pytest.mark.parametrize("capacity", [0, CAPACITY_MAX + 1])
def test_a_ring_that_could_not_stay_exact_is_refused(state, capacity: int):
    with pytest.raises(ValueError, match=f"{capacity} values"):
        state(capacity)


# ── Moments ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def exact_variance(part: list[int]) -> Fraction:
    return Fraction(len(part) * sum(value * value for value in part) - sum(part) ** 2, len(part) ** 2)


def assert_deviation(measured: float, part: list[int]):
    """Check a deviation to the bits that its derivation promises: `length` times a few roundings of 2⁻⁵³."""
    variance = exact_variance(part)
    assert abs(Fraction(measured) ** 2 - variance) <= variance * Fraction(len(part), 2**50)


@unhurried
@given(length=any_length, values=series)
@example(length=3, values=np.array([PRICE_E4_MAX, 1, 1, 1, 2, 1, 1]))
def test_a_deviation_keeps_its_bits_at_any_price(length: int, values: np.ndarray):
    deviations = feed(deviation, moments(12), length, values)
    assert np.isnan(deviations[: length - 1]).all()
    for measured, part in zip(deviations[length - 1 :], windows_of(values, length), strict=True):
        assert_deviation(measured, part)


def test_the_longest_window_holds_the_widest_prices():
    # Half at the lowest, half at the highest price: the largest sum of squared offsets there can be.
    values = np.where(np.arange(3 * CAPACITY_MAX) % 2 == 0, 1, PRICE_E4_MAX)
    deviations = feed(deviation, moments(CAPACITY_MAX), CAPACITY_MAX, values)
    np.testing.assert_allclose(deviations[CAPACITY_MAX - 1 :], (PRICE_E4_MAX - 1) / 2, rtol=1e-15)


def test_a_flat_window_after_a_crash_deviates_by_exactly_zero():
    values = np.array([PRICE_E4_MAX] * 7 + [12_345] * 30)
    for length in range(1, 8):
        deviations = feed(deviation, moments(8), length, values)
        assert (deviations[7 + length - 1 :] == 0.0).all()
        assert np.isnan(feed(z_score, moments(8), length, values)[7 + length - 1 :]).all()


@unhurried
@given(length=st.integers(2, 12), values=series)
def test_a_z_score_is_the_distance_from_the_mean_in_deviations(length: int, values: np.ndarray):
    scores = feed(z_score, moments(12), length, values)
    for score, part in zip(scores[length - 1 :], windows_of(values, length), strict=False):
        variance = exact_variance(part)
        if variance == 0:
            assert np.isnan(score)
        else:
            above = part[-1] - Fraction(sum(part), length)
            np.testing.assert_allclose(score, float(above) / float(variance) ** 0.5, rtol=1e-13)


@unhurried
@given(length=any_length, values=series)
def test_bollinger_bands_lie_around_the_same_average_as_sma(length: int, values: np.ndarray):
    results = np.empty((len(values), 3))
    drive_bands(np.zeros(1, moments(12)), length, values, results)
    lower, middle, upper = results.T
    np.testing.assert_array_equal(middle, feed(sma, window(12), length, values))
    spread = feed(deviation, moments(12), length, values)
    np.testing.assert_array_equal(lower, middle - 2.0 * spread)
    np.testing.assert_array_equal(upper, middle + 2.0 * spread)


@kernel
def drive_bands(states, length, values, results):
    for i in range(len(values)):
        results[i, 0], results[i, 1], results[i, 2] = bollinger(states[0], length, 2.0, values[i])


# ── Extremes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@unhurried
@given(length=any_length, values=series)
def test_rolling_extremes_are_those_of_numpy(length: int, values: np.ndarray):
    highs, lows = feed(rolling_max, extremes(12), length, values), feed(rolling_min, extremes(12), length, values)
    assert np.isnan(highs[: length - 1]).all()
    assert np.isnan(lows[: length - 1]).all()
    parts = windows_of(values, length)
    assert highs[length - 1 :].tolist() == [max(part) for part in parts]
    assert lows[length - 1 :].tolist() == [min(part) for part in parts]


@unhurried
@given(length=any_length, values=series)
def test_the_highest_can_be_read_again_without_a_value(length: int, values: np.ndarray):
    results = np.empty((len(values), 2))
    drive_twice(np.zeros(1, extremes(12)), length, values, results)
    np.testing.assert_array_equal(results[:, 0], results[:, 1])


@kernel
def drive_twice(states, length, values, results):
    for i in range(len(values)):
        results[i, 0] = rolling_max(states[0], length, values[i])
        results[i, 1] = highest(states[0], length)
