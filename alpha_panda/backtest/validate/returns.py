"""The daily returns of every combination of a sweep, as `pbo` and cross-validation judge them.

The chain is that of the sweep; a block ends with each day, which changes no byte, and the equity is read there. So the
returns are those that the account itself counts.
"""

import dataclasses
import datetime
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.backtest.chunks import CHUNK, Shared
from alpha_panda.backtest.grid import Axis, Condition
from alpha_panda.backtest.inputs import Date, Inputs, Progress, Question, Selection, date_of
from alpha_panda.backtest.metrics import RETURN_DAYS_MIN
from alpha_panda.backtest.sweep import digest_of
from alpha_panda.backtest.trials import remember
from alpha_panda.backtest.validate.asking import Choice, asked_of
from alpha_panda.backtest.validate.days import Days
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.events import EventArray
from alpha_panda.errors import ConfigurationError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.jit import Kernel
from alpha_panda.strategy import Strategy

Floats = npt.NDArray[np.float64]

CELLS_MAX = 1 << 29
"""Combinations times days at most: their returns alone take 4 GiB."""


@dataclasses.dataclass(frozen=True)
class DailyReturns:
    """The returns of each day, (combinations, days), with what the rows and the columns stand for.

    A day that began with nothing left, or with debts, returned 0.
    """

    combinations: pl.DataFrame
    dates: tuple[datetime.date, ...]
    returns: Floats


def daily_returns_of(
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
    workers: int | None = None,
    progress: Progress | None = None,
) -> DailyReturns:
    """Return the daily returns of every combination of a sweep; the arguments are those of `sweep`.

    Takes 8 bytes a combination and day, 200 MB for 10,000 combinations over 2,500 days, and as trials they count as the
    sweep of the same combinations does. Raises ConfigurationError beyond CELLS_MAX, else what `sweep` raises.
    """
    selection = Selection(data, date_of(first), date_of(last), instruments, resolution, events, universe, adjusted)
    asked = asked_of(question, strategy, selection, strategies, Choice(grid, where, sample, seed))
    returns = returns_of(asked.inputs, asked.combinations, workers, progress)
    enough = returns.shape[1] >= RETURN_DAYS_MIN
    deviation = returns.std(axis=1, ddof=1) if enough else np.zeros(len(returns))
    sharpes = np.divide(returns.mean(axis=1), deviation, out=np.full(len(returns), np.nan), where=deviation > 0)
    remember(asked.inputs, sharpes, "sweep", digest_of(asked.combinations))
    return DailyReturns(asked.combinations, asked.days.dates, returns)


def returns_of(
    inputs: Inputs, combinations: pl.DataFrame, workers: int | None = None, progress: Progress | None = None
) -> Floats:
    """Return the daily returns (combinations, days); `progress(done, total)` is told in combinations."""
    workers = workers if workers is not None else os.cpu_count() or 1
    days = Days.of(inputs.events)
    if len(combinations) * len(days) > CELLS_MAX:
        raise ConfigurationError(
            f"the daily returns of {len(combinations):,} combinations over {len(days):,} days do not fit: take fewer"
        )
    if workers < 1:
        raise ConfigurationError("workers must be at least 1")
    shared = Shared.of(inputs, combinations)
    returns = np.empty((len(combinations), len(days)))
    for numbers, made in _passed(shared, days, workers):
        returns[numbers.start : numbers.stop] = made
        if progress is not None:
            progress(numbers.stop, len(combinations))
    return returns


def _passed(shared: Shared, days: Days, workers: int) -> Iterator[tuple[range, Floats]]:
    """Yield the returns of each chunk, in order; when closed, stop the others at their next block."""

    def returns(numbers: range) -> Floats:
        return _chunk(shared, days, numbers)

    chunks = shared.chunks(CHUNK, workers)
    with ThreadPoolExecutor(workers, "returns") as pool:
        try:
            yield from zip(chunks, pool.map(returns, chunks), strict=True)
        finally:
            shared.stopped.set()
            pool.shutdown(cancel_futures=True)


def _chunk(shared: Shared, days: Days, numbers: range) -> Floats:
    """Pass all events through some combinations and return what each made on each day."""
    closes_e4 = np.empty((len(numbers), len(days) + 1), np.int64)
    closes_e4[:, 0] = shared.inputs.profile.account.capital_e4
    dataclasses.replace(shared, kernel=_by_day(shared.kernel, days, closes_e4)).advance(numbers)
    before_e4, after_e4 = closes_e4[:, :-1], closes_e4[:, 1:]
    return np.where(before_e4 > 0, after_e4 / np.where(before_e4 > 0, before_e4, 1) - 1.0, 0.0)


def _by_day(kernel: Kernel, days: Days, closes_e4: npt.NDArray[np.int64]) -> Kernel:
    """Return the kernel of a sweep that ends a block with each day and notes the equity there."""

    def passed(
        terms: Any,
        stage: Any,
        state: Any,
        outputs: Any,
        first: int,
        last: int,
        events: EventArray,
        start: int,
        stop: int,
        signals: Any,
    ) -> None:
        while start < stop:
            day = int(np.searchsorted(days.starts, start, side="right"))
            end = min(int(days.starts[day]), stop)
            kernel(terms, stage, state, outputs, first, last, events, start, end, signals)
            closes_e4[:, day] = state.accounts["equity_e4"]
            start = end

    return passed
