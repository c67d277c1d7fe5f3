"""A sweep is many runs: to the byte, however it is cut into blocks, chunks and threads."""

import contextlib
import datetime
import math
import pathlib
import signal
import subprocess
import sys
import threading
import tracemalloc
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from alpha_panda.backtest.chunks import Shared
from alpha_panda.backtest.grid import combinations_of, with_parameters
from alpha_panda.backtest.inputs import Inputs, Selection, inputs_of, study_of
from alpha_panda.backtest.metrics import account_figures
from alpha_panda.backtest.run import run
from alpha_panda.backtest.sweep import sweep
from alpha_panda.backtest.trials import Trials, family_of
from alpha_panda.config import Study
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.synthetic import synthetic_bars
from alpha_panda.errors import ConfigurationError, StrategyError
from alpha_panda.kernels import Parameter, kernel
from tests.backtest.conftest import Market
from tests.backtest.questions import ROOT, notebook_strategy, question, small_market, strategy_file

GRID = {"fast": [3, 5, 9], "slow": [10, 20, 40, 50], "allow_short": [0, 1]}
INTRADAY = {"product": "MIS", "guards": {"stop_loss": 0.01}}


def assert_sweep_equals_runs(inputs: Inputs, grid: dict[str, Any], chosen: list[int] | None = None):
    """Hold some combinations, swept together, against a run of each alone: accounts and books, byte for byte."""
    combinations = combinations_of(Study(profile=inputs.profile), inputs.strategies[0], grid)
    stage, state = Shared.of(inputs, combinations, 1_000).advance(range(len(combinations)))
    for number in range(len(combinations)) if chosen is None else chosen:
        profile = with_parameters(inputs.profile, combinations.row(number, named=True))
        alone = run(
            profile,
            events=inputs.events,
            universe=inputs.universe,
            strategies={profile.strategies[0].strategy: inputs.strategies[0]},
        )
        assert state.accounts[number].tobytes() == alone.account[0].tobytes()
        assert state.books[number].tobytes() == alone.books.tobytes()
        assert state.quotes[number].tobytes() == alone.quotes.tobytes()
        assert alone.summary["fills"] > 0
    assert not stage.stages["fault"].any()


def test_random_combinations_equal_runs_to_the_byte(weeks: Market):
    universe, events = weeks
    inputs = inputs_of(study_of(question(INTRADAY))[0], Selection(events=events, universe=universe), {}, ())
    grid = {"fast": range(2, 8), "slow": range(10, 20), "allow_short": (0, 1)}
    chosen = np.random.default_rng(11).choice(6 * 10 * 2, 12, replace=False).tolist()
    assert_sweep_equals_runs(inputs, grid, chosen)


def test_a_ranking_strategy_sweeps_like_it_runs(weeks: Market):
    universe, events = weeks
    asked = question({"strategy": strategy_file("rank_momentum"), "interval": "15m"})
    inputs = inputs_of(study_of(asked)[0], Selection(events=events, universe=universe), {}, ())
    assert_sweep_equals_runs(inputs, {"lookback": (4, 8, 16), "rebalance": (2, 5), "top": (1,)})


def test_real_minutes_sweep_like_they_run(minutes: Catalog):
    study, folders = study_of(ROOT / "backtest/ema_cross_sweep.toml")
    inputs = inputs_of(study, Selection(minutes, last=datetime.date(2024, 5, 22)), {}, folders)
    assert_sweep_equals_runs(inputs, {"fast": (4, 8, 12), "slow": (26, 52)}, [0, 3, 5])


def test_blocks_chunks_and_threads_change_no_figure(weeks: Market):
    universe, events = weeks
    selected: dict[str, Any] = {"grid": GRID, "events": events, "universe": universe}
    once = sweep(question(INTRADAY), workers=1, **selected)
    assert len(once) == 24
    assert once["fills"].min() > 0
    for cut in ({"workers": 2}, {"workers": 3, "chunk": 1}, {"workers": 2, "chunk": 5, "block": 777}):
        assert sweep(question(INTRADAY), **cut, **selected).equals(once, null_equal=True)


def test_a_row_tells_the_same_as_the_account_of_a_run(weeks: Market):
    universe, events = weeks
    asked = question({**INTRADAY, "parameters": {"slow": 30}})
    row = sweep(asked, grid={"fast": [3, 5]}, events=events, universe=universe).row(1, named=True)
    alone = run(question({**INTRADAY, "parameters": {"slow": 30, "fast": 5}}), events=events, universe=universe)
    figures = account_figures(alone.account, alone.first_ns, alone.last_ns)
    assert row.pop("fast") == 5
    # Three weeks are too short for a yearly figure, which is null in a frame and NaN in an array.
    assert row.pop("sharpe") is row.pop("volatility") is None
    assert row == {name: figures[name].item() for name in row}


def test_the_study_says_what_is_swept(minutes: Catalog):
    frame = sweep(ROOT / "backtest/ema_cross_sweep.toml", data=minutes, last="2024-05-22")
    # The study's grid: 8 fast and 7 slow averages.
    assert len(frame) == 8 * 7
    assert frame.columns[:2] == ["fast", "slow"]
    assert frame["equity"].n_unique() > 50


def test_progress_counts_combinations(weeks: Market):
    universe, events = weeks
    told: list[tuple[int, int]] = []
    sweep(question(), grid=GRID, events=events, universe=universe, chunk=10, progress=lambda *done: told.append(done))
    assert told[-1] == (24, 24)
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_whatever_progress_raises_ends_the_sweep(weeks: Market):
    universe, events = weeks
    told: list[int] = []

    def cancel(done: int, total: int) -> None:
        told.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(question(), grid=GRID, events=events, universe=universe, chunk=1, progress=cancel)
    assert told == [1]


def test_an_interrupt_ends_the_sweep_and_its_threads():
    script = "from tests.backtest.test_sweep import sweep_until_interrupted; sweep_until_interrupted()"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        for _ in range(10):  # as a person would: Python loses an interrupt that arrives within a destructor
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
                break
        assert process.stdout.read() == "interrupted, with []\n"


def sweep_until_interrupted() -> None:
    """Begin a sweep of minutes; print when it runs, and which of its threads are left when it was interrupted."""
    universe, events = synthetic_bars(datetime.date(2026, 11, 2), datetime.date(2026, 11, 20), 7, ("SIM:LOTUS",))
    grid = {"fast": range(2, 502), "slow": range(2, 502)}
    told: list[int] = []

    def tell(done: int, total: int) -> None:
        if not told:
            print("running", flush=True)  # noqa: T201  # read by the test
        told.append(done)

    try:
        sweep(question(), grid=grid, events=events, universe=universe, progress=tell)
    except KeyboardInterrupt:
        left = [thread.name for thread in threading.enumerate() if thread.name.startswith("sweep")]
        print(f"interrupted, with {left}")  # noqa: T201  # read by the test


def test_senseless_combinations_are_neither_run_nor_counted_as_trials(
    weeks: Market, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    universe, events = weeks
    monkeypatch.setenv("ALPHA_PANDA_TRIALS", str(tmp_path / "trials.sqlite"))
    grid = {"fast": [5, 20, 40], "slow": [10, 20, 30]}
    rows = sweep(question(), grid=grid, where=pl.col("fast") < pl.col("slow"), events=events, universe=universe)
    assert rows.select("fast", "slow").rows() == [(5, 10), (5, 20), (5, 30), (20, 30)]
    inputs = inputs_of(study_of(question())[0], Selection(events=events, universe=universe), {}, ())
    ledger = Trials(tmp_path / "trials.sqlite")
    assert ledger.summary(family_of(inputs)).tried == 4
    sweep(question(), grid=grid, where="fast < slow", events=events, universe=universe)  # the same once more
    assert ledger.summary(family_of(inputs)).tried == 4
    sweep(question(), grid=grid, sample=2, events=events, universe=universe)
    assert ledger.summary(family_of(inputs)).tried == 6


def test_the_trials_are_the_daily_sharpe_ratios_of_the_rows(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    universe, events = synthetic_bars(datetime.date(2024, 1, 1), datetime.date(2024, 12, 31), 5, ("SIM:LOTUS",), "1d")
    monkeypatch.setenv("ALPHA_PANDA_TRIALS", str(tmp_path / "trials.sqlite"))
    asked = question({"interval": "1d"}, risk={"after_market": True})
    rows = sweep(asked, grid={"fast": [2, 3, 5], "slow": [8, 13]}, events=events, universe=universe)
    inputs = inputs_of(study_of(asked)[0], Selection(events=events, universe=universe), {}, ())
    known = Trials(tmp_path / "trials.sqlite").summary(family_of(inputs))
    daily = rows["sharpe"].to_numpy() / math.sqrt(252)
    assert rows["sharpe"].null_count() == 0
    assert known == (6, pytest.approx(daily.mean()), pytest.approx(daily.var(ddof=1)), pytest.approx(daily.max()))


def test_rows_go_into_a_table_that_bears_the_name_of_the_study(
    weeks: Market, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    universe, events = weeks
    path = tmp_path / "results.duckdb"
    rows = sweep(question(), grid={"fast": [3, 5]}, events=events, universe=universe, into=path)
    with duckdb.connect(path, read_only=True) as database:
        assert database.table("s0").pl().equals(rows, null_equal=True)  # the strategy's, where there is no file
    with pytest.raises(ConfigurationError, match="there is no folder"):
        sweep(question(), grid={"fast": [3, 5]}, events=events, universe=universe, into=tmp_path / "absent" / "a.csv")


def test_a_strategy_that_misbehaves_ends_the_sweep_by_name():
    @kernel
    def beyond(state: Any, params: Any, bar: Any) -> float:
        return params.target

    universe, events = small_market(500, 501, 502)
    reckless = notebook_strategy("reckless", beyond, target=Parameter(0.0, 0.0, 2.0))
    with pytest.raises(StrategyError, match=r"strategy s0 returned a target outside \[-1, 1\]"):
        sweep(
            question({"strategy": "reckless"}),
            grid={"target": [0.5, 1.5]},
            events=events,
            universe=universe,
            strategies={"reckless": reckless},
        )


def test_a_parameter_may_not_bear_the_name_of_a_figure():
    @kernel
    def flat(state: Any, params: Any, bar: Any) -> float:
        return 0.0

    universe, events = small_market(500, 501)
    named = notebook_strategy("named", flat, exposure=Parameter(0, 0, 9))
    with pytest.raises(ConfigurationError, match="'exposure' is also the name of a figure"):
        sweep(
            question({"strategy": "named"}),
            grid={"exposure": [1]},
            events=events,
            universe=universe,
            strategies={"named": named},
        )


def test_blocks_chunks_and_pools_of_none_are_refused(weeks: Market):
    universe, events = weeks
    for none in ({"block": 0}, {"chunk": 0}, {"workers": 0}):
        with pytest.raises(ConfigurationError, match="must each be at least 1"):
            sweep(question(), grid=GRID, events=events, universe=universe, **none)
    with pytest.raises(ConfigurationError, match="there is no engine 'dask': choose one of threads, ray"):
        sweep(question(), grid=GRID, events=events, universe=universe, engine="dask")


def test_memory_does_not_grow_with_the_grid(weeks: Market):
    universe, events = weeks
    peaks: list[int] = []
    for slow in (range(60, 70), range(60, 260)):
        tracemalloc.start()
        grid = {"fast": range(2, 22), "slow": slow}
        sweep(question(), grid=grid, events=events[:300], universe=universe, workers=1, chunk=50)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Of 3,800 more combinations each keeps 2 parameters and 19 figures of 8 bytes, which three copies of the frame hold
    # at worst; their windows and accounts, 20 KiB each, are gone.
    assert peaks[1] - peaks[0] < 3_800 * 3 * 21 * 8
