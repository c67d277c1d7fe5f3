"""One backtest: a plain loop that passes blocks of past events through the strategies and then through the account."""

import dataclasses
import datetime
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from alpha_panda.backtest.inputs import BLOCK, Date, Inputs, Progress, Question, Selection, date_of, inputs_of, study_of
from alpha_panda.backtest.metrics import daily_sharpes
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.trials import remember
from alpha_panda.backtest.warmup import Standing
from alpha_panda.chain import AccountStage, SignalStage, Work, joined
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.events import EventArray
from alpha_panda.errors import ConfigurationError, EventError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import CLOCK, Records
from alpha_panda.strategy import Strategy
from alpha_panda.units import ist_time_ns


def run(
    question: Question,
    *,
    data: Catalog | str | os.PathLike[str] | None = None,
    first: Date = None,
    last: Date = None,
    instruments: Sequence[str] = (),
    resolution: str | None = None,
    events: EventArray | None = None,
    universe: Universe | None = None,
    adjusted: bool | None = None,
    strategies: Mapping[str, Strategy] | None = None,
    trade_from: Date = None,
    block: int = BLOCK,
    progress: Progress | None = None,
) -> Result:
    """Run a profile or a study over past events and return what came of it.

    `question` is the path of a TOML file, its tables, or a Profile or Study. The events come from the catalog at `data`
    (else where the study says, else ./data), from `first` to `last`, both IST dates included, at `resolution` (`tick`,
    `1m` or `1d`), with `adjusted` as they read after the corporate actions up to the last day; or they are given as
    `events` in order of time, with their `universe`. Strategies that name no instruments trade `instruments`, or all
    there are. `strategies` holds those made in a notebook, by name.

    Events before `trade_from` only let the strategies see the past: trading begins on that day, with the targets that
    stand by then, and so do the figures.

    `block` events at a time pass through the chain, which changes no byte of the result; then `progress(done, total)`
    is told, in events, and ends the run by raising. The run is counted in the trial ledger (see trials.py). Raises an
    AlphaPandaError for anything that cannot be.
    """
    study, folders = study_of(question)
    selection = Selection(data, date_of(first), date_of(last), instruments, resolution, events, universe, adjusted)
    inputs, begins = inputs_of(study, selection, strategies or {}, folders), date_of(trade_from)
    result = replay(inputs, block, progress, begins)
    return dataclasses.replace(result, trials=remember(inputs, daily_sharpes(result.account), begins))


def replay(
    inputs: Inputs,
    block: int = BLOCK,
    progress: Progress | None = None,
    trade_from: datetime.date | None = None,
    written: Records | None = None,
) -> Result:
    """Pass all events through the chain, `block` at a time, those before `trade_from` through the strategies alone.

    Signals that were `written` before, by event, stand for the strategies. Raises ConfigurationError for a block of
    none, EventError where no event is left to trade on.
    """
    if block < 1:
        raise ConfigurationError(f"a block of {block} events cannot be passed: give at least 1")
    events, parts = inputs.events, list[Work]()
    traded = _first_traded(events, trade_from)
    signals = SignalStage(inputs.profile, inputs.universe, inputs.strategies) if written is None else _Written(written)
    account = AccountStage(inputs.profile, inputs.universe)
    standing = Standing(inputs.profile, len(inputs.universe))
    for start, stop in _blocks(0, traded, len(events), block=block):
        said = signals.advance(events, start, stop)
        if stop <= traded:
            standing.watch(said)
        else:
            said = standing.release(said, events, start, stop) if traded else said
            parts.append(account.advance(events, said, start, stop))
        if progress is not None:
            progress(stop, len(events))
    return Result(
        profile=inputs.profile,
        universe=inputs.universe,
        events=events[traded:],
        summary=account.summary(),
        first_ns=int(events["time_ns"][traded]),
        last_ns=int(events["time_ns"][-1]),
        work=joined(parts),
        account=np.array([account.account], account.account.dtype),
        books=account.books.copy(),
        quotes=account.quotes.copy(),
    )


class _Written:
    """Signals from elsewhere, handed out as a SignalStage does."""

    def __init__(self, signals: Records) -> None:
        self._signals = signals

    def advance(self, events: EventArray, start: int, stop: int) -> Records:
        first, last = np.searchsorted(self._signals["event_index"], (start, stop))
        return self._signals[first:last]


def _first_traded(events: EventArray, trade_from: datetime.date | None) -> int:
    """Return the first event that the account sees; EventError where there is none."""
    if trade_from is None:
        return 0
    traded = int(np.searchsorted(events["time_ns"], ist_time_ns(trade_from)))
    if not (events["kind"][traded:] != CLOCK).any():
        raise EventError(f"no event of any instrument is left to trade on from {trade_from}: begin earlier")
    return traded


def _blocks(*ends: int, block: int) -> Iterator[tuple[int, int]]:
    """Yield `block` events at a time of each stretch between two ends, first and next."""
    for first, last in itertools.pairwise(ends):
        yield from ((start, min(start + block, last)) for start in range(first, last, block))
