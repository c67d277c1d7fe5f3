"""The structured logs as they are written: followed, by channel and level, and searched."""

import asyncio
import collections
import itertools
from collections.abc import Iterable, Iterator

import panel as pn
from panel.viewable import Viewable

from alpha_panda.apps.dashboard import shown
from alpha_panda.apps.dashboard.cards import Card
from alpha_panda.apps.dashboard.drawing import Drawing
from alpha_panda.apps.dashboard.frames import column
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.refreshing import PERIOD_MS, repeat, under_lock
from alpha_panda.apps.dashboard.sheets import Sheet
from alpha_panda.apps.dashboard.shell import shell
from alpha_panda.apps.dashboard.tables import Cell, Column, Row, Table
from alpha_panda.apps.markup import tag
from alpha_panda.live.watch.logfollowing import follow
from alpha_panda.live.watch.loglines import Line
from alpha_panda.live.watch.logreading import Query
from alpha_panda.live.watch.logs import CHANNELS
from alpha_panda.units import ist_datetime

_AGAIN_S = 2.0

LINES = 500
"""How many lines a page holds; the oldest go."""

COLUMNS = (
    Column("time", "Time", 100),
    Column("level", "Level", 66),
    Column("channel", "Channel", 92),
    Column("event", "Says", 300, grows=True),
    Column("fields", "With", 300, grows=True),
    Column("folder", "Process", 70),
)

_TABS = (("all", "All"), ("warning", "Warnings"), *((name, shown.words(name)) for name in CHANNELS))
_LEVELS = {"warning": "warn", "error": "down", "critical": "strong down", "debug": "muted"}
_CONTEXT = ("session", "stage", "correlation_id", "causation_id")
"""What each line says besides, and nobody reads line after line."""

Numbered = tuple[int, Line]


class Tail:
    """The latest lines that are wanted, followed for one page."""

    def __init__(self, parts: DashboardParts) -> None:
        self._parts = parts
        self._following: asyncio.Task[None] | None = None
        self._numbers = itertools.count()
        self.lines: collections.deque[Numbered] = collections.deque(maxlen=LINES)
        self.trouble: Exception | None = None

    def begin(self, query: Query) -> None:
        """Follow the lines that `query` wants, and no others any more."""
        self.end()
        self.lines.clear()
        self.trouble = None
        self._following = asyncio.get_running_loop().create_task(self._follow(query))

    def end(self) -> None:
        """Follow nothing any more."""
        if self._following is not None:
            self._following.cancel()

    async def _follow(self, query: Query) -> None:
        """Follow, and begin again where that fails; the old lines stay until then."""
        while True:
            try:
                async for line in follow(self._parts.desk.state, query, LINES):
                    if self.trouble is not None:
                        self.lines.clear()
                        self.trouble = None
                    self.lines.append((next(self._numbers), line))
            except Exception as error:  # noqa: BLE001  # whoever draws the lines says it
                self.trouble = error
            await asyncio.sleep(_AGAIN_S)


def logs(parts: DashboardParts) -> Viewable:
    """Return the page of the logs."""
    tail = Tail(parts)

    async def sift(group: str, text: str) -> None:
        tail.begin(query_of(group, text))

    async def begin() -> None:
        tail.begin(query_of("all", ""))

    table = Table("Lines", COLUMNS, empty="No line.", groups=_TABS, sifted=sift, ages=False)

    drawn = Drawing(table)

    def draw() -> None:
        with drawn.of(parts.now_ns()):
            if tail.trouble is not None:
                raise tail.trouble
            table.put(line_rows(reversed(tail.lines)))

    pn.state.onload(under_lock(begin))
    pn.state.on_session_destroyed(lambda _: tail.end())
    repeat(draw, PERIOD_MS)
    link = Sheet("Export", tag("a", "Download all lines", href="/api/v1/logs/export", download=""))
    said = f"the newest {LINES} lines; a tab and the filter look through the files"
    return shell(parts, "/logs", column(Card("Logs", table, link, note=said)))


def query_of(group: str, text: str) -> Query:
    """Return the lines that a tab and a text mean."""
    if group == "warning":
        return Query(level="warning", text=text)
    return Query(channels=() if group == "all" else (group,), text=text)


def line_rows(lines: Iterable[Numbered]) -> Iterator[Row]:
    """Yield the rows of log lines in the same order; whatever a line says is text."""
    for number, line in lines:
        fields = " ".join(f"{name}={value}" for name, value in line.fields.items() if name not in _CONTEXT)
        whole = " ".join(f"{name}={value}" for name, value in line.fields.items())
        tone = _LEVELS.get(line.level, "")
        yield {
            "key": str(number),
            "time": Cell(
                f"{ist_datetime(line.time_ns):%H:%M:%S.%f}"[:-3], "muted", number, shown.day_and_clock(line.time_ns)
            ),
            "level": Cell("damaged" if line.damaged else line.level, "down" if line.damaged else tone or "muted"),
            "channel": Cell(shown.words(line.channel), "muted"),
            "event": Cell(line.event, tone, hint=line.event),
            "fields": Cell(fields, "code muted", hint=whole),
            "folder": Cell(line.folder, "muted"),
        }
