"""One backtest: a plain loop that passes blocks of past events through the strategies and then through the account."""

import os
from collections.abc import Mapping, Sequence

import numpy as np

from alpha_panda.backtest.inputs import BLOCK, Date, Inputs, Progress, Question, Selection, date_of, inputs_of, study_of
from alpha_panda.backtest.result import Result
from alpha_panda.chain import AccountStage, SignalStage, Work, joined
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.events import EventArray
from alpha_panda.errors import ConfigurationError
from alpha_panda.instruments import Universe
from alpha_panda.strategy import Strategy


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
    strategies: Mapping[str, Strategy] | None = None,
    block: int = BLOCK,
    progress: Progress | None = None,
) -> Result:
    """Run a profile or a study over past events and return what came of it.

    `question` is the path of a TOML file, its tables, or a Profile or Study. The events come from the catalog at `data`
    (else where the study says, else ./data), from `first` to `last`, both IST dates included, at `resolution` (`tick`,
    `1m` or `1d`); or they are given as `events` in order of time, with their `universe`. Strategies that name no
    instruments trade `instruments`, or all there are. `strategies` holds those made in a notebook, by name.

    `block` events at a time pass through the chain, which changes no byte of the result; then `progress(done, total)`
    is told, in events, and ends the run by raising. Raises an AlphaPandaError for anything that cannot be.
    """
    study, folders = study_of(question)
    selection = Selection(data, date_of(first), date_of(last), instruments, resolution, events, universe)
    return replay(inputs_of(study, selection, strategies or {}, folders), block, progress)


def replay(inputs: Inputs, block: int = BLOCK, progress: Progress | None = None) -> Result:
    """Pass all events through the chain, `block` at a time; ConfigurationError for a block of none."""
    if block < 1:
        raise ConfigurationError(f"a block of {block} events cannot be passed: give at least 1")
    events = inputs.events
    signals = SignalStage(inputs.profile, inputs.universe, inputs.strategies)
    account = AccountStage(inputs.profile, inputs.universe)
    parts: list[Work] = []
    for start in range(0, len(events), block):
        stop = min(start + block, len(events))
        parts.append(account.advance(events, signals.advance(events, start, stop), start, stop))
        if progress is not None:
            progress(stop, len(events))
    return Result(
        profile=inputs.profile,
        universe=inputs.universe,
        summary=account.summary(),
        first_ns=int(events["time_ns"][0]),
        last_ns=int(events["time_ns"][-1]),
        work=joined(parts),
        account=np.array([account.account], account.account.dtype),
        books=account.books.copy(),
        quotes=account.quotes.copy(),
    )
