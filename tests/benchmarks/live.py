"""The embedded live pipeline at full speed: feed, log, signals, account and portfolio in one process."""

import asyncio
import math
import pathlib
import tempfile

import numpy as np

from alpha_panda.live.account import AccountEngine
from alpha_panda.live.build import Options, new_status, planned, trade
from tests.benchmarks import anchors
from tests.benchmarks.markets import CAPITAL_E4, tick_day
from tests.benchmarks.measuring import REPEATS, ROOT, Row, measured


def session(case: str, repeats: int = REPEATS) -> Row:
    """A whole synthetic day with the paper profile, its making and every durable write included: events a second."""
    universe, events = tick_day(1.0)
    times_ns, prices_e4 = (np.ascontiguousarray(events[field]) for field in ("time_ns", "close_e4"))
    instrument = np.ascontiguousarray(events["instrument"])

    def traded(_: None) -> AccountEngine:
        with tempfile.TemporaryDirectory() as folder:
            state = pathlib.Path(folder) / "state"
            options = Options(profile=ROOT / "live" / "paper.toml", speed=math.inf, state=state)
            return asyncio.run(_trade(options))

    return measured(
        case,
        len(events),
        traded,
        lambda: anchors.momentum_on_ticks(times_ns, instrument, prices_e4, len(universe), 20, 0.004, CAPITAL_E4),
        _note,
        repeats=repeats,
    )


async def _trade(options: Options) -> AccountEngine:
    return await trade(planned(options), new_status(), asyncio.Event())


def _note(engine: AccountEngine) -> str:
    account = engine.stage.account
    return f"events; {account['signals']:,} signals, {account['fills']:,} fills, {account['refused']:,} refused"
