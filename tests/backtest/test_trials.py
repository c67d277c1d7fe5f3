"""The trial ledger: what counts as a trial, that processes may share it, and that it never costs a result."""

import dataclasses
import math
import pathlib
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from alpha_panda.backtest import metrics
from alpha_panda.backtest.inputs import Inputs, Selection, inputs_of, study_of
from alpha_panda.backtest.run import run
from alpha_panda.backtest.trials import Trials, family_of, question_of, remember
from alpha_panda.errors import StoreError
from alpha_panda.kernels.records import BAR, Parameter
from tests.backtest.conftest import Market
from tests.backtest.questions import HOLD, SCRIPT, question


@pytest.fixture
def ledger(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """Return the path of an empty ledger that the test's runs write."""
    path = tmp_path / "deep" / "trials.sqlite"
    monkeypatch.setenv("ALPHA_PANDA_TRIALS", str(path))
    return path


def inputs(asked: Market, **tables) -> Inputs:
    universe, events = asked
    study, folders = study_of(question({"strategy": "hold"}, **tables))
    return inputs_of(study, Selection(events=events, universe=universe), HOLD, folders)


# ── What is counted ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_question_counts_and_the_same_one_only_once(weeks: Market, ledger: pathlib.Path):
    universe, events = weeks
    counts = []
    for capital in (1_000_000, 1_000_000, 2_000_000, 1_000_000):
        result = run(question({"strategy": "hold"}, capital=capital), events=events, universe=universe, strategies=HOLD)
        counts.append(result.trials.count)
    assert counts == [1, 1, 2, 2]


def test_the_block_size_is_no_new_question(weeks: Market, ledger: pathlib.Path):
    universe, events = weeks
    for block in (1_000, 5_000):
        asked = run(question({"strategy": "hold"}), events=events, universe=universe, strategies=HOLD, block=block)
        assert asked.trials.count == 1


def test_everything_that_decides_the_answer_is_part_of_the_question(weeks: Market):
    first = inputs(weeks)
    scripted, _ = study_of(question({"strategy": "script"}))
    other_events = first.events.copy()
    other_events["volume"][np.argmax(other_events["kind"] == BAR)] += 1
    others = [
        inputs(weeks, market={"latency_seconds": 1}),
        dataclasses.replace(first, strategies=(SCRIPT["script"],)),
        dataclasses.replace(first, events=first.events[:-10]),
        dataclasses.replace(first, events=other_events),
    ]
    questions = {question_of(first), question_of(first, "from a day"), *(question_of(other) for other in others)}
    assert len(questions) == 6
    assert question_of(inputs(weeks)) == question_of(first)
    assert scripted.profile != first.profile


def test_a_family_is_instruments_and_resolution_whatever_the_days(weeks: Market, day: Market):
    first = inputs(weeks)
    assert family_of(dataclasses.replace(first, events=first.events[:-10])) == family_of(first)
    assert family_of(inputs(weeks, market={"latency_seconds": 1})) == family_of(first)
    assert family_of(inputs(day)) != family_of(first)
    coarse = first.events[(first.events["kind"] == BAR) & (first.events["time_ns"] % (15 * 60 * 10**9) == 0)]
    assert family_of(dataclasses.replace(first, events=coarse)) != family_of(first)


def test_another_default_of_a_parameter_is_another_question(weeks: Market):
    first = inputs(weeks)
    (strategy,) = first.strategies
    one, other = (
        dataclasses.replace(
            first, strategies=(dataclasses.replace(strategy, parameters={"length": Parameter(k, 1, 9)}),)
        )
        for k in (2, 3)
    )
    assert question_of(one) != question_of(other)


def test_a_sweep_hands_over_all_its_parameter_sets_at_once(weeks: Market, ledger: pathlib.Path):
    sharpes = np.random.default_rng(3).normal(0.01, 0.05, 400)
    sharpes[7] = math.nan
    tried = remember(inputs(weeks), sharpes, "grid")
    assert tried.count == 400
    assert tried.variance == pytest.approx(np.nanvar(sharpes, ddof=1), rel=1e-9)
    assert tried.note == ""


def test_what_a_run_counts_is_its_daily_sharpe_ratio(ledger: pathlib.Path, minutes):
    asked = run(question(), data=minutes, instruments=["NSE:INFY"], first="2024-05-02", last="2024-09-30")
    returns = asked.daily["return"].to_numpy()
    (row,) = sqlite3.connect(ledger).execute("SELECT tried, measured, total, best FROM trials").fetchall()
    assert row == pytest.approx((1, 1, *[returns.mean() / returns.std(ddof=1)] * 2), rel=1e-9)
    assert metrics.daily_sharpes(asked.account)[0] == row[2]


# ── The file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_summary_is_that_of_all_trials_together(tmp_path: pathlib.Path):
    ledger, random = Trials(tmp_path / "trials.sqlite"), np.random.default_rng(5)
    parts = [random.normal(0.02, 0.05, size) for size in (1, 30, 1, 400)]
    for number, part in enumerate(parts):
        ledger.record("one", str(number), part)
    ledger.record("another", "0", np.array([9.0]))
    together = np.concatenate(parts)
    known = ledger.summary("one")
    assert known.tried == 432
    assert known.mean == pytest.approx(together.mean(), rel=1e-9)
    assert known.variance == pytest.approx(together.var(ddof=1), rel=1e-9)
    assert known.best == together.max()


def test_trials_without_a_ratio_count_but_do_not_vary(tmp_path: pathlib.Path):
    ledger = Trials(tmp_path / "trials.sqlite")
    ledger.record("family", "too short", np.array([math.nan, math.nan]))
    known = ledger.summary("family")
    assert (known.tried, known.variance) == (2, 0.0)
    assert math.isnan(known.mean)
    ledger.record("family", "long", np.array([0.1, math.nan]))
    known = ledger.summary("family")
    assert (known.tried, known.mean, known.variance, known.best) == (4, 0.1, 0.0, 0.1)
    assert ledger.summary("never asked").tried == 0


_WRITER = """
import pathlib, sys
import numpy as np
from alpha_panda.backtest.trials import Trials
for number in range(40):
    Trials(pathlib.Path(sys.argv[1])).record("family", f"{int(sys.argv[2]) % 2} {number}", np.array([0.1]))
"""


def test_several_processes_write_one_ledger(tmp_path: pathlib.Path):
    path = tmp_path / "trials.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(path), str(number)]) for number in range(4)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    # Two of the four ask what the other two ask.
    assert Trials(path).summary("family").tried == 80


def test_a_ledger_that_cannot_be_used_is_a_note_and_no_lost_result(
    weeks: Market, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    universe, events = weeks
    (tmp_path / "a_file").write_text("not a ledger")
    for path in (tmp_path / "a_file", tmp_path / "a_file" / "trials.sqlite"):
        monkeypatch.setenv("ALPHA_PANDA_TRIALS", str(path))
        result = run(question({"strategy": "hold"}), events=events, universe=universe, strategies=HOLD)
        assert result.trials.count == 1
        (note,) = result.notes
        assert note.startswith(f"this trial is not counted: the trial ledger {path} cannot be used")
        assert note in repr(result)


def test_a_ledger_that_stays_locked_is_given_up(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("alpha_panda.backtest.trials._WAIT_SECONDS", 0.05)
    path = tmp_path / "trials.sqlite"
    Trials(path).record("family", "0", np.array([0.1]))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="database is locked"):
        Trials(path).record("family", "1", np.array([0.1]))
    holder.execute("ROLLBACK")
    holder.close()
    Trials(path).record("family", "1", np.array([0.1]))
    assert Trials(path).summary("family").tried == 2


def test_the_ledger_may_be_switched_off(weeks: Market, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALPHA_PANDA_TRIALS", "off")
    universe, events = weeks
    result = run(question({"strategy": "hold"}), events=events, universe=universe, strategies=HOLD)
    assert result.notes == ("trials are not counted, for ALPHA_PANDA_TRIALS is off",)
    assert list(tmp_path.iterdir()) == []


def test_a_workspace_keeps_its_ledger_with_its_results(
    weeks: Market, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALPHA_PANDA_TRIALS")
    assert remember(inputs(weeks), np.array([0.1])).count == 1
    assert (tmp_path / "backtest/results/trials.sqlite").is_file()
