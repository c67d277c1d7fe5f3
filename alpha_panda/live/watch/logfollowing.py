"""What is added to the structured logs of a session, as it comes, over every file that is finished meanwhile."""

import asyncio
import contextlib
import os
import pathlib
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from alpha_panda.live.watch.loglines import Channel, Line, channels_in, last_line_end, raw_forwards
from alpha_panda.live.watch.logreading import ALL, Query, tail

_LOOK_EVERY_S = 0.25
_LINES_AT_ONCE = 1_000  # of a channel


async def follow(
    state: pathlib.Path,
    query: Query = ALL,
    backlog: int = 0,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncGenerator[Line]:
    """Yield the last `backlog` lines of the session in `state` that are wanted, and then each one that is added.

    It never ends by itself. Raises ConfigurationError for a channel or a level that there is not.
    """
    query = query.checked()
    followed = _Followed(state, query.channels)
    try:
        await asyncio.to_thread(followed.begin)
        known = await asyncio.to_thread(tail, state, backlog, query) if backlog else []
        for line in known:
            yield line
        while True:
            lines = await asyncio.to_thread(followed.read)
            # What was added while the backlog was read stands in both.
            new = [line for line in lines if line not in known]
            known = known if len(new) < len(lines) else []
            for line in filter(query.wants, new):
                yield line
            if not lines:
                await sleep(_LOOK_EVERY_S)
    finally:
        # Not here, where it would have to wait for a look that is still under way.
        await asyncio.to_thread(followed.close)


class _Followed:
    """How far each channel of a session has been read."""

    def __init__(self, state: pathlib.Path, names: Sequence[str]) -> None:
        self._state = state
        self._names = names
        self._places: dict[Channel, _Place] = {}
        # Who waited for a look may be gone and close the files while it is under way.
        self._looking = threading.Lock()

    def begin(self) -> None:
        """Go where the next lines will be added."""
        with self._looking:
            for channel in channels_in(self._state, self._names):
                self._places[channel] = _Place(channel, at_end=True)

    def read(self) -> list[Line]:
        """Return the next lines that were added, in the order of time."""
        with self._looking:
            for channel in channels_in(self._state, self._names):
                if channel not in self._places:
                    self._places[channel] = _Place(channel)
            lines = [line for place in self._places.values() for line in place.read()]
            return sorted(lines, key=lambda line: line.time_ns)

    def close(self) -> None:
        """Let go of the files, and look at none any more."""
        with self._looking:
            for place in self._places.values():
                place.close()
            self._places.clear()
            self._names = ()


class _Place:
    """How far one channel has been read: a file, which stays open also when it is finished, and the offset in it."""

    def __init__(self, channel: Channel, at_end: bool = False) -> None:
        self._channel = channel
        self._resources = contextlib.ExitStack()
        self._file: int | None = None
        self._offset = 0
        self._known_ns = 0  # when the last of the files was finished that are read, or were there before
        self._near_ns = 0
        if at_end and self._hold():
            assert self._file is not None
            self._offset = last_line_end(self._file)
        if at_end:
            self._known_ns = max(channel.finished(), default=0)

    def read(self) -> list[Line]:
        """Return the next lines that were added, at most so many; a line without an end once none can come."""
        lines: list[Line] = []
        while self._file is not None or self._next():
            self._read(lines)
            if len(lines) >= _LINES_AT_ONCE or not self._is_finished():
                break
            # Something may have been added between the two looks.
            self._read(lines, unended=True)
            if len(lines) >= _LINES_AT_ONCE or not self._next():
                break
        return lines

    def _read(self, lines: list[Line], unended: bool = False) -> None:
        assert self._file is not None
        # A line that the disk refused in its middle is taken back.
        self._offset = min(self._offset, os.fstat(self._file).st_size)
        for raw, offset in raw_forwards(self._file, self._offset, unended):
            line = self._channel.line(raw, self._near_ns)
            self._near_ns, self._offset = line.time_ns, offset
            lines.append(line)
            if len(lines) >= _LINES_AT_ONCE:
                return

    def _is_finished(self) -> bool:
        """Return whether another file is written now."""
        assert self._file is not None
        with self._channel.opened() as newest:
            return newest is not None and not os.path.sameopenfile(newest, self._file)

    def _next(self) -> bool:
        """Go to the beginning of the file that was begun after this one; return whether there is one."""
        for finished_ns in self._channel.finished():
            if finished_ns > self._known_ns:
                self._known_ns = finished_ns
                if self._hold(finished_ns):
                    return True
        return self._hold()

    def _hold(self, finished_ns: int = 0) -> bool:
        """Go to the beginning of a file; return False where it is not there, or is this one."""
        with contextlib.ExitStack() as resources:
            file = resources.enter_context(self._channel.opened(finished_ns))
            if file is None or (self._file is not None and os.path.sameopenfile(file, self._file)):
                return False
            self._resources.close()
            self._resources, self._file, self._offset = resources.pop_all(), file, 0
        return True

    def close(self) -> None:
        """Let go of the file."""
        self._resources.close()
