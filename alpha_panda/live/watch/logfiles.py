"""The files of the structured logs: one per channel, begun anew once it is large or a day old, and deleted with age.

What is finished is named after the instant at which the next one was begun: `trading.jsonl` is the newest, and
`trading.1763700300000000000.jsonl` was written until then.
"""

import datetime
import fcntl
import itertools
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from alpha_panda.errors import ConfigurationError
from alpha_panda.units import DAY_NS, ist_date

FILE_BYTES = 64 * 2**20
"""A file is begun anew before it grows beyond this."""

_FILES = 8


def claimed_folder(folder: pathlib.Path) -> tuple[pathlib.Path, int]:
    """Return a folder that no other process writes into, and a descriptor that holds it until it is closed.

    It is `folder`, or where stages that work apart share a state directory `folder-2`, `folder-3` and so on. Raises
    ConfigurationError where no folder can be made.
    """
    for number in itertools.count(1):
        path = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise ConfigurationError(f"logs cannot be kept in {path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return path, descriptor
    raise AssertionError


class Retention(NamedTuple):
    """How long the lines of a channel are kept."""

    days: int
    kept: bool = False  # none is deleted for lack of room, or dropped where the disk cannot keep up


class LogFile:
    """The file of one channel; whoever may read it is the user who runs the process, and nobody else."""

    def __init__(self, folder: pathlib.Path, channel: str, retention: Retention, clock_ns: Callable[[], int]) -> None:
        self._path = folder / f"{channel}.jsonl"
        self._retention = retention
        self._clock_ns = clock_ns
        self._file: int | None = None
        self._bytes = 0
        self._date = datetime.date.min

    def write(self, line: bytes) -> None:
        """Append a line, wholly or not at all; OSError where the disk refuses it."""
        today = ist_date(self._clock_ns())
        if self._file is None:
            self._open(today)
        if self._bytes and (self._bytes + len(line) > FILE_BYTES or self._date != today):
            self._begin_anew(today)
        assert self._file is not None
        try:
            written = os.write(self._file, line)
            if written < len(line):
                os.write(self._file, line[written:])
        except OSError:
            # Half a line would spoil the next one.
            os.ftruncate(self._file, self._bytes)
            raise
        self._bytes += len(line)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self, today: datetime.date) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        status = os.fstat(self._file)
        self._bytes = status.st_size
        self._date = ist_date(status.st_mtime_ns) if status.st_size else today
        self._delete_old()

    def _begin_anew(self, today: datetime.date) -> None:
        self.close()
        # A clock that was set back must not part a file from its place among the others, or put one in another's place.
        latest_ns = max(map(_finished_ns, self._finished()), default=0)
        self._path.rename(self._path.with_suffix(f".{max(self._clock_ns(), latest_ns + 1)}.jsonl"))
        self._open(today)

    def _finished(self) -> Iterator[pathlib.Path]:
        return self._path.parent.glob(f"{self._path.stem}.*.jsonl")

    def _delete_old(self) -> None:
        """Delete what was finished too long ago, and of a channel that may lose lines what takes too much room."""
        finished = sorted(self._finished(), key=_finished_ns)
        oldest_ns = self._clock_ns() - self._retention.days * DAY_NS
        excess = 0 if self._retention.kept else max(0, len(finished) - _FILES)
        for number, path in enumerate(finished):
            if number < excess or _finished_ns(path) < oldest_ns:
                path.unlink(missing_ok=True)


def _finished_ns(path: pathlib.Path) -> int:
    middle = path.name.split(".")[1]
    return int(middle) if middle.isdecimal() else 0
