"""The history of a session a page at a time, the newest first, straight from its topics.

A page ends with a cursor, which holds nothing but a number for each partition that was read: the sequence before which
the next page goes on. What is read is told by whoever asks for the page, so a cursor that somebody made up shows
another part of the same history, or is refused. What is set aside, or is no message, stands on no page.
"""

import base64
import heapq
import zlib
from collections.abc import Sequence

import msgspec

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Payload
from alpha_panda.live.past.seeking import Seeker
from alpha_panda.live.streams import Entry
from alpha_panda.live.topics import Topic

LIMIT_MAX = 1_000
"""The most messages that a page may have."""

_LOOKED_MAX = 16_384  # records of a partition that are looked through for one page
_BLOCK_MAX = 4_096
_AT_ONCE = 256  # of those: between two reads others have their turn
_FIRST_NS = -(2**63)  # no message is earlier, whatever it says

Kinds = type[Payload] | tuple[type[Payload], ...]


async def page(
    log: Log, topics: Sequence[Topic], kinds: Kinds, before: str | None, limit: int
) -> tuple[list[Entry], str | None]:
    """Return the last messages of some kinds on some topics, the newest first, and the cursor of those before them.

    Messages of one partition are in its order, those of one time in the order of their topics. `before` is the cursor
    that the page after this one came with, None for the newest page; None comes back where there is nothing before.
    Where messages of these kinds are rare a page may be shorter than `limit`, or empty, although there are more. Raises
    ConfigurationError for a limit that is not from 1 to LIMIT_MAX, and for a cursor that is not of these topics.
    """
    if not 1 <= limit <= LIMIT_MAX:
        raise ConfigurationError(f"a page of {limit} messages cannot be had: ask for 1 to {LIMIT_MAX:,}")
    places = [(topic, partition) for topic in topics for partition in range(topic.partitions)]
    cursor = _Cursor.of(places, before)
    parts = [_Part(log, *place) for place in places]
    for part, stop in zip(parts, cursor.stops, strict=True):
        await part.look_back(kinds, stop, limit)
    # Before that instant not every partition has been looked through.
    known_ns = max(part.known_ns for part in parts)
    newest_first = heapq.merge(*(part.newest_first(number) for number, part in enumerate(parts)), reverse=True)
    entries: list[Entry] = []
    for time_ns, number, _ in newest_first:
        if len(entries) == limit or time_ns < known_ns:
            break
        entries.append(parts[number].found.pop())
    following = msgspec.structs.replace(cursor, stops=tuple(part.stop for part in parts))
    return entries, following.text if any(following.stops) else None


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Before which sequence of each partition a page is read, None for its end."""

    places: int  # a checksum of what these numbers belong to
    stops: tuple[int | None, ...]

    @classmethod
    def of(cls, places: Sequence[tuple[Topic, int]], text: str | None) -> "_Cursor":
        """Return what a text says that came with a page of the same partitions; ConfigurationError where none did."""
        names = ",".join(f"{topic.name}/{partition}" for topic, partition in places)
        newest = cls(zlib.crc32(names.encode()), (None,) * len(places))
        if text is None:
            return newest
        try:
            cursor = msgspec.msgpack.decode(base64.b64decode(text, b"-_", validate=True), type=cls)
        except (msgspec.MsgspecError, ValueError):
            cursor = None
        if (
            cursor is None
            or cursor.places != newest.places
            or len(cursor.stops) != len(places)
            or not all(stop is not None and 0 <= stop < 2**63 for stop in cursor.stops)
        ):
            raise ConfigurationError("that is no cursor of this history: begin with its newest page")
        return cursor

    @property
    def text(self) -> str:
        """What stands for it in an address."""
        return base64.urlsafe_b64encode(msgspec.msgpack.encode(self)).decode()


class _Part:
    """What one partition has for a page."""

    def __init__(self, log: Log, topic: Topic, partition: int) -> None:
        self.found: list[Entry] = []  # the oldest first
        self.known_ns = _FIRST_NS  # back to which instant it was looked through
        self._log, self._place = log, (topic, partition)
        self._seeker = Seeker(log, topic, partition)
        self._start = 0

    @property
    def stop(self) -> int:
        """Before which sequence the next page goes on."""
        return self.found[-1].message.sequence + 1 if self.found else self._start

    async def look_back(self, kinds: Kinds, stop: int | None, limit: int) -> None:
        """Find the last `limit` messages before a sequence, as far as that is not too long before."""
        # No message has a sequence beyond the end: who makes up a higher one would go through nothing for ever.
        end = await self._log.end(*self._place)
        stop = (await self._seeker.to_end()).sequence if stop is None else min(stop, end)
        self._start, last, block, oldest_ns = stop, max(stop - _LOOKED_MAX, 0), limit, list[int]()
        while self._start > last and len(self.found) < limit:
            stop, self._start = self._start, max(self._start - block, last)
            entries = await self._between(self._start, stop)
            self.found = [each for each in entries if isinstance(each.message.data, kinds)] + self.found
            oldest_ns += [min(each.message.time_ns for each in entries)] if entries else []
            block = min(2 * block, _BLOCK_MAX)
        # The lowest of all, not that of the first: clocks may disagree, and nothing that was found may be held back for
        # what stands before it in its own partition. So of the partition which is known least far back something goes
        # on the page, or it has been looked through further, and each page leads on.
        self.known_ns = min(oldest_ns, default=_FIRST_NS) if self._start else _FIRST_NS

    async def _between(self, start: int, stop: int) -> list[Entry]:
        """Return the messages from one sequence up to, without, another."""
        reader, entries = await self._seeker.to_sequence(start), list[Entry]()
        while reader.sequence < stop and (read := await reader.read(min(stop - reader.sequence, _AT_ONCE))):
            entries += [entry for entry in read if entry.message.sequence < stop]
        return entries

    def newest_first(self, number: int) -> Sequence[tuple[int, int, int]]:
        """Return time, a number and sequence of each message that it has."""
        return [(each.message.time_ns, number, each.message.sequence) for each in reversed(self.found)]
