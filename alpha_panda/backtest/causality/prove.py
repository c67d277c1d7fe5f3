"""Proving causality of whatever the user names: a strategy, a profile of several, or a function of frames."""

import datetime
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import polars as pl

from alpha_panda.backtest.causality.report import Check, Report
from alpha_panda.backtest.causality.signals import SignalFunction, prove_signals
from alpha_panda.backtest.causality.strategies import prove_strategy
from alpha_panda.backtest.inputs import Date, Inputs, Question, Selection, date_of, finest_ns, inputs_of, study_of
from alpha_panda.config import Profile, Study, validated
from alpha_panda.data.catalog import RESOLUTIONS, Catalog
from alpha_panda.data.events import EventArray
from alpha_panda.data.synthetic import SYMBOLS, synthetic_bars
from alpha_panda.instruments import Universe
from alpha_panda.strategy import Strategy, load_strategy
from alpha_panda.units import DAY_NS, ist_date

Target = str | os.PathLike[str] | Strategy | Profile | Study | Mapping[str, Any] | Callable[..., Any]
"""What may be proven: `strategy`, `strategy.py`, `profile.toml`, `file.py:function`, or any of these as an object."""

Progress = Callable[[int, int, str], None]
"""Told how many checks are done, of how many if that is known, and which one was last."""

EVENTS_MAX = 250_000
"""Events looked at, the first of those that were chosen: every one of them is passed about a hundred times."""

INSTRUMENTS = 3
_DAYS = {"tick": 1, "1m": 14, "1d": 900}  # calendar days from the end of a catalog, where none are named
_INTERVALS = {"tick": "1m", "1m": "5m", "1d": "1d"}  # of a strategy that no profile gives terms to
_SYNTHETIC_DAY = datetime.date(2026, 11, 20)


class Market(NamedTuple):
    """Events to try a target on, in a word and in a sentence."""

    name: str
    described: str
    resolution: str
    universe: Universe
    events: EventArray


def causality(
    target: Target,
    *,
    data: Catalog | str | os.PathLike[str] | None = None,
    first: Date = None,
    last: Date = None,
    instruments: Sequence[str] = (),
    resolution: str | None = None,
    events: EventArray | None = None,
    universe: Universe | None = None,
    strategies: Mapping[str, Strategy] | None = None,
    seed: int = 1,
    progress: Progress | None = None,
) -> Report:
    """Try whether anything that `target` says of the past depends on the future, and report the first thing that does.

    The outputs over a prefix must equal those over the whole, at many cuts; they must stay when the future is another
    one; signals and state bytes must be the same in blocks of any size, from run to run, and without the compiler; and
    the code may not hold what could be recorded prices, which no other future would show.

    A function takes a frame of bars (`time`, `symbol`, `open` … `volume`) and returns a frame, Series or expression of
    signals. The arguments that choose events are those of `run`; without them a few instruments over the last days of
    the catalog are taken, and where the catalog is empty a synthetic market, of minutes and of days. Raises
    StrategyError where there is nothing to prove, and what `run` raises; a leak is told by the report.
    """
    selection = Selection(data, date_of(first), date_of(last), instruments, resolution, events, universe)
    checks = list[Check]()
    markets = list[str]()
    for market, made in _proofs(target, selection, strategies or {}, seed):
        markets.append(market)
        for check in made:
            checks.append(check)
            if progress is not None:
                progress(len(checks), 0, f"{check.name} on {check.market}")
    return Report(_name_of(target), tuple(dict.fromkeys(markets)), tuple(checks))


def _proofs(
    target: Target, selection: Selection, strategies: Mapping[str, Strategy], seed: int
) -> Iterator[tuple[str, Iterator[Check]]]:
    """Yield, for each strategy or function and each market, its checks as they are made."""
    meant = _meant(target)
    if isinstance(meant, SignalFunction):
        for market in _markets(selection):
            yield market.described, prove_signals(meant, market.universe, market.events, market.name, seed)
    elif isinstance(meant, Strategy):
        for market in _markets(selection):
            profile = _plain_profile(meant.name, market.resolution)
            yield market.described, prove_strategy(profile, meant, market.universe, market.events, market.name, seed)
    else:
        inputs, market = _asked(meant, selection, strategies)
        for terms, strategy in zip(inputs.profile.strategies, inputs.strategies, strict=True):
            profile = inputs.profile.model_copy(update={"strategies": (terms,)})
            yield market.described, prove_strategy(profile, strategy, market.universe, market.events, terms.name, seed)


# ── Targets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _meant(target: Target) -> SignalFunction | Strategy | Question:
    """Return what a target is: a function of frames, a strategy, or a profile or study."""
    if isinstance(target, Strategy | Profile | Study):
        return target
    if isinstance(target, Mapping):
        return cast(Mapping[str, Any], target)
    if callable(target):
        return SignalFunction.of(target)
    text = str(target)
    if text.endswith(".toml"):
        return text
    path, colon, name = text.rpartition(":")
    return SignalFunction.from_file(pathlib.Path(path), name) if colon else load_strategy(text)


def _name_of(target: Target) -> str:
    if isinstance(target, str | os.PathLike):
        return str(cast(Any, target))
    return target.name if isinstance(target, Strategy) else getattr(target, "__qualname__", "the profile")


def _plain_profile(name: str, resolution: str) -> Profile:
    """Return terms for a strategy that no profile gives any: its defaults, on bars that take several events each."""
    terms = {"name": "proven", "strategy": name, "capital": 1_000_000, "product": "CNC"}
    tables = {"account": {"capital": 1_000_000}, "strategies": [{**terms, "interval": _INTERVALS[resolution]}]}
    return validated(Profile, tables, "the profile of the proof")


# ── Markets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _asked(question: Question, selection: Selection, strategies: Mapping[str, Strategy]) -> tuple[Inputs, Market]:
    """Return what a profile or study is about; a synthetic market where its catalog is empty."""
    study, folders = study_of(question)
    data = selection.data if selection.data is not None else study.study.data
    if selection.events is None and _is_empty(data):
        resolution = selection.resolution or study.study.resolution or "1m"
        market = next(made for made in _synthetic() if made.resolution == resolution.replace("tick", "1m"))
        everywhere = [terms.model_copy(update={"instruments": ()}) for terms in study.profile.strategies]
        study = Study(profile=study.profile.model_copy(update={"strategies": tuple(everywhere)}))
        selection = Selection(events=market.events, universe=market.universe)
        inputs = inputs_of(study, selection, strategies, folders)
        return inputs, market
    inputs = inputs_of(study, selection, strategies, folders)
    return inputs, _market(inputs.universe, inputs.events)


def _markets(selection: Selection) -> Iterator[Market]:
    """Yield the events that were given, or a part of the catalog, or what is made up where that is empty."""
    if selection.events is not None and selection.universe is not None:
        yield _market(selection.universe, selection.events)
        return
    if _is_empty(selection.data):
        yield from _synthetic()
        return
    data = selection.data
    catalog = data if isinstance(data, Catalog) else Catalog(pathlib.Path(data or "data"))
    resolution = selection.resolution or next(each for each in RESOLUTIONS if catalog.symbols(each))
    symbols = selection.instruments or _longest(catalog, resolution, selection)
    first = selection.first
    if first is None:
        ends = [catalog.span(symbol, resolution)[1] for symbol in symbols]
        first = (selection.last or max(ends)) - datetime.timedelta(days=_DAYS[resolution])
    yield _market(*catalog.events(list(symbols), resolution, first, selection.last))


def _longest(catalog: Catalog, resolution: str, selection: Selection) -> list[str]:
    """Return the instruments of which the catalog holds most: an option of an hour would have nothing to say."""
    tradable = catalog.tradable(resolution, selection.first, selection.last)
    held = catalog.spans(resolution).filter(pl.col("symbol").is_in(tradable))
    return held.sort("rows", "symbol", descending=[True, False])["symbol"].head(INSTRUMENTS).to_list()


def _is_empty(data: Catalog | str | os.PathLike[str] | None) -> bool:
    catalog = data if isinstance(data, Catalog) else Catalog(pathlib.Path(data or "data"))
    return not catalog.symbols()


def _market(universe: Universe, events: EventArray) -> Market:
    events = events[:EVENTS_MAX]
    finest = finest_ns(events)
    resolution = {0: "tick", DAY_NS: "1d"}.get(finest, "1m")
    first, last = (ist_date(events["time_ns"][row]) for row in (0, -1))
    named = ", ".join(universe.symbols[:INSTRUMENTS]) + (" …" if len(universe) > INSTRUMENTS else "")
    described = f"{len(events):,} events of {named} from {first} to {last}"
    return Market(f"{resolution} data", described, resolution, universe, events)


def _synthetic() -> Iterator[Market]:
    """Yield two weeks of minutes and three years of days of companies that do not exist."""
    for resolution, days in (("1m", 13), ("1d", 1_095)):
        first = _SYNTHETIC_DAY - datetime.timedelta(days=days)
        universe, events = synthetic_bars(first, _SYNTHETIC_DAY, 1, SYMBOLS[:INSTRUMENTS], resolution)
        market = _market(universe, events)
        yield market._replace(
            name=f"synthetic {resolution}", described=f"no data is held, so made up: {market.described}"
        )
