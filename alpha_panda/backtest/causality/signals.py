"""Proving a signal causal: a function from a frame of bars to signals, tried on prefixes and on other futures."""

import dataclasses
import importlib.util
import itertools
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.random import default_rng

from alpha_panda.backtest.causality.futures import FUTURES, cuts_of, other_future
from alpha_panda.backtest.causality.report import Check, Finding
from alpha_panda.backtest.causality.sources import written_in
from alpha_panda.backtest.frames import IST_TIME
from alpha_panda.data.events import EventArray
from alpha_panda.errors import AlphaPandaError, StrategyError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import CLOCK
from alpha_panda.units import E4, ist_datetime

Function = Callable[[pl.DataFrame], Any]

BARS = ("open", "high", "low", "close", "volume")
"""The columns of the frame that a function is given, after `time` (when a bar is known, IST) and `symbol`."""

CUTS = 24
CUTS_OF_FUTURES = 6

_ROUNDING = 1e-9  # relative: what a sum of floats may differ by when it is added up in another order
_SYMBOL = "symbol"
_SIGNAL = "signal"
_PLACE = "place"


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
    except Exception as error:
        raise StrategyError(f"{path} failed while loading: {type(error).__name__}: {error}") from error
    return module


def bars_of(universe: Universe, events: EventArray) -> pl.DataFrame:
    """Return the bars among events as a frame in rupees, ordered by time and symbol."""
    market = events[events["kind"] != CLOCK]
    columns = [
        pl.Series("time", market["time_ns"].copy()).cast(IST_TIME),
        pl.Series(_SYMBOL, np.array(universe.symbols, dtype=object)[market["instrument"]], dtype=pl.String),
        *(pl.Series(name, market[f"{name}_e4"] / E4) for name in BARS[:-1]),
        pl.Series(BARS[-1], market[BARS[-1]].copy()),
    ]
    return pl.DataFrame(columns)


def prove_signals(
    function: SignalFunction, universe: Universe, events: EventArray, market: str, seed: int
) -> Iterator[Check]:
    """Yield the checks of a function on a market, the events of which are bars.

    Raises StrategyError where the function fails on the whole market, returns what is no signal, or says nothing.
    """
    trial = Trial(function, universe, events)
    said = _values_said(trial.whole)
    if said == 0:
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
            _difference(self.whole, other, _ROUNDING) is None and _difference(self.whole, other, 0.0) is not None
            for other in again
        )

    def say(self, events: EventArray, made: Function | None = None) -> pl.DataFrame:
        """Return what the function says of events: rows of time, symbol and place, then the signals."""
        bars = bars_of(self.universe, events)
        return _keyed(self.function.name, (made or self.function.make())(bars), bars)

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
            known = [_until(frame, self.events, stop) for frame in (prefix, self.whole)]
            found += filter(None, [self._first(*known, cause, tolerance=_ROUNDING)])
        if not compared:
            raise StrategyError(f"{self.function.name} fails on every part of the bars: {failure}") from failure
        return Check(market, "prefixes", compared, _earliest(found))

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
            except Exception as error:  # noqa: BLE001  # whatever the function raises
                found.append(Finding(f"{cause[5:]}, and it raises {type(error).__name__}: {error}"))
                continue
            compared += 1
            known = [_until(frame, self.events, stop) for frame in (self.whole, said)]
            found += filter(None, [self._first(*known, cause)])
        return Check(market, name, compared, _earliest(found))

    def _end_of_instant(self, cut: int) -> int:
        """Return the row after the bars of the instant at which row `cut - 1` stands: they are known together."""
        times_ns = self.events["time_ns"]
        return int(np.searchsorted(times_ns, times_ns[cut - 1], side="right"))

    def _first(self, before: pl.DataFrame, after: pl.DataFrame, cause: str, tolerance: float = 0.0) -> Finding | None:
        found = _difference(before, after, max(tolerance, _ROUNDING if self.varies else 0.0))
        return None if found is None else dataclasses.replace(found, cause=cause)


# ── What was said ────────────────────────────────────────────────────────────────────────────────────────────────────


def _keyed(name: str, said: Any, bars: pl.DataFrame) -> pl.DataFrame:
    """Return signals as a frame that is ordered by time and symbol, with the place among rows of equal keys."""
    frame = _frame_of(name, said, bars)
    keys = ["time", _SYMBOL] if _SYMBOL in frame.columns else ["time"]
    frame = frame.sort(keys, maintain_order=True, nulls_last=True)
    frame = frame.with_columns(pl.int_range(pl.len()).over(keys).alias(_PLACE))
    values = [column for column in frame.columns if column not in ("time", _SYMBOL, _PLACE)]
    return frame.select(*keys, _PLACE, *values)


def _frame_of(name: str, said: Any, bars: pl.DataFrame) -> pl.DataFrame:
    if isinstance(said, pl.LazyFrame):
        said = said.collect()
    if isinstance(said, pl.Expr):
        said = bars.select(said)
        said = said.to_series() if said.width == 1 else said
    if isinstance(said, np.ndarray | pl.Series):
        said = pl.DataFrame({_SIGNAL: said})
    if not isinstance(said, pl.DataFrame):
        raise StrategyError(f"{name} returned {type(said).__name__}: return a frame, a Series or an expression")
    if "time" in said.columns:
        return said.with_columns(pl.col("time").cast(IST_TIME))
    if len(said) == 1:
        said = pl.concat([said] * len(bars))
    if len(said) != len(bars):
        raise StrategyError(
            f"{name} returned {len(said)} rows of {len(bars)} bars without a column time: return a row for each bar, "
            "or say of each row when it is known"
        )
    return said.drop(_SYMBOL, strict=False).with_columns(bars["time"], bars[_SYMBOL])


def _until(frame: pl.DataFrame, events: EventArray, stop: int) -> pl.DataFrame:
    return frame.filter(pl.col("time").to_physical() <= int(events["time_ns"][stop - 1]))


def _values_said(frame: pl.DataFrame) -> int:
    """Return how many values a function has said that are not just the bars it was given."""
    values = [column for column in frame.columns if column not in ("time", _SYMBOL, _PLACE, *BARS)]
    return sum(len(frame) - frame[column].null_count() for column in values or frame.columns)


def _difference(before: pl.DataFrame, after: pl.DataFrame, tolerance: float) -> Finding | None:
    """Return the first value in which two frames differ, or None."""
    if set(before.columns) != set(after.columns):
        column = min(set(before.columns) ^ set(after.columns))
        return Finding("", column=f"column {column}", before=_presence(column, before), after=_presence(column, after))
    keys = before.columns[: before.columns.index(_PLACE) + 1]
    joined = before.join(after, on=keys, how="full", suffix="\0after", nulls_equal=True, coalesce=False)
    found: list[Finding] = []
    missing = joined.filter(pl.col(_PLACE).is_null() | pl.col(f"{_PLACE}\0after").is_null())
    if len(missing):
        times = missing.select(pl.coalesce("time", "time\0after").alias("time"), pl.col(_PLACE)).sort("time")
        known = times[_PLACE][0] is not None
        found.append(
            Finding("", times["time"][0], None, "its row", *(("there", "absent") if known else ("absent", "there")))
        )
    for column in before.columns[len(keys) :]:
        one, other = pl.col(column), pl.col(f"{column}\0after")
        differs = ~one.eq_missing(other)
        if tolerance and before[column].dtype.is_float():
            near = (one - other).abs() <= tolerance * pl.max_horizontal(one.abs(), other.abs())
            differs &= ~near.fill_null(False)
        rows = joined.filter(pl.col(_PLACE).is_not_null() & pl.col(f"{_PLACE}\0after").is_not_null() & differs)
        if len(rows):
            row = rows.sort(keys[:-1]).row(0, named=True)
            values = (_shown(row[column]), _shown(row[f"{column}\0after"]))
            found.append(Finding("", row["time"], row.get(_SYMBOL), column, *values))
    return _earliest(found)


def _presence(column: str, frame: pl.DataFrame) -> str:
    return "there" if column in frame.columns else "absent"


def _shown(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else "null" if value is None else str(value)


def _earliest(found: list[Finding]) -> Finding | None:
    timed = [finding for finding in found if finding.time is not None]
    return min(timed, key=lambda finding: str(finding.time)) if timed else next(iter(found), None)


def _moment(events: EventArray, stop: int) -> str:
    return f"{ist_datetime(events['time_ns'][stop - 1]):%Y-%m-%d %H:%M:%S}"
