"""The full chain over one event array: a crossover on minutes, a ranking on days, the paper profile on ticks."""

import dataclasses
from collections.abc import Callable

import numpy as np

from alpha_panda.backtest.inputs import BLOCK
from alpha_panda.chain import AccountStage, SignalStage, load_strategies
from alpha_panda.config import Profile, load_profile
from alpha_panda.data.events import EventArray
from alpha_panda.instruments import Universe
from tests.benchmarks import anchors
from tests.benchmarks.markets import (
    CAPITAL_E4,
    crossover_profile,
    daily_bars,
    minute_bars,
    prices,
    ranking_profile,
    tick_day,
)
from tests.benchmarks.measuring import ROOT, Row, measured


@dataclasses.dataclass
class Session:
    """Both stages, fresh."""

    signals: SignalStage
    account: AccountStage


def crossover(case: str, bars: int = 1_000_000, clocks: bool = False) -> Row:
    """One crossover over minutes: events a second through strategy and account."""
    universe, events = minute_bars(bars, clocks)
    opens, closes = prices(events, 1)
    return through_the_chain(
        case, crossover_profile(), universe, events, lambda: anchors.crossover(opens, closes, 20, 50, CAPITAL_E4)
    )


def ranking(case: str, instruments: int = 500, days: int = 2_500) -> Row:
    """A ranking portfolio over days: events a second."""
    universe, events = daily_bars(instruments, days)
    opens, closes = prices(events, instruments)
    return through_the_chain(
        case, ranking_profile(), universe, events, lambda: anchors.ranking(opens, closes, 126, 21, 10, CAPITAL_E4)
    )


def ticks(case: str, block: int = BLOCK, ticks_a_second: float = 1.0) -> Row:
    """The default profile over a day of ticks: events a second. The anchor runs one of its two strategies."""
    universe, events = tick_day(ticks_a_second)
    times_ns, prices_e4 = (np.ascontiguousarray(events[field]) for field in ("time_ns", "close_e4"))
    instrument = np.ascontiguousarray(events["instrument"])
    return through_the_chain(
        case,
        load_profile(ROOT / "live" / "paper.toml"),
        universe,
        events,
        lambda: anchors.momentum_on_ticks(times_ns, instrument, prices_e4, len(universe), 20, 0.004, CAPITAL_E4),
        block,
    )


def through_the_chain(
    case: str,
    profile: Profile,
    universe: Universe,
    events: EventArray,
    anchor: Callable[[], object],
    block: int = BLOCK,
) -> Row:
    """Measure the loop of the backtest: each block through the strategies, then through the account."""
    strategies = load_strategies(profile, [ROOT / "strategies"])

    def fresh() -> Session:
        return Session(SignalStage(profile, universe, strategies), AccountStage(profile, universe))

    def loop(session: Session) -> Session:
        for start in range(0, len(events), block):
            stop = min(start + block, len(events))
            session.account.advance(events, session.signals.advance(events, start, stop), start, stop)
        return session

    return measured(case, len(events), loop, anchor, _note, fresh)


def _note(session: Session) -> str:
    account = session.account.account
    return f"events; {account['signals']:,} signals, {account['fills']:,} fills, {account['refused']:,} refused"
