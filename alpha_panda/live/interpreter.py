"""The interpreter of a process that trades, set up so that it does not hold up an order."""

import gc
import sys

from alpha_panda.live.observer import Observer

# The log's threads wait for the interpreter so long at most; the usual 5 ms would be most of an order's way.
_SWITCH_S = 0.0005


class Interpreter(Observer):
    """Lets threads take turns often, and looks for garbage only in what came after a stage has recovered.

    Libraries, compiled kernels and instruments are a million objects that live as long as the process. To look through
    them again and again for cycles stops everything for a tenth of a second each time.
    """

    def __init__(self) -> None:
        sys.setswitchinterval(_SWITCH_S)

    def on_stage_recovered(self, stage: str) -> None:
        """Take all that there is out of the collector's sight, without the garbage."""
        gc.collect()
        gc.freeze()
