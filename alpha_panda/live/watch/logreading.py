"""Reading the structured logs of a session: their end, a search in them, and all of them.

Each process that works on a session writes a folder of logs, and each channel a file in it: here they are one stream,
in the order of time. Nothing is kept in memory but what is asked for. The channel `error` repeats what other channels
say, so it is read only where it is named. All of this waits for the disk: an event loop calls it in a thread.

Clocks disagree, stand still and are set back. So a search goes on where it stopped by place and not by time: each line
comes once, however many pages it takes, in which order the files have it. Only what is asked for by time relies on it.
"""

import base64
import contextlib
import heapq
import pathlib
import zlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

import msgspec

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.watch.loglines import Channel, Line, Read, Span, Spot, channels_in
from alpha_panda.live.watch.logs import CHANNELS, LEVELS
from alpha_panda.strategy import did_you_mean

SEARCH_BYTES = 32 * 2**20
"""How much of the files one search looks through: about a second."""

_time_ns = attrgetter("time_ns")


class Query(NamedTuple):
    """Which lines are wanted: of some channels, from a level on, of a span, with a text in any case; or all of them."""

    channels: Sequence[str] = ()
    level: str = ""
    text: str = ""
    span: Span = Span()

    def checked(self) -> "Query":
        """Return it with the channels that it means; ConfigurationError for a channel or a level that there is not."""
        for name, known in (
            *((each, CHANNELS) for each in self.channels),
            *([(self.level, LEVELS)] if self.level else []),
        ):
            if name not in known:
                raise ConfigurationError(
                    f"logs have no {name!r}{did_you_mean(name, known)}; there are {', '.join(known)}"
                )
        return self._replace(
            channels=list(dict.fromkeys(self.channels)) or [name for name in CHANNELS if name != "error"]
        )

    def wants(self, line: Line) -> bool:
        """Return whether a line of its channels and its span is wanted; a damaged one is of every level."""
        if self.level and line.level in LEVELS and LEVELS.index(line.level) < LEVELS.index(self.level):
            return False
        return not self.text or self.text.casefold() in line.text.casefold()


ALL = Query()
"""Every line, each once."""


class Found(NamedTuple):
    """The lines that a search found, the newest first, and the cursor by which it goes on."""

    lines: list[Line]
    following: str | None  # None where all was looked through


def search(state: pathlib.Path, query: Query, limit: int, cursor: str | None = None, size: int = SEARCH_BYTES) -> Found:
    """Return the newest `limit` lines of the session in `state` that are wanted, or those before a cursor.

    About `size` bytes of the files are looked through: where lines that are wanted are rare there may be fewer than
    `limit`, or none, although the search goes on. Raises ConfigurationError for a channel or a level that there is not,
    and for a cursor of another search.
    """
    query, found, looked = query.checked(), list[Line](), 0
    channels = channels_in(state, query.channels)
    spots = _begun(channels) if cursor is None else _Cursor.of(query, cursor).spots_of(channels)
    with contextlib.ExitStack() as resources:
        streams = [
            resources.enter_context(contextlib.closing(_told(channel, spot, query.span)))
            for channel, spot in spots.items()
        ]
        for channel, read in heapq.merge(*streams, key=_read_time_ns, reverse=True):
            if len(found) >= limit or looked >= size:
                return Found(found, _Cursor.at(query, spots).text)
            spots[channel] = read.spot
            looked += read.size
            if query.span.from_ns <= read.line.time_ns < query.span.until_ns and query.wants(read.line):
                found.append(read.line)
    return Found(found, None)


def _begun(channels: Sequence[Channel]) -> dict[Channel, Spot]:
    return {channel: spot for channel in channels if (spot := channel.newest()) is not None}


def _told(channel: Channel, spot: Spot, span: Span) -> Generator[tuple[Channel, Read]]:
    with contextlib.closing(channel.backwards(spot, span)) as lines:
        for read in lines:
            yield channel, read


def _read_time_ns(told: tuple[Channel, Read]) -> int:
    return told[1].line.time_ns


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """How far each channel has been searched; in one that is not among them there was nothing."""

    channels: int  # a checksum of the names of those that are searched
    spots: Mapping[str, Spot]  # by folder and name

    @classmethod
    def at(cls, query: Query, spots: Mapping[Channel, Spot]) -> "_Cursor":
        """Return the cursor of a search that has come so far."""
        return cls(_checksum(query), {_name(channel): spot for channel, spot in spots.items()})

    @classmethod
    def of(cls, query: Query, text: str) -> "_Cursor":
        """Return what a text says that came with a page of the same search; ConfigurationError where none did."""
        with contextlib.suppress(msgspec.MsgspecError, ValueError):
            cursor = msgspec.msgpack.decode(base64.b64decode(text, b"-_", validate=True), type=cls)
            if cursor.channels == _checksum(query) and all(min(spot) >= 0 for spot in cursor.spots.values()):
                return cursor
        raise ConfigurationError("that is no cursor of this search: begin with its newest page")

    def spots_of(self, channels: Sequence[Channel]) -> dict[Channel, Spot]:
        """Return how far the channels of a session were searched, as far as they are among them."""
        return {channel: self.spots[_name(channel)] for channel in channels if _name(channel) in self.spots}

    @property
    def text(self) -> str:
        """What stands for it in an address."""
        return base64.urlsafe_b64encode(msgspec.msgpack.encode(self)).decode()


def _name(channel: Channel) -> str:
    return f"{channel.folder.name}/{channel.name}"


def _checksum(query: Query) -> int:
    return zlib.crc32(",".join(query.channels).encode())


def tail(state: pathlib.Path, limit: int, query: Query = ALL) -> list[Line]:
    """Return the last lines of the session in `state` that are wanted, as `search` finds them, the newest last.

    Raises what `search` raises.
    """
    lines = search(state, query, limit).lines
    lines.reverse()  # lines of one instant stay as they were written
    lines.sort(key=_time_ns)
    return lines


def export(state: pathlib.Path, query: Query = ALL) -> Iterator[bytes]:
    """Yield all lines of the session in `state` that are wanted as lines of JSON, in the order of time.

    Raises ConfigurationError for a channel or a level that there is not.
    """
    query = query.checked()
    return _exported(channels_in(state, query.channels), query)


def _exported(channels: Sequence[Channel], query: Query) -> Generator[bytes]:
    with contextlib.ExitStack() as resources:
        streams = [resources.enter_context(contextlib.closing(each.forwards(query.span))) for each in channels]
        for line in heapq.merge(*streams, key=_time_ns):
            if query.wants(line):
                yield line.to_json()
