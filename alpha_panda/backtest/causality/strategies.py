"""Proving a strategy causal: its signals and the bytes of its state, on prefixes, other futures and other blocks."""

import types
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.random import default_rng

from alpha_panda.backtest.causality.futures import FUTURES, cuts_of, other_future
from alpha_panda.backtest.causality.report import Check, Finding, earliest
from alpha_panda.backtest.causality.sources import written_in
from alpha_panda.chain import SignalStage, build_stage, build_terms, signals_needed, snapshot_bytes
from alpha_panda.config import Profile
from alpha_panda.data.events import EventArray
from alpha_panda.errors import StrategyError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.jit import python_function
from alpha_panda.kernels.records import SIGNAL, Records
from alpha_panda.kernels.replay import strategy_block
from alpha_panda.strategy import Strategy
from alpha_panda.units import ist_datetime

CUTS = 12
CUTS_OF_FUTURES = 6
BLOCKS = (1, 7, 375)
INTERPRETED_EVENTS = 2_000

Said = tuple[Records, list[dict[str, bytes]]]
"""All signals, and the bytes of the stage's arrays at each stop."""


def prove_strategy(
    profile: Profile, strategy: Strategy, universe: Universe, events: EventArray, market: str, seed: int
) -> Iterator[Check]:
    """Yield the checks of one strategy, the only one of `profile`, on a market.

    Raises StrategyError where it never says anything, so that there would be nothing to prove.
    """
    trial = Trial(profile, strategy, universe, events)
    if not len(trial.signals):
        raise StrategyError(
            f"strategy {strategy.name} says nothing on {market}, so that nothing can be proven: give it more bars, "
            "or others"
        )
    generator = default_rng(seed)
    written = written_in(strategy.step or strategy.step_all)
    yield Check(market, "written into the code", 1, next(iter(written), None))
    yield trial.interpreted(market)
    yield trial.repeated(market, other_future(events, 1, FUTURES["a random walk"], generator))
    yield trial.blocks(market)
    yield trial.prefixes(market, cuts_of(events, CUTS, generator))
    cuts = sorted(set(generator.choice(cuts_of(events, CUTS, generator), CUTS_OF_FUTURES).tolist()))
    for name, change in FUTURES.items():
        futures = ((cut, other_future(events, cut, change, default_rng([seed, cut]))) for cut in cuts)
        yield trial.futures(market, f"future {name}", futures)


class Trial:
    """One strategy on one market: what it says of the whole, and the ways of asking whether it would have anyway."""

    def __init__(self, profile: Profile, strategy: Strategy, universe: Universe, events: EventArray) -> None:
        self.profile, self.strategy, self.universe, self.events = profile, strategy, universe, events
        self.signals, _ = self.say(events, [len(events)])

    def say(self, events: EventArray, stops: Sequence[int]) -> Said:
        """Pass the events up to the last of `stops` through a fresh stage, a block to each stop."""
        stage = SignalStage(self.profile, self.universe, [self.strategy])
        parts, states, start = list[Records](), list[dict[str, bytes]](), 0
        for stop in stops:
            parts.append(stage.advance(events, start, stop))
            states.append(snapshot_bytes(stage.arrays()))
            start = stop
        return np.concatenate(parts), states

    def repeated(self, market: str, others: EventArray) -> Check:
        """Ask again, and once more after another market."""
        found: list[Finding] = []
        _, states = self.say(self.events, [len(self.events)])
        for market_between, cause in ((self.events, "from one run to the next"), (others, "after another market")):
            self.say(market_between, [len(market_between)])
            said = self.say(self.events, [len(self.events)])
            found += self._differences(said, (self.signals, states), cause)
        return Check(market, "the same again", 2, next(iter(found), None))

    def blocks(self, market: str) -> Check:
        """Ask in blocks of other sizes; the smallest see just the first events, since there are so many of them."""
        found: list[Finding] = []
        for block in BLOCKS:
            length = min(len(self.events), block * 1_024)
            said = self.say(self.events, [*range(block, length, block), length])
            signals, states = self.say(self.events, [length])
            found += self._differences((said[0], said[1][-1:]), (signals, states), f"in blocks of {block} events")
        return Check(market, "block sizes", len(BLOCKS), earliest(found))

    def prefixes(self, market: str, cuts: list[int]) -> Check:
        """Ask of the events up to each cut alone, without anything behind them in memory."""
        found: list[Finding] = []
        _, states = self.say(self.events, cuts)
        for cut, state in zip(cuts, states, strict=True):
            said = self.say(self.events[:cut].copy(), [cut])
            cause = f"when the events after {self._moment(cut)} arrive"
            found += self._differences(said, (self._until(self.signals, cut), [state]), cause)
        return Check(market, "prefixes", len(cuts), earliest(found))

    def futures(self, market: str, name: str, futures: Iterator[tuple[int, EventArray]]) -> Check:
        """Ask of the whole with another future after each cut."""
        found: list[Finding] = []
        compared = 0
        for cut, changed in futures:
            signals, states = self.say(changed, [cut, len(changed)])
            _, known = self.say(self.events, [cut])
            cause = f"when the events after {self._moment(cut)} are other ones"
            said = self._until(signals, cut), states[:1]
            found += self._differences(said, (self._until(self.signals, cut), known), cause)
            compared += 1
        return Check(market, name, compared, earliest(found))

    def interpreted(self, market: str) -> Check:
        """Run the first events without the compiler, which would read past the end of an array and say nothing."""
        events = self.events[:INTERPRETED_EVENTS]
        terms = self.profile.strategies[0]
        stage = build_stage(terms, self.strategy, self.universe, [{}])
        signals = np.zeros(signals_needed(stage, events, self.strategy.step_all is not None), SIGNAL)
        block = _interpreted(strategy_block(self.strategy.step, self.strategy.step_all), {})
        try:
            with np.errstate(all="ignore"):
                block(build_terms(self.profile, self.universe), stage, 0, 0, events, 0, len(events), signals)
        except IndexError as error:
            cause = f"reads outside of its arrays, where anything may lie: {error}"
            return Check(market, "within its arrays", len(events), Finding(f"{self.strategy.name} {cause}"))
        except Exception:  # noqa: BLE001  # what only the compiler can run is not judged here
            return Check(market, "within its arrays", 0)
        return Check(market, "within its arrays", len(events))

    def _until(self, signals: Records, cut: int) -> Records:
        return signals[signals["event_index"] < cut]

    def _moment(self, cut: int) -> str:
        return f"{ist_datetime(self.events['time_ns'][cut - 1]):%Y-%m-%d %H:%M:%S}"

    def _differences(self, after: Said, before: Said, cause: str) -> Iterator[Finding]:
        """Yield the first signal, else the first array of the state, that is not the same to the byte."""
        (signals, states), (wanted, wanted_states) = after, before
        if signals.tobytes() != wanted.tobytes():
            yield self._signal_difference(signals, wanted, cause)
            return
        for state, wanted_state in zip(states, wanted_states, strict=True):
            for name, bytes_held in wanted_state.items():
                if state[name] != bytes_held:
                    yield Finding(f"the bytes of {name} change {cause}")
                    return

    def _signal_difference(self, signals: Records, wanted: Records, cause: str) -> Finding:
        """Return the first signal that the two do not share."""
        shared = min(len(signals), len(wanted))
        rows, wanted_rows = (side[:shared].view(np.uint8).reshape(shared, -1) for side in (signals, wanted))
        place = int(np.append((rows != wanted_rows).any(axis=1), True).argmax())
        pair = [side[place : place + 1] for side in (wanted, signals)]
        time_ns = min(int(side["time_ns"][0]) for side in pair if len(side))
        said = [side[side["time_ns"] == time_ns] for side in pair]
        texts = [f"{side['target'][0]:.12g}" if len(side) else "none" for side in said]
        symbol = self.universe[int(np.concatenate(said)["instrument"][0])].symbol
        return Finding(cause, ist_datetime(time_ns), symbol, "target", *texts)


def _interpreted(function: Any, made: dict[Any, Any]) -> Any:
    """Return a kernel as plain Python, and with it all the kernels that it names."""
    plain = python_function(function)
    if plain not in made:
        names = dict(plain.__globals__)
        made[plain] = types.FunctionType(plain.__code__, names, plain.__name__, plain.__defaults__, plain.__closure__)
        for name in plain.__code__.co_names:
            value = names.get(name)
            if python_function(value) is not value:
                names[name] = _interpreted(value, made)
    return made[plain]
