"""Routes of alarms: those that there are, what people do about them, and whether messages arrive."""

import dataclasses
from typing import Annotated

from fastapi import HTTPException, Path, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from alpha_panda.apps.alerts.models import AlarmBoard, Alert, Delivery
from alpha_panda.apps.api.errors import responses
from alpha_panda.apps.api.models import KeptAlert, Listed, Paged
from alpha_panda.apps.api.parts import ONE_LINE, Api, Limit, Operator, RowCursor, address_of, correlation_id_of
from alpha_panda.apps.api.subject import subject
from alpha_panda.units import to_time_ns

router = subject("alerts")

AlertId = Annotated[str, Path(max_length=300, description="As the board has it.", examples=["stage_silent:feed"])]


class Shelf(BaseModel):
    """Until when nobody wants to see an alarm, and why."""

    model_config = ConfigDict(extra="forbid")

    until: AwareDatetime = Field(examples=["2026-11-20T15:30:00+05:30"])
    reason: str = Field(min_length=1, max_length=500, pattern=ONE_LINE)


@router.get("/alerts")
async def alerts(api: Api) -> AlarmBoard:
    """All alarms of the session, those that need a person first, and how the channels of messages fare."""
    return api.alarms.board


@router.get("/alerts/history", responses=responses(503))
async def alert_history(
    api: Api,
    cursor: RowCursor = None,
    limit: Limit = 100,
) -> Paged[KeptAlert]:
    """Every alarm that was raised, also in sessions before this one, newest first."""
    rows = await api.database.alerts.list(None, limit + 1, cursor)
    shown = tuple(KeptAlert(**dataclasses.asdict(row)) for row in rows[:limit])
    return Paged(rows=shown, following=str(shown[-1].id) if len(rows) > limit else None)


@router.post("/alerts/test", responses=responses(503))
async def test_alerts(request: Request, api: Api, who: Operator) -> Listed[Delivery]:
    """Send a test message to every target, and say what became of each."""
    return Listed(rows=tuple(await api.alarms.test(who.name, *_visit(request))))


@router.get("/alerts/{id}", responses=responses(404))
async def alert(api: Api, id: AlertId) -> Alert:
    """One alarm as it stands."""
    for each in api.alarms.board.alerts:
        if each.id == id:
            return each
    raise HTTPException(404, f"there is no alarm {id} now: look at those that there are")


@router.post("/alerts/{id}/acknowledge", responses=responses(404, 503))
async def acknowledge_alert(request: Request, api: Api, who: Operator, id: AlertId) -> Alert:
    """Say that somebody knows of an alarm."""
    return await api.alarms.acknowledge(id, who.name, *_visit(request))


@router.post("/alerts/{id}/resolve", responses=responses(404, 503))
async def resolve_alert(request: Request, api: Api, who: Operator, id: AlertId) -> Alert:
    """Say that an alarm is dealt with; one that is still so, and ends with its cause, cannot be."""
    return await api.alarms.resolve(id, who.name, *_visit(request))


@router.post("/alerts/{id}/suppress", responses=responses(404, 503))
async def suppress_alert(request: Request, api: Api, who: Operator, id: AlertId, shelf: Shelf) -> Alert:
    """Shelve an alarm until a time: it stays on the board, and nobody is sent a message."""
    return await api.alarms.suppress(id, to_time_ns(shelf.until), who.name, shelf.reason, *_visit(request))


def _visit(request: Request) -> tuple[str, str]:
    return correlation_id_of(request.scope), address_of(request)
