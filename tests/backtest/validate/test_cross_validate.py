"""Cross-validation: what a fold chooses is best on its training days alone, and each path tests every day once."""

import itertools
import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from alpha_panda.backtest.run import run
from alpha_panda.backtest.validate.cross_validate import CrossValidation, cross_validate
from alpha_panda.backtest.validate.days import Days
from alpha_panda.backtest.validate.folds import combinatorial_folds, purged_folds
from alpha_panda.backtest.validate.returns import daily_returns_of
from alpha_panda.errors import ConfigurationError
from tests.backtest.validate.questions import EVENTS, GIVEN, GRID, STUDY

DAYS = Days.of(EVENTS)
FOLDS = combinatorial_folds(len(DAYS), groups=4, tests=2, purge=1, embargo=3)


@pytest.fixture(scope="module")
def validated() -> CrossValidation:
    return cross_validate(STUDY, folds=FOLDS, grid=GRID, **GIVEN)


def test_a_fold_chooses_by_the_returns_of_its_training_stretches_each_alone(validated: CrossValidation):
    for number, fold in enumerate(FOLDS.folds):
        parts = [
            daily_returns_of(STUDY, grid=GRID, first=DAYS.dates[first], last=DAYS.dates[last], **GIVEN).returns
            for first, last in fold.segments()
        ]
        returns = np.concatenate(parts, axis=1)
        sharpe = returns.mean(axis=1) / returns.std(axis=1, ddof=1) * math.sqrt(252)
        best = int(sharpe.argmax())
        for row in validated.folds.filter(pl.col("fold") == number).rows(named=True):
            assert row["train_sharpe"] == pytest.approx(sharpe[best])
            assert (row["fast"], row["slow"]) == list(itertools.product(*GRID.values()))[best]
            assert row["train_days"] == len(fold.train)
            assert row["train_return"] == pytest.approx(np.prod(1 + returns[best]) - 1)


def test_a_tested_group_is_a_run_that_has_seen_all_days_before_it(validated: CrossValidation):
    row = validated.folds.row(-1, named=True)
    parameters = {name: row[name] for name in GRID}
    alone = run(
        {**STUDY, "strategies": [{**STUDY["strategies"][0], "parameters": parameters}]},
        trade_from=row["test_from"],
        last=row["test_to"],
        **GIVEN,
    )
    assert row["test_return"] == alone.equity["equity"][-1] / 1_000_000 - 1.0


def test_each_path_tests_every_day_once(validated: CrossValidation):
    assert len(validated.stitched) == 3  # C(3, 1)
    for path in validated.stitched:
        assert path.daily["date"].to_list() == list(DAYS.dates)
    assert validated.paths["path"].to_list() == [0, 1, 2]
    assert validated.equity.group_by("path").len()["len"].n_unique() == 1


def test_the_figures_of_a_path_are_those_of_its_curve(validated: CrossValidation):
    for row, path in zip(validated.paths.rows(named=True), validated.stitched, strict=True):
        returns = path.daily["return"].to_numpy()
        assert row["total_return"] == pytest.approx(np.prod(1 + returns) - 1)
        assert row["sharpe"] == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(252))


def test_a_number_of_folds_means_plain_ones():
    told: list[tuple[int, int]] = []
    validated = cross_validate(STUDY, folds=3, grid=GRID, progress=lambda *news: told.append(news), **GIVEN)
    assert validated.folds["group"].to_list() == [0, 1, 2]
    assert len(validated.paths) == 1
    assert told[-1] == (4 * 6 + 3, 4 * 6 + 3)  # stretches 0, 0 to 1, 1 to 2 and 2 of days, and three tests


def test_folds_of_other_days_are_refused():
    with pytest.raises(ConfigurationError, match="the folds are of 10 days"):
        cross_validate(STUDY, folds=purged_folds(10, 2), grid=GRID, **GIVEN)


@pytest.mark.parametrize("by", ["luck", "win_rate"])
def test_a_figure_that_days_do_not_have_is_refused(by: Any):
    with pytest.raises(ConfigurationError, match="figure"):
        cross_validate(STUDY, folds=3, by=by, grid=GRID, **GIVEN)
