"""Profiles for the tests of backtests, as the tables of their TOML, and a small market whose every price is known."""

import datetime
import pathlib
import types
from typing import Any

import numpy as np
import polars as pl

from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import run
from alpha_panda.data.catalog import BAR_COLUMNS, Catalog
from alpha_panda.data.events import EventArray, bars, with_clocks
from alpha_panda.instruments import Instrument, Universe, unlisted_token
from alpha_panda.kernels import Parameter, kernel, record
from alpha_panda.kernels.records import BAR
from alpha_panda.strategy import Strategy, strategy_from
from alpha_panda.units import MINUTE_NS, ist_time_ns, parse_clock

ROOT = pathlib.Path(__file__).parents[2]

MONDAY = datetime.date(2024, 12, 2)


def strategy_file(name: str) -> str:
    """Return the path of a strategy, so that it is found wherever the tests run."""
    return str(ROOT / "strategies" / f"{name}.py")


def question(*strategies: dict[str, Any], capital: float = 1_000_000, **tables: Any) -> dict[str, Any]:
    """Return a profile of these strategies; what a strategy's table leaves out is an SMA crossover on delivery."""
    defaults: dict[str, Any] = {
        "strategy": strategy_file("sma_cross"),
        "capital": capital / max(len(strategies), 1),
        "product": "CNC",
        "size": {"mode": "fraction", "value": 0.1},
    }
    named = [{"name": f"s{number}", **defaults, **each} for number, each in enumerate(strategies or ({},))]
    return {"account": {"broker": "paper", "capital": capital}, "strategies": named, **tables}


def small_market(*prices: float, symbols: tuple[str, ...] = ("NSE:BEL",)) -> tuple[Universe, EventArray]:
    """Return minute bars from 09:15 on MONDAY, of one price each, the same for each of the `symbols`."""
    universe = Universe(Instrument(symbol, unlisted_token(symbol), tick_e4=500) for symbol in symbols)
    start_ns = ist_time_ns(MONDAY, parse_clock("09:15"))
    times_ns = start_ns + np.repeat(np.arange(1, len(prices) + 1), len(symbols)) * MINUTE_NS
    price_e4 = np.rint(np.repeat(prices, len(symbols)) * 10_000).astype(np.int64)
    index = np.tile(np.arange(len(symbols)), len(prices))
    volume = np.full(len(index), 1_000)
    made = bars(universe, times_ns, index, price_e4, price_e4, price_e4, price_e4, volume)
    return universe, with_clocks(made)


def filled_catalog(root: pathlib.Path, resolution: str, universe: Universe, events: EventArray) -> Catalog:
    """Return the catalog at `root` after these bars were stored in it."""
    catalog = Catalog(root)
    catalog.register(list(universe))
    for index, instrument in enumerate(universe):
        own = events[(events["kind"] == BAR) & (events["instrument"] == index)]
        catalog.store(instrument.symbol, resolution, pl.DataFrame({name: own[name].copy() for name in BAR_COLUMNS}))
    return catalog


# ── Strategies made in a notebook ────────────────────────────────────────────────────────────────────────────────────


@kernel
def _hold(state, params, bar):
    return 1.0


@kernel
def _follow_script(state, params, bar):
    state.bars += 1
    if state.bars == params.long_at:
        return 1.0
    if state.bars == params.half_at:
        return 0.5
    if state.bars == params.short_at:
        return -1.0
    return 0.0 if state.bars == params.flat_at else np.nan


def notebook_strategy(name: str, step: Any, **parameters: Parameter) -> Strategy:
    """Return a strategy that comes from no file."""
    module = types.SimpleNamespace(PARAMETERS=parameters, STATE=record(("bars", "i8")), step=step)
    return strategy_from(module, name)


HOLD = {"hold": notebook_strategy("hold", _hold)}
"""Buys at the first bar and stays."""

_NEVER = Parameter(0, 0, 1_000)
SCRIPT = {
    "script": notebook_strategy(
        "script", _follow_script, long_at=_NEVER, half_at=_NEVER, short_at=_NEVER, flat_at=_NEVER
    )
}
"""Is long, half as long, short or flat from the bars on that its parameters count to; 0 is never."""


def scripted(*prices: float, guards: dict[str, float] | None = None, **at: int) -> Result:
    """Return what a script makes of a small market: 100 shares intraday, filled at the next price without slippage."""
    universe, events = small_market(*prices)
    terms = {"strategy": "script", "product": "MIS", "parameters": at, "size": {"mode": "units", "value": 100}}
    market = {"slippage": {"mode": "ticks", "value": 0}}
    asked = question({**terms, "guards": guards or {}}, market=market)
    return run(asked, events=events, universe=universe, strategies=SCRIPT)
