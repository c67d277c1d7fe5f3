"""The web app put together: one FastAPI application with all that it serves, behind the gate."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from fastapi import FastAPI

from alpha_panda.apps.api.errors import error_handlers
from alpha_panda.apps.web.auth import AuthParts, auth_routes
from alpha_panda.apps.web.door import HouseDoor
from alpha_panda.apps.web.gate import Gate, House
from alpha_panda.apps.web.health import health_routes
from alpha_panda.apps.web.pages import page_routes
from alpha_panda.apps.web.parts import Parts
from alpha_panda.apps.web.sessions import Sessions
from alpha_panda.apps.web.signing_in import SigningIn
from alpha_panda.apps.web.throttle import Throttle
from alpha_panda.apps.web.tokens import AccessTokens


class Application(Gate):
    """The gate with all that is behind it; `inside` lists the routes, and `signing_in` makes links."""

    def __init__(self, parts: Parts) -> None:
        access = AccessTokens(parts.secret, parts.wall_ns)
        sessions = Sessions(parts.database, access, parts.wall_ns, parts.monotonic, parts.random_bytes)
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
    app = FastAPI(
        title="Alpha Panda",
        version=parts.version,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lambda app: _running(parts),
        exception_handlers=error_handlers(),
    )
    app.include_router(auth_routes(auth))
    app.include_router(page_routes())
    app.include_router(health_routes(parts))
    return app


@contextlib.asynccontextmanager
async def _running(parts: Parts) -> AsyncGenerator[None]:
    """Keep the desk looking for as long as the app is served."""
    looking = asyncio.create_task(_look(parts))
    try:
        yield
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


async def _look(parts: Parts) -> None:
    """Let the desk look until cancelled; a defect there is told, and must not leave the screens as they were."""
    while True:
        try:
            await parts.desk.run()
        except Exception as error:  # whatever it is, the next look may succeed
            parts.log.error("the desk met a defect", exc_info=error)
            await parts.sleep(1.0)
