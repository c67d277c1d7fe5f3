"""Proving a signal causal: a function from a frame of bars to signals, tried on prefixes and on other futures."""

import dataclasses
import importlib.util
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.random import default_rng

from alpha_panda.backtest.causality.futures import FUTURES, cuts_of, other_future
from alpha_panda.backtest.causality.outputs import BARS, SYMBOL, difference, keyed, until, values_said
from alpha_panda.backtest.causality.report import Check, Finding, earliest
from alpha_panda.backtest.causality.sources import written_in
from alpha_panda.data.bars import bars_of
from alpha_panda.data.events import EventArray
from alpha_panda.errors import AlphaPandaError, StrategyError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import Records
from alpha_panda.units import ist_datetime

Function = Callable[[pl.DataFrame], Any]

CUTS = 12
CUTS_OF_FUTURES = 4

_ROUNDING = 1e-9  # relative: what a sum of floats may differ by when it is added up in another order


@dataclasses.dataclass(frozen=True)
class SignalFunction:
    """A function of a frame, made anew from its file for every evaluation, so that it can remember nothing."""

    name: str
    make: Callable[[], Function]

    @classmethod
    def of(cls, function: Function) -> "SignalFunction":
        """Return a function that comes from no file, as a notebook's; whatever it remembers, it remembers."""
        return cls(getattr(function, "__qualname__", repr(function)), lambda: function)

    @classmethod
    def from_file(cls, path: pathlib.Path, name: str) -> "SignalFunction":
        """Return the function `name` of a file; StrategyError where there is none."""
        if not path.is_file():
            raise StrategyError(f"there is no file {path}")

        def make() -> Function:
            function = getattr(_executed(path), name, None)
            if not callable(function):
                raise StrategyError(f"{path} has no function {name!r}: name one that takes a frame of bars")
            return function

        make()
        return cls(f"{path}:{name}", make)


def _executed(path: pathlib.Path) -> Any:
    name = f"alpha_panda_signal_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StrategyError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a file that ends the process must not end ours
        raise StrategyError(f"{path} failed while loading: {type(error).__name__}: {error}") from error
    return module


def prove_signals(
    function: SignalFunction, universe: Universe, events: EventArray, market: str, seed: int
) -> Iterator[Check]:
    """Yield the checks of a function on a market, the events of which are bars.

    Raises StrategyError where the function fails on the whole market, returns what is no signal, or says nothing.
    """
    trial = Trial(function, universe, events)
    if values_said(trial.whole) == 0:
        raise StrategyError(
            f"{function.name} says nothing on {market}, so that nothing can be proven: give it more bars, or others"
        )
    yield Check(market, "written into the code", 1, next(iter(written_in(function.make())), None))
    yield trial.repeated(market)
    yield trial.remembered(market)
    generator = default_rng(seed)
    yield trial.prefixes(market, cuts_of(events, CUTS, generator))
    cuts = generator.choice(cuts_of(events, CUTS, generator), CUTS_OF_FUTURES, replace=False).tolist()
    for name, change in FUTURES.items():
        futures = ((cut, other_future(events, cut, change, default_rng([seed, cut]))) for cut in cuts)
        yield trial.futures(market, f"future {name}", futures)


class Trial:
    """One function on one market: what it says of the whole, and the ways of asking whether it would have anyway."""

    def __init__(self, function: SignalFunction, universe: Universe, events: EventArray) -> None:
        self.function, self.universe, self.events = function, universe, events
        try:
            self.whole = self.say(events)
            again = [self.say(events) for _ in range(3)]
        except AlphaPandaError:
            raise
        except Exception as error:
            raise StrategyError(f"{function.name} raised {type(error).__name__}: {error}") from error
        # A function whose float sums vary from call to call is held to its rounding; any other to the bit.
        self.varies = any(
            difference(self.whole, other, _ROUNDING) is None and difference(self.whole, other, 0.0) is not None
            for other in again
        )

    def say(self, events: EventArray, made: Function | None = None) -> pl.DataFrame:
        """Return what the function says of events: rows of time, symbol and place, then the signals."""
        bars = bars_of(self.universe, events).select("time", SYMBOL, *BARS)
        return keyed(self.function.name, (made or self.function.make())(bars), bars)

    def repeated(self, market: str) -> Check:
        """Ask the same three times over."""
        found = self._first(self.say(self.events), self.whole, "from one call to the next: it draws or remembers")
        return Check(market, "the same again", 3, found)

    def remembered(self, market: str) -> Check:
        """Ask one function of the whole and then of its first half, which it may not know from before."""
        half = self.events[: len(self.events) // 2]
        made = self.function.make()
        self.say(self.events, made)
        cause = "after the function has seen the whole: it remembers what it was given"
        try:
            found = self._first(self.say(half), self.say(half, made), cause, tolerance=_ROUNDING)
        except Exception:  # noqa: BLE001  # what fails on half of the bars is judged by the prefixes
            return Check(market, "no memory of earlier calls", 0)
        return Check(market, "no memory of earlier calls", 1, found)

    def prefixes(self, market: str, cuts: list[int]) -> Check:
        """Ask of the events up to each cut; what fails there, for want of bars, says nothing of them."""
        found: list[Finding] = []
        compared = 0
        failure: Exception | None = None
        for cut in cuts:
            stop = self._end_of_instant(cut)
            try:
                prefix = self.say(self.events[:stop])
            except Exception as error:  # noqa: BLE001  # whatever the function raises
                failure = error
                continue
            compared += 1
            cause = f"when the bars after {_moment(self.events, stop)} arrive"
            last_ns = int(self.events["time_ns"][stop - 1])
            finding = self._first(until(prefix, last_ns), until(self.whole, last_ns), cause, tolerance=_ROUNDING)
            found += [finding] if finding else []
        if not compared:
            raise StrategyError(f"{self.function.name} fails on every part of the bars: {failure}") from failure
        return Check(market, "prefixes", compared, earliest(found))

    def futures(self, market: str, name: str, futures: Iterator[tuple[int, EventArray]]) -> Check:
        """Ask of the whole with another future after each cut."""
        found: list[Finding] = []
        compared = 0
        for cut, changed in futures:
            stop = self._end_of_instant(cut)
            changed[cut:stop] = self.events[cut:stop]
            cause = f"when the bars after {_moment(self.events, stop)} are other ones"
            try:
                said = self.say(changed)
            except Exception:  # noqa: BLE001  # what refuses a future has said nothing of the past
                continue
            compared += 1
            last_ns = int(self.events["time_ns"][stop - 1])
            finding = self._first(until(self.whole, last_ns), until(said, last_ns), cause)
            found += [finding] if finding else []
        return Check(market, name, compared, earliest(found))

    def _end_of_instant(self, cut: int) -> int:
        """Return the row after the bars of the instant at which row `cut - 1` stands: they are known together."""
        times_ns: Records = self.events["time_ns"]
        instant_ns = int(times_ns[cut - 1])
        return int(np.searchsorted(times_ns, instant_ns, side="right"))

    def _first(self, before: pl.DataFrame, after: pl.DataFrame, cause: str, tolerance: float = 0.0) -> Finding | None:
        found = difference(before, after, max(tolerance, _ROUNDING if self.varies else 0.0))
        return None if found is None else dataclasses.replace(found, cause=cause)


def _moment(events: EventArray, stop: int) -> str:
    return f"{ist_datetime(events['time_ns'][stop - 1]):%Y-%m-%d %H:%M:%S}"
