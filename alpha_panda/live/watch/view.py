"""Showing a session while it runs: a screen redrawn four times a second, or lines where there is no terminal."""

import asyncio
import collections
import contextlib
from collections.abc import AsyncGenerator

from rich.console import Console
from rich.live import Live

from alpha_panda.live.status import Status
from alpha_panda.live.watch.screen import Pace, draw, progress_line

_REDRAW_S, _LINE_S = 0.25, 5.0
_PACE_OVER_S = 2.0


@contextlib.asynccontextmanager
async def watching(status: Status, console: Console) -> AsyncGenerator[None]:
    """Show `status` on `console` for as long as the context lasts."""
    drawing = asyncio.create_task(_draw(status, console) if console.is_terminal else _print_lines(status, console))
    try:
        yield
    finally:
        drawing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await drawing


async def _draw(status: Status, console: Console) -> None:
    meter = PaceMeter(status)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(draw(status, meter.pace()), refresh=True)
            await asyncio.sleep(_REDRAW_S)


async def _print_lines(status: Status, console: Console) -> None:
    """Print a line every few seconds in which the session has moved on."""
    meter, shown = PaceMeter(status), -1
    while True:
        pace = meter.pace()
        if status.account is not None and status.events != shown:
            console.print(progress_line(status, pace), highlight=False, soft_wrap=True)
            shown = status.events
        await asyncio.sleep(_LINE_S)


class PaceMeter:
    """Counts how fast a session goes, over the last seconds in which it was looked at."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._marks = collections.deque[tuple[float, int, int]]()

    def pace(self) -> Pace:
        """Return the pace; none while the session recovers what it did before."""
        status = self._status
        now_s = status.monotonic()
        if status.account is None:
            return Pace(0.0, 0.0, 0.0)
        self._marks.append((now_s, status.events, status.frames))
        while len(self._marks) > 2 and now_s - self._marks[1][0] > _PACE_OVER_S:
            self._marks.popleft()
        since_s, events, frames = self._marks[0]
        elapsed_s = max(now_s - since_s, 1e-3)
        return Pace((status.events - events) / elapsed_s, (status.frames - frames) / elapsed_s, now_s - status.framed_s)
