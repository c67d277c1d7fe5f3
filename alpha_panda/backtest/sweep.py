"""Many backtests of one strategy, over combinations of its parameters: the same kernels, each on its own account.

Combinations pass in chunks, each on a thread of this process or as a task on a cluster, and only their figures remain.
"""

import contextlib
import hashlib
import math
import os
import pathlib
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Literal, get_args

import numpy as np
import polars as pl

from alpha_panda.backtest.chunks import BLOCK, CHUNK, NO_FIGURES, Figures, Shared
from alpha_panda.backtest.grid import Axis, Condition, alone, combinations_of
from alpha_panda.backtest.inputs import Date, Inputs, Progress, Question, Selection, date_of, inputs_of, study_of
from alpha_panda.backtest.metrics import DAYS_A_YEAR
from alpha_panda.backtest.tables import check_target, write_table
from alpha_panda.backtest.trials import remember
from alpha_panda.config import Study
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.events import EventArray
from alpha_panda.errors import ConfigurationError
from alpha_panda.instruments import Universe
from alpha_panda.strategy import Strategy

Engine = Literal["threads", "ray"]
"""Where chunks pass: on threads of this process, or as tasks on a Ray cluster."""


def sweep(
    question: Question,
    *,
    grid: Mapping[str, Axis] | None = None,
    where: Condition | None = None,
    sample: int | None = None,
    seed: int | None = None,
    strategy: str | None = None,
    data: Catalog | str | os.PathLike[str] | None = None,
    first: Date = None,
    last: Date = None,
    instruments: Sequence[str] = (),
    resolution: str | None = None,
    events: EventArray | None = None,
    universe: Universe | None = None,
    adjusted: bool | None = None,
    strategies: Mapping[str, Strategy] | None = None,
    into: str | os.PathLike[str] | None = None,
    block: int = BLOCK,
    chunk: int = CHUNK,
    workers: int | None = None,
    engine: Engine = "threads",
    address: str | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Run every combination of a grid over one strategy and return a row of figures for each, parameters first.

    `grid` maps parameters to values, else the study's `[sweep]` does; `sample` takes that many of its combinations by
    chance, and those against `where` do not exist: see `grid.combinations_of`. `strategy` names one of the profile's,
    the others are left out. Each combination is what `run` would make of it, to the byte, so its figures are those of
    `metrics.account_figures`; null says that one is not defined. The arguments that choose events are those of `run`.
    The rows also go `into` a .parquet or .csv file, or into a .duckdb file as a table that bears the study's name.

    `workers` (one per processor) pass up to `chunk` combinations and `block` events at a time, none of which changes a
    figure; nor does the `engine`, of which `ray` wants the `address` of a cluster or starts one here: see cluster.py.
    `progress(done, total)` is told in combinations, and ends the sweep by raising. Every combination is counted in the
    trial ledger. Raises an AlphaPandaError for anything that cannot be.
    """
    if into is not None:
        check_target(pathlib.Path(into))
    study, folders = study_of(question)
    study = alone(study, strategy)
    selection = Selection(data, date_of(first), date_of(last), instruments, resolution, events, universe, adjusted)
    inputs = inputs_of(study, selection, strategies or {}, folders)
    combinations = combinations_of(study, inputs.strategies[0], grid, where, sample, seed)
    rows = sweep_inputs(inputs, combinations, block, chunk, workers, engine, address, progress)
    if into is not None:
        write_table(rows, pathlib.Path(into), name_of(question, study))
    return rows


def name_of(question: Question, study: Study) -> str:
    """Return what a study is called: its file, else its strategy."""
    if isinstance(question, str | os.PathLike):
        return pathlib.Path(question).stem
    return study.profile.strategies[0].name


def sweep_inputs(
    inputs: Inputs,
    combinations: pl.DataFrame,
    block: int = BLOCK,
    chunk: int = CHUNK,
    workers: int | None = None,
    engine: Engine = "threads",
    address: str | None = None,
    progress: Progress | None = None,
    counted: bool = True,
) -> pl.DataFrame:
    """Return `combinations` with their figures, `counted` as trials; ConfigurationError for a block or pool of none."""
    workers = workers if workers is not None else os.cpu_count() or 1
    if min(block, chunk, workers) < 1:
        raise ConfigurationError("block, chunk and workers must each be at least 1")
    if engine not in get_args(Engine):
        raise ConfigurationError(f"there is no engine {engine!r}: choose one of {', '.join(get_args(Engine))}")
    taken = [name for name in combinations.columns if name in NO_FIGURES]
    if taken:
        raise ConfigurationError(f"parameter {taken[0]!r} is also the name of a figure: rename it in the strategy")
    shared = Shared.of(inputs, combinations, block)
    figures = {name: np.empty(len(combinations), array.dtype) for name, array in NO_FIGURES.items()}
    chunks, done = shared.chunks(chunk, workers), 0
    if engine == "ray":
        from alpha_panda.backtest.cluster import on_ray

        passing = on_ray(shared, chunks, workers, address)
    else:
        passing = _on_threads(shared, chunks, workers)
    with contextlib.closing(passing) as passed:
        for numbers, made in passed:
            for name, values in made.items():
                figures[name][numbers.start : numbers.stop] = values
            done += len(numbers)
            if progress is not None:
                progress(done, len(combinations))
    daily_sharpes = figures["sharpe"].astype(np.float64) / math.sqrt(DAYS_A_YEAR)
    if counted:
        remember(inputs, daily_sharpes, "sweep", digest_of(combinations))
    return combinations.hstack(pl.DataFrame(figures).fill_nan(None))


def digest_of(combinations: pl.DataFrame) -> str:
    """Return a hash of combinations in their order."""
    digest = hashlib.sha256(repr(combinations.schema).encode())
    for values in combinations:
        digest.update(values.to_numpy().tobytes())
    return digest.hexdigest()


def _on_threads(shared: Shared, chunks: Sequence[range], workers: int) -> Generator[tuple[range, Figures]]:
    """Yield the figures of each chunk as soon as they are there; when closed, stop the others at their next block."""
    with ThreadPoolExecutor(workers, "sweep") as pool:
        try:
            running = {pool.submit(shared.figures, numbers): numbers for numbers in chunks}
            for future in as_completed(running):
                yield running.pop(future), future.result()
        finally:
            shared.stopped.set()
            pool.shutdown(cancel_futures=True)
