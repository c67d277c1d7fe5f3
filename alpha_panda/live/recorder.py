"""A session's ticks from its log into the catalog, so that yesterday's live day is today's backtest.

The log is only read, so a session may be recorded while it runs; what of it is recorded already is found and passed
over. Ticks of the last instant wait until something follows them or the session is over, since the catalog tells the
ticks of one instant apart only where it is given all of them together.

The catalog keeps a day's cumulative volume; it begins at 0, or where the catalog ends that holds the day's beginning.
What a backtest over the ticks will see otherwise than the session did is told: see `fidelity`. Commands of people are
no ticks either, and no backtest knows of them.
"""

import asyncio
import dataclasses
import datetime
import pathlib
from collections.abc import Callable

import numpy as np
import polars as pl

from alpha_panda.data import series
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.files import BY_DAY, collected
from alpha_panda.errors import CatalogError, RecoveryError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import EVENT, Records
from alpha_panda.live.arrivals import Arrivals
from alpha_panda.live.build import open_log
from alpha_panda.live.fidelity import Fidelity
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import StageReport
from alpha_panda.live.session import read_session, universe_of
from alpha_panda.live.streams import Recording
from alpha_panda.live.topics import STAGES, market_ticks
from alpha_panda.units import DAY_NS, IST_OFFSET_NS, ist_date

Progress = Callable[[int, int], None]
"""Told how many of the log's records are done, and how many there were when it began."""

_TICKS = 4_000_000  # stored at once: a third of a gigabyte, and a day of a hundred lively instruments
_RESOLUTION = "tick"


@dataclasses.dataclass(frozen=True)
class RecordReport:
    """What became of the ticks of a session: `written` are new to the catalog, `present` were there."""

    state: pathlib.Path
    catalog: pathlib.Path
    symbols: tuple[str, ...]  # those that ticked
    days: tuple[datetime.date, ...]
    written: int
    present: int
    waiting: int  # ticks of the last instant, of which there may be more
    differences: tuple[str, ...]  # between what the session saw and what a backtest over its ticks sees

    @property
    def exact(self) -> bool:
        """Whether a backtest over all that was recorded sees what the session saw, to the byte."""
        return not (self.waiting or self.differences)


def record(state: pathlib.Path, catalog: Catalog, tell: Progress | None = None) -> RecordReport:
    """Merge the ticks of the session in `state`, which may be running, into the catalog, with its instruments.

    Doing it again adds what is new and changes nothing else. Raises LogError where there is no log, RecoveryError where
    no session has begun on it, CatalogError where the catalog holds other ticks of a day and instrument, or later ones.
    """
    return asyncio.run(_record(state, catalog, tell or _untold))


def _untold(done: int, total: int) -> None:
    """Tell nobody."""


async def _record(state: pathlib.Path, catalog: Catalog, tell: Progress) -> RecordReport:
    async with open_log(state, read_only=True) as log:
        session = await read_session(log)
        if session is None:
            raise RecoveryError(f"no session has begun in {state}: name the state directory of one that has")
        universe, topic = universe_of(session), market_ticks(session.partitions)
        fidelity, shelf = Fidelity(universe), _Shelf(universe, catalog)
        over = await _is_over(log)
        total = sum([await log.end(topic, partition) for partition in range(topic.partitions)])
        arrivals = Arrivals(log, topic)
        while arrival := await arrivals.next():
            events = arrival.events()
            if len(events):
                shelf.add(fidelity.note(events), int(events["time_ns"][-1]))
            tell(sum(each.reader.offset for each in arrivals.recordings), total)
        waiting = shelf.finish(over)
        return RecordReport(
            state=state,
            catalog=catalog.root,
            symbols=tuple(sorted(shelf.symbols)),
            days=tuple(sorted(shelf.days)),
            written=shelf.written,
            present=shelf.present,
            waiting=waiting,
            differences=fidelity.differences(),
        )


async def _is_over(log: Log) -> bool:
    """Return whether the feed has said that it says no more."""
    reports, phase = Recording(log, STAGES), ""
    while entry := await reports.next():
        if isinstance(entry.message.data, StageReport) and entry.message.data.stage == "feed":
            phase = entry.message.data.phase
    return phase in ("ended", "stopped")


class _Shelf:
    """Where ticks lie until they are stored, and how far the volume of each day and instrument has come."""

    def __init__(self, universe: Universe, catalog: Catalog) -> None:
        self._universe = universe
        self._catalog = catalog
        self._pending: list[Records] = []
        self._now_ns = 0
        self._traded: dict[tuple[str, int], int] = {}
        self.symbols: set[str] = set()
        self.days: set[datetime.date] = set()
        self.written = self.present = 0

    def add(self, ticks: Records, now_ns: int) -> None:
        """Take ticks, after which the market's time is `now_ns`, and store what waits where that is much."""
        self._pending.append(ticks)
        self._now_ns = now_ns
        if sum(map(len, self._pending)) >= _TICKS:
            self.finish(over=False)

    def finish(self, over: bool) -> int:
        """Store what waits, but for the ticks of the last instant unless nothing follows; return how many those are."""
        ticks = np.concatenate([np.zeros(0, EVENT), *self._pending])
        stop = len(ticks) if over else int(np.searchsorted(ticks["time_ns"], self._now_ns))
        self._pending = [ticks[stop:]]
        if stop:
            self._store(ticks[:stop])
        return len(ticks) - stop

    def _store(self, ticks: Records) -> None:
        if not self.days:
            self._catalog.register(list(self._universe), ist_date(ticks["time_ns"][0]))
        days = (ticks["time_ns"] + IST_OFFSET_NS) // DAY_NS
        order = np.lexsort((days, ticks["instrument"]))  # which is stable: otherwise they stay as they stood
        ticks, days = ticks[order], days[order]
        begins = (np.diff(ticks["instrument"]) != 0) | (np.diff(days) != 0)
        for part in np.split(ticks, np.flatnonzero(begins) + 1):
            self._store_day(part)

    def _store_day(self, ticks: Records) -> None:
        """Store ticks of one instrument and day."""
        symbol, first_ns = self._universe[int(ticks["instrument"][0])].symbol, int(ticks["time_ns"][0])
        day, date = (first_ns + IST_OFFSET_NS) // DAY_NS, ist_date(first_ns)
        if (symbol, day) not in self._traded:
            self._traded[symbol, day] = self._traded_before(symbol, day, ticks[0])
        volume_day = self._traded[symbol, day] + np.cumsum(ticks["volume"])
        columns = {name: ticks[name] for name in ("time_ns", "bid_e4", "ask_e4", "open_interest")}
        rows = pl.DataFrame({**columns, "price_e4": ticks["close_e4"], "volume_day": volume_day})
        stored = self._catalog.store(symbol, _RESOLUTION, rows)
        if len(stored.conflicts):
            raise CatalogError(
                f"the catalog {self._catalog.root} holds other ticks of {symbol} of {date} than this session: "
                "record it into a catalog of its own"
            )
        self._traded[symbol, day] = int(volume_day[-1])
        self.symbols.add(symbol)
        self.days.add(date)
        self.written += stored.written
        self.present += stored.present

    def _traded_before(self, symbol: str, day: int, tick: np.void) -> int:
        """Return what the catalog has traded of a day before its first tick here; CatalogError if it has later ones."""
        path = series.path_of(self._catalog.root, symbol, _RESOLUTION)
        if not path.exists():
            return 0
        scanned = pl.scan_parquet(path).filter(pl.lit(day) == BY_DAY).select("time_ns", "volume_day")
        held = collected(scanned, [path])
        if not len(held):
            return 0
        if held["time_ns"][0] > tick["time_ns"]:
            raise CatalogError(
                f"the catalog {self._catalog.root} begins the {ist_date(held['time_ns'][0])} of {symbol} later than "
                "this session: record the sessions of a day in their order, or each into a catalog of its own"
            )
        same = held.filter(pl.col("time_ns") == int(tick["time_ns"]))
        if len(same):
            return int(same["volume_day"][0]) - int(tick["volume"])
        return int(held.filter(pl.col("time_ns") < int(tick["time_ns"]))["volume_day"][-1])
