"""What a run works on: a profile, its strategies, a universe and events, from whatever the user named.

Everything that can be wrong with a question to the past is found here, before the first event is passed on.
"""

import dataclasses
import datetime
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from alpha_panda.chain import check_intervals
from alpha_panda.config import Profile, Span, Study, Sweep, WalkForward, load_study, validated, with_instruments
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.events import EventArray, validate
from alpha_panda.errors import ConfigurationError, EventError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import BAR, CLOCK, TICK
from alpha_panda.strategy import Strategy, load_strategy
from alpha_panda.units import DAY_NS, HOUR_NS, ist_time_ns

Question = Profile | Study | Mapping[str, Any] | str | os.PathLike[str]
"""What may be asked: a profile or a study, as an object, as the tables of its TOML, or as the path of its file."""

Progress = Callable[[int, int], None]
"""Told how much is done, of how much; whatever it raises ends the run."""

Date = datetime.date | str | None
"""An IST date, as such or as text; None for as far as the data reaches."""

BLOCK = 16_384
"""Events passed to the kernels at once: so many that the calls cost nothing, so few that the cache still holds them."""


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which events a run is asked of: a part of a catalog, or an array of events with its universe."""

    data: Catalog | str | os.PathLike[str] | None = None
    first: datetime.date | None = None
    last: datetime.date | None = None
    instruments: Sequence[str] = ()
    resolution: str | None = None
    events: EventArray | None = None
    universe: Universe | None = None
    adjusted: bool | None = None  # for corporate actions; None as the study says


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What one run works on, checked."""

    profile: Profile
    strategies: tuple[Strategy, ...]
    universe: Universe
    events: EventArray


def study_of(question: Question) -> tuple[Study, tuple[pathlib.Path, ...]]:
    """Return the study that was meant, and the folders in which its strategies lie besides ./strategies.

    A file in `backtest/` or `live/` finds the strategies in the folder `strategies/` next to its own folder, wherever
    it is run from. Raises ConfigurationError for what is not a study.
    """
    if isinstance(question, Study):
        return question, ()
    if isinstance(question, Profile):
        return Study(profile=question), ()
    if isinstance(question, Mapping):
        return _study_of_tables(question), ()
    path = pathlib.Path(question)
    return load_study(path), (path.parent.parent / "strategies",)


def _study_of_tables(tables: Mapping[str, Any]) -> Study:
    document = dict(tables)
    span, grid, walk = document.pop("study", {}), document.pop("sweep", None), document.pop("walkforward", None)
    return Study(
        profile=validated(Profile, document, "the profile"),
        study=validated(Span, span, "the profile's [study]"),
        sweep=None if grid is None else validated(Sweep, grid, "the profile's [sweep]"),
        walkforward=None if walk is None else validated(WalkForward, walk, "the profile's [walkforward]"),
    )


def inputs_of(
    study: Study, selection: Selection, strategies: Mapping[str, Strategy], folders: Sequence[pathlib.Path]
) -> Inputs:
    """Return what a run of `study` works on; `strategies` hold those that come from no file, by name.

    Raises ConfigurationError, StrategyError, CatalogError or EventError, whichever fits what is wrong.
    """
    if study.profile.market.equity_every_ns <= 0 or DAY_NS % study.profile.market.equity_every_ns:
        raise ConfigurationError("equity_every must divide a day, so that a snapshot ends each: take 1m, 15m, 1h or 1d")
    loaded = _loaded(study.profile, strategies, folders)
    selection = _completed(selection, study.study)
    profile = with_instruments(study.profile, selection.instruments)
    if selection.events is None or selection.universe is None:
        profile, universe, events = _from_catalog(profile, selection)
    else:
        validate(selection.events, selection.universe)
        universe, events = selection.universe, _between(selection.events, selection)
    for terms in profile.strategies:
        for symbol in terms.instruments:
            if not universe[universe.index_of(symbol)].tradable:
                raise ConfigurationError(f"{symbol} is an index, which nobody can trade: name a contract on it")
    check_intervals(profile, finest_ns(events))
    return Inputs(profile, loaded, universe, events)


def _loaded(
    profile: Profile, strategies: Mapping[str, Strategy], folders: Sequence[pathlib.Path]
) -> tuple[Strategy, ...]:
    """Return the strategy of each of the profile's terms, given or from its file, once its parameters are checked."""
    found = {
        name: strategies[name] if name in strategies else load_strategy(name, folders)
        for name in dict.fromkeys(terms.strategy for terms in profile.strategies)
    }
    for terms in profile.strategies:
        found[terms.strategy].parameter_record(terms.parameters)
    return tuple(found[terms.strategy] for terms in profile.strategies)


def _completed(selection: Selection, span: Span) -> Selection:
    """Return the selection with the study's own span where the caller said nothing, its dates read."""
    if (selection.events is None) != (selection.universe is None):
        raise ConfigurationError("events and universe belong together: give both, or neither and a catalog")
    if selection.events is not None and (selection.data is not None or selection.resolution is not None):
        raise ConfigurationError("data and resolution choose from a catalog: leave them out where events are given")
    if selection.events is not None and selection.adjusted:
        raise ConfigurationError("events are taken as they are given: adjust them before, or name a catalog")
    first = selection.first or date_of(span.first)
    last = selection.last or date_of(span.last)
    if first is not None and last is not None and last < first:
        raise ConfigurationError(f"the range from {first} to {last} is empty: its end lies before its beginning")
    return dataclasses.replace(
        selection,
        data=span.data if selection.data is None else selection.data,
        resolution=span.resolution if selection.resolution is None else selection.resolution,
        first=first,
        last=last,
        adjusted=span.adjusted if selection.adjusted is None else selection.adjusted,
    )


def date_of(text: Date) -> datetime.date | None:
    """Return a date that may be written as text; ConfigurationError if it cannot be read."""
    if not isinstance(text, str):
        return text
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{text!r} is not a date: write it as 2024-04-22") from None


# ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _from_catalog(profile: Profile, selection: Selection) -> tuple[Profile, Universe, EventArray]:
    """Return the events of all instruments of the strategies; those that name none trade all that there are."""
    data = selection.data
    catalog = data if isinstance(data, Catalog) else Catalog(pathlib.Path(data or "data"))
    if not all(terms.instruments for terms in profile.strategies):
        profile = with_instruments(profile, catalog.tradable(selection.resolution, selection.first, selection.last))
    symbols = {symbol for terms in profile.strategies for symbol in terms.instruments}
    chosen = catalog.events(
        sorted(symbols), selection.resolution, selection.first, selection.last, adjusted=bool(selection.adjusted)
    )
    return profile, *chosen


def _between(events: EventArray, selection: Selection) -> EventArray:
    """Return the events of the selected days, as a view; EventError if there is no price among them."""
    start, stop = 0, len(events)
    if selection.first is not None:
        start = int(np.searchsorted(events["time_ns"], ist_time_ns(selection.first)))
    if selection.last is not None:
        stop = int(np.searchsorted(events["time_ns"], ist_time_ns(selection.last + datetime.timedelta(days=1))))
    chosen = events[start:stop]
    if not (chosen["kind"] != CLOCK).any():
        raise EventError("the range holds no event of any instrument: give other events, or another range")
    return chosen


def finest_ns(events: EventArray) -> int:
    """Return the length of the shortest bar, 0 for ticks: the spacing of the bar times, where a night makes a day."""
    if (events["kind"] == TICK).any():
        return 0
    gaps_ns = np.diff(events["time_ns"][events["kind"] == BAR])
    gap_ns = int(gaps_ns[gaps_ns > 0].min(initial=DAY_NS))
    return DAY_NS if gap_ns > 12 * HOUR_NS else gap_ns
