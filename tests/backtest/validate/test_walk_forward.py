"""Walk-forward: each test window is a run of the best of its training window, and knows nothing of what follows."""

import itertools
import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from alpha_panda.backtest.inputs import study_of
from alpha_panda.backtest.run import run
from alpha_panda.backtest.signals import from_signals
from alpha_panda.backtest.sweep import sweep
from alpha_panda.backtest.validate.stitched import Stitched
from alpha_panda.backtest.validate.walk_forward import WalkForward, walk_forward
from alpha_panda.errors import ConfigurationError
from tests.backtest.framed import dated
from tests.backtest.validate.questions import EVENTS, GIVEN, GRID, STUDY, UNIVERSE


@pytest.fixture(scope="module")
def walked() -> WalkForward:
    return walk_forward(STUDY, grid=GRID, train=120, test=70, **GIVEN)


OF_TRIALS = ("# Trials", "Expected Max. Sharpe", "Deflated Sharpe [%]", "Min. Track Record [days]", "Significant")
"""The figures that depend on how often the data was asked before."""


def with_values(values: dict[str, int]) -> dict[str, Any]:
    return {**STUDY, "strategies": [{**STUDY["strategies"][0], "parameters": values}]}


def test_every_window_chooses_the_best_of_a_sweep_of_its_training_days(walked: WalkForward):
    for window in walked.windows.rows(named=True):
        swept = sweep(STUDY, grid=GRID, first=window["train_from"], last=window["train_to"], **GIVEN)
        best = swept.sort("sharpe", descending=True).row(0, named=True)
        assert {name: window[name] for name in GRID} == {name: best[name] for name in GRID}
        assert (window["train_sharpe"], window["train_return"]) == (best["sharpe"], best["total_return"])


def test_every_test_window_is_a_run_that_is_warmed_up_by_its_training_days(walked: WalkForward):
    for window, result in zip(walked.windows.rows(named=True), walked.results, strict=True):
        alone = run(
            with_values({name: window[name] for name in GRID}),
            first=window["train_from"],
            last=window["test_to"],
            trade_from=window["test_from"],
            **GIVEN,
        )
        assert result.ledger_hash == alone.ledger_hash
        assert window["test_return"] == alone.equity["equity"][-1] / 1_000_000 - 1.0


def test_other_days_after_a_window_change_nothing_of_it(walked: WalkForward):
    changed = EVENTS.copy()
    split = int(np.searchsorted(changed["time_ns"], walked.results[1].last_ns, side="right"))
    for field in ("open_e4", "high_e4", "low_e4", "close_e4"):
        changed[field][split:] *= 3
    other = walk_forward(STUDY, grid=GRID, train=120, test=70, events=changed, universe=UNIVERSE)
    assert other.windows.head(2).equals(walked.windows.head(2))
    assert not other.windows.equals(walked.windows)


def test_the_stitched_equity_carries_the_capital_by_its_returns(walked: WalkForward):
    grown = 1.0
    for window in walked.windows.rows(named=True):
        grown *= 1.0 + window["test_return"]
    assert walked.equity["equity"][-1] == pytest.approx(1_000_000 * grown)
    assert walked.equity["time"].is_sorted()
    assert len(walked.equity) == sum(len(result.equity) for result in walked.results)


def test_the_figures_are_those_of_the_stitched_curve(walked: WalkForward):
    returns = walked.daily["return"].to_numpy()
    stats = walked.stats
    assert len(returns) == walked.windows["test_days"].sum()
    assert np.prod(1.0 + returns) == pytest.approx(walked.equity["equity"][-1] / 1_000_000)
    assert stats["Sharpe Ratio"] == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(252))
    assert stats["Return [%]"] == pytest.approx(100 * (np.prod(1.0 + returns) - 1.0))
    assert stats["# Trades"] == walked.windows["test_trades"].sum()
    assert stats["Charges [₹]"] == pytest.approx(sum(result.charges["total"][-1] for result in walked.results))
    curve = walked.equity["equity"].to_numpy()
    deepest = (1.0 - curve / np.maximum.accumulate(np.maximum(curve, 1_000_000))).max()
    assert stats["Max. Drawdown [%]"] <= -100 * deepest + 1e-9


def test_after_a_window_that_lost_everything_nothing_is_left(walked: WalkForward):
    prices = [100] * 5 + [100 + 30 * day for day in range(1, 8)]
    ruined = from_signals(dated(prices), pl.lit(False), None, pl.lit(True), product="NRML", fees=0.0)
    first, after = walked.results[:2]
    stitched = Stitched((first, ruined, after))
    # The ruined run owes more than it had, which is not carried on.
    assert ruined.equity["equity"][-1] < 0
    assert stitched.equity["equity"].tail(len(after.equity)).to_list() == [0.0] * len(after.equity)
    assert stitched.figures["total_return"] == -1.0
    assert len(stitched.daily) == len(first.daily) + len(ruined.daily)
    assert WalkForward(walked.windows, walked.parameters, stitched).degradation["out_of_sample"][0] == -1.0


def test_one_window_has_the_figures_of_its_run():
    alone = walk_forward(STUDY, grid={"fast": [2], "slow": [8]}, train=120, test=1_000, **GIVEN)
    (result,) = alone.results
    for label, value in result.stats.items():
        if label not in OF_TRIALS:
            assert alone.stats[label] == (pytest.approx(value) if isinstance(value, float) else value), label


def test_what_is_left_out_of_sample_is_a_ratio_to_what_was_found(walked: WalkForward):
    sharpe = walked.degradation.row(1, named=True)
    assert sharpe["in_sample"] == pytest.approx(walked.windows["train_sharpe"].mean())
    assert sharpe["out_of_sample"] == pytest.approx(walked.stats["Sharpe Ratio"])
    assert sharpe["ratio"] is None or sharpe["ratio"] == sharpe["out_of_sample"] / sharpe["in_sample"]


def test_stability_counts_how_often_parameters_change(walked: WalkForward):
    for row in walked.stability.rows(named=True):
        values = walked.windows[row["parameter"]].to_list()
        assert row["distinct"] == len(set(values))
        assert row["share"] == values.count(int(row["most_frequent"])) / len(values)
        changes = [one != other for one, other in itertools.pairwise(values)]
        assert row["changed"] == sum(changes) / len(changes)


def test_positions_that_are_open_at_the_end_of_a_window_are_told(walked: WalkForward):
    held = (walked.windows["held_at_end"] > 0).sum()
    assert held > 0
    assert walked.notes[0].startswith(f"{held} of {len(walked.windows)} test windows ended with open positions")


def test_a_walk_is_one_trial_however_often_it_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    monkeypatch.setenv("ALPHA_PANDA_TRIALS", str(tmp_path / "trials.sqlite"))
    for train, counted in ((120, 1), (120, 1), (100, 2)):
        assert walk_forward(STUDY, grid=GRID, train=train, test=70, **GIVEN).stats["# Trials"] == counted


def test_the_study_says_how_it_is_walked():
    study = {**STUDY, "sweep": {"parameters": GRID}, "walkforward": {"train": 120, "test": "3mo", "anchored": True}}
    walked = walk_forward(study_of(study)[0], **GIVEN)
    assert set(walked.windows["train_from"]) == {walked.windows["train_from"][0]}
    assert walk_forward(study, anchored=False, **GIVEN).windows["train_from"].n_unique() > 1


def test_the_best_may_be_chosen_by_another_figure():
    walked = walk_forward(STUDY, grid=GRID, train=40, test=100, by="total_return", **GIVEN)
    assert walked.windows["train_sharpe"].null_count() == len(walked.windows)
    assert walked.windows.schema["train_sharpe"] == pl.Float64
    window = walked.windows.row(0, named=True)
    swept = sweep(STUDY, grid=GRID, first=window["train_from"], last=window["train_to"], **GIVEN)
    assert window["train_return"] == swept["total_return"].max()


def test_progress_counts_every_combination_of_every_window():
    told: list[tuple[int, int]] = []
    walk_forward(STUDY, grid=GRID, train=120, test=100, progress=lambda *news: told.append(news), **GIVEN)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (18, 18)  # six combinations in three windows


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({}, "no windows to walk"),
        ({"train": 120}, "no windows to walk"),
        ({"train": 0, "test": 20}, "not the length of a window"),
        ({"train": 120.0, "test": 20}, "not the length of a window"),
        ({"train": 1_000, "test": 20}, "too few to train"),
        ({"train": 40, "test": 20}, "no combination has a sharpe from 2025-01-01"),
        ({"train": 120, "test": 20, "by": "luck"}, "'luck' is no figure"),
    ],
)
def test_a_walk_that_cannot_be_is_refused(terms: dict[str, Any], message: str):
    with pytest.raises(ConfigurationError, match=message):
        walk_forward(STUDY, grid=GRID, **terms, **GIVEN)
