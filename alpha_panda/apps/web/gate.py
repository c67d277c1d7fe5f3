"""The gate: outside everything, it lets nothing through that is not known to be allowed.

A connection must ask for this app by one of its names, come from one of its own pages where it could change something,
stay within the limits, and have signed in, unless it asks for one of the few open places. What is inside never sees
the others.
"""

import asyncio
import dataclasses
import re
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alpha_panda.apps.access import Principal
from alpha_panda.apps.web.cookies import ACCESS, KILL, STOP
from alpha_panda.apps.web.limits import Limits, Rates, Turn, network_of
from alpha_panda.apps.web.visit import Visit

OPEN_PLACES: Mapping[str, tuple[str, ...]] = {
    "/health/live": ("GET", "HEAD"),
    "/sign-in": ("GET", "HEAD"),
    "/sign-in/page.css": ("GET", "HEAD"),
    "/sign-in/page.js": ("GET", "HEAD"),
    "/auth/sign-in": ("POST",),
    "/auth/link": ("POST",),
    "/auth/refresh": ("POST",),
    "/auth/sign-out": ("POST",),
}
"""Everything that is open to whoever has not signed in, and for which methods."""

LOOK_EVERY_S = 5.0
"""How often the session behind an open websocket is looked at."""

STOPS = frozenset((KILL, "/api/v1/control/pause", "/api/v1/control/flatten"))
"""What makes safer, and is never refused because of all the rest that somebody asks."""

_STRATEGY_STOPS = re.compile(r"/api/v1/strategies/[^/]+/(?:pause|disable)")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[0-9a-z._-]+)(?::[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
_DIGITS = 20  # of a length: what has more is too large as well
_SIGNED_OUT = 4401  # the first four digits of applications, and HTTP's number for it
_POLICY_VIOLATED, _TRY_LATER = 1008, 1013


class Door(Protocol):
    """Who knows sessions, and keeps the records."""

    async def principal(self, token: str) -> Principal | None:
        """Return who holds a token; None where it is not good, or no longer."""
        ...

    async def stopper(self, token: str) -> Principal | None:
        """Return who holds a token that stops trading; None where it is not good, or no longer."""
        ...

    async def holds(self, principal: Principal) -> bool:
        """Return whether the session of a principal still lasts."""
        ...

    async def note(self, visit: Visit, elapsed_s: float, refused: str) -> None:
        """Keep what was asked, what came of it, and why the gate refused it, if it did."""
        ...

    def defect(self, visit: Visit, error: Exception) -> None:
        """Keep what went wrong inside."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class House:
    """What the gate stands in front of: its names, its limits, its clocks."""

    hosts: frozenset[str]  # by which the app may be asked for, in lower case, without a port
    pages: frozenset[str]  # paths of the dashboard, which cost more than others
    limits: Limits
    secure: bool  # whether visitors come over TLS
    random_bytes: Callable[[int], bytes]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Why a visit ends at the gate."""

    status: int
    code: str
    sentence: str
    retry_s: float = 0.0


class Gate:
    """The ASGI application that guards another."""

    def __init__(self, app: ASGIApp, door: Door, house: House) -> None:
        self._app, self._door, self._house = app, door, house
        self._rates = Rates(house.monotonic)
        self._open: dict[str, int] = {}  # websockets of each principal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        began_s = self._house.monotonic()
        visit = Visit.of(scope, self._house.random_bytes, self._house.secure)
        send = visit.dressed(send)
        refusal = await self._refusal(visit)
        if refusal is not None:
            await _refuse(visit, refusal, receive, send)
        elif visit.is_websocket:
            await self._converse(visit, receive, send)
        else:
            await self._serve(visit, receive, send)
        await self._door.note(visit, self._house.monotonic() - began_s, refusal.code if refusal else "")
        return None

    # ── Who is let in ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _refusal(self, visit: Visit) -> Refusal | None:
        """Return why a visit goes no further; None where it does, its principal known by then."""
        if not self._names_us(visit):
            return Refusal(421, "unknown_host", "this app is not known by that name: ask for it by one of its own")
        principal = await self._who(visit)
        if principal is not None:
            visit.identify(principal)
        visit.turn = self._turn(visit)
        if visit.turn.wait_s:
            return Refusal(429, "too_many_requests", "too many requests: wait a moment", visit.turn.wait_s)
        if visit.changes_something and not self._from_us(visit, visit.bearer is not None or principal is None):
            return Refusal(403, "foreign_origin", "this was not asked for by a page of this app")
        if principal is None and visit.scope.get("method") not in OPEN_PLACES.get(visit.path, ()):
            return Refusal(401, "not_signed_in", "sign in first: this is open to nobody else")
        if int_of(visit.headers.get("content-length")) > self._house.limits.body_bytes:
            return Refusal(413, "too_large", f"a body has at most {self._house.limits.body_bytes:,} bytes")
        return None

    async def _who(self, visit: Visit) -> Principal | None:
        """Return who asks; to stop trading, and for nothing else, also whoever's session could not be carried on."""
        if visit.bearer is not None:
            return await self._door.principal(visit.bearer)
        principal = await self._door.principal(visit.token(ACCESS))
        return await self._door.stopper(visit.token(STOP)) if principal is None and visit.kills else principal

    def _names_us(self, visit: Visit) -> bool:
        """Return whether the one Host header names this app: a page elsewhere may have its own name lead here."""
        hosts = visit.headers.getlist("host")
        return len(hosts) == 1 and _hostname(hosts[0]) in self._house.hosts

    def _from_us(self, visit: Visit, is_program: bool) -> bool:
        """Return whether a request comes from a page of this app: a browser says so, and a program needs not.

        It is the same origin where host and port are those that were asked for; behind a proxy the scheme may differ.
        """
        origins = visit.headers.getlist("origin")
        if not origins:
            return is_program
        host = visit.headers["host"].lower()
        return len(origins) == 1 and origins[0].lower() in (f"http://{host}", f"https://{host}")

    def _turn(self, visit: Visit) -> Turn:
        limits = self._house.limits
        if visit.principal is None:
            network = network_of(visit.address)
            return self._rates.take(f"address {network}", limits.anonymous_per_second, limits.anonymous_at_once)
        user = f"user {visit.principal.name}"
        if visit.path in self._house.pages:
            return self._rates.take(f"{user} pages", limits.pages_per_second, limits.pages_at_once)
        # Whatever else somebody asks too often, they can stop: only the same command is counted, and it was heard then.
        return self._rates.take(f"{user} {_counted(visit.path)}", limits.requests_per_second, limits.requests_at_once)

    # ── What they get ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _serve(self, visit: Visit, receive: Receive, send: Send) -> None:
        body = _Body(self._house.limits.body_bytes, visit, receive, send)
        try:
            await self._app(visit.scope, body.receive, body.send)
        except Exception as error:  # noqa: BLE001  # whatever it is, its words stay inside
            self._door.defect(visit, error)
            if not visit.status:
                await _refuse(visit, _DEFECT, receive, send)

    async def _converse(self, visit: Visit, receive: Receive, send: Send) -> None:
        """Let a websocket be spoken on for as long as the session behind it lasts."""
        principal = visit.principal
        assert principal is not None
        if self._open.get(principal.name, 0) >= self._house.limits.websockets:
            return await send({"type": "websocket.close", "code": _TRY_LATER, "reason": "too many are open"})
        self._open[principal.name] = self._open.get(principal.name, 0) + 1
        line = _Line(send)
        watch = asyncio.create_task(self._watch(principal, line))
        try:
            await self._app(visit.scope, lambda: self._heard(principal, receive), line.send)
        except Exception as error:  # noqa: BLE001  # whatever it is, its words stay inside
            self._door.defect(visit, error)
            await line.close(1011, "")
        finally:
            watch.cancel()
            self._open[principal.name] -= 1
        return None

    async def _heard(self, principal: Principal, receive: Receive) -> Message:
        """Return what is said next on a websocket; whoever says too much is listened to more slowly."""
        message, limits = await receive(), self._house.limits
        said = f"user {principal.name} says"
        while wait_s := self._rates.take(said, limits.messages_per_second, limits.messages_at_once).wait_s:
            await self._house.sleep(wait_s)
        return message

    async def _watch(self, principal: Principal, line: "_Line") -> None:
        while await self._door.holds(principal):
            await self._house.sleep(LOOK_EVERY_S)
        await line.close(_SIGNED_OUT, "the session has ended")


_DEFECT = Refusal(500, "defect", "this is a defect of Alpha Panda: the request id finds it in the log")


class _Body:
    """The body of a request, cut where it becomes too large although nobody said so before."""

    def __init__(self, bytes_max: int, visit: Visit, receive: Receive, send: Send) -> None:
        self._left = bytes_max
        self._visit, self._receive, self._send = visit, receive, send
        self._cut = False

    async def receive(self) -> Message:
        """Return the next part; beyond the limit the visitor is told, and the app sees them leave."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0 and not self._cut:
            self._cut = True
            if not self._visit.status:
                await _refuse(
                    self._visit, Refusal(413, "too_large", "the body is too large"), self._receive, self._send
                )
        return {"type": "http.disconnect"} if self._cut else message

    async def send(self, message: Message) -> None:
        """Send what the app answers, unless its visitor was told something else."""
        if not self._cut:
            await self._send(message)


class _Line:
    """The sending side of a websocket, which somebody else than the app may close."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._closed = False

    async def send(self, message: Message) -> None:
        """Send what the app says, as long as the line is open."""
        if not self._closed:
            self._closed = message["type"] == "websocket.close"
            await self._send(message)

    async def close(self, code: int, reason: str) -> None:
        """Close the line; the app hears that it is closed."""
        await self.send({"type": "websocket.close", "code": code, "reason": reason})


async def _refuse(visit: Visit, refusal: Refusal, receive: Receive, send: Send) -> None:
    if visit.is_websocket:
        await send({"type": "websocket.close", "code": _POLICY_VIOLATED, "reason": refusal.sentence})
    elif refusal.status == 401 and visit.wants_page:
        asked = urllib.parse.quote(visit.path + _query(visit), safe="")
        await RedirectResponse(f"/sign-in?next={asked}", 303)(visit.scope, receive, send)
    else:
        await _told(visit, refusal)(visit.scope, receive, send)


def _told(visit: Visit, refusal: Refusal) -> JSONResponse:
    headers: dict[str, str] = {}
    if refusal.retry_s:
        headers["Retry-After"] = str(max(1, round(refusal.retry_s)))
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.sentence, "request_id": visit.request_id}
    return JSONResponse({"error": error}, refusal.status, headers)


def _counted(path: str) -> str:
    """Return as what a request is counted: what makes safer by itself, all strategies together, and all else."""
    return path if path in STOPS else "a strategy's" if _STRATEGY_STOPS.fullmatch(path) else "all"


def _query(visit: Visit) -> str:
    query = visit.scope.get("query_string", b"").decode("latin-1")
    return f"?{query}" if query else ""


def _hostname(host: str) -> str:
    """Return the name in a Host header, without port and brackets; empty for what is none."""
    found = _HOST.fullmatch(host)
    return found[1].strip("[]").lower() if found else ""


def int_of(text: str | None) -> int:
    """Return a length as a header gives it; 0 where it gives none."""
    return int(text[:_DIGITS]) if text and text.isdecimal() and text.isascii() else 0
