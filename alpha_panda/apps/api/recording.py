"""Writing down who did what through the API: in the audit trail and in the logs, under the ids of the request."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request

from alpha_panda.apps.access import Principal
from alpha_panda.apps.api.parts import Parts, address_of, correlation_id_of, parts_of, request_id_of
from alpha_panda.errors import AlphaPandaError

Done = TypeVar("Done")

WRITTEN_WITHIN_S = 2.0
"""How long what must be done anyway waits for the audit trail."""


@dataclasses.dataclass(frozen=True)
class Deed:
    """Something that somebody asks for."""

    request: Request
    who: Principal
    action: str  # what is done, such as `control.kill`
    target: str  # to what; empty where there is only one
    detail: str

    @property
    def _api(self) -> Parts:
        return parts_of(self.request)

    async def note(self, outcome: str, detail: str = "") -> None:
        """Write down what came of it, and what there is to say about that; DatabaseError where it cannot be kept."""
        scope = self.request.scope
        # A reason may hold what was pasted by mistake, and the sentence of an error the address that it quotes.
        detail = self._api.redaction.text("; ".join(filter(None, (self.detail, detail))))
        self._api.log.info(
            "deed",
            action=self.action,
            target=self.target,
            detail=detail,
            outcome=outcome,
            who=self.who.name,
            request_id=request_id_of(scope),
            correlation_id=correlation_id_of(scope),
        )
        now_ns = self._api.wall_ns()
        async with self._api.audit_order:
            await self._api.database.audit.add(
                who=self.who.name,
                action=self.action,
                target=self.target,
                detail=detail,
                outcome=outcome,
                correlation_id=correlation_id_of(scope),
                address=address_of(self.request),
                now_ns=now_ns,
            )

    async def try_note(self, outcome: str, detail: str = "") -> str:
        """Write down what came of it, and wait no longer for that than for a person; return what is wrong with it.

        What takes longer is written when it can be.
        """
        writing = asyncio.create_task(self.note(outcome, detail))
        self._api.writing.add(writing)
        writing.add_done_callback(self._on_written)
        await asyncio.wait([writing], timeout=WRITTEN_WITHIN_S)
        if not writing.done():
            return f"the audit trail did not take this within {WRITTEN_WITHIN_S:g} s"
        error = writing.exception()
        return f"the audit trail lacks this: {error}" if error is not None else ""

    def _on_written(self, writing: asyncio.Task[None]) -> None:
        self._api.writing.discard(writing)
        if not writing.cancelled() and (error := writing.exception()) is not None:
            self._api.log.error("deed_not_audited", action=self.action, who=self.who.name, reason=str(error))


async def done(deed: Deed, doing: Awaitable[Done], says: Callable[[Done], str] = lambda _: "") -> Done:
    """Return what is done, once it is written down that it was, and what `says` of it; or that it was refused."""
    try:
        came = await doing
    except AlphaPandaError as error:
        await deed.note("refused", str(error))
        raise
    await deed.note("done", says(came))
    return came
