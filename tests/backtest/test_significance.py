"""Significance against the numbers that the papers print, and against chance itself."""

import math

import numpy as np
import pytest

from alpha_panda.backtest import significance
from alpha_panda.backtest.significance import Moments


def test_moments_are_those_of_the_sample():
    # Mean 1; deviations -1, -1, 2 with squares 1, 1, 4: the sample's deviation is sqrt(6 / 2), the whole one's sqrt(2).
    # Skewness (-1 - 1 + 8) / 3 / 2^1.5 = 0.7071, kurtosis (1 + 1 + 16) / 3 / 4 = 1.5.
    assert significance.moments(np.array([0.0, 0.0, 3.0])) == pytest.approx(
        (3, 1 / math.sqrt(3), 0.70711, 1.5), abs=1e-5
    )


@pytest.mark.parametrize("returns", [[], [0.01], [0.01] * 100, [0.0] * 100])
def test_what_does_not_vary_has_no_probability(returns: list[float]):
    sample = np.array(returns)
    assert math.isnan(significance.probabilistic_sharpe(sample))
    assert math.isnan(significance.deflated_sharpe(sample, 10, 0.01))
    assert math.isnan(significance.minimum_track_record(sample))


def test_the_probabilistic_ratio_is_that_of_the_paper():
    # Bailey & Lopez de Prado 2012, "The PSR": 24 months, a yearly ratio of 1.59, skewness -2.448, kurtosis 10.164 give
    # 0.982 were returns normal, and 0.913 as they are.
    monthly = 1.59 / math.sqrt(12)
    assert significance.probability_above(Moments(24, monthly, 0.0, 3.0), 0.0) == pytest.approx(0.982, abs=5e-4)
    assert significance.probability_above(Moments(24, monthly, -2.448, 10.164), 0.0) == pytest.approx(0.913, abs=1e-3)


@pytest.mark.parametrize(("periods", "years"), [(252, 2.73), (52, 2.83), (12, 3.24)])
def test_the_minimum_track_record_is_that_of_the_paper(periods: int, years: float):
    # The same paper, "Minimum track record length": a yearly ratio of 2 against 1 with normal returns, at 95 %.
    sample = Moments(24, 2 / math.sqrt(periods), 0.0, 3.0)
    needed = significance.track_record_above(sample, 1 / math.sqrt(periods), significance=0.05)
    assert needed / periods == pytest.approx(years, abs=5e-3)


def test_a_ratio_below_the_benchmark_would_never_be_significant():
    assert significance.track_record_above(Moments(24, 0.1, 0.0, 3.0), 0.1) == math.inf


def test_the_deflated_ratio_is_that_of_the_paper():
    # Bailey & Lopez de Prado 2014, "A numerical example": five years of 250 days, a yearly ratio of 2.5, skewness -3,
    # kurtosis 10, 100 independent trials whose yearly ratios have a variance of 1/2: 0.1132 a day to expect, 0.9004
    # deflated; with 46 trials 0.9505.
    sample, variance = Moments(1_250, 2.5 / math.sqrt(250), -3.0, 10.0), 0.5 / 250
    to_expect = significance.expected_maximum_sharpe(100, variance)
    assert to_expect == pytest.approx(0.1132, abs=5e-5)
    assert significance.probability_above(sample, to_expect) == pytest.approx(0.9004, abs=5e-5)
    of_46 = significance.expected_maximum_sharpe(46, variance)
    assert significance.probability_above(sample, of_46) == pytest.approx(0.9505, abs=5e-5)


def test_one_trial_deflates_nothing():
    returns = np.random.default_rng(1).normal(0.001, 0.01, 300)
    assert significance.deflated_sharpe(returns, 1, 0.01) == significance.probabilistic_sharpe(returns)


@pytest.mark.parametrize("trials", [10, 100, 1_000])
def test_the_best_of_many_tries_without_skill_is_as_good_as_expected(trials: int):
    best = np.random.default_rng(trials).normal(0.0, 0.05, (2_000, trials)).max(axis=1)
    # The formula is that of very many tries: for ten it is 2.3 % above the true 1.5388 deviations.
    assert significance.expected_maximum_sharpe(trials, 0.05**2) == pytest.approx(best.mean(), rel=0.04)


def test_noise_passes_as_often_as_was_agreed():
    noise = np.random.default_rng(7).standard_t(4, (4_000, 250)) * 0.01
    passed = np.mean([significance.probabilistic_sharpe(returns) > 0.95 for returns in noise])
    assert passed == pytest.approx(0.05, abs=0.015)
