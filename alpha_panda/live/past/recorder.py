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
from alpha_panda.data.catalog import TICK_COLUMNS, Catalog
from alpha_panda.data.files import BY_DAY, collected
from alpha_panda.errors import CatalogError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import EVENT, Records
from alpha_panda.live.arrivals import Arrivals
from alpha_panda.live.build import open_log
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import StageReport
from alpha_panda.live.past.fidelity import Fidelity
from alpha_panda.live.session import begun, read_session, universe_of
from alpha_panda.live.streams import Recording
from alpha_panda.live.topics import STAGES, market_ticks
from alpha_panda.units import DAY_NS, IST_OFFSET_NS, ist_date

Progress = Callable[[int, int], None]
"""Told how many of the log's records are done, and how many there were when it began."""

_EVENTS = 2_000_000  # stored at once: a day of fifty lively instruments, and some hundred megabytes
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
    no session has begun on it, CatalogError where the catalog holds other ticks of some of its time, or later ones.
    """
    return asyncio.run(_record(state, catalog, tell or _untold))


def _untold(done: int, total: int) -> None:
    """Tell nobody."""


async def _record(state: pathlib.Path, catalog: Catalog, tell: Progress) -> RecordReport:
    async with open_log(state, read_only=True) as log:
        session = begun(await read_session(log), state)
        topic = market_ticks(session.partitions)
        shelf = _Shelf(universe_of(session), catalog)
        over = await _is_over(log)
        total = sum([await log.end(topic, partition) for partition in range(topic.partitions)])
        arrivals = Arrivals(log, topic)
        while arrival := await arrivals.next():
            shelf.add(arrival.events())
            tell(sum(each.reader.offset for each in arrivals.recordings), total)
        waiting = shelf.store(over)
        return RecordReport(
            state=state,
            catalog=catalog.root,
            symbols=tuple(sorted(shelf.symbols)),
            days=tuple(sorted(shelf.days)),
            written=shelf.written,
            present=shelf.present,
            waiting=waiting,
            differences=shelf.fidelity.differences(),
        )


async def _is_over(log: Log) -> bool:
    """Return whether the feed has said that it says no more."""
    reports, phase = Recording(log, STAGES), ""
    while entry := await reports.next():
        if isinstance(entry.message.data, StageReport) and entry.message.data.stage == "feed":
            phase = entry.message.data.phase
    return phase in ("ended", "stopped")


class _Shelf:
    """Where events lie until their ticks are stored, and how far the volume of each day and instrument has come."""

    def __init__(self, universe: Universe, catalog: Catalog) -> None:
        self.fidelity = Fidelity(universe)
        self._universe = universe
        self._catalog = catalog
        self._pending: list[Records] = []
        self._count = 0
        self._last = np.zeros(0, EVENT)  # ticks of the last instant
        self._traded: dict[tuple[str, int], int] = {}
        self.symbols: set[str] = set()
        self.days: set[datetime.date] = set()
        self.written = self.present = 0

    def add(self, events: Records) -> None:
        """Take the next events, and store what waits where that is much."""
        self._pending.append(events)
        self._count += len(events)
        if self._count >= _EVENTS:
            self.store(over=False)

    def store(self, over: bool) -> int:
        """Store what waits, but for the ticks of the last instant unless nothing follows; return how many those are."""
        events = np.concatenate([np.zeros(0, EVENT), *self._pending])
        ticks = np.concatenate([self._last, self.fidelity.note(events)])
        now_ns = int(events["time_ns"][-1]) if len(events) else 0
        stop = len(ticks) if over else int(np.searchsorted(ticks["time_ns"], now_ns))
        self._pending, self._count, self._last = [], 0, ticks[stop:]
        if stop:
            self._store(ticks[:stop])
        return len(self._last)

    def _store(self, ticks: Records) -> None:
        if not self.days:
            self._catalog.register(list(self._universe), ist_date(ticks["time_ns"][0]))
        days = (ticks["time_ns"] + IST_OFFSET_NS) // DAY_NS
        order = np.lexsort((days, ticks["instrument"]))  # which is stable: otherwise they stay as they stood
        ticks, days = ticks[order], days[order]
        begins = (np.diff(ticks["instrument"]) != 0) | (np.diff(days) != 0)
        for part in np.split(ticks, np.flatnonzero(begins) + 1):
            self._store_day(self._universe[int(part["instrument"][0])].symbol, part)

    def _store_day(self, symbol: str, ticks: Records) -> None:
        """Store ticks of one instrument and day."""
        first_ns = int(ticks["time_ns"][0])
        date, key = ist_date(first_ns), (symbol, (first_ns + IST_OFFSET_NS) // DAY_NS)
        held = self._held(*key)
        if key not in self._traded:
            self._traded[key] = self._traded_before(symbol, held, first_ns, int(ticks["volume"][0]))
        volume_day = self._traded[key] + np.cumsum(ticks["volume"])
        columns = {**dict.fromkeys(TICK_COLUMNS), "price_e4": ticks["close_e4"], "volume_day": volume_day}
        rows = pl.DataFrame({name: ticks[name] if column is None else column for name, column in columns.items()})
        if not _within(rows, held).equals(_within(held, rows)):
            raise CatalogError(
                f"the catalog {self._catalog.root} holds other ticks of {symbol} of {date} than this session: "
                "record it into a catalog of its own"
            )
        stored = self._catalog.store(symbol, _RESOLUTION, rows)
        self._traded[key] = int(volume_day[-1])
        self.symbols.add(symbol)
        self.days.add(date)
        self.written += stored.written
        self.present += stored.present

    def _held(self, symbol: str, day: int) -> pl.DataFrame:
        """Return the ticks that the catalog holds of an instrument and day, as they are stored."""
        path = series.path_of(self._catalog.root, symbol, _RESOLUTION)
        if not path.exists():
            return pl.DataFrame(schema=dict.fromkeys(TICK_COLUMNS, pl.Int64))
        return collected(pl.scan_parquet(path).filter(pl.lit(day) == BY_DAY).select(TICK_COLUMNS), [path])

    def _traded_before(self, symbol: str, held: pl.DataFrame, first_ns: int, volume: int) -> int:
        """Return what was traded of a day before its first tick here, of so much volume, as the catalog has it.

        Raises CatalogError where the catalog only knows of later ticks of that day.
        """
        if not len(held):
            return 0
        if held["time_ns"][0] > first_ns:
            raise CatalogError(
                f"the catalog {self._catalog.root} begins the {ist_date(first_ns)} of {symbol} later than this "
                "session: record the sessions of a day in their order, or each into a catalog of its own"
            )
        same = held.filter(pl.col("time_ns") == first_ns)["volume_day"]
        return same[0] - volume if len(same) else held.filter(pl.col("time_ns") < first_ns)["volume_day"][-1]


def _within(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that lie in the stretch of time that others cover."""
    if not len(others):
        return rows.clear()
    return rows.filter(pl.col("time_ns").is_between(others["time_ns"][0], others["time_ns"][-1]))
