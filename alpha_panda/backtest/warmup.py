"""What stands when trading begins: the targets of strategies that watched the days before.

Events before the first trading day pass only the strategies. From that day on the account knows a price only once it
has seen one, and opens nothing before a certain hour, so what a strategy wants of an instrument is held until both
allow it, and said then.
"""

import numpy as np
import numpy.typing as npt

from alpha_panda.config import Profile
from alpha_panda.data.events import EventArray
from alpha_panda.kernels.records import CLOCK, SIGNAL, Records
from alpha_panda.units import DAY_NS, IST_OFFSET_NS

Integers = npt.NDArray[np.int64]

_LONG_AGO = -1


class Standing:
    """The latest target of each book whose instrument the account has not heard of."""

    def __init__(self, profile: Profile, instruments: int) -> None:
        self._held = np.zeros(0, SIGNAL)
        self._unheard = np.ones(instruments, np.bool_)
        self._opens_ns = profile.risk.entry_open_ns
        # An intraday book was squared off the evening before and waits for a changed target, so nothing stands.
        self._overnight = np.array([terms.product != "MIS" for terms in profile.strategies])

    def watch(self, signals: Records) -> None:
        """Remember what was said before the account trades."""
        overnight = signals[self._overnight[signals["strategy"]]]
        self._held = self._latest(np.concatenate([self._held, overnight]))

    def release(self, signals: Records, events: EventArray, start: int, stop: int) -> Records:
        """Return the signals of events [start, stop) that the account may hear, in the order of their causes.

        Of what was said of an instrument up to the first event at which it has a price and may be bought, only the
        latest counts, as if that event had caused it.
        """
        if not self._unheard.any():
            return signals
        first = self._first_events(events, start, stop)
        said = np.concatenate([self._held, signals])
        early = said["event_index"] <= first[said["instrument"]]
        waiting = self._latest(said[early])
        heard_at = first[waiting["instrument"]]
        due = heard_at < stop
        released, self._held = waiting[due], waiting[~due]
        released["event_index"] = heard_at[due]
        released["time_ns"] = events["time_ns"][heard_at[due]]
        self._unheard &= first == stop
        spoken = np.concatenate([released, said[~early]])
        return spoken[np.argsort(spoken["event_index"], kind="stable")]

    def _first_events(self, events: EventArray, start: int, stop: int) -> Integers:
        """Return the first event that lets each unheard instrument be traded, `stop` for none in this block."""
        block = events[start:stop]
        clock_ns = (block["time_ns"] + IST_OFFSET_NS) % DAY_NS
        # From the end, so that of all events of an instrument the first stays.
        market = np.flatnonzero((block["kind"] != CLOCK) & (clock_ns >= self._opens_ns))[::-1]
        found = np.full(len(self._unheard), stop)
        found[block["instrument"][market]] = market + start
        return np.where(self._unheard, found, _LONG_AGO)

    def _latest(self, signals: Records) -> Records:
        """Return the last signal of each book, the books in order."""
        book = signals["strategy"].astype(np.int64) * len(self._unheard) + signals["instrument"]
        _, from_end = np.unique(book[::-1], return_index=True)
        latest = signals[len(signals) - 1 - from_end]
        latest["event_index"] = _LONG_AGO
        return latest
