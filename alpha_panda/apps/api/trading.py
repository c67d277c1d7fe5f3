"""Routes of what happened: orders, fills, decisions, refusals, signals and commands, and what led to each order."""

import contextlib
from collections.abc import Generator
from typing import Annotated, TypeVar

from fastapi import HTTPException, Path

from alpha_panda.apps.api.errors import responses
from alpha_panda.apps.api.models import Moment, Paged, Rows, Tape
from alpha_panda.apps.api.parts import Api, Cursor, Limit, Parts
from alpha_panda.apps.api.subject import subject
from alpha_panda.apps.desk.history_models import Kind, Lineage
from alpha_panda.apps.desk.models import Command, Decision, Fill, Order, Refusals, Shown, Signal
from alpha_panda.errors import ConfigurationError

router = subject("trading")

Row = TypeVar("Row", bound=Shown)

OrderId = Annotated[int, Path(ge=1, lt=2**63, description="As the orders have it.", examples=[1])]
RefusalCursor = Annotated[
    str, Path(max_length=200, description="As the refusals have it.", examples=["paper.signals.rejected:0"])
]


async def _page(api: Parts, kind: Kind, row: type[Row], cursor: str | None, limit: int) -> Paged[Row]:
    page = await api.desk.history(kind, cursor, limit)
    return Paged[row](rows=tuple(each for each in page.rows if isinstance(each, row)), following=page.following)


@router.get("/orders/now")
async def orders_now(api: Api) -> Rows[Order]:
    """All orders at work and the latest others, each as it stands, newest first."""
    now = api.desk.picture
    return Rows(moment=Moment.of(now), rows=now.orders)


@router.get("/orders", responses=responses(503))
async def orders(api: Api, cursor: Cursor = None, limit: Limit = 100) -> Paged[Order]:
    """Every change of every order, newest first: an order stands here as often as it changed."""
    return await _page(api, "orders", Order, cursor, limit)


@router.get("/orders/{order_id}/lineage", responses=responses(404, 503))
async def order_lineage(api: Api, order_id: OrderId) -> Lineage:
    """What led to an order and what came of it: tick, signal, decision with its figures, order, fills with charges."""
    with _unknown_is_not_found():
        return await api.desk.lineage(order_id)


@router.get("/fills", responses=responses(503))
async def fills(api: Api, cursor: Cursor = None, limit: Limit = 100) -> Paged[Fill]:
    """Every execution with its charges, newest first."""
    return await _page(api, "fills", Fill, cursor, limit)


@router.get("/decisions", responses=responses(503))
async def decisions(api: Api, cursor: Cursor = None, limit: Limit = 100) -> Paged[Decision]:
    """What the risk rules approved or clipped, with their figures, newest first."""
    return await _page(api, "decisions", Decision, cursor, limit)


@router.get("/refusals", responses=responses(503))
async def refusals(api: Api, cursor: Cursor = None, limit: Limit = 100) -> Paged[Decision]:
    """What the risk rules refused, with the figure and the limit, newest first."""
    return await _page(api, "refusals", Decision, cursor, limit)


@router.get("/refusals/{cursor}/lineage", responses=responses(404, 503))
async def refusal_lineage(api: Api, cursor: RefusalCursor) -> Lineage:
    """What led to a refusal, which its `cursor` names."""
    with _unknown_is_not_found():
        return await api.desk.lineage_of(cursor)


@contextlib.contextmanager
def _unknown_is_not_found() -> Generator[None]:
    try:
        yield
    except ConfigurationError as error:
        raise HTTPException(404, str(error)) from None


@router.get("/refusals/counts")
async def refusal_counts(api: Api) -> Rows[Refusals]:
    """How often each rule refused since the session began."""
    now = api.desk.picture
    return Rows(moment=Moment.of(now), rows=now.refusals)


@router.get("/signals", responses=responses(503))
async def signals(api: Api, cursor: Cursor = None, limit: Limit = 100) -> Paged[Signal]:
    """Every target of every strategy, newest first."""
    return await _page(api, "signals", Signal, cursor, limit)


@router.get("/commands", responses=responses(503))
async def commands(api: Api, cursor: Cursor = None, limit: Limit = 100) -> Paged[Command]:
    """What people told the account, as the log has it, newest first."""
    return await _page(api, "commands", Command, cursor, limit)


@router.get("/happenings")
async def happenings(api: Api) -> Tape:
    """The tape: the latest signals, decisions, orders, fills and commands, newest first."""
    now = api.desk.picture
    return Tape(moment=Moment.of(now), rows=now.happenings)
