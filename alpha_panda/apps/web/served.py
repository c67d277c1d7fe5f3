"""Everything that is served, with who may ask for it: read from the application itself, so that nothing is left out."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from starlette.routing import Mount, Route, WebSocketRoute

from alpha_panda.apps.access import ROLES, Role, role_needed
from alpha_panda.apps.api.routes import PREFIX
from alpha_panda.apps.web.gate import OPEN_PLACES
from alpha_panda.errors import ConfigurationError

Kind = Literal["http", "websocket", "mount"]


class Served(NamedTuple):
    """A route, a websocket, or all that lies below a path."""

    kind: Kind
    path: str
    method: str  # empty of all but routes
    role: Role | None  # that it needs at least; None where it is open to whoever comes


def served_by(app: FastAPI) -> Iterator[Served]:
    """Yield all that an application serves.

    Raises ConfigurationError for a route of the API that does not say which role it needs, and for what is of no known
    kind: nobody could say who may ask for it.
    """
    for context in iter_route_contexts(app.routes):
        route, path = context.original_route, context.path or ""
        declared = role_needed(context.dependant) if isinstance(route, APIRoute | APIWebSocketRoute) else None
        if declared is None and path.startswith(f"{PREFIX}/") and path != app.openapi_url:
            raise ConfigurationError(f"the route {path} says for no role that it is there: give it Depends(needs(…))")
        role: Role = declared or ROLES[0]  # the gate lets nobody further who has none
        if isinstance(route, Mount):
            yield Served("mount", path, "", role)
        elif isinstance(route, APIWebSocketRoute | WebSocketRoute):
            yield Served("websocket", path, "", role)
        elif isinstance(route, APIRoute | Route):
            yield from (_route(path, method, role) for method in sorted(context.methods or ()))
        else:
            raise ConfigurationError(f"{path or route} is neither route nor websocket nor mount, and cannot be served")


def _route(path: str, method: str, role: Role) -> Served:
    return Served("http", path, method, None if method in OPEN_PLACES.get(path, ()) else role)
