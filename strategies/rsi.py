"""Buy what is oversold by the relative strength index, and hold it until the index is back at 50.

If `allow_short`, sell what is overbought, in the same way.
"""

import numpy as np

from alpha_panda.kernels import Parameter, kernel, record
from alpha_panda.kernels.indicators import RSI, rsi

PARAMETERS = {
    "length": Parameter(14, 2, 500),
    "oversold": Parameter(30.0, 0.0, 50.0),
    "overbought": Parameter(70.0, 50.0, 100.0),
    "allow_short": Parameter(0, 0, 1),
}

STATE = record(("strength", RSI), ("side", "i8"))


@kernel
def step(state, params, bar):
    """Return the exposure wanted after `bar`; NaN keeps the last one."""
    strength = rsi(state.strength, params.length, bar.close_e4)
    if np.isnan(strength):
        return np.nan
    if strength < params.oversold:
        state.side = 1
    elif strength > params.overbought:
        state.side = -1
    elif state.side * (strength - 50.0) >= 0.0:
        state.side = 0
    return float(max(state.side, -params.allow_short))
