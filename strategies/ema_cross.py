"""Hold while the fast exponential average of closes is above the slow one.

Below it, go short if `allow_short`, else stay out; where the two are equal, nothing changes.
"""

import numpy as np

from alpha_panda.kernels import Parameter, kernel, record
from alpha_panda.kernels.indicators import EMA, ema

PARAMETERS = {
    "fast": Parameter(12, 1, 500),
    "slow": Parameter(26, 2, 500),
    "allow_short": Parameter(0, 0, 1),
}

STATE = record(("fast", EMA), ("slow", EMA))


@kernel
def step(state, params, bar):
    """Return the exposure wanted after `bar`; NaN keeps the last one."""
    fast = ema(state.fast, params.fast, bar.close_e4)
    slow = ema(state.slow, params.slow, bar.close_e4)
    if fast > slow:
        return 1.0
    if fast < slow:
        return -1.0 if params.allow_short else 0.0
    return np.nan
