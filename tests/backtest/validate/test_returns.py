"""Daily returns of a sweep: those that the account counts, whatever the number of workers."""

import math
import pathlib

import numpy as np
import pytest

from alpha_panda.backtest.frame_market import market_of
from alpha_panda.backtest.run import run
from alpha_panda.backtest.sweep import sweep
from alpha_panda.backtest.validate.overfitting import pbo
from alpha_panda.backtest.validate.returns import daily_returns_of
from alpha_panda.config import NO_LIMITS
from alpha_panda.errors import ConfigurationError
from tests.backtest.framed import dated
from tests.backtest.questions import SCRIPT, question
from tests.backtest.validate.questions import EVENTS, GIVEN, GRID, STUDY, UNIVERSE

FOUND = daily_returns_of(STUDY, grid=GRID, **GIVEN)


def test_there_is_a_row_for_each_combination_and_a_column_for_each_day():
    assert FOUND.combinations.rows() == [(2, 8), (2, 13), (2, 21), (5, 8), (5, 13), (5, 21)]
    assert FOUND.returns.shape == (6, len(FOUND.dates))


def test_they_are_those_of_a_run_of_the_combination():
    for row, values in zip(FOUND.returns, FOUND.combinations.rows(named=True), strict=True):
        alone = {**STUDY, "strategies": [{**STUDY["strategies"][0], "parameters": values}]}
        daily = run(alone, **GIVEN).daily
        assert daily["date"].to_list() == list(FOUND.dates)
        np.testing.assert_allclose(row, daily["return"].to_numpy(), atol=1e-12)


def test_their_sharpe_ratios_are_those_of_the_sweep():
    swept = sweep(STUDY, grid=GRID, **GIVEN)
    ratio = FOUND.returns.mean(axis=1) / FOUND.returns.std(axis=1, ddof=1) * math.sqrt(252)
    np.testing.assert_allclose(ratio, swept["sharpe"].to_numpy(), rtol=1e-9)
    np.testing.assert_allclose(np.prod(1.0 + FOUND.returns, axis=1) - 1.0, swept["total_return"].to_numpy(), rtol=1e-9)


@pytest.mark.parametrize("last", ["2025-02-28", "2025-06-30"])
def test_they_count_as_trials_as_the_sweep_does(last: str, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path):
    # Two months are too short for a Sharpe ratio, six are not.
    counted = []
    for ask, file in ((sweep, "swept"), (daily_returns_of, "returned")):
        monkeypatch.setenv("ALPHA_PANDA_TRIALS", str(tmp_path / file))
        ask(STUDY, grid=GRID, last=last, **GIVEN)
        counted.append(run(STUDY, last=last, **GIVEN).trials)
    assert counted[0].count == counted[1].count == 7
    assert counted[1].variance == pytest.approx(counted[0].variance, rel=1e-9)
    assert (counted[0].variance > 0) == (last == "2025-06-30")


def test_a_day_that_begins_with_debts_returns_nothing():
    # Sold short at 100 with all there is: nothing is left at 200, and what follows is of nothing.
    market = market_of(dated([100, 100, 150, 200, 250, 225]), None)
    shorted = {"strategy": "script", "product": "NRML", "interval": "1d", "size": {"mode": "fraction", "value": 1.0}}
    asked = question(shorted, market={"fees": 0, "slippage": {"mode": "ticks", "value": 0}}, risk=NO_LIMITS)
    given = {"events": market.events, "universe": market.universe, "strategies": SCRIPT}
    found = daily_returns_of(asked, grid={"short_at": [1]}, **given)
    assert found.returns[0].tolist() == [0.0, 0.0, -0.5, -1.0, 0.0, 0.0]


def test_workers_change_nothing_and_progress_is_told():
    told: list[tuple[int, int]] = []
    again = daily_returns_of(STUDY, grid=GRID, workers=2, progress=lambda *news: told.append(news), **GIVEN)
    assert again.returns.tobytes() == FOUND.returns.tobytes()
    assert told[-1] == (6, 6)


def test_what_progress_raises_ends_it():
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        daily_returns_of(STUDY, grid=GRID, progress=stop, **GIVEN)


def test_the_matrix_is_what_the_probability_of_overfitting_takes():
    found = pbo(FOUND.returns, 6)
    assert 0.0 <= found.probability <= 1.0
    assert len(found.splits) == math.comb(6, 3)


def test_a_pool_of_none_is_refused():
    with pytest.raises(ConfigurationError, match="workers"):
        daily_returns_of(STUDY, grid=GRID, events=EVENTS, universe=UNIVERSE, workers=0)
