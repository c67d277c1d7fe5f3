"""Routes of who may sign in, and of who did what: for administrators."""

import dataclasses
from typing import Annotated

from fastapi import HTTPException, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from alpha_panda.apps.access import Role
from alpha_panda.apps.api.errors import responses
from alpha_panda.apps.api.models import AuditRow, Listed, Paged, User
from alpha_panda.apps.api.parts import ONE_LINE, Admin, Api, Limit, RowCursor
from alpha_panda.apps.api.recording import Deed, done
from alpha_panda.apps.api.subject import subject
from alpha_panda.database import users as stored

router = subject("people", "admin")

Name = Annotated[
    str, Path(max_length=64, pattern=ONE_LINE, description="The name that somebody signs in with.", examples=["asha"])
]


class NewUser(BaseModel):
    """Somebody who may sign in from now on."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: str = Field(max_length=64, examples=["asha"])
    role: Role
    password: str = Field(max_length=1_024, repr=False, description="At least 12 characters; it is kept as a hash.")


class NewRole(BaseModel):
    """What somebody may do from now on."""

    model_config = ConfigDict(extra="forbid")

    role: Role


@router.get("/users", responses=responses(503))
async def users(api: Api) -> Listed[User]:
    """Everybody who may sign in, or might."""
    return Listed(rows=tuple(map(_shown, await api.database.users.list())))


@router.post("/users", status_code=201, responses=responses(409, 503))
async def add_user(request: Request, api: Api, who: Admin, new: NewUser) -> User:
    """Let somebody sign in."""
    deed = Deed(request, who, "user.add", new.name, new.role)

    async def added() -> stored.User:
        hashed = await api.hash_password(new.name, new.password)
        return await api.database.users.add(new.name, hashed, new.role, api.wall_ns())

    return _shown(await done(deed, added()))


@router.put("/users/{name}/role", responses=responses(404, 409, 503))
async def set_role(request: Request, api: Api, who: Admin, name: Name, new: NewRole) -> User:
    """Let somebody do more or less; it ends their sessions."""
    _not_oneself(who.name, name)
    deed = Deed(request, who, "user.role", name, new.role)
    return _shown(await done(deed, api.database.users.set_role(name, new.role, api.wall_ns())))


@router.post("/users/{name}/disable", responses=responses(404, 409, 503))
async def disable_user(request: Request, api: Api, who: Admin, name: Name) -> User:
    """Let somebody in no longer; it ends their sessions."""
    _not_oneself(who.name, name)
    deed = Deed(request, who, "user.disable", name, "")
    return _shown(await done(deed, api.database.users.disable(name, api.wall_ns())))


@router.post("/users/{name}/enable", responses=responses(404, 503))
async def enable_user(request: Request, api: Api, who: Admin, name: Name) -> User:
    """Let somebody in again."""
    deed = Deed(request, who, "user.enable", name, "")
    return _shown(await done(deed, api.database.users.enable(name, api.wall_ns())))


@router.get("/audit", responses=responses(503))
async def audit(
    api: Api,
    cursor: RowCursor = None,
    limit: Limit = 100,
    who: Annotated[str | None, Query(max_length=64, pattern=ONE_LINE, description="Only of this person.")] = None,
    action: Annotated[str | None, Query(max_length=64, pattern=ONE_LINE, description="Only of this action.")] = None,
) -> Paged[AuditRow]:
    """Who did what, when, from where, and what came of it, newest first."""
    # One row more than the page has tells whether another page follows.
    rows = await api.database.audit.list(limit + 1, cursor, who, action)
    shown = tuple(AuditRow(**dataclasses.asdict(row)) for row in rows[:limit])
    return Paged(rows=shown, following=str(shown[-1].id) if len(rows) > limit else None)


def _not_oneself(who: str, name: str) -> None:
    """Refuse what would leave nobody who could take it back."""
    if who == name:
        raise HTTPException(409, "nobody takes away their own role or access: have another administrator do it")


def _shown(user: stored.User) -> User:
    return User(**{name: getattr(user, name) for name in User.model_fields})
