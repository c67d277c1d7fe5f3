"""The orders and the refusals of a session, and the way of each: what led to it, and what came of it."""

import functools
from collections.abc import Iterable, Iterator

import panel as pn
from panel.viewable import Viewable

from alpha_panda.apps.dashboard import cells, shown
from alpha_panda.apps.dashboard.cards import Card
from alpha_panda.apps.dashboard.chain import VERDICTS, chain, reason_of
from alpha_panda.apps.dashboard.drawing import attempting
from alpha_panda.apps.dashboard.frames import column, row, scrolled
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.refreshing import refresh, under_lock
from alpha_panda.apps.dashboard.sheets import Sheet, note
from alpha_panda.apps.dashboard.shell import shell
from alpha_panda.apps.dashboard.tables import Cell, Column, Row, Table
from alpha_panda.apps.desk.models import Decision, Order
from alpha_panda.errors import AlphaPandaError
from alpha_panda.live.messages import FINISHED

ORDERS = (
    Column("status", "Status", 80),
    Column("made", "Made", 70),
    Column("side", "Side", 46),
    Column("symbol", "Instrument", 204, grows=True),
    Column("strategy", "Strategy", 90, grows=True),
    Column("quantity", "Quantity", 66, number=True),
    Column("filled", "Filled", 56, number=True),
    Column("average", "Average", 80, number=True),
    Column("type", "Type", 72),
    Column("limit", "Limit", 80, number=True),
    Column("guard", "Guard", 84),
    Column("number", "Order", 54, number=True),
)

DECISIONS = (
    Column("verdict", "Verdict", 70),
    Column("time", "Time", 66),
    Column("side", "Side", 44),
    Column("symbol", "Instrument", 204),
    Column("strategy", "Strategy", 110),
    Column("granted", "Granted", 84, number=True),
    Column("reason", "Why", 180, grows=True),
)

_TONES = {"complete": "up", "partial": "warn", "cancelled": "muted", "expired": "muted"}
_CHOOSE = "Choose an order or a refusal: click it, or j, k and Enter."


def orders(parts: DashboardParts) -> Viewable:
    """Return the page of the orders; `?order=` in its address opens one."""
    way = Sheet("What led to it", note(_CHOOSE))
    lineage = Card("What led to it", scrolled(way))

    async def follow(order: str) -> None:
        await _follow(parts, lineage, way, order_id=int(order))

    async def follow_refusal(key: str) -> None:
        await _follow(parts, lineage, way, cursor=key)

    opened, refused = (attempting(lineage, work, parts.now_ns) for work in (follow, follow_refusal))
    made = Table("Orders", ORDERS, empty="No order yet.", opened=opened, groups=_TABS)
    decided = Table("Decisions", DECISIONS, empty="No decision yet.", opened=refused, groups=_VERDICTS)
    refresh(parts.picture, made, lambda picture: made.put(order_rows(picture.orders)))
    refresh(parts.picture, decided, lambda picture: decided.put(decision_rows(picture.decisions)))
    if (asked := _asked()) is not None:
        pn.state.onload(under_lock(functools.partial(opened, asked)))
    left = column(Card("Orders", made), Card("Decisions of the risk rules", decided))
    return shell(parts, "/orders", row(left, column(lineage, width=430)))


_TABS = (("all", "All"), ("open", "Open"), ("executed", "Executed"), ("over", "Cancelled, expired"))
_VERDICTS = (("refused", "Refused"), ("clipped", "Clipped"), ("approved", "Approved"))


def _asked() -> str | None:
    """Return the order that the page's address names."""
    named = pn.state.session_args.get("order", [b""])[0].decode(errors="replace")
    return named if named.isdecimal() else None


async def _follow(
    parts: DashboardParts, card: Card, way: Sheet, *, order_id: int | None = None, cursor: str = ""
) -> None:
    """Show the way of an order or of a refusal; where it cannot be found, say why."""
    desk = parts.desk
    try:
        found = await (desk.lineage(order_id) if order_id is not None else desk.lineage_of(cursor))
    except AlphaPandaError as error:
        card.note("")
        way.put(note(str(error)))
        return
    what = f"order {found.order_id}" if found.order_id else "a refusal"
    card.note(f"{what} · {found.symbol} · {found.strategy}")
    way.put(chain(found))


def order_rows(orders: Iterable[Order]) -> Iterator[Row]:
    """Yield the rows of the orders: those at work first, each part newest first."""
    for each in sorted(orders, key=lambda each: (each.status in FINISHED, -each.made_ns, -each.order_id)):
        yield {
            "key": str(each.order_id),
            "group": "open" if each.status not in FINISHED else "executed" if each.filled else "over",
            "status": Cell(each.status, _TONES.get(each.status, "buy"), hint=shown.day_and_clock(each.updated_ns)),
            "made": cells.clock(each.made_ns),
            "side": cells.side(each.side),
            "symbol": each.symbol,
            "strategy": each.strategy,
            "quantity": cells.count(each.quantity),
            "filled": Cell(shown.count(each.filled), "" if each.filled else "muted", each.filled),
            "average": cells.price(each.average_e4),
            "type": Cell(each.order_type, hint=each.validity),
            "limit": cells.limit_price(each.limit_e4),
            "guard": cells.guard(each.guard),
            "number": Cell(str(each.order_id), "muted", each.order_id),
        }


def decision_rows(decisions: Iterable[Decision]) -> Iterator[Row]:
    """Yield the rows of the verdicts of risk, newest first, each with the figures that led to it."""
    for each in decisions:
        reason = reason_of(each)
        yield {
            "key": each.cursor,
            "group": each.verdict,
            "verdict": Cell(each.verdict, VERDICTS[each.verdict]),
            "time": cells.clock(each.time_ns),
            "side": cells.side(each.side),
            "symbol": each.symbol,
            "strategy": each.strategy,
            "granted": Cell(f"{shown.count(each.granted)} of {shown.count(each.asked)}", sort=each.granted),
            "reason": Cell(reason, hint=reason),
        }
