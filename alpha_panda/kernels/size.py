"""From a target exposure to a wanted quantity, in lots and never beyond the capital given to the strategy."""

import math
from typing import Any

from alpha_panda.kernels.jit import inlined
from alpha_panda.kernels.records import SIZE_FRACTION, SIZE_NOTIONAL, SIZE_UNITS


@inlined
def capital_e4(mandate: Any, account: Any) -> int:
    """Return the capital that a strategy may commit now: what it was given, or its share of what became of it."""
    if mandate.compounds == 0:
        return mandate.capital_e4
    return int(mandate.capital_e4 * (max(account.equity_e4, 0) / account.initial_e4))


@inlined
def wanted_quantity(
    mandate: Any, capital_e4: int, target: float, price_e4: int, volatility: float, room_e4: int, lot: int
) -> int:
    """Return the signed quantity, a multiple of `lot`, that `target` asks for at `price_e4`.

    `room_e4` is what of `capital_e4` the strategy's other books have not committed; the quantity is cut to it.
    `volatility` is per bar and counts only for volatility targeting, where an unknown one (0) wants nothing.
    """
    size = abs(target)
    room = max(room_e4, 0) // price_e4
    if mandate.size_mode == SIZE_UNITS:
        # Compared as floats first: a size beyond 64 bits must not turn the side around.
        units = int(min(size * mandate.size_value, float(room)))
    else:
        units = int(_wanted_value_e4(mandate, float(capital_e4), size, volatility)) // price_e4
    lots = min(units, room) // lot
    return lots * lot if target > 0.0 else -lots * lot


@inlined
def _wanted_value_e4(mandate: Any, capital_e4: float, size: float, volatility: float) -> float:
    if mandate.size_mode == SIZE_NOTIONAL:
        value_e4 = size * mandate.size_value
    elif mandate.size_mode == SIZE_FRACTION:
        value_e4 = size * mandate.size_value * capital_e4
    elif volatility > 0.0:
        value_e4 = size * capital_e4 * mandate.size_value / (volatility * math.sqrt(mandate.bars_per_year))
    else:
        value_e4 = 0.0
    return min(value_e4, capital_e4)
