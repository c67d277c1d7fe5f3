"""What happened lately in a session, kept for the screens: bounded, and in the order of the log."""

import collections
import dataclasses
from collections.abc import Iterator, Sequence

from alpha_panda.apps.desk.models import Command, Decision, Happening, Order, Point, Signal
from alpha_panda.apps.desk.showing import Shower
from alpha_panda.live.messages import Control, PnlSnapshot
from alpha_panda.live.streams import Entry
from alpha_panda.units import ist_date

_LINES, _DECISIONS, _COMMANDS = 120, 200, 50
_POINTS = 480  # of the curve: more than a screen is wide in columns of two pixels


@dataclasses.dataclass
class Spoken:
    """What a strategy said last."""

    signals: int = 0
    time_ns: int = 0
    symbol: str = ""
    target: float | None = None


class Tape:
    """The latest lines, decisions and commands, what each strategy said last, and the day's curve."""

    def __init__(self, shower: Shower) -> None:
        self.lines: collections.deque[Happening] = collections.deque(maxlen=_LINES)
        self.decisions: collections.deque[Decision] = collections.deque(maxlen=_DECISIONS)
        self.commands: collections.deque[Command] = collections.deque(maxlen=_COMMANDS)
        self.spoken: dict[str, Spoken] = collections.defaultdict(Spoken)
        self._points: list[Point] = []
        self._given: collections.deque[str] = collections.deque(maxlen=_COMMANDS)
        self._shower = shower

    def take(self, entry: Entry) -> Happening | None:
        """Keep what a record says, and return it where it is a line of the tape."""
        if isinstance(entry.message.data, PnlSnapshot):
            self._draw(self._shower.point(entry.message.data))
            return None
        if isinstance(entry.message.data, Control):
            if entry.message.id in self._given:  # a command counts once, however often it is on the log
                return None
            self._given.append(entry.message.id)
        happening = self._shower.happening(entry.message, f"{entry.record.topic}:{entry.record.offset}")
        if happening is None:
            return None
        self.lines.appendleft(happening)
        match happening:
            case Decision():
                self.decisions.appendleft(happening)
            case Command():
                self.commands.appendleft(happening)
            case Signal():
                spoken = self.spoken[happening.strategy]
                spoken.signals += 1
                spoken.time_ns, spoken.symbol, spoken.target = happening.time_ns, happening.symbol, happening.target
            case Order() | _:
                pass
        return happening

    @property
    def curve(self) -> tuple[Point, ...]:
        """The equity of the market's day, oldest first."""
        return tuple(self._points)

    def _draw(self, point: Point) -> None:
        """Add a point to the day's curve; one that is full keeps every other point, the extremes among them."""
        if self._points and ist_date(self._points[-1].time_ns) != ist_date(point.time_ns):
            self._points = []
        self._points.append(point)
        if len(self._points) > _POINTS:
            first, *between, last = self._points
            self._points = [first, *_thinned(between), last]


def _thinned(points: Sequence[Point]) -> Iterator[Point]:
    """Yield of each four points the lowest and the highest in their order."""
    for start in range(0, len(points), 4):
        four = sorted(range(start, min(start + 4, len(points))), key=lambda index: points[index].equity_e4)
        yield from (points[index] for index in sorted({four[0], four[-1]}))
