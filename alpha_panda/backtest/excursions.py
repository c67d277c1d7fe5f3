"""How far each trade went against and for itself while it was held.

John Sweeney, "Maximum Adverse Excursion: Analyzing Price Fluctuations for Trading Management", 1997.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from alpha_panda.backtest.bars import Rows
from alpha_panda.data.events import EventArray

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def excursions(trades: pl.DataFrame, events: EventArray, instruments: Sequence[Rows]) -> pl.DataFrame:
    """Return `mae` and `mfe` of trades, as fractions of the entry price: adverse <= 0 <= favourable.

    `trades` have `instrument`, `direction` (1 or -1), `entry_ns`, `exit_ns`, and `entry_price`, `exit_price` in E4;
    `instruments` has the rows of each one's events. What counts are all events from that of the entry to the last
    before that of the exit, and both prices themselves. A market order fills at the open of its bar, so its entry bar
    was held in full and its exit bar not at all; a limit or stop order may have filled later in its entry bar, which
    then shows more than was held.
    """
    lows, highs = np.full(len(trades), np.inf), np.full(len(trades), -np.inf)
    instrument, entry_ns, exit_ns = (trades[name].to_numpy() for name in ("instrument", "entry_ns", "exit_ns"))
    for index, own in enumerate(instruments):
        mine = instrument == index
        times_ns = events["time_ns"][own]
        start, stop = (np.searchsorted(times_ns, held_ns[mine]) for held_ns in (entry_ns, exit_ns))
        lows[mine] = _over_spans(np.minimum, events["low_e4"][own], start, stop, np.inf)
        highs[mine] = _over_spans(np.maximum, events["high_e4"][own], start, stop, -np.inf)
    entry, leaving, long = (trades[name].to_numpy() for name in ("entry_price", "exit_price", "direction"))
    lowest: Floats = np.minimum(lows, np.minimum(entry, leaving)) / entry - 1.0
    highest: Floats = np.maximum(highs, np.maximum(entry, leaving)) / entry - 1.0
    return pl.DataFrame(
        {"mae": np.where(long > 0, lowest, -highest), "mfe": np.where(long > 0, highest, -lowest)},
        schema={"mae": pl.Float64, "mfe": pl.Float64},
    )


def _over_spans(extreme: np.ufunc, values: Integers, start: Integers, stop: Integers, none: float) -> Floats:
    """Return the extreme of each values[start:stop], `none` where a span is empty."""
    # Every second stretch lies between two spans and is dropped; one more value lets a span reach the end.
    bounds = np.column_stack([start, stop]).ravel()
    found: Integers = extreme.reduceat(np.append(values, 0), bounds)[::2]
    return np.where(stop > start, found, none)
