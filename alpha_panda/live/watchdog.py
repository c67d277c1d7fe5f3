"""How old the feed is, instrument by instrument, and for how long it was silent although its session was open.

Silence is measured in the market's own time, so that a session done again finds the same gaps, however its events were
cut into frames. Only a feed in real time also needs to be told that time passes, for when it says nothing at all.

Ticks are what counts. A bar speaks of the time before it, and says by itself whether there was any trade: a feed of
bars is not watched.
"""

import datetime
import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alpha_panda.instruments import Universe
from alpha_panda.kernels.clock import NEVER_NS
from alpha_panda.kernels.records import TICK, Records
from alpha_panda.live.messages import Gap
from alpha_panda.sessions import sessions
from alpha_panda.units import ist_date

Integers = npt.NDArray[np.int64]

MARKET = 0
"""The token of a gap of the whole market."""

_CLOSED_DAYS_MAX = datetime.timedelta(days=15)  # more than the exchange was ever closed


class FeedAge(NamedTuple):
    """How old the feed is at an instant; all ages are 0 for what is not in a session then."""

    market_open: bool  # whether any of the instruments is in a session
    silent_ns: int  # since a tick of any of them
    oldest_ns: int  # since the last tick of the one that has been silent for longest
    oldest: str  # its symbol; empty when none has been silent at all
    stale: tuple[str, ...]  # those whose last tick is too old to open a position at its price


UNWATCHED = FeedAge(market_open=False, silent_ns=0, oldest_ns=0, oldest="", stale=())
"""Of a feed that has not begun, or is over."""


class Watchdog:
    """Follows a feed from its first tick on, or from an instant that it is told.

    A silence becomes a gap when it was longer than `gap_ns` for the whole market, than `instrument_gap_ns` for one
    instrument; `price_age_ns` makes a price stale. Each of them is off at 0.
    """

    def __init__(self, universe: Universe, gap_ns: int, instrument_gap_ns: int, price_age_ns: int) -> None:
        self._symbols = np.array(universe.symbols)
        self._price_age_ns = price_age_ns or NEVER_NS
        self._began = False
        of_calendar = np.array([instrument.calendar for instrument in universe])
        calendars = tuple(np.unique(of_calendar).tolist())
        self._market = _Silences(calendars, np.array([MARKET]), gap_ns)
        self._members = [np.flatnonzero(of_calendar == calendar) for calendar in calendars]
        self._groups = [
            _Silences((calendar,), universe.tokens[members], instrument_gap_ns)
            for calendar, members in zip(calendars, self._members, strict=True)
        ]
        # Where each instrument stands: in which group, and there as the how-manieth.
        self._group_of = np.searchsorted(calendars, of_calendar)
        self._place_of = np.zeros(len(universe), np.int64)
        for members in self._members:
            self._place_of[members] = np.arange(len(members))

    def begin(self, time_ns: int) -> None:
        """Watch from an instant on: what was before it is no silence."""
        self._began = True
        for silences in (self._market, *self._groups):
            silences.begin(time_ns)

    def note(self, events: Records) -> list[Gap]:
        """Take in events, of dtype EVENT and in order, and return the gaps that they end, in order of their ends."""
        if len(events) == 0:
            return []
        ticks = events["kind"] == TICK
        times_ns, instruments = events["time_ns"][ticks], events["instrument"][ticks]
        if not self._began:
            if len(times_ns) == 0:
                return []
            self.begin(int(times_ns[0]))
        gaps = self._market.note(np.zeros(len(times_ns), np.int64), times_ns)
        groups = self._group_of[instruments]
        for number, silences in enumerate(self._groups):
            mine = groups == number
            gaps += silences.note(self._place_of[instruments[mine]], times_ns[mine])
        return _in_order(gaps + self._closed(int(events["time_ns"][-1])))

    def pass_time(self, now_ns: int) -> list[Gap]:
        """Return the gaps that ended with their session by now, though the feed says nothing."""
        return _in_order(self._closed(now_ns)) if self._began else []

    def age(self, now_ns: int) -> FeedAge:
        """Return how old the feed is at an instant, by the market's clock or for a feed in real time by the wall's."""
        if not self._began:
            return UNWATCHED
        ages_ns = np.zeros(len(self._symbols), np.int64)
        for members, silences in zip(self._members, self._groups, strict=True):
            ages_ns[members] = silences.ages_ns(now_ns)
        oldest = int(np.argmax(ages_ns))
        return FeedAge(
            market_open=self._market.is_open(now_ns),
            silent_ns=int(self._market.ages_ns(now_ns)[0]),
            oldest_ns=int(ages_ns[oldest]),
            oldest=str(self._symbols[oldest]) if ages_ns[oldest] else "",
            stale=tuple(self._symbols[ages_ns > self._price_age_ns].tolist()),
        )

    def _closed(self, now_ns: int) -> list[Gap]:
        return [gap for silences in (self._market, *self._groups) for gap in silences.close(now_ns)]


class _Silences:
    """The silences of some instruments that are in session together, each named by its place among them."""

    def __init__(self, calendars: Sequence[str], tokens: Integers, limit_ns: int) -> None:
        self._calendars = tuple(calendars)
        self._tokens = tokens
        self._limit_ns = limit_ns or NEVER_NS
        self._last_ns = np.zeros(len(tokens), np.int64)  # until when nothing is missing
        self._close_next_ns = 0

    def begin(self, time_ns: int) -> None:
        self._last_ns[:] = time_ns
        self._close_next_ns = self._close_after_ns(time_ns)

    def note(self, places: Integers, times_ns: Integers) -> list[Gap]:
        """Take in ticks at these times, and return the gaps that they end."""
        order = np.argsort(places, kind="stable")
        who, until_ns = places[order], times_ns[order]
        from_ns = np.empty_like(until_ns)
        from_ns[1:] = until_ns[:-1]
        first = np.diff(who, prepend=-1) != 0
        from_ns[first] = self._last_ns[who[first]]
        self._last_ns[places] = times_ns  # of several of one place, numpy keeps the last
        long = until_ns - from_ns > self._limit_ns
        return self._gaps(who[long], from_ns[long], until_ns[long])

    def close(self, now_ns: int) -> list[Gap]:
        """Return the gaps that ended with a session by now."""
        if now_ns < self._close_next_ns:
            return []
        first_ns, self._close_next_ns = self._close_next_ns, self._close_after_ns(now_ns)
        closes_ns = _hours(self._calendars, ist_date(first_ns), ist_date(now_ns))[:, 1]
        close_ns = int(closes_ns[closes_ns <= now_ns][-1])
        silent = np.flatnonzero(self._last_ns < close_ns)
        gaps = self._gaps(silent, self._last_ns[silent], np.full(len(silent), close_ns))
        self._last_ns[silent] = close_ns
        return gaps

    def is_open(self, now_ns: int) -> bool:
        """Return whether there is a session at an instant."""
        return self._open_ns(now_ns) > 0

    def ages_ns(self, now_ns: int) -> Integers:
        """Return how long each has been silent within the session of an instant; 0 without one."""
        open_ns = self._open_ns(now_ns)
        since_ns = np.maximum(self._last_ns, open_ns)
        return np.maximum(now_ns - since_ns, 0) if open_ns else np.zeros_like(since_ns)

    def _gaps(self, places: Integers, from_ns: Integers, until_ns: Integers) -> list[Gap]:
        """Return what of these silences lies within sessions, as far as that is long."""
        if len(places) == 0:
            return []
        gaps: list[Gap] = []
        hours = _hours(self._calendars, ist_date(int(from_ns.min())), ist_date(int(until_ns.max())))
        for opens_ns, closes_ns in hours.tolist():
            starts_ns, stops_ns = np.maximum(from_ns, opens_ns), np.minimum(until_ns, closes_ns)
            long = stops_ns - starts_ns > self._limit_ns
            found = self._tokens[places[long]], starts_ns[long], stops_ns[long]
            gaps += map(Gap, *(each.tolist() for each in found))
        return gaps

    def _open_ns(self, now_ns: int) -> int:
        """Return when the session of an instant opened, 0 without one."""
        hours = _hours(self._calendars, ist_date(now_ns), ist_date(now_ns))
        inside = (hours[:, 0] <= now_ns) & (now_ns < hours[:, 1])
        return int(hours[inside, 0][0]) if inside.any() else 0

    def _close_after_ns(self, time_ns: int) -> int:
        date = ist_date(time_ns)
        closes_ns = _hours(self._calendars, date, date + _CLOSED_DAYS_MAX)[:, 1]
        return int(closes_ns[closes_ns > time_ns][0])


@functools.lru_cache(maxsize=64)
def _hours(calendars: tuple[str, ...], first: datetime.date, last: datetime.date) -> Integers:
    """Return when any of some calendars is in session, as rows of open and close in order of time."""
    joined: list[list[int]] = []
    for opens_ns, closes_ns in sorted(row for name in calendars for row in sessions(name, first, last).tolist()):
        if joined and opens_ns <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], closes_ns)
        else:
            joined.append([opens_ns, closes_ns])
    return np.array(joined, np.int64).reshape(-1, 2)


def _in_order(gaps: list[Gap]) -> list[Gap]:
    return sorted(gaps, key=lambda gap: (gap.until_ns, gap.instrument_token))
