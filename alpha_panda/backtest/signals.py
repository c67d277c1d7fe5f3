"""Questions asked of a Polars frame: entries and exits, weights, or a strategy, all answered by the one chain.

    import alpha_panda as ap

    fast, slow = ap.indicators.ema(pl.col("close"), 12), ap.indicators.ema(pl.col("close"), 26)
    result = ap.from_signals(bars, fast > slow, fast < slow, size=0.2, fees="zerodha")

`bars` holds `open`, `high`, `low`, `close` in rupees, perhaps `volume` and `symbol`, and `time`, when each bar closed
(IST unless it says otherwise), or `date`. What a row says is known when its bar closes, and its order fills at the open
of the next bar of its instrument. Where that differs from vectorbt, whose words are used here:

- it fills at the close of the very bar that says so, unless signals are moved by one row and `price` is the open;
- it trades fractions of a share; here quantities are whole lots, rounded down, and sized at the close that was known;
- prices are not rounded there; here a fill lies on the instrument's tick, rounded against the order;
- an order is cut there to what the cash buys after charges; here to what the equity leaves after what other symbols
  took at the prices of their latest orders, so that the cash may fall below zero, and by more than a hundredth of the
  capital not without a note in the result;
- after a stop it takes the next entry that is said; here, as in live trading, an entry counts again after an exit.

A question is not an order: without `risk` no limit of the account is in force, except that nothing is opened intraday
(MIS) after the hour of squaring off. Each question counts as a trial, like any run.
"""

import dataclasses
import hashlib
import pathlib
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import polars as pl

from alpha_panda.backtest.frame_market import FrameMarket, heard, market_of
from alpha_panda.backtest.inputs import Inputs, finest_ns
from alpha_panda.backtest.metrics import daily_sharpes
from alpha_panda.backtest.result import Result
from alpha_panda.backtest.run import replay, run
from alpha_panda.backtest.targets import (
    Asked,
    Booleans,
    Floats,
    entry_targets,
    refuse_borrowing,
    signals_of,
    weight_targets,
)
from alpha_panda.backtest.trials import remember
from alpha_panda.config import NO_LIMITS, Profile, Risk, validated
from alpha_panda.errors import ConfigurationError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import EQUITY
from alpha_panda.strategy import Strategy, Value, load_strategy
from alpha_panda.units import DAY_NS, SECOND_NS

Product = Literal["CNC", "MIS", "NRML"]
SizeType = Literal["amount", "value", "percent"]
Fees = float | Literal["zerodha"]

_SIZES = {"amount": "units", "value": "notional", "percent": "fraction"}

_INTRADAY_ENTRY_CLOSE = "15:10"
"""When intraday positions are squared off: what is opened later would be closed by the next bar."""


def from_signals(
    bars: pl.DataFrame,
    entries: Asked,
    exits: Asked | None = None,
    short_entries: Asked | None = None,
    short_exits: Asked | None = None,
    *,
    size: float = 1.0,
    size_type: SizeType = "percent",
    init_cash: float = 1_000_000,
    fees: Fees = "zerodha",
    slippage: float = 0.0,
    product: Product = "CNC",
    sl_stop: float = 0.0,
    tp_stop: float = 0.0,
    tsl_stop: float = 0.0,
    risk: Risk | Mapping[str, Any] | None = None,
    universe: Universe | None = None,
) -> Result:
    """Return what entries and exits would have made of `init_cash` rupees, shared by all symbols.

    Entries and exits are Booleans for each row: a column's name, an expression (taken for each symbol by itself) or a
    Series; null only before the first. An entry opens a position of `size`: an `amount` of units, a `value` in rupees
    or a `percent` of the equity, as a fraction; what is held already is left as it is, and the other side is turned. A
    row that says both an entry and its exit says neither. `fees` are those of Zerodha and the state at their dates, or
    a flat fraction of each fill; `slippage` is a fraction of the price. The stops are fractions of the entry price, 0
    for none.

    `risk` asks with limits on: a Risk or a profile's table. `universe` knows ticks, lots and calendars; without it,
    symbols are NSE shares. Raises an AlphaPandaError in one sentence for what cannot be.
    """
    market = market_of(bars, universe)
    targets = entry_targets(bars, entries, exits, short_entries, short_exits)
    terms = {**_terms(product, size, size_type, sl_stop, tp_stop, tsl_stop), **_said(market)}
    return _answered(market, targets, _profile(terms, init_cash, fees, slippage, risk))


def from_weights(
    bars: pl.DataFrame,
    weights: Asked | pl.DataFrame,
    *,
    init_cash: float = 1_000_000,
    fees: Fees = "zerodha",
    slippage: float = 0.0,
    product: Product = "CNC",
    risk: Risk | Mapping[str, Any] | None = None,
    universe: Universe | None = None,
) -> Result:
    """Return what holding each symbol at a share of the equity would have made of `init_cash` rupees.

    A weight lies between -1 and 1, negative for short; at each row that has one, its position is sized anew at that
    share of the equity then, and null leaves it alone. Weights are a column's name, an expression, a Series, or a frame
    of `symbol`, `time` or `date`, and `weight`. Those that stand at one time are at most 1 in all. What else is said of
    `from_signals` holds here.
    """
    market = market_of(bars, universe)
    targets = weight_targets(bars, weights)
    refuse_borrowing(market, targets)
    size = {"mode": "fraction", "value": 1.0, "compounding": True, "rebalance": True}
    terms = {**_said(market), "product": product, "size": size}
    return _answered(market, targets, _profile(terms, init_cash, fees, slippage, risk))


def from_strategy(
    bars: pl.DataFrame,
    strategy: Strategy | str | pathlib.Path,
    parameters: Mapping[str, Value] | None = None,
    *,
    interval: str | None = None,
    size: float = 1.0,
    size_type: SizeType = "percent",
    init_cash: float = 1_000_000,
    fees: Fees = "zerodha",
    slippage: float = 0.0,
    product: Product = "CNC",
    sl_stop: float = 0.0,
    tp_stop: float = 0.0,
    tsl_stop: float = 0.0,
    risk: Risk | Mapping[str, Any] | None = None,
    universe: Universe | None = None,
) -> Result:
    """Return what a strategy, by itself, its name or its path, would have made of `init_cash` rupees.

    It sees bars of `interval`, else those of the frame. What else is said of `from_signals` holds here.
    """
    market = market_of(bars, universe)
    loaded = strategy if isinstance(strategy, Strategy) else load_strategy(strategy)
    _refuse_untradable(market, np.ones(len(bars), np.bool_))
    terms = {
        **_terms(product, size, size_type, sl_stop, tp_stop, tsl_stop),
        "name": loaded.name,
        "strategy": loaded.name,
        "parameters": dict(parameters or {}),
        "interval": interval or _interval(market),
    }
    profile = _profile(terms, init_cash, fees, slippage, risk)
    return run(profile, events=market.events, universe=market.universe, strategies={loaded.name: loaded})


# ── From the words of the question to a profile ──────────────────────────────────────────────────────────────────────


def _terms(
    product: Product, size: float, size_type: SizeType, sl_stop: float, tp_stop: float, tsl_stop: float
) -> dict[str, Any]:
    """Return the part of a strategy's terms that `from_signals` and `from_strategy` share."""
    if size_type not in _SIZES:
        raise ConfigurationError(f"size_type is {size_type!r}: choose one of {', '.join(_SIZES)}")
    return {
        "product": product,
        "size": {"mode": _SIZES[size_type], "value": size, "compounding": True},
        "guards": {"stop_loss": sl_stop, "take_profit": tp_stop, "trailing_stop": tsl_stop},
    }


def _profile(
    terms: Mapping[str, Any],
    init_cash: float,
    fees: Fees,
    slippage: float,
    risk: Risk | Mapping[str, Any] | None,
) -> Profile:
    """Return the profile of one strategy that has all the cash; ConfigurationError for what cannot be."""
    if not 0.0 <= slippage < 1.0:
        raise ConfigurationError(f"slippage is {slippage!r}: give a fraction of the price, such as 0.0005")
    if isinstance(fees, str) and fees != "zerodha":
        raise ConfigurationError(f"fees are {fees!r}: give 'zerodha', or a fraction of each fill such as 0.001")
    limits = _without_limits(terms["product"]) if risk is None else risk
    tables = {
        "account": {"broker": "paper", "capital": init_cash},
        "strategies": [{**terms, "capital": init_cash}],
        "market": {
            "slippage": {"mode": "basis_points", "value": slippage * 10_000},
            **({} if isinstance(fees, str) else {"fees": fees}),
        },
        "risk": {} if isinstance(limits, Risk) else limits,
    }
    profile = validated(Profile, tables, "the question")
    return profile.model_copy(update={"risk": limits}) if isinstance(limits, Risk) else profile


def _without_limits(product: Product) -> Mapping[str, Any]:
    return {**NO_LIMITS, "entry_close": _INTRADAY_ENTRY_CLOSE} if product == "MIS" else NO_LIMITS


def _said(market: FrameMarket) -> dict[str, Any]:
    """Return the part of the terms that names a strategy, where the frame itself says what to hold."""
    return {"name": "frame", "strategy": "frame", "interval": _interval(market)}


def _interval(market: FrameMarket) -> str:
    """Return the length of the frame's bars as a profile has it."""
    finest = finest_ns(market.events)
    return "1d" if market.daily or finest == DAY_NS else f"{finest // SECOND_NS}s"


# ── The answer ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _answered(market: FrameMarket, targets: Floats, profile: Profile) -> Result:
    """Pass the frame's events and what its rows ask for through the account, and count the trial."""
    _refuse_untradable(market, np.nan_to_num(targets) != 0.0)
    _refuse_short_delivery(market, targets, profile)
    # An intraday order is over with its day, whether it was filled or not.
    market = market if profile.strategies[0].product == "MIS" else heard(market, ~np.isnan(targets))
    signals = signals_of(market, targets)
    inputs = Inputs(profile, (), market.universe, market.events)
    result = replay(inputs, written=signals)
    asked = hashlib.sha256(signals.tobytes()).hexdigest()
    return dataclasses.replace(result, trials=remember(inputs, daily_sharpes(result.account), asked))


def _refuse_untradable(market: FrameMarket, asked: Booleans) -> None:
    """Raise ConfigurationError where a row asks for what has prices and cannot be bought, which is an index."""
    untradable = np.array([not instrument.tradable for instrument in market.universe])[market.instrument] & asked
    if untradable.any():
        symbol = market.universe[int(market.instrument[int(np.argmax(untradable))])].symbol
        raise ConfigurationError(f"{symbol} is an index, which nobody can trade: ask for a contract on it")


def _refuse_short_delivery(market: FrameMarket, targets: Floats, profile: Profile) -> None:
    """Raise ConfigurationError where a share would be sold short and held: nobody can deliver what is not there."""
    shares = np.array([instrument.segment == EQUITY for instrument in market.universe])
    short = (targets < 0.0) & shares[market.instrument]
    if profile.strategies[0].product == "CNC" and short.any():
        symbol = market.universe[int(market.instrument[int(np.argmax(short))])].symbol
        raise ConfigurationError(
            f"{symbol} cannot be sold short as CNC: ask with product='MIS' within a day, "
            "or with 'NRML' to see what could not be traded in shares"
        )
