"""The door behind the gate: who holds which token, and what is written down of every visit."""

from typing import Any

from alpha_panda.apps.access import Principal
from alpha_panda.apps.web.parts import Parts
from alpha_panda.apps.web.sessions import Sessions
from alpha_panda.apps.web.visit import Visit
from alpha_panda.errors import DatabaseError

_TARGET = 200  # characters of a path that are kept: whoever was refused chose them all


class HouseDoor:
    """Asks the sessions, and keeps the log, the metrics and the audit trail."""

    def __init__(self, parts: Parts, sessions: Sessions) -> None:
        self._sessions, self._metrics, self._redaction = sessions, parts.metrics, parts.redaction
        self._audit, self._wall_ns = parts.database.audit, parts.wall_ns
        self._log: Any = parts.log

    async def principal(self, token: str) -> Principal | None:
        """Return who holds a token; None where it is not good, or no longer."""
        return await self._sessions.principal(token)

    async def stopper(self, token: str) -> Principal | None:
        """Return who holds a token that stops trading; None where it is not good, or no longer."""
        return await self._sessions.stopper(token)

    async def holds(self, principal: Principal) -> bool:
        """Return whether the session of a principal still lasts."""
        return await self._sessions.holds(principal)

    async def note(self, visit: Visit, elapsed_s: float, refused: str) -> None:
        """Keep what was asked; what somebody was refused for their role goes into the audit trail as well."""
        self._metrics.on_visit(visit.path, visit.status, elapsed_s, refused)
        say = self._log.warning if refused else self._log.info
        say(
            "refused at the gate" if refused else "request",
            **visit.fields(),
            code=refused,
            milliseconds=elapsed_s * 1e3,
        )
        if visit.status == 403 and visit.principal is not None:
            await self._record_refusal(visit, refused or "not_allowed")

    def defect(self, visit: Visit, error: Exception) -> None:
        """Keep what went wrong inside."""
        self._metrics.on_defect()
        self._log.error("a request met a defect", **visit.fields(), exc_info=error)

    async def _record_refusal(self, visit: Visit, outcome: str) -> None:
        assert visit.principal is not None
        try:
            await self._audit.add(
                who=visit.principal.name,
                action="refused",
                target=self._redaction.text(visit.path[:_TARGET]),
                detail=visit.fields()["method"],
                outcome=outcome,
                correlation_id=visit.correlation_id,
                address=visit.address,
                now_ns=self._wall_ns(),
            )
        except DatabaseError as error:
            self._log.error("a refusal is not in the audit trail", reason=str(error), **visit.fields())
