"""Who asks, and what they may: the principal of a connection, and the role that each route declares to need.

The gate of the web app puts the principal into the scope of every connection that it lets through; routes ask for it
here, and never look at cookies or tokens themselves.
"""

import contextvars
import dataclasses
from collections.abc import Callable, Coroutine, Iterator, MutableMapping
from typing import Any

from fastapi import HTTPException, WebSocketException
from fastapi.dependencies.models import Dependant
from starlette.requests import HTTPConnection

from alpha_panda.database.users import ROLES, Role

_POLICY_VIOLATED = 1008  # of RFC 6455, section 7.4.1


@dataclasses.dataclass(frozen=True)
class Principal:
    """Somebody who has signed in, as their token says it."""

    name: str
    role: Role
    generation: int  # of the user's standing: whoever was disabled or given another role has a later one
    session: str  # the family of refresh tokens that the session lives by
    expires_ns: int

    def may(self, role: Role) -> bool:
        """Return whether what needs `role` is allowed."""
        return ROLES.index(self.role) >= ROLES.index(role)


VISITOR: contextvars.ContextVar[Principal] = contextvars.ContextVar("VISITOR")
"""Who asked for what is being made, for makers of pages, which are given no request."""

VISIT_ID: contextvars.ContextVar[str] = contextvars.ContextVar("VISIT_ID", default="")
"""The id of that request, by which the log is searched."""


def principal_of(scope: MutableMapping[str, Any]) -> Principal | None:
    """Return who asks in a connection's scope; None for the few places that are open to everybody."""
    return scope.get("state", {}).get("principal")


@dataclasses.dataclass(frozen=True)
class _Needs:
    role: Role

    async def __call__(self, connection: HTTPConnection) -> Principal:
        """Return who asks; refuse whoever has not the role."""
        principal = principal_of(connection.scope)
        if principal is not None and principal.may(self.role):
            return principal
        is_websocket = connection.scope["type"] == "websocket"
        if principal is None:
            raise WebSocketException(_POLICY_VIOLATED) if is_websocket else HTTPException(401, "sign in first")
        sentence = f"this needs the role {self.role}, and {principal.name} is {principal.role}"
        raise WebSocketException(_POLICY_VIOLATED, sentence) if is_websocket else HTTPException(403, sentence)


def needs(role: Role) -> Callable[[HTTPConnection], Coroutine[Any, Any, Principal]]:
    """Return the dependency of a route, or of a router, that only `role` and those above it may use.

    `Depends(needs("operator"))` gives the principal to the route; a route that declares no role is not served.
    """
    return _Needs(role)


def role_needed(dependant: Dependant) -> Role | None:
    """Return the highest role that a route with these dependencies needs; None where it declares none."""
    return max(_declared(dependant), key=ROLES.index, default=None)


def _declared(dependant: Dependant) -> Iterator[Role]:
    if isinstance(dependant.call, _Needs):
        yield dependant.call.role
    for each in dependant.dependencies:
        yield from _declared(each)
