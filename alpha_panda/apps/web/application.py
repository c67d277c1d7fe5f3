"""The web app put together: one FastAPI application with all that it serves, behind the gate."""

import asyncio
import contextlib
import hmac
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from panel.io import fastapi as panel_in_fastapi

from alpha_panda.apps.access import VISITOR
from alpha_panda.apps.api.errors import error_handlers
from alpha_panda.apps.api.feeding import feed
from alpha_panda.apps.api.parts import Parts as ApiParts
from alpha_panda.apps.api.routes import DESCRIPTION, PREFIX, TAGS, routers
from alpha_panda.apps.dashboard import DashboardParts, pages
from alpha_panda.apps.dashboard.navigation import PLACES
from alpha_panda.apps.dashboard.shell import THEME_COOKIE
from alpha_panda.apps.web.auth import AuthParts, auth_routes
from alpha_panda.apps.web.bokeh_pages import mend_pages
from alpha_panda.apps.web.components import component_routes
from alpha_panda.apps.web.door import HouseDoor
from alpha_panda.apps.web.gate import Gate, House
from alpha_panda.apps.web.health import health_routes
from alpha_panda.apps.web.notebooks import mount_notebooks
from alpha_panda.apps.web.pages import page_routes
from alpha_panda.apps.web.parts import Parts
from alpha_panda.apps.web.served import served_by
from alpha_panda.apps.web.sessions import Sessions
from alpha_panda.apps.web.signing_in import SigningIn
from alpha_panda.apps.web.throttle import Throttle

_AGAIN_S = 1.0  # until what met a defect is tried again


class Application(Gate):
    """The gate with all that is behind it; `inside` lists the routes, and `signing_in` makes links."""

    def __init__(self, parts: Parts) -> None:
        sessions = Sessions(parts.database, parts.secret, parts.wall_ns, parts.monotonic, parts.random_bytes)
        throttle = Throttle(parts.monotonic)
        self.signing_in = SigningIn(parts.database, sessions, parts.passwords, throttle, parts.wall_ns, parts.monotonic)
        auth = AuthParts(
            sessions=sessions,
            signing_in=self.signing_in,
            database=parts.database,
            secure=parts.secure,
            wall_ns=parts.wall_ns,
            count=parts.metrics.on_sign_in,
        )
        self.inside = _inside(parts, auth)
        house = House(
            hosts=parts.hosts,
            pages=frozenset(place.path for place in PLACES),
            limits=parts.limits,
            secure=parts.secure,
            random_bytes=parts.random_bytes,
            monotonic=parts.monotonic,
            sleep=parts.sleep,
        )
        super().__init__(self.inside, HouseDoor(parts, sessions), house)


def create_application(parts: Parts) -> Application:
    """Return the ASGI application."""
    return Application(parts)


def _inside(parts: Parts, auth: AuthParts) -> FastAPI:
    """Return everything that is served, the dashboard last, since it has what is left."""
    handlers: dict[Any, Any] = error_handlers()
    app = FastAPI(
        title="Alpha Panda",
        version=parts.version,
        description=DESCRIPTION,
        openapi_url=f"{PREFIX}/openapi.json",
        openapi_tags=list(TAGS),
        docs_url=None,
        redoc_url=None,
        lifespan=lambda app: _running(app, parts),
        exception_handlers=handlers,
    )
    app.include_router(auth_routes(auth))
    app.include_router(page_routes())
    app.include_router(health_routes(parts))
    _add_api(app, parts, auth)
    mount_notebooks(app, parts.notebooks)
    _add_dashboard(app, parts)
    tuple(served_by(app))  # refuses what nobody said who may ask for
    return app


def _add_api(app: FastAPI, parts: Parts, auth: AuthParts) -> None:
    """Add the API, with what its routes work with."""
    app.state.api = ApiParts(
        desk=parts.desk,
        database=parts.database,
        alarms=parts.alarms,
        redaction=parts.redaction,
        log=parts.log,
        version=parts.version,
        holder=parts.holder,
        began_ns=parts.wall_ns(),
        wall_ns=parts.wall_ns,
        monotonic=parts.monotonic,
        holds=auth.sessions.holds,
        hash_password=parts.passwords.fit,
    )
    for router in routers():
        app.include_router(router, prefix=PREFIX)


def _add_dashboard(app: FastAPI, parts: Parts) -> None:
    """Add the pages of the dashboard; what a page's own address says of its visitor is its theme, and no token."""
    dashboard = DashboardParts(
        desk=parts.desk,
        database=parts.database,
        board=lambda: parts.alarms.board,
        principal=VISITOR.get,
        now_ns=parts.wall_ns,
    )
    app.include_router(component_routes())
    mend_pages()
    makers: dict[str, Any] = {**pages(dashboard)}
    panel_in_fastapi.add_applications(
        makers,
        app=app,
        title="Alpha Panda",
        include_cookies=[THEME_COOKIE],
        include_headers=[],
        sign_sessions=True,
        secret_key=hmac.digest(parts.secret, b"alpha-panda page session", "sha256"),
    )


@contextlib.asynccontextmanager
async def _running(app: FastAPI, parts: Parts) -> AsyncGenerator[None]:
    """Keep the desk, the streams and the alarms at work for as long as the app is served."""
    work = {"the desk": parts.desk.run, "the streams": lambda: feed(app.state.api), "the alarms": parts.alarms.run}
    tasks = [asyncio.create_task(_at_work(parts, *each)) for each in work.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _at_work(parts: Parts, who: str, run: Callable[[], Awaitable[None]]) -> None:
    """Let something work until cancelled; a defect there is told, and must not leave the screens as they were."""
    while True:
        try:
            await run()
        except Exception as error:  # whatever it is, the next attempt may succeed
            parts.metrics.on_defect()
            parts.log.error(f"{who} met a defect", exc_info=error)
        await parts.sleep(_AGAIN_S)
