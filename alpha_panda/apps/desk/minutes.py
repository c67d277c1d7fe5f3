"""One-minute bars of a session's instruments, added up from the events that it saw, for the price chart alone.

What strategies see is aggregated by the kernels; this only draws. Bars are kept for the latest day of the market.
"""

import numpy as np

from alpha_panda.apps.desk.history_models import Bar
from alpha_panda.kernels.records import CLOCK, Records
from alpha_panda.units import MINUTE_NS, ist_date, ist_time_ns

_OPEN, _HIGH, _LOW, _CLOSE, _VOLUME = range(5)


class Minutes:
    """The bars so far, by instrument and by the minute's beginning."""

    def __init__(self, instruments: int) -> None:
        self._bars: list[dict[int, list[int]]] = [{} for _ in range(instruments)]
        self.time_ns = 0

    def add(self, events: Records) -> None:
        """Add events of dtype EVENT, in their order; those of one partition may come later than those of another."""
        if len(events) == 0:
            return
        last_ns = max(int(events["time_ns"][-1]), self.time_ns)
        if self.time_ns and ist_date(last_ns) != ist_date(self.time_ns):
            self._bars = [{} for _ in self._bars]
        self.time_ns = last_ns
        of_the_day = events["time_ns"] > ist_time_ns(ist_date(last_ns))
        self._add_prices(events[of_the_day & (events["kind"] != CLOCK)])

    def _add_prices(self, events: Records) -> None:
        if len(events) == 0:
            return
        # A bar is known at its end: the nanosecond before it lies in its own minute.
        minutes = (events["time_ns"] - 1) // MINUTE_NS
        order = np.lexsort((minutes, events["instrument"]))
        ordered, of_minute = events[order], minutes[order]
        begins = np.flatnonzero(np.diff(ordered["instrument"], prepend=-1) | (np.diff(of_minute, prepend=-1) != 0))
        ends = np.append(begins[1:], len(ordered)) - 1
        columns = (
            ordered["open_e4"][begins],
            np.maximum.reduceat(ordered["high_e4"], begins),
            np.minimum.reduceat(ordered["low_e4"], begins),
            ordered["close_e4"][ends],
            np.add.reduceat(ordered["volume"], begins),
        )
        instruments: list[int] = ordered["instrument"][begins].tolist()
        times_ns: list[int] = (of_minute[begins] * MINUTE_NS).tolist()
        rows: list[list[int]] = np.stack(columns, axis=1).tolist()
        for instrument, time_ns, figures in zip(instruments, times_ns, rows, strict=True):
            bar = self._bars[instrument].setdefault(time_ns, figures)
            if bar is not figures:
                _merge(bar, figures)

    def of(self, instrument: int) -> tuple[Bar, ...]:
        """Return the bars of one instrument by its index, oldest first."""
        return tuple(
            Bar(
                time_ns=time_ns,
                open_e4=bar[_OPEN],
                high_e4=bar[_HIGH],
                low_e4=bar[_LOW],
                close_e4=bar[_CLOSE],
                volume=bar[_VOLUME],
            )
            for time_ns, bar in self._bars[instrument].items()
        )


def _merge(bar: list[int], figures: list[int]) -> None:
    """Add what came later in the same minute."""
    bar[_HIGH] = max(bar[_HIGH], figures[_HIGH])
    bar[_LOW] = min(bar[_LOW], figures[_LOW])
    bar[_CLOSE] = figures[_CLOSE]
    bar[_VOLUME] += figures[_VOLUME]
