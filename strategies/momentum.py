"""Follow a return over `lookback` bars that is beyond ±`threshold`, until it comes back to zero.

Go long above the threshold and, if `allow_short`, short below its negative. Between the two, keep a position while the
return still has its sign, so that a return that hovers at the threshold does not trade at every bar.
"""

import numpy as np

from alpha_panda.kernels import Parameter, kernel, record
from alpha_panda.kernels.indicators import returns, window

PARAMETERS = {
    "lookback": Parameter(20, 1, 512),
    "threshold": Parameter(0.01, 0.0, 1.0),
    "allow_short": Parameter(0, 0, 1),
}

STATE = record(("closes", window(512)), ("side", "i8"))


@kernel
def step(state, params, bar):
    """Return the exposure wanted after `bar`; NaN keeps the last one."""
    change = returns(state.closes, params.lookback, bar.close_e4)
    if np.isnan(change):
        return np.nan
    if change > params.threshold:
        state.side = 1
    elif change < -params.threshold:
        state.side = -1
    elif state.side * change <= 0.0:
        state.side = 0
    return float(max(state.side, -params.allow_short))
