"""Other futures for the same past: what would have followed an instant had the market gone elsewhere.

Each keeps the times, kinds and instruments of the events and changes their figures, by instrument, to ones that an
exchange could have sent. What depends on the future in any way should differ under one of them.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from alpha_panda.data.events import EventArray
from alpha_panda.kernels.records import CLOCK, TICK

Integers = npt.NDArray[np.int64]
Change = Callable[[EventArray, Integers, Generator], None]
"""Changes the figures of some rows, all of one instrument, in place."""

_PRICES = ("open_e4", "high_e4", "low_e4", "close_e4")
_FIGURES = (*_PRICES, "volume", "bid_e4", "ask_e4", "open_interest")
_LOWEST_E4 = 500


def other_future(events: EventArray, cut: int, change: Change, generator: Generator) -> EventArray:
    """Return the events with every figure from row `cut` on changed, and the rows before it as they were."""
    changed = events.copy()
    rows = cut + np.flatnonzero(events["kind"][cut:] != CLOCK)
    for instrument in np.unique(events["instrument"][rows]):
        change(changed, rows[events["instrument"][rows] == instrument], generator)
    return changed


def tripled(events: EventArray, rows: Integers, generator: Generator) -> None:
    """Triple prices and volumes, so that every maximum, mean and scale is another."""
    for field in _FIGURES:
        events[field][rows] *= 3


def lowered(events: EventArray, rows: Integers, generator: Generator) -> None:
    """Divide prices by four, so that every minimum is another; volumes become tiny."""
    for field in _FIGURES:
        known = events[field][rows] > 0
        events[field][rows] = np.where(known, np.maximum(events[field][rows] // 4, 1), 0)


def parted(events: EventArray, rows: Integers, generator: Generator) -> None:
    """Let some instruments rise and the others fall, so that whoever is best may be another."""
    (tripled if generator.integers(0, 2) else lowered)(events, rows, generator)


def turned_back(events: EventArray, rows: Integers, generator: Generator) -> None:
    """Let the future run backwards: the same figures in the other order, so that sums and extremes are the same."""
    for field in _FIGURES:
        events[field][rows] = events[field][rows[::-1]]


def shuffled(events: EventArray, rows: Integers, generator: Generator) -> None:
    """Put the figures of the future in another order."""
    drawn = generator.permutation(rows)
    for field in _FIGURES:
        events[field][rows] = events[field][drawn]


def walked(events: EventArray, rows: Integers, generator: Generator) -> None:
    """Let prices walk at random from the first price of the future, about 2 % a step."""
    steps = generator.normal(0.0, 0.02, len(rows))
    close_e4 = np.maximum(events["open_e4"][rows[:1]] * np.exp(np.clip(np.cumsum(steps), -5, 5)), _LOWEST_E4)
    closes = close_e4.astype(np.int64)
    opens = np.append(closes[:1], closes[:-1])
    ticks = events["kind"][rows] == TICK
    spread = np.where(ticks, 0, closes // 100)
    opens = np.where(ticks, closes, opens)
    made = (opens, np.maximum(opens, closes) + spread, np.minimum(opens, closes) - spread, closes)
    for field, prices_e4 in zip(_PRICES, made, strict=True):
        events[field][rows] = prices_e4
    for field in ("bid_e4", "ask_e4", "open_interest"):
        events[field][rows] = 0
    events["volume"][rows] = generator.integers(1, 10_000, len(rows))


FUTURES: dict[str, Change] = {
    "three times as high": tripled,
    "a quarter as high": lowered,
    "higher for some and lower for others": parted,
    "in the opposite order": turned_back,
    "in random order": shuffled,
    "a random walk": walked,
}
"""Every other future by what it is like."""


def cuts_of(events: EventArray, count: int, generator: Generator) -> list[int]:
    """Return rows before which to cut: near the start and the end, at the edges of days, and `count` random ones."""
    length = len(events)
    days = np.flatnonzero(np.diff(events["time_ns"]) > 6 * 3_600_000_000_000) + 1
    edges = generator.permutation(days)[: count // 3]
    near = [edge + step for edge in edges.tolist() for step in (-1, 0, 1, 2)]
    some = generator.integers(1, length, count).tolist()
    wanted = {1, 2, 7, length // 2, length - 2, length - 1, *near, *some}
    return sorted(cut for cut in wanted if 0 < cut < length)
