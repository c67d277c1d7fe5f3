"""Reading the structured logs of a session: their end, a search in them, and all of them.

Each process that works on a session writes a folder of logs, and each channel a file in it: here they are one stream,
in the order of time. Nothing is kept in memory but what is asked for. The channel `error` repeats what other channels
say, so it is read only where it is named. All of this waits for the disk: an event loop calls it in a thread.
"""

import contextlib
import heapq
import pathlib
from collections.abc import Generator, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.watch.loglines import Budget, Channel, Line, Span, channels_in
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
    """The lines that a search found, the newest first, and whether there may be older ones before an instant."""

    lines: list[Line]
    older_before_ns: int | None  # to search on from there; None where all was looked through


def search(state: pathlib.Path, query: Query, limit: int, size: int = SEARCH_BYTES) -> Found:
    """Return the newest lines of the session in `state` that are wanted: `limit`, and others of the last one's instant.

    At most `size` bytes of the files are looked through. Raises ConfigurationError for a channel or a level that there
    is not.
    """
    query, budget, found = query.checked(), Budget(size), list[Line]()
    reached_ns = query.span.until_ns
    with contextlib.ExitStack() as resources:
        streams = [
            resources.enter_context(contextlib.closing(channel.backwards(query.span, budget)))
            for channel in channels_in(state, query.channels)
        ]
        for line in heapq.merge(*streams, key=_time_ns, reverse=True):
            if budget.spent:
                break
            if len(found) >= limit and line.time_ns < reached_ns:
                return Found(found, reached_ns)
            reached_ns = line.time_ns
            if query.wants(line):
                found.append(line)
    return Found(found, reached_ns if budget.spent else None)


def tail(state: pathlib.Path, limit: int, query: Query = ALL) -> list[Line]:
    """Return the last lines of the session in `state` that are wanted, as `search` finds them, the newest at the end.

    Raises what `search` raises.
    """
    return search(state, query, limit).lines[::-1]


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
