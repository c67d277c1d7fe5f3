"""What a backtest over the recorded ticks of a session will see otherwise than the session saw it.

The catalog keeps ticks alone. It makes the clocks itself, at each whole second from the first tick of a day to its last
close, lays ticks of equal time out by instrument, and cannot tell what the first tick of a day traded. Where a feed has
put its events on the log just so, nothing is different, and the backtest gives the ledger of the session.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from alpha_panda.data.events import outside_sessions, with_clocks
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import BAR, CLOCK, EVENT, TICK, Records
from alpha_panda.units import DAY_NS, IST_OFFSET_NS, ist_date, ist_datetime

Integers = npt.NDArray[np.int64]


class Fidelity:
    """Follows the events of a session, and says in sentences what of them the catalog cannot give back."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self._clocks_ns: list[Integers] = []
        self._spans_ns: dict[int, tuple[int, int]] = {}  # of each day, its first and last tick
        self._first_volume: dict[tuple[int, int], int] = {}  # by day and instrument
        self._last = np.zeros(1, EVENT)  # the last tick so far
        self._clock_ns = 0  # the last clock so far
        self._bars = self._outside = self._disordered = self._overdue = 0

    def note(self, events: Records) -> Records:
        """Take in the next events, of dtype EVENT, and return those that can be recorded: the ticks in sessions."""
        ticks = events[events["kind"] == TICK]
        kept = ticks[~outside_sessions(self._universe, ticks)]
        self._bars += int(np.count_nonzero(events["kind"] == BAR))
        self._outside += len(ticks) - len(kept)
        self._note_clocks(events)
        if len(kept):
            self._note_order(kept)
            self._note_days(kept)
        return kept

    def _note_clocks(self, events: Records) -> None:
        clock = events["kind"] == CLOCK
        struck_ns = np.maximum.accumulate(np.where(clock, events["time_ns"], self._clock_ns)) if len(events) else clock
        self._overdue += int(np.count_nonzero(~clock & (events["time_ns"] <= struck_ns)))
        if clock.any():
            self._clocks_ns.append(events["time_ns"][clock])
            self._clock_ns = int(self._clocks_ns[-1][-1])

    def _note_order(self, ticks: Records) -> None:
        both = np.concatenate([self._last, ticks])
        same_time = both["time_ns"][1:] == both["time_ns"][:-1]
        self._disordered += int(np.count_nonzero(same_time & (both["instrument"][1:] < both["instrument"][:-1])))
        self._last = ticks[-1:].copy()

    def _note_days(self, ticks: Records) -> None:
        days = (ticks["time_ns"] + IST_OFFSET_NS) // DAY_NS
        for day in np.unique(days).tolist():
            of_day = ticks[days == day]
            first_ns, last_ns = (int(of_day["time_ns"][row]) for row in (0, -1))
            self._spans_ns[day] = (self._spans_ns.get(day, (first_ns, 0))[0], last_ns)
            instruments, rows = np.unique(of_day["instrument"], return_index=True)
            for instrument, volume in zip(instruments.tolist(), of_day["volume"][rows].tolist(), strict=True):
                self._first_volume.setdefault((day, instrument), volume)

    # ── In words ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def differences(self) -> tuple[str, ...]:
        """Return what is different, one sentence for each kind; none where a backtest sees what the session saw."""
        return tuple(self._differences())

    def _differences(self) -> Iterator[str]:
        if self._bars:
            yield f"{self._bars:,} bars are not recorded: they are no ticks"
        if self._outside:
            yield f"{self._outside:,} ticks are not recorded: they lie outside the sessions of their instruments"
        if self._disordered:
            yield f"{self._disordered:,} ticks stood behind one of the same time whose instrument comes later"
        if self._overdue:
            yield f"{self._overdue:,} events stood behind the clock of their own time"
        untold = sum(self._first_volume.values())
        if untold:
            yield (
                f"what the first tick of a day traded is not kept: {untold:,} units, "
                f"of {np.count_nonzero(list(self._first_volume.values())):,} first ticks"
            )
        yield from self._differences_of_clocks()

    def _differences_of_clocks(self) -> Iterator[str]:
        struck_ns = np.concatenate([np.zeros(0, np.int64), *self._clocks_ns])
        made_ns = self._made_clocks_ns()
        for what, found in (
            ("are made that the session had not", np.setdiff1d(made_ns, struck_ns)),
            ("of the session are not made", np.setdiff1d(struck_ns, made_ns)),
        ):
            if len(found):
                first, last = (f"{ist_datetime(found[row]):%Y-%m-%d %H:%M:%S}" for row in (0, -1))
                yield f"{len(found):,} clocks {what}, the first at {first} and the last at {last} IST"
        if len(np.unique(struck_ns)) < len(struck_ns):
            yield f"{len(struck_ns) - len(np.unique(struck_ns)):,} clocks were struck twice"

    def _made_clocks_ns(self) -> Integers:
        """Return the clocks that the catalog makes, which depend on the first and last tick of each day alone."""
        ends = np.zeros(2 * len(self._spans_ns), EVENT)
        ends["time_ns"] = np.array([self._spans_ns[day] for day in sorted(self._spans_ns)]).reshape(-1)
        if not len(ends):
            return ends["time_ns"]
        _, table = self._universe.records(ist_date(ends["time_ns"][0]), ist_date(ends["time_ns"][-1]))
        made = with_clocks(ends, table)
        return made["time_ns"][made["kind"] == CLOCK]
