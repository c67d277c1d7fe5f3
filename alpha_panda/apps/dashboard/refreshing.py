"""How an open page keeps up with the desk: one flush a viewer, at most so many times a second, only of what changed."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

import panel as pn
from bokeh.document import Document
from panel.io.callbacks import PeriodicCallback

from alpha_panda.apps.dashboard.drawing import Drawing, Shows
from alpha_panda.apps.desk.models import Picture

PERIOD_MS = 500
"""How often prices are drawn unless a page says otherwise: twice a second, as often as an eye reads them."""

PERIOD_MS_MIN = 100

Said = TypeVar("Said")


class Pictured(Protocol):
    """What is drawn: how things were at one moment."""

    @property
    def number(self) -> int:
        """Rises with every change."""
        ...

    @property
    def taken_ns(self) -> int:
        """When that was."""
        ...


Taken = TypeVar("Taken", bound=Pictured)

_TIMERS: dict[Document, dict[int, list[Callable[[], None]]]] = {}


def refresh(latest: Callable[[], Taken], part: Shows, draw: Callable[[Taken], None], every_ms: int = 0) -> None:
    """Let `draw` show the latest picture on `part` whenever there is a newer one, until the page is closed.

    It is drawn once at once, so that the page arrives complete. Only the last picture is kept, so a slow viewer skips
    some and never falls behind. What could not be drawn is tried again each time. 0 milliseconds are `PERIOD_MS`.
    """
    drawing, drawn = Drawing(part), -1

    def flush() -> None:
        nonlocal drawn
        picture = latest()
        if picture.number != drawn or drawing.fails:
            drawn = picture.number
            with drawing.of(picture.taken_ns):
                draw(picture)

    flush()
    _together(flush, every_ms or PERIOD_MS)


def _together(flush: Callable[[], None], every_ms: int) -> None:
    """Let one timer flush all parts of a page that are drawn equally often: a timer costs as much as many a part."""
    timers = _timers_of(pn.state.curdoc)
    if every_ms in timers:
        timers[every_ms].append(flush)
    else:
        timers[every_ms] = [flush]
        repeat(functools.partial(_flush, timers[every_ms]), every_ms)


def _timers_of(page: Document | None) -> dict[int, list[Callable[[], None]]]:
    if page is None:
        return {}
    if page not in _TIMERS:
        _TIMERS[page] = {}
        # The parts know their page: a key that is held by its own value would never be let go.
        page.on_session_destroyed(lambda session_context: _forget(page))
    return _TIMERS[page]


def _forget(page: Document) -> None:
    _TIMERS.pop(page, None)


def _flush(parts: Sequence[Callable[[], None]]) -> None:
    """Flush parts of a page, in one message."""
    with pn.io.hold():
        for flush in parts:
            flush()


def once(words: Callable[[Picture], Said]) -> Callable[[Picture], Said]:
    """Return what finds the same words of a picture, but finds them once however many pages show it."""
    last: list[tuple[Picture, Said]] = []

    def said(picture: Picture) -> Said:
        if not last or last[0][0] is not picture:
            last[:] = [(picture, words(picture))]
        return last[0][1]

    return said


def repeat(flush: Callable[[], object], every_ms: int) -> None:
    """Call `flush` again and again from when the page is open until it is closed.

    An ordinary periodic callback of Panel announces itself to every viewer each time, which costs the square of their
    number; one in the background does not. Before the page is open, its tables do not exist yet.
    """

    def start() -> None:
        PeriodicCallback(callback=flush, period=max(every_ms, PERIOD_MS_MIN), background=True, log=False).start()

    pn.state.onload(start)


def under_lock(work: Callable[..., Any]) -> Callable[..., Any]:
    """Return work that waits for something, to be done under the lock of its page, which Panel else lets go of."""
    return cast(Callable[..., Any], pn.io.with_lock(work))
