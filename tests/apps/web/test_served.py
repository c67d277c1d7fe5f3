"""Everything that is served, found from the application itself, and refused to whoever may not have it."""

import asyncio
import pathlib
from collections.abc import AsyncIterator, Mapping

import jwt
import pytest
from fastapi import APIRouter

from alpha_panda.apps.access import ROLES, Role
from alpha_panda.apps.web.cookies import ACCESS, STOP
from alpha_panda.apps.web.limits import Limits
from alpha_panda.apps.web.served import Served, served_by
from alpha_panda.errors import ConfigurationError
from tests.apps.web.house import ADDRESS, WRONG_KEY, House, Speaker, house

OPEN = """
GET /health/live
GET /sign-in            HEAD /sign-in
GET /sign-in/page.css   HEAD /sign-in/page.css
GET /sign-in/page.js    HEAD /sign-in/page.js
POST /auth/sign-in      POST /auth/link         POST /auth/refresh      POST /auth/sign-out
"""

FOR_VIEWERS = """
GET /docs               HEAD /docs              GET /docs/page.js       HEAD /docs/page.js
GET /api/v1/openapi.json                        HEAD /api/v1/openapi.json
GET /health/ready       GET /metrics

GET /                   GET /positions          GET /orders             GET /strategies
GET /risk               GET /chart              GET /alarms             GET /system
GET /logs               GET /research           GET /components/{path:path}
websocket /ws           websocket /positions/ws websocket /orders/ws    websocket /strategies/ws
websocket /risk/ws      websocket /chart/ws     websocket /alarms/ws    websocket /system/ws
websocket /logs/ws
mount /static           mount /static/extensions/panel                  mount /static/extensions/panel-material-ui
mount /research/yesterday

GET /api/v1/boot        GET /api/v1/system      GET /api/v1/services    GET /api/v1/session
GET /api/v1/sessions    GET /api/v1/picture     GET /api/v1/happenings  GET /api/v1/commands
GET /api/v1/portfolio   GET /api/v1/portfolio/account                   GET /api/v1/portfolio/limits
GET /api/v1/portfolio/positions                 GET /api/v1/portfolio/curve
GET /api/v1/portfolio/equity
GET /api/v1/orders      GET /api/v1/orders/now  GET /api/v1/orders/{order_id}/lineage
GET /api/v1/fills       GET /api/v1/decisions   GET /api/v1/signals     GET /api/v1/refusals
GET /api/v1/refusals/{cursor}/lineage           GET /api/v1/refusals/counts
GET /api/v1/strategies  GET /api/v1/strategies/configured               GET /api/v1/strategies/{name}
GET /api/v1/strategies/{name}/versions
GET /api/v1/pipeline    GET /api/v1/pipeline/stages                     GET /api/v1/pipeline/delays
GET /api/v1/pipeline/feed                       GET /api/v1/pipeline/dead-letters
GET /api/v1/logs/tail   GET /api/v1/logs/search GET /api/v1/logs/export
GET /api/v1/alerts      GET /api/v1/alerts/history                      GET /api/v1/alerts/{id}
GET /api/v1/instruments GET /api/v1/instruments/{symbol}                GET /api/v1/instruments/{symbol}/bars
GET /api/v1/instruments/{symbol}/fills          GET /api/v1/histories/{kind}/export
GET /api/v1/stream      websocket /api/v1/ws
"""

FOR_OPERATORS = """
POST /api/v1/control/{command}
POST /api/v1/strategies/{name}/pause            POST /api/v1/strategies/{name}/resume
POST /api/v1/alerts/test                        POST /api/v1/alerts/{id}/acknowledge
POST /api/v1/alerts/{id}/resolve                POST /api/v1/alerts/{id}/suppress
"""

FOR_ADMINISTRATORS = """
GET /api/v1/users       POST /api/v1/users      PUT /api/v1/users/{name}/role
POST /api/v1/users/{name}/disable               POST /api/v1/users/{name}/enable
GET /api/v1/audit
PUT /api/v1/strategies/{name}
POST /api/v1/strategies/{name}/enable           POST /api/v1/strategies/{name}/disable
"""

_LISTED: Mapping[Role | None, str] = {
    None: OPEN,
    "viewer": FOR_VIEWERS,
    "operator": FOR_OPERATORS,
    "admin": FOR_ADMINISTRATORS,
}
MANY = Limits(anonymous_per_second=10_000, anonymous_at_once=10_000)


@pytest.fixture
async def web(tmp_path: pathlib.Path) -> AsyncIterator[House]:
    async with house(tmp_path, MANY) as made:
        yield made


def classified() -> dict[str, Role | None]:
    """Return who may have what, as it is listed above."""
    listed: dict[str, Role | None] = {}
    for role, text in _LISTED.items():
        words = text.split()
        listed |= {f"{kind} {path}": role for kind, path in zip(words[::2], words[1::2], strict=True)}
    return listed


def named(served: Served) -> str:
    return f"{served.method or served.kind} {served.path}"


def places(web: House) -> list[Served]:
    """Return all that is served and not open, with a place below each mount."""
    below = {"/static": "/js/bokeh.min.js", "/research/yesterday": "/health"}
    closed = [each for each in served_by(web.app.inside) if each.role is not None]
    return [
        each._replace(kind="http", method="GET", path=each.path + below.get(each.path, "/package.json"))
        if each.kind == "mount"
        else each
        for each in closed
    ]


async def status(web: House, place: Served, headers: Mapping[str, str]) -> int:
    """Return what somebody is answered who asks for a place."""
    path = place.path.replace("{path:path}", "x").replace("{", "").replace("}", "")
    if place.kind == "websocket":
        return await _opened(Speaker(web, headers, path))
    async with web.client(headers=headers) as client:
        return (await client.request(place.method, path)).status_code


async def _opened(speaker: Speaker) -> int:
    """Return 101 where a websocket opens, and 403 where it is closed before that."""
    talking = asyncio.create_task(speaker.talk())
    opened = (await speaker.next())["type"] == "websocket.accept"
    talking.cancel()
    await asyncio.wait([talking])
    return 101 if opened else 403


async def test_everything_that_is_served_is_listed_here_with_who_may_have_it(web: House):
    assert {named(each): each.role for each in served_by(web.app.inside)} == classified(), "classify what is new"


async def test_a_route_of_the_api_without_a_role_is_not_served(web: House):
    router = APIRouter()

    @router.get("/api/v1/forgotten")
    async def forgotten() -> None: ...

    web.app.inside.include_router(router)
    with pytest.raises(ConfigurationError, match="/api/v1/forgotten says for no role"):
        tuple(served_by(web.app.inside))


CREDENTIALS = (
    "nothing",
    "expired",
    "alg=none",
    "wrong key",
    "earlier generation",
    "nobody's",
    "disabled",
    "another role",
    "what stops",
    "what stops in the cookie of a session",
)


@pytest.mark.parametrize("credential", CREDENTIALS)
async def test_nothing_but_the_open_places_is_given_for(web: House, credential: str):
    headers = {"Origin": ADDRESS, **await headers_of(web, credential)}
    for place in places(web):
        refused = 403 if place.kind == "websocket" else 401
        assert await status(web, place, headers) == refused, named(place)


async def headers_of(web: House, credential: str) -> dict[str, str]:
    """Return the headers of somebody whose credential is good for nothing."""
    token = web.token("asha")
    match credential:
        case "nothing":
            return {}
        case "expired":
            token = web.token("asha", expires_ns=web.clock.wall_ns() - 1)
        case "alg=none":
            claims = jwt.decode(token, options={"verify_signature": False})
            token = jwt.encode(claims, None, "none", headers={"kid": jwt.get_unverified_header(token)["kid"]})
        case "wrong key":
            token = web.token("asha", WRONG_KEY)
        case "earlier generation":
            await web.database.users.set_role("asha", "admin", web.clock.wall_ns())
        case "nobody's":
            token = web.token("mallory", role="admin")
        case "disabled":
            await web.database.users.disable("asha", web.clock.wall_ns())
        case "what stops":
            return {"Cookie": f"{STOP.name}={web.token('asha', purpose='stop')}"}
        case "what stops in the cookie of a session":
            return {"Cookie": f"{ACCESS.name}={web.token('asha', purpose='stop')}"}
        case _:
            token = web.token("asha", role="root")
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(("name", "role"), [("vera", "viewer"), ("omar", "operator")])
async def test_what_needs_a_higher_role_is_refused_before_anything_is_read(web: House, name: str, role: Role):
    headers = {"Origin": ADDRESS, "Authorization": f"Bearer {web.token(name)}"}
    higher = [place for place in places(web) if ROLES.index(place.role or role) > ROLES.index(role)]
    assert len(higher) > 5
    for place in higher:
        assert await status(web, place, headers) == 403, named(place)
    refusals = [row for row in await web.audited() if row == (name, "refused", "not_allowed")]
    assert len(refusals) == min(len(higher), 100)


async def test_whoever_may_is_refused_nowhere(web: House):
    """So that the refusals above are for what was wrong, and not for how it was asked."""
    headers = {"Origin": ADDRESS, "Authorization": f"Bearer {web.token('asha')}"}
    for place in places(web):
        if place.method in ("GET", "HEAD") and place.path != "/api/v1/stream":
            assert await status(web, place, headers) not in (401, 403), named(place)
