"""Buy a close above the highest high of `entry` bars, and hold it until one below the lowest low of `exit` bars.

If `allow_short`, sell a close below the lowest low, and cover above the highest high, in the same way. Neither channel
contains the bar that is compared with it. Source: the Donchian channels of the Turtle rules, 20 bars in and 10 out.
"""

import numpy as np

from alpha_panda.kernels import Parameter, kernel, record
from alpha_panda.kernels.indicators import channel, donchian

PARAMETERS = {
    "entry": Parameter(20, 2, 512),
    "exit": Parameter(10, 1, 512),
    "allow_short": Parameter(0, 0, 1),
}

STATE = record(("entry", channel(512)), ("exit", channel(512)), ("side", "i8"))


@kernel
def step(state, params, bar):
    """Return the exposure wanted after `bar`; NaN keeps the last one."""
    entry_high_e4, entry_low_e4 = donchian(state.entry, params.entry, bar)
    exit_high_e4, exit_low_e4 = donchian(state.exit, params.exit, bar)
    if np.isnan(entry_high_e4) or np.isnan(exit_high_e4):
        return np.nan
    if bar.close_e4 > entry_high_e4:
        state.side = 1
    elif bar.close_e4 < entry_low_e4:
        state.side = -1
    elif (state.side > 0 and bar.close_e4 < exit_low_e4) or (state.side < 0 and bar.close_e4 > exit_high_e4):
        state.side = 0
    return float(max(state.side, -params.allow_short))
