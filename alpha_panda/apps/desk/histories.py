"""The history of a session by kind: on which topics each stands, and its rows in the words of the screens."""

from collections.abc import Sequence
from typing import NamedTuple

from alpha_panda.apps.desk.history_models import Kind, Page
from alpha_panda.apps.desk.models import Happening, Point
from alpha_panda.apps.desk.showing import Shower
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Control, Decision, Fill, OrderUpdate, Payload, PnlSnapshot, Signal
from alpha_panda.live.past.pages import page
from alpha_panda.live.streams import Entry
from alpha_panda.live.topics import CONTROL, BrokerTopics, Topic


class _Sort(NamedTuple):
    topics: Sequence[Topic]
    message: type[Payload]


def _sort_of(kind: Kind, topics: BrokerTopics) -> _Sort:
    match kind:
        case "orders":
            return _Sort((topics.orders_submitted, topics.orders_filled, topics.orders_cancelled), OrderUpdate)
        case "fills":
            return _Sort((topics.orders_filled,), Fill)
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


def _row(entry: Entry, shower: Shower) -> Happening | Point | None:
    if isinstance(entry.message.data, PnlSnapshot):
        return shower.point(entry.message.data)
    return shower.happening(entry.message, f"{entry.record.topic}:{entry.record.offset}")
