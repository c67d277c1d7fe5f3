"""Buy below the lower Bollinger band what is also oversold, and hold it until the close is back at the middle band.

If `allow_short`, sell above the upper band what is also overbought, in the same way.
"""

import numpy as np

from alpha_panda.kernels import Parameter, kernel, record
from alpha_panda.kernels.indicators import RSI, bollinger, moments, rsi

PARAMETERS = {
    "lookback": Parameter(20, 2, 512),
    "width": Parameter(2.0, 0.1, 10.0),
    "rsi_length": Parameter(14, 2, 500),
    "oversold": Parameter(30.0, 0.0, 50.0),
    "overbought": Parameter(70.0, 50.0, 100.0),
    "allow_short": Parameter(0, 0, 1),
}

STATE = record(("band", moments(512)), ("strength", RSI), ("side", "i8"))


@kernel
def step(state, params, bar):
    """Return the exposure wanted after `bar`; NaN keeps the last one."""
    lower, middle, upper = bollinger(state.band, params.lookback, params.width, bar.close_e4)
    strength = rsi(state.strength, params.rsi_length, bar.close_e4)
    if np.isnan(middle) or np.isnan(strength):
        return np.nan
    if strength < params.oversold and bar.close_e4 < lower:
        state.side = 1
    elif strength > params.overbought and bar.close_e4 > upper:
        state.side = -1
    elif state.side * (bar.close_e4 - middle) >= 0.0:
        state.side = 0
    return float(max(state.side, -params.allow_short))
