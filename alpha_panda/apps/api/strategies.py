"""Routes of strategies: how each is doing, what it was told over time, and what operators change of that."""

import dataclasses
import re
from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import HTTPException, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from alpha_panda.apps.api.control import Instruction, carry_out
from alpha_panda.apps.api.errors import responses
from alpha_panda.apps.api.models import Listed, Moment, Paged, Receipt, Rows, StrategyVersion
from alpha_panda.apps.api.parts import ONE_LINE, Admin, Api, IdempotencyKey, Limit, Operator, RowCursor
from alpha_panda.apps.api.recording import Deed, done
from alpha_panda.apps.api.subject import subject
from alpha_panda.apps.desk.models import Strategy
from alpha_panda.database import strategies as stored
from alpha_panda.strategy import did_you_mean

router = subject("strategies")

_OWN_STRATEGY = re.compile(r"(?:[A-Za-z0-9_-]+)?", re.ASCII)

Name = Annotated[
    str, Path(max_length=100, pattern=ONE_LINE, description="As the profile names it.", examples=["momentum"])
]


class Terms(BaseModel):
    """What a strategy is told from now on, and why."""

    model_config = ConfigDict(extra="forbid")

    terms: dict[str, Any] = Field(
        description="As a table `[[strategies]]` of a profile says them.",
        examples=[{"name": "momentum", "source": "momentum", "interval": "1m", "parameters": {"fast": 12}}],
    )
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=ONE_LINE)] = Field(
        examples=["calmer after the budget"]
    )
    made_from: Annotated[str, Field(max_length=64, pattern=ONE_LINE)] | None = Field(
        default=None,
        description="The digest of the terms that these are a change of, empty where there are none: where somebody "
        "has set others meanwhile, these are refused.",
    )


class Why(BaseModel):
    """Why something is done."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=500, pattern=ONE_LINE)] = ""


@router.get("/strategies")
async def strategies(api: Api) -> Rows[Strategy]:
    """The session's strategies: what each was told, whether it runs, what it said last and what it earned."""
    now = api.desk.picture
    return Rows(moment=Moment.of(now), rows=now.strategies)


@router.get("/strategies/configured", responses=responses(503))
async def configured_strategies(api: Api) -> Listed[StrategyVersion]:
    """What operators set of each strategy, the newest version of each: the next session begins with it."""
    return Listed(rows=tuple(map(_shown, await api.database.strategies.list())))


@router.get("/strategies/{name}", responses=responses(404))
async def strategy(api: Api, name: Name) -> Strategy:
    """One strategy of the session, with the parameters that it runs with."""
    known = {each.name: each for each in api.desk.picture.strategies}
    if name not in known:
        raise HTTPException(404, f"the session has no strategy {name}{did_you_mean(name, known)}")
    return known[name]


@router.get("/strategies/{name}/versions", responses=responses(404, 503))
async def strategy_versions(
    api: Api, name: Name, cursor: RowCursor = None, limit: Limit = 100
) -> Paged[StrategyVersion]:
    """Every version of what a strategy was told by operators, newest first."""
    history = await api.database.strategies.history(name, limit + 1, cursor)
    if not history and cursor is None:
        raise HTTPException(404, f"nobody has set strategy {name}: it is told what the profile says")
    shown = tuple(map(_shown, history[:limit]))
    return Paged(rows=shown, following=str(shown[-1].version) if len(history) > limit else None)


@router.put("/strategies/{name}", responses=responses(503))
async def set_strategy(request: Request, api: Api, who: Admin, name: Name, told: Terms) -> StrategyVersion:
    """Set what a strategy is told from the next session on; the same again makes no new version.

    Its code is one of the session's own strategies: a file that is named by its path is code of whoever can write it.
    """
    if not _OWN_STRATEGY.fullmatch(str(told.terms.get("strategy", ""))):
        raise HTTPException(422, "strategy in the body: name one of the folder strategies, without a path and .py")
    deed = Deed(request, who, "strategy.set", name, told.reason)
    strategies, now_ns = api.database.strategies, api.wall_ns()
    return await _changed(deed, strategies.set(name, told.terms, who.name, told.reason, now_ns, told.made_from))


@router.post("/strategies/{name}/enable", responses=responses(404, 503))
async def enable_strategy(
    request: Request, api: Api, who: Admin, name: Name, why: Why | None = None
) -> StrategyVersion:
    """Let a strategy run again: within about a second in a session that runs, and in every one that begins."""
    reason = _reason(why)
    deed = Deed(request, who, "strategy.enable", name, reason)
    return await _changed(deed, api.database.strategies.enable(name, who.name, api.wall_ns(), reason))


@router.post("/strategies/{name}/disable", responses=responses(404, 503))
async def disable_strategy(
    request: Request, api: Api, who: Admin, name: Name, why: Why | None = None
) -> StrategyVersion:
    """Pause a strategy: within about a second in a session that runs, and in every one that begins."""
    reason = _reason(why)
    deed = Deed(request, who, "strategy.disable", name, reason)
    return await _changed(deed, api.database.strategies.disable(name, who.name, api.wall_ns(), reason))


@router.post("/strategies/{name}/pause", responses=responses(409, 503))
async def pause_strategy(
    request: Request, api: Api, who: Operator, name: Name, why: Why | None = None, key: IdempotencyKey = ""
) -> Receipt:
    """Let a strategy open nothing from now on; its exits and guards go on."""
    instruction = Instruction(strategy=name, reason=_reason(why))
    return await carry_out(
        api, Deed(request, who, "control.pause", name, instruction.reason), "pause", instruction, key
    )


@router.post("/strategies/{name}/resume", responses=responses(409, 503))
async def resume_strategy(
    request: Request, api: Api, who: Operator, name: Name, why: Why | None = None, key: IdempotencyKey = ""
) -> Receipt:
    """Let a strategy that was paused open again."""
    instruction = Instruction(strategy=name, reason=_reason(why))
    return await carry_out(
        api, Deed(request, who, "control.resume", name, instruction.reason), "resume", instruction, key
    )


def _reason(why: Why | None) -> str:
    return why.reason if why is not None else ""


async def _changed(deed: Deed, change: Awaitable[stored.StrategyVersion]) -> StrategyVersion:
    return _shown(await done(deed, change, lambda version: f"version {version.version}, {version.digest}"))


def _shown(version: stored.StrategyVersion) -> StrategyVersion:
    return StrategyVersion(**dataclasses.asdict(version))
