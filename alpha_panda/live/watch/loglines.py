"""The lines of one channel of the structured logs, read from either end, with what is damaged among them.

A file is opened only where it lies in a folder of logs, under the name of a channel, and no link is followed.
"""

import contextlib
import heapq
import itertools
import os
import pathlib
import re
import stat
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from alpha_panda.live.watch.redaction import Redaction
from alpha_panda.units import SECOND_NS, ist_datetime

_BLOCK = 2**16
_LINE_BYTES = 2**20  # longer than any that is written: what has no end is cut there
# Lines of several threads come nearly in the order of their times.
_DISORDER_LINES = 64
_DISORDER_NS = 10 * SECOND_NS
_FOLDER = re.compile(r"logs(-[1-9][0-9]{0,3})?")
_FINISHED = re.compile(r"([a-z_]+)\.([0-9]{1,19})\.jsonl")
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LATEST_NS = 2**63 - 1  # in the year 2262

_fit = Redaction(())  # what is damaged may hold characters that a terminal obeys


class Line(NamedTuple):
    """One line of a structured log; of a damaged one `event` is what there is of it, and its time that of its place."""

    time_ns: int
    level: str  # empty where it is damaged
    channel: str
    folder: str  # of the process that wrote it
    event: str
    fields: dict[str, Any]  # whatever else it says
    damaged: bool = False

    @property
    def text(self) -> str:
        """What it says, as people read it."""
        return " ".join([self.event, *(f"{name}={value}" for name, value in self.fields.items())])

    def to_json(self) -> bytes:
        """Return it as a line of JSON."""
        head = {name: getattr(self, name) for name in ("time_ns", "level", "channel", "folder", "event")}
        time = ist_datetime(self.time_ns).isoformat(timespec="microseconds")
        damaged = {"damaged": True} if self.damaged else {}
        # Once more at the end, so that no field stands in for what all lines have.
        return msgspec.json.encode({"time": time, **head, **self.fields, **head, **damaged}) + b"\n"


class Span(NamedTuple):
    """From which instant on, and until before which, lines are wanted."""

    from_ns: int = 0
    until_ns: int = _LATEST_NS

    def touches(self, first_ns: int, last_ns: int) -> bool:
        """Return whether a file that was written between two instants may hold such lines."""
        return last_ns >= self.from_ns - _DISORDER_NS and first_ns < self.until_ns + _DISORDER_NS


class Spot(NamedTuple):
    """Where in a channel what is older begins: before an offset of one of its files."""

    began_ns: int  # when the file before that one was finished, 0 of the first: it keeps this when it is finished
    inode: int  # of the file: once it is deleted, nothing is older
    offset: int
    near_ns: int  # about when the next older line was written


class Read(NamedTuple):
    """A line that was read backwards, where those before it are, and how many bytes it took."""

    line: Line
    spot: Spot
    size: int


class Channel(NamedTuple):
    """A channel in one folder of logs."""

    folder: pathlib.Path
    name: str

    def newest(self) -> Spot | None:
        """Return where all lines that there are now are older; None where the channel has no file."""
        while True:
            finished_ns = self.finished()
            with self.opened() as file:
                status = None if file is None else os.fstat(file)
            if finished_ns == self.finished():  # else one was finished or deleted between two looks
                break
        began_ns = max(finished_ns, default=0)
        if status is not None:
            return Spot(began_ns, status.st_ino, status.st_size, status.st_mtime_ns)
        return Spot(began_ns, 0, 0, 0) if finished_ns else None

    def backwards(self, spot: Spot, span: Span) -> Generator[Read]:
        """Yield the lines before a spot, the last one first, back to where those of a span begin.

        They come as they stand in the files, whatever their times. It ends behind so many lines before the span that no
        disorder accounts for them.
        """
        before = 0
        with contextlib.closing(self._older(spot, span)) as files:
            for file, began in files:
                for raw, offset in _raw_backwards(file, began.offset):
                    line = self.line(raw, began.near_ns)
                    began = began._replace(offset=offset, near_ns=line.time_ns)
                    yield Read(line, began, len(raw) + 1)
                    before = before + 1 if line.time_ns < span.from_ns else 0
                    if before > _DISORDER_LINES:
                        return

    def forwards(self, span: Span) -> Generator[Line]:
        """Yield the lines of a span, the oldest first."""
        with contextlib.closing(self._files(span)) as files:
            for line in _in_order(self._told_forwards(files, span)):
                if line.time_ns >= span.until_ns:
                    return
                if line.time_ns >= span.from_ns:
                    yield line

    def _told_forwards(self, files: Iterable[int], span: Span) -> Iterator[Line]:
        for file in files:
            start, stop = _around(file, span.from_ns - _DISORDER_NS)
            near_ns = _time_at(file, start, stop) or os.fstat(file).st_mtime_ns
            for raw, _ in raw_forwards(file, start, unended=True):
                line = self.line(raw, near_ns)
                near_ns = line.time_ns
                yield line

    def line(self, raw: bytes, near_ns: int) -> Line:
        """Return what a line says, or where it is damaged what there is of it, at a time near it."""
        if said := _said(raw):
            time_ns, level, channel, event, fields = said
            return Line(time_ns, level, channel, self.folder.name, event, fields)
        text = _fit.text(raw[:_BLOCK].decode(errors="backslashreplace"))
        return Line(near_ns, "", self.name, self.folder.name, text, {}, damaged=True)

    @contextlib.contextmanager
    def opened(self, finished_ns: int = 0) -> Generator[int | None]:
        """Give a descriptor of the file that was finished at an instant, with 0 of the one that is written now.

        Give None where there is no such file, or where it is a link or anything else.
        """
        with contextlib.ExitStack() as resources:
            folder = _descriptor(self.folder, os.O_DIRECTORY | _FLAGS)
            if folder is not None:
                resources.callback(os.close, folder)
            name = f"{self.name}.{finished_ns}.jsonl" if finished_ns else f"{self.name}.jsonl"
            file = None if folder is None else _descriptor(name, _FLAGS, folder)
            if file is not None:
                resources.callback(os.close, file)
            yield file if file is not None and stat.S_ISREG(os.fstat(file).st_mode) else None

    def finished(self) -> list[int]:
        """Return when each of its files was finished, the oldest first."""
        with contextlib.suppress(OSError):
            found = [_FINISHED.fullmatch(name) for name in os.listdir(self.folder)]
            return sorted(int(each[2]) for each in found if each and each[1] == self.name)
        return []

    def _files(self, span: Span) -> Generator[int]:
        """Yield a descriptor of each file that may hold lines of a span, the oldest first, open until the next one."""
        # Opened before the others are listed: if it is finished meanwhile, it is known under its other name, too.
        with self.opened() as newest:
            for first_ns, last_ns in itertools.pairwise([0, *self.finished()]):
                if span.touches(first_ns, last_ns):
                    with self.opened(last_ns) as file:
                        if file is not None and not (newest is not None and os.path.sameopenfile(file, newest)):
                            yield file
            if newest is not None:
                yield newest

    def _older(self, spot: Spot, span: Span) -> Generator[tuple[int, Spot]]:
        """Yield a descriptor of each file with lines before a spot, the newest first, and where in it to begin."""
        finished_ns = self.finished()
        # The file that was written when one was finished is the next that was finished, or the one that is written now.
        names_ns = [next((each_ns for each_ns in finished_ns if each_ns > spot.began_ns), 0)]
        names_ns += [each_ns for each_ns in reversed(finished_ns) if each_ns <= spot.began_ns]
        for name_ns in names_ns:
            is_first = name_ns == names_ns[0]
            began_ns = max((each_ns for each_ns in finished_ns if each_ns < (name_ns or _LATEST_NS)), default=0)
            if not span.touches(began_ns, name_ns or _LATEST_NS):
                continue
            with self.opened(name_ns) as file:
                if file is None:
                    continue
                status = os.fstat(file)
                if is_first and spot.inode not in (0, status.st_ino):
                    return
                begin = spot if is_first else Spot(began_ns, status.st_ino, status.st_size, status.st_mtime_ns)
                _, stop = _around(file, span.until_ns + _DISORDER_NS)
                yield (
                    file,
                    begin._replace(offset=min(begin.offset, stop), near_ns=min(begin.near_ns, span.until_ns - 1)),
                )


def _in_order(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield lines in the order of their times, of those that nearly are."""
    waiting = list[tuple[int, int, Line]]()
    for number, line in enumerate(lines):
        heapq.heappush(waiting, (line.time_ns, number, line))
        if len(waiting) > _DISORDER_LINES:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def channels_in(state: pathlib.Path, names: Sequence[str]) -> list[Channel]:
    """Return channels in all folders of logs of a session: one for each process that works, or worked, on it."""
    try:
        with os.scandir(state) as entries:
            found = [
                each.name for each in entries if _FOLDER.fullmatch(each.name) and each.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []
    return [Channel(state / folder, name) for folder in sorted(found) for name in names]


def _descriptor(path: pathlib.Path | str, flags: int, folder: int | None = None) -> int | None:
    try:
        return os.open(path, flags, dir_fd=folder)
    except OSError:
        return None


def raw_forwards(descriptor: int, offset: int, unended: bool = False) -> Iterator[tuple[bytes, int]]:
    """Yield each line from `offset` on with the offset behind it, also, if wanted, a last one that has no end yet."""
    rest = b""
    while block := os.pread(descriptor, _BLOCK, offset + len(rest)):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            offset += len(line) + 1
            if line:
                yield line, offset
        if len(rest) > _LINE_BYTES:
            offset += len(rest)
            yield rest, offset
            rest = b""
    if unended and rest:
        yield rest, offset + len(rest)


def last_line_end(descriptor: int) -> int:
    """Return the offset behind the last line of a file that has an end, as far as that is not long before."""
    size = os.fstat(descriptor).st_size
    start = max(size - _LINE_BYTES, 0)
    return start + os.pread(descriptor, size - start, start).rfind(b"\n") + 1


def _raw_backwards(descriptor: int, stop: int) -> Iterator[tuple[bytes, int]]:
    """Yield each line of a file that begins before `stop`, the last one first, with the offset where it begins."""
    position, rest = stop, b""
    while position > 0:
        start = max(position - _BLOCK, 0)
        text = os.pread(descriptor, position - start, start) + rest
        rest, *lines = text.split(b"\n")
        position, offset = start, start + len(text)
        for line in reversed(lines):
            offset -= len(line)
            if line:
                yield line, offset
            offset -= 1
        if len(rest) > _LINE_BYTES:
            yield rest, position
            rest = b""
    if rest:
        yield rest, 0


def _around(descriptor: int, time_ns: int) -> tuple[int, int]:
    """Return two places where lines begin, not far from each other: before the first all are earlier than an instant.

    From the second one on, none is.
    """
    low, high = 0, os.fstat(descriptor).st_size
    while high - low > _BLOCK:
        middle = (low + high) // 2
        found_ns = _time_at(descriptor, middle, high)
        if found_ns is not None and found_ns < time_ns:
            low = middle
        else:
            high = middle
    return _line_begin(descriptor, low), _line_begin(descriptor, high)


def _time_at(descriptor: int, start: int, stop: int) -> int | None:
    """Return the time of the first line which begins between two offsets and says it; None where none does."""
    begin = _line_begin(descriptor, start)
    for raw, end in raw_forwards(descriptor, begin):
        if begin >= stop:
            break
        if said := _said(raw):
            return said[0]
        begin = end
    return None


def _line_begin(descriptor: int, offset: int) -> int:
    """Return where the first line begins at an offset or behind it; the end of the file where none does."""
    if offset == 0:
        return 0
    position = offset - 1
    while block := os.pread(descriptor, _BLOCK, position):
        if (end := block.find(b"\n")) >= 0:
            return position + end + 1
        position += len(block)
    return position


def _said(raw: bytes) -> tuple[int, str, str, str, dict[str, Any]] | None:
    """Return time, level, channel, event and whatever else a line says; None where it is damaged."""
    try:
        said = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    fields = cast(dict[str, Any], said)
    match [fields.pop(name, None) for name in ("time_ns", "level", "channel", "event", "time")]:
        case [int() as time_ns, str() as level, str() as channel, str() as event, _] if 0 <= time_ns < _LATEST_NS:
            return time_ns, level, channel, event, fields
        case _:
            return None
