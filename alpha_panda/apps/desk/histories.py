"""The history of a session by kind: on which topics each stands, and its rows in the words of the screens."""

from collections.abc import Sequence
from typing import NamedTuple

from alpha_panda.apps.desk.history_models import FillsFound, Kind, Page
from alpha_panda.apps.desk.models import Fill, Happening, Point
from alpha_panda.apps.desk.showing import Shower
from alpha_panda.live import messages
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Control, Decision, OrderUpdate, Payload, PnlSnapshot, Signal
from alpha_panda.live.past.pages import LIMIT_MAX, page
from alpha_panda.live.streams import Entry
from alpha_panda.live.topics import CONTROL, BrokerTopics, Topic

LOOKED_MAX, FOUND_MAX = 200_000, 2_000
"""How many fills are looked through, at most, for those of one instrument, and about how many of those are shown."""


class Folded(NamedTuple):
    """What the portfolio has counted: so many fills, of those before a sequence of their topic."""

    fills: int
    until: int


class _Sort(NamedTuple):
    topics: Sequence[Topic]
    message: type[Payload]


def _sort_of(kind: Kind, topics: BrokerTopics) -> _Sort:
    match kind:
        case "orders":
            return _Sort((topics.orders_submitted, topics.orders_filled, topics.orders_cancelled), OrderUpdate)
        case "fills":
            return _Sort((topics.orders_filled,), messages.Fill)
        case "decisions":
            return _Sort((topics.signals_validated,), Decision)
        case "refusals":
            return _Sort((topics.signals_rejected,), Decision)
        case "signals":
            return _Sort((topics.signals_raw,), Signal)
        case "commands":
            return _Sort((CONTROL,), Control)
        case "equity":
            return _Sort((topics.pnl_snapshots,), PnlSnapshot)


async def read_history(
    log: Log, topics: BrokerTopics, shower: Shower, kind: Kind, cursor: str | None, limit: int
) -> Page:
    """Return some rows of a history, newest first, those before `cursor`; ConfigurationError for a cursor of none."""
    sort = _sort_of(kind, topics)
    entries, following = await page(log, sort.topics, sort.message, cursor, limit)
    rows = (_row(entry, shower) for entry in entries)
    return Page(rows=tuple(row for row in rows if row is not None), following=following)


async def find_fills(
    log: Log, topics: BrokerTopics, shower: Shower, symbol: str, strategy: str, folded: Folded
) -> FillsFound:
    """Return the fills of an instrument, by one strategy unless that is empty, back to the first of them.

    How many there are the portfolio knows, as far as it is `folded`. Back from the latest, fills of the session are
    looked through until LOOKED_MAX of them were, or FOUND_MAX were found.
    """
    rows, looked, counted, known = list[Fill](), 0, 0, False
    cursor: str | None = None
    while True:
        entries, cursor = await page(log, [topics.orders_filled], messages.Fill, cursor, LIMIT_MAX)
        looked += len(entries)
        for entry in entries:
            fill, is_folded = entry.message.data, entry.message.sequence < folded.until
            known = known or is_folded  # from here back the portfolio has counted
            if not isinstance(fill, messages.Fill) or strategy not in ("", fill.strategy):
                continue
            if shower.symbol(fill.instrument_token) == symbol:
                rows.append(shower.fill(fill))
                counted += is_folded
        is_all = cursor is None or (known and counted == folded.fills)
        if is_all or looked >= LOOKED_MAX or len(rows) >= FOUND_MAX:
            return FillsFound(rows=tuple(rows), looked=looked, all=is_all)


def _row(entry: Entry, shower: Shower) -> Happening | Point | None:
    if isinstance(entry.message.data, PnlSnapshot):
        return shower.point(entry.message.data)
    return shower.happening(entry.message, f"{entry.record.topic}:{entry.record.offset}")
