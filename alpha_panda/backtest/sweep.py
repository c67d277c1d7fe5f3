"""Many backtests of one strategy, over a grid of parameters: the same kernels, each combination on its own account.

Combinations pass in chunks, each on a thread; the kernels hold no lock while they run. A chunk keeps no outputs and no
equity curve: its figures are read from the accounts, and its memory is returned before the next one begins.
"""

import dataclasses
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.backtest.grid import Grid, alone, grid_of
from alpha_panda.backtest.inputs import Date, Inputs, Progress, Question, Selection, date_of, inputs_of, study_of
from alpha_panda.backtest.metrics import account_figures
from alpha_panda.chain import (
    build_outputs,
    build_stage,
    build_state,
    build_terms,
    raise_account_fault,
    raise_stage_fault,
    signals_needed,
)
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.events import EventArray
from alpha_panda.errors import ConfigurationError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.bundles import Stage, State, Terms
from alpha_panda.kernels.jit import Kernel
from alpha_panda.kernels.records import ACCOUNT, SIGNAL
from alpha_panda.kernels.replay import sweep_block
from alpha_panda.strategy import Strategy, Value

BLOCK = 4_096
"""Events passed at once: every parameter set of a chunk reads them again, so the nearest cache must hold them."""

CHUNK = 64
"""Combinations that pass together at most; more would not be faster."""

CHUNK_BYTES = 1 << 25
"""Memory of the combinations that pass together at most, 32 MiB: the window of an indicator takes 4 KiB or more."""

Figures = dict[str, npt.NDArray[np.number]]


def sweep(
    question: Question,
    *,
    grid: Mapping[str, Sequence[Value]] | None = None,
    strategy: str | None = None,
    data: Catalog | str | os.PathLike[str] | None = None,
    first: Date = None,
    last: Date = None,
    instruments: Sequence[str] = (),
    resolution: str | None = None,
    events: EventArray | None = None,
    universe: Universe | None = None,
    strategies: Mapping[str, Strategy] | None = None,
    block: int = BLOCK,
    chunk: int = CHUNK,
    workers: int | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Run every combination of a grid over one strategy and return a row of figures for each, parameters first.

    `grid` maps parameters to values, else the study's `[sweep]` does; `strategy` names one of the profile's, the others
    are left out. Each combination is what `run` would make of it, to the byte, so its figures are those of
    `metrics.account_figures`; null says that one is not defined. The arguments that choose events are those of `run`.

    `workers` threads (one per processor) pass up to `chunk` combinations and `block` events at a time, none of which
    changes a figure. `progress(done, total)` is told in combinations, and ends the sweep by raising. Raises an
    AlphaPandaError for anything that cannot be.
    """
    study, folders = study_of(question)
    selection = Selection(data, date_of(first), date_of(last), instruments, resolution, events, universe)
    inputs = inputs_of(alone(study, strategy), selection, strategies or {}, folders)
    return sweep_inputs(inputs, grid_of(study, grid, inputs.strategies[0]), block, chunk, workers, progress)


def sweep_inputs(
    inputs: Inputs,
    grid: Grid,
    block: int = BLOCK,
    chunk: int = CHUNK,
    workers: int | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Return a row per combination of `grid`; ConfigurationError for a block, chunk or pool of none."""
    workers = workers if workers is not None else os.cpu_count() or 1
    if min(block, chunk, workers) < 1:
        raise ConfigurationError("block, chunk and workers must each be at least 1")
    taken = [name for name in grid.parameters if name in account_figures(np.zeros(0, ACCOUNT), 0, 0)]
    if taken:
        raise ConfigurationError(f"parameter {taken[0]!r} is also the name of a figure: rename it in the strategy")
    shared = Shared.of(inputs, grid, block)
    size = max(min(chunk, CHUNK_BYTES // shared.combination_bytes(), -(-len(grid) // workers)), 1)
    chunks = [range(start, min(start + size, len(grid))) for start in range(0, len(grid), size)]
    rows: list[Figures] = [{} for _ in chunks]
    done = 0
    with ThreadPoolExecutor(workers, "sweep") as pool:
        places = {pool.submit(shared.figures, numbers): place for place, numbers in enumerate(chunks)}
        try:
            for future in as_completed(places):
                place = places[future]
                rows[place] = future.result()
                done += len(chunks[place])
                if progress is not None:
                    progress(done, len(grid))
        finally:
            shared.stopped.set()
            pool.shutdown(cancel_futures=True)
    figures = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    return pl.concat([grid.frame(), pl.DataFrame(figures).fill_nan(None)], how="horizontal")


@dataclasses.dataclass(frozen=True)
class Shared:
    """What all chunks of a sweep share; nothing of it changes but the wish to stop."""

    inputs: Inputs
    grid: Grid
    block: int
    terms: Terms
    kernel: Kernel
    stopped: threading.Event

    @classmethod
    def of(cls, inputs: Inputs, grid: Grid, block: int) -> Self:
        """Return what a sweep of the inputs' only strategy shares."""
        (strategy,) = inputs.strategies
        kernel = sweep_block(strategy.step, strategy.step_all)
        return cls(inputs, grid, block, build_terms(inputs.profile, inputs.universe), kernel, threading.Event())

    def combination_bytes(self) -> int:
        """Return how much memory one combination takes while it passes."""
        stage, state = self._fresh(range(1))
        return sum(array.nbytes for array in (*stage, *state))

    def figures(self, numbers: range) -> Figures:
        """Pass all events through some combinations and return their figures."""
        _, state = self.advance(numbers)
        times_ns = self.inputs.events["time_ns"]
        return account_figures(state.accounts, int(times_ns[0]), int(times_ns[-1]))

    def advance(self, numbers: range) -> tuple[Stage, State]:
        """Pass all events through some combinations, unless the sweep is stopped, and return where that led them."""
        stage, state = self._fresh(numbers)
        outputs, events, blocks = build_outputs(0), self.inputs.events, self._blocks()
        ranks = self.inputs.strategies[0].step_all is not None
        signals = np.zeros(max(signals_needed(stage, events[start:stop], ranks) for start, stop in blocks), SIGNAL)
        for start, stop in blocks:
            if self.stopped.is_set():
                break
            self.kernel(self.terms, stage, state, outputs, 0, len(numbers), events, start, stop, signals)
        for stage_fault, account_fault in zip(stage.stages["fault"], state.accounts["fault"], strict=True):
            raise_stage_fault(stage_fault, self.inputs.profile.strategies[0].name)
            raise_account_fault(account_fault)
        return stage, state

    def _fresh(self, numbers: range) -> tuple[Stage, State]:
        (terms,), (strategy,), universe = self.inputs.profile.strategies, self.inputs.strategies, self.inputs.universe
        stage = build_stage(terms, strategy, universe, [self.grid[number] for number in numbers])
        return stage, build_state(self.inputs.profile, len(universe), accounts=len(numbers))

    def _blocks(self) -> list[tuple[int, int]]:
        length = len(self.inputs.events)
        return [(start, min(start + self.block, length)) for start in range(0, length, self.block)]
