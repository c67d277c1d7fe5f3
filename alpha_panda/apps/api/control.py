"""Routes of control: kill, pause, resume, flatten and reset, each with what became of it, and written down with who."""

import asyncio
import functools
from typing import Annotated, Literal

from fastapi import HTTPException, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from alpha_panda.apps.api.errors import responses
from alpha_panda.apps.api.models import Receipt
from alpha_panda.apps.api.parts import ONE_LINE, Api, IdempotencyKey, Operator, Parts, correlation_id_of, request_id_of
from alpha_panda.apps.api.recording import Deed
from alpha_panda.apps.api.subject import subject
from alpha_panda.errors import AlphaPandaError
from alpha_panda.live.control.operator import Receipt as Became

router = subject("control", "operator")

Command = Literal["kill", "pause", "resume", "flatten", "reset"]

_STOPPING = ("kill", "pause", "flatten")


class Instruction(BaseModel):
    """What is meant, and why."""

    model_config = ConfigDict(extra="forbid")

    strategy: Annotated[str, Field(max_length=100, pattern=ONE_LINE, description="Empty for the whole account.")] = ""
    reason: Annotated[str, Field(max_length=500, pattern=ONE_LINE, examples=["news before the close"])] = ""


@router.post("/control/{command}", responses=responses(409, 503))
async def give_command(
    request: Request,
    api: Api,
    who: Operator,
    command: Annotated[Command, Path(description="What to do.", examples=["pause"])],
    instruction: Instruction | None = None,
    key: IdempotencyKey = "",
) -> Receipt:
    """Give the account a command, and say what became of it.

    - `kill` cancels all that is at work, and nothing leaves any more; it engages the latch in the session's folder
      before all else, and needs neither the log nor the database.
    - `pause` lets nothing open, in the account or for one strategy; `resume` takes that back.
    - `flatten` is a pause whose positions leave at the market.
    - `reset` takes back a kill, a halt and the disabling of strategies.

    What makes safer is done whether or not it can be written down; what lets trade again only if it can.

    With an `Idempotency-Key` a command is given once, however often it is asked for, over restarts of this server and
    of the session, too: who heard no answer asks again with the same key. The correlation id of the request stands in
    the command on the log, in the audit trail and in the logs.
    """
    instruction = instruction or Instruction()
    deed = Deed(request, who, f"control.{command}", instruction.strategy, instruction.reason)
    return await carry_out(api, deed, command, instruction, key)


async def carry_out(api: Parts, deed: Deed, command: Command, instruction: Instruction, key: str) -> Receipt:
    """Give a command to the account, once under one key; raises as `operator.give` does."""
    giving = functools.partial(_carried_out, api, deed, command, instruction, key)
    if not key or command == "kill":  # whoever asks for a kill again must not hear of an earlier one
        return await giving()
    meaning = "\0".join((command, instruction.strategy, instruction.reason))
    receipt, repeated = await api.once.do(deed.who.name, key, meaning, giving)
    return receipt.model_copy(update={"repeated": True}) if repeated else receipt


async def _carried_out(api: Parts, deed: Deed, command: Command, instruction: Instruction, key: str) -> Receipt:
    """Give a command to the account, with the deed written down before and after."""
    if command in _STOPPING:
        # The first step of a kill is the latch, and it is taken before the database is asked for anything.
        became, trouble = await asyncio.gather(_given(api, deed, command, instruction, key), deed.try_note("asked"))
    else:
        await deed.note("asked")
        became, trouble = await _given(api, deed, command, instruction, key), ""
    outcome, detail = _told(became)
    trouble = await deed.try_note(outcome, detail) or trouble
    if isinstance(became, AlphaPandaError):
        raise became
    if became.told == "nobody" and not became.latch:
        raise HTTPException(503, f"the {command} was not delivered: {became.trouble}")
    return Receipt(
        command=became.command,
        strategy=became.strategy,
        who=became.who,
        told=became.told,
        account=became.account,
        latch=became.latch,
        trouble=api.redaction.text("; ".join(filter(None, (became.trouble, trouble)))),
        id=became.id,
        repeated=became.repeated,
        request_id=request_id_of(deed.request.scope),
    )


async def _given(
    api: Parts, deed: Deed, command: Command, instruction: Instruction, key: str
) -> Became | AlphaPandaError:
    correlation_id = correlation_id_of(deed.request.scope)
    try:
        return await api.desk.command(
            command, instruction.strategy, deed.who.name, instruction.reason, key, correlation_id
        )
    except AlphaPandaError as error:
        return error


def _told(became: Became | AlphaPandaError) -> tuple[str, str]:
    """Return the outcome of a command in a word, and what there is to say about it."""
    if isinstance(became, AlphaPandaError):
        return "refused", str(became)
    if became.account is not None:
        return "carried out", f"the account is {became.account}"
    return ("delivered" if became.told != "nobody" or became.latch else "not delivered"), became.trouble
