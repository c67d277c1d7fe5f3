"""Who did what, when, from where, and what came of it: rows that are only ever added."""

import dataclasses
from collections.abc import Sequence

from sqlalchemy import select

from alpha_panda.database.connections import Connections
from alpha_panda.database.schema import audit


@dataclasses.dataclass(frozen=True, slots=True)
class AuditRow:
    """One action of somebody."""

    id: int
    time_ns: int
    who: str
    action: str
    target: str
    detail: str
    outcome: str
    correlation_id: str
    address: str


class Audit:
    """The audit trail, which the database itself refuses to change or to shorten."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def add(
        self,
        who: str,
        action: str,
        target: str,
        detail: str,
        outcome: str,
        correlation_id: str,
        address: str,
        now_ns: int,
    ) -> AuditRow:
        """Add a row; `address` is where the request came from."""
        values = {
            "time_ns": now_ns,
            "who": who,
            "action": action,
            "target": target,
            "detail": detail,
            "outcome": outcome,
            "correlation_id": correlation_id,
            "address": address,
        }
        return AuditRow(**(await self._connections.written(audit.insert().values(values).returning(audit)))[0])

    async def list(
        self, limit: int = 100, before: int | None = None, who: str | None = None, action: str | None = None
    ) -> Sequence[AuditRow]:
        """Return at most `limit` rows of a person and an action, the newest first, from before the id `before` on."""
        asked = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            asked = asked.where(audit.c.id < before)
        if who is not None:
            asked = asked.where(audit.c.who == who)
        if action is not None:
            asked = asked.where(audit.c.action == action)
        return [AuditRow(**row) for row in await self._connections.rows(asked)]
