"""Futures and options that nobody ever traded, priced by Black and Scholes, for the sample catalog.

F. Black and M. Scholes, "The Pricing of Options and Corporate Liabilities", Journal of Political Economy 81(3), 1973,
at a volatility that smiles and without dividends. Open interest and volume thin out away from the money.
"""

import datetime
import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import Any

import polars as pl

from alpha_panda.units import E4

LOT = 500
RATE = 0.065
VOLATILITY = 0.24
_STEP_E4 = 20 * E4
_STRIKES_EACH_SIDE = 12
_TICK_E4 = 500
_NORMAL = NormalDist()


def contracts_of_day(
    underlying: str, on: datetime.date, before_e4: int, close_e4: int, expiries: Sequence[datetime.date]
) -> pl.DataFrame:
    """Return a day's futures and options on a share that closed at `close_e4`, after `before_e4` the day before.

    One row a contract, as `Catalog.store_contracts` takes them; expiries before `on` have none.
    """
    middle = round(before_e4 / _STEP_E4)
    strikes = [number * _STEP_E4 for number in range(middle - _STRIKES_EACH_SIDE, middle + _STRIKES_EACH_SIDE + 1)]
    rows: list[dict[str, Any]] = []
    for month, expiry in enumerate(each for each in expiries if each >= on):
        for kind, strike_e4 in _listed(strikes):
            prices = [
                _on_tick_e4(_price(kind, price_e4 / E4, strike_e4 / E4, (expiry - day).days))
                for price_e4, day in ((before_e4, on - datetime.timedelta(days=1)), (close_e4, on))
            ]
            rows.append(_row(underlying, kind, expiry, strike_e4, prices, close_e4, month))
    return pl.DataFrame(rows)


def _listed(strikes: Sequence[int]) -> Iterator[tuple[str, int]]:
    yield "FUT", 0
    for strike_e4 in strikes:
        yield "CE", strike_e4
        yield "PE", strike_e4


def _row(
    underlying: str, kind: str, expiry: datetime.date, strike_e4: int, prices_e4: list[int], spot_e4: int, month: int
) -> dict[str, Any]:
    open_e4, close_e4 = prices_e4
    # How far from the money decides how lively a contract is; a strike of a round hundred is livelier.
    distance = abs(math.log(strike_e4 / spot_e4)) if strike_e4 else 0.0
    lots = int(4_000 * math.exp(-12 * distance) / (1 + 3 * month) * (1.5 if strike_e4 % (100 * E4) == 0 else 1.0))
    suffix = "FUT" if kind == "FUT" else f"{strike_e4 / E4:g}{kind}"
    return {
        "symbol": f"NFO:{underlying}{expiry:%y%b}{suffix}".upper(),
        "underlying": underlying,
        "kind": kind,
        "expiry": expiry,
        "strike_e4": strike_e4,
        "lot": LOT,
        "open_e4": open_e4,
        "high_e4": max(prices_e4) + _TICK_E4,
        "low_e4": max(min(prices_e4) - _TICK_E4, _TICK_E4),
        "close_e4": close_e4,
        "settle_e4": close_e4,
        "underlying_e4": spot_e4,
        "volume": lots * LOT,
        "open_interest": 3 * lots * LOT,
        "open_interest_change": (lots % 7 - 3) * LOT,
        "turnover_e4": lots * LOT * close_e4,
        "trades": lots // 2,
    }


def _price(kind: str, spot: float, strike: float, days: int) -> float:
    """Return what a contract is worth in rupees, so many calendar days before it expires."""
    years = max(days, 0) / 365
    if kind == "FUT":
        return spot * math.exp(RATE * years)
    intrinsic = max(spot - strike, 0.0) if kind == "CE" else max(strike - spot, 0.0)
    if years == 0:
        return intrinsic
    volatility = VOLATILITY * (1.0 + 1.5 * math.log(strike / spot) ** 2)
    spread = volatility * math.sqrt(years)
    above = (math.log(spot / strike) + (RATE + volatility**2 / 2) * years) / spread
    call = spot * _NORMAL.cdf(above) - strike * math.exp(-RATE * years) * _NORMAL.cdf(above - spread)
    return call if kind == "CE" else call - spot + strike * math.exp(-RATE * years)


def _on_tick_e4(price: float) -> int:
    return max(round(price * E4 / _TICK_E4), 1) * _TICK_E4
