"""A chunk of a sweep: some combinations that pass the events together, each on an account of its own.

A chunk keeps no outputs and no equity curve: its figures are read from the accounts, and its memory is returned before
the next one begins. The kernels hold no lock while they run.
"""

import dataclasses
import threading
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.backtest.inputs import Inputs
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
from alpha_panda.kernels.bundles import Stage, State, Terms
from alpha_panda.kernels.jit import Kernel
from alpha_panda.kernels.records import ACCOUNT, SIGNAL
from alpha_panda.kernels.replay import sweep_block

BLOCK = 4_096
"""Events passed at once: every parameter set of a chunk reads them again, so the nearest cache must hold them."""

CHUNK = 256
"""Combinations that pass together at most: so many that Python's share is small, so few that a stop is prompt."""

CHUNK_BYTES = 1 << 25
"""Memory of the combinations that pass together at most, 32 MiB: the window of an indicator takes 4 KiB or more."""

Figures = dict[str, npt.NDArray[np.number]]

NO_FIGURES: Figures = account_figures(np.zeros(0, ACCOUNT), 0, 0)
"""The figures of no combination: their names and types."""

_OF_EACH = ("stages", "slots", "building", "closed", "states", "params")  # what a stage holds for each combination


@dataclasses.dataclass(frozen=True)
class Shared:
    """What all chunks of a sweep share; nothing of it changes but the wish to stop."""

    inputs: Inputs
    combinations: pl.DataFrame
    block: int
    terms: Terms
    kernel: Kernel
    stopped: threading.Event

    @classmethod
    def of(cls, inputs: Inputs, combinations: pl.DataFrame, block: int = BLOCK) -> Self:
        """Return what a sweep of the inputs' only strategy shares."""
        (strategy,) = inputs.strategies
        kernel = sweep_block(strategy.step, strategy.step_all)
        return cls(inputs, combinations, block, build_terms(inputs.profile, inputs.universe), kernel, threading.Event())

    def chunks(self, most: int, workers: int) -> list[range]:
        """Return the numbers of the combinations cut into chunks of at most `most`, as many for each worker."""
        count = len(self.combinations)
        stage, state = self._fresh(range(1))
        bytes_each = sum(array.nbytes for array in (*stage, *state))
        most = max(min(most, CHUNK_BYTES // bytes_each), 1)
        rounds = -(-count // (most * workers))
        size = -(-count // (rounds * workers))
        return [range(start, min(start + size, count)) for start in range(0, count, size)]

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
        one = build_stage(terms, strategy, universe, [{}])
        stage = one._replace(**{name: np.repeat(getattr(one, name), len(numbers), axis=0) for name in _OF_EACH})
        for name, values in self.combinations[numbers.start : numbers.stop].to_dict().items():
            stage.params[name] = values.to_numpy()
        return stage, build_state(self.inputs.profile, len(universe), accounts=len(numbers))

    def _blocks(self) -> list[tuple[int, int]]:
        length = len(self.inputs.events)
        return [(start, min(start + self.block, length)) for start in range(0, length, self.block)]
