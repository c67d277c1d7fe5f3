"""What is kept between questions: answers in memory, events of a catalog until its files change, and rows of sweeps."""

import collections
import datetime
import os
import pathlib
import threading
from collections.abc import Hashable, Iterator, Sequence
from typing import Generic, TypeVar

import polars as pl

from alpha_panda.backtest.contents import keep_digest
from alpha_panda.data import files
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.events import EventArray
from alpha_panda.instruments import Universe

Kept = TypeVar("Kept")

EVENTS_BYTES_MAX = 1 << 30
"""Memory for the events of catalogs, 1 GiB: 13 million."""

ROWS_BYTES_MAX = 1 << 28
"""Room on disk for the rows of sweeps, 256 MiB: a few million combinations."""


class Memory(Generic[Kept]):
    """Values by their keys; beyond a number of bytes, those that were not asked for the longest are forgotten."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._values: collections.OrderedDict[Hashable, tuple[Kept, int]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable) -> Kept | None:
        """Return the value of `key`, None if there is none."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: Hashable, value: Kept, bytes_taken: int) -> None:
        """Keep a value, which is forgotten at once where it takes more than there is room for."""
        with self._lock:
            self._bytes += bytes_taken - self._values.pop(key, (None, 0))[1]
            self._values[key] = (value, bytes_taken)
            while self._bytes > self._bytes_max:
                _, (_, freed) = self._values.popitem(last=False)
                self._bytes -= freed

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._bytes = 0


# ── Events of a catalog ──────────────────────────────────────────────────────────────────────────────────────────────

_Span = tuple[str | None, datetime.date | None, datetime.date | None]

_EVENTS: Memory[tuple[Universe, EventArray]] = Memory(EVENTS_BYTES_MAX)
_TRADABLE: Memory[tuple[str, ...]] = Memory(1 << 20)


class KeptCatalog(Catalog):
    """A catalog whose events are read once, and again when any of its files has changed.

    The arrays are shared by all who ask: they are never to be written to.
    """

    def tradable(
        self, resolution: str | None = None, first: datetime.date | None = None, last: datetime.date | None = None
    ) -> tuple[str, ...]:
        """Return what `Catalog.tradable` returns."""
        key = (self._stamp(), resolution, first, last)
        symbols = _TRADABLE.get(key)
        if symbols is None:
            symbols = super().tradable(resolution, first, last)
            _TRADABLE.put(key, symbols, 100 * len(symbols))
        return symbols

    def events(
        self,
        symbols: Sequence[str],
        resolution: str | None = None,
        first: datetime.date | None = None,
        last: datetime.date | None = None,
        clocks: bool = True,
        adjusted: bool = False,
    ) -> tuple[Universe, EventArray]:
        """Return what `Catalog.events` returns."""
        key = (self._stamp(), tuple(symbols), resolution, first, last, clocks, adjusted)
        found = _EVENTS.get(key)
        if found is None:
            found = super().events(symbols, resolution, first, last, clocks, adjusted)
            keep_digest(found[1])
            _EVENTS.put(key, found, found[1].nbytes)
        return found

    def _stamp(self) -> int:
        """Return a hash of which files there are and when each was last changed; a file is replaced whole."""
        return hash((str(self.root.absolute()), *sorted(_stamps(str(self.root.absolute())))))


def _stamps(folder: str) -> Iterator[tuple[str, int, int, int]]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir():
            yield from _stamps(entry.path)
        else:
            status = entry.stat()
            yield entry.path, status.st_ino, status.st_mtime_ns, status.st_size


# ── Rows of sweeps ───────────────────────────────────────────────────────────────────────────────────────────────────


class SweepRows:
    """The rows that sweeps of one content made before, as Parquet files that may be deleted at any time."""

    def __init__(self, folder: pathlib.Path, key: str) -> None:
        self._root = folder
        self._folder = folder / key

    def read(self) -> list[pl.DataFrame]:
        """Return the rows of each time before; a file that cannot be read is as none."""
        parts: list[pl.DataFrame] = []
        for path in sorted(self._folder.glob("*.parquet")):
            try:
                parts.append(pl.read_parquet(path))
            except (OSError, pl.exceptions.PolarsError):
                path.unlink(missing_ok=True)
        return parts

    def write(self, rows: pl.DataFrame, name: str) -> None:
        """Keep rows under a name of their own, and make room by removing what is oldest in the whole folder.

        A folder that cannot be written keeps nothing: the answer is there without it.
        """
        try:
            files.write(rows, self._folder / f"{name}.parquet")
            self._make_room()
        except OSError:
            return

    def _make_room(self) -> None:
        paths = sorted(self._root.glob("*/*.parquet"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        taken = 0
        for path in paths:
            taken += path.stat().st_size
            if taken > ROWS_BYTES_MAX:
                path.unlink(missing_ok=True)
