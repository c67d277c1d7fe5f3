"""Hold while the fast simple average of closes is above the slow one.

Below it, go short if `allow_short`, else stay out; where the two are equal, nothing changes. On a price grid they often
are, and sums of floats would break such a tie by their rounding: so the averages are compared as fractions of integers.
"""

import numpy as np

from alpha_panda.kernels import Parameter, kernel, record
from alpha_panda.kernels.indicators import window, window_sum

PARAMETERS = {
    "fast": Parameter(20, 1, 512),
    "slow": Parameter(50, 2, 512),
    "allow_short": Parameter(0, 0, 1),
}

STATE = record(("fast", window(512)), ("slow", window(512)))


@kernel
def step(state, params, bar):
    """Return the exposure wanted after `bar`; NaN keeps the last one."""
    fast = window_sum(state.fast, params.fast, bar.close_e4) * params.slow
    slow = window_sum(state.slow, params.slow, bar.close_e4) * params.fast
    if state.fast.count < params.fast or state.slow.count < params.slow or fast == slow:
        return np.nan
    if fast > slow:
        return 1.0
    return -1.0 if params.allow_short else 0.0
