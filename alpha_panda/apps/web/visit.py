"""One connection as the gate sees it: who came from where, with which ids, and what was answered."""

import dataclasses
import math
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import Message, Scope, Send

from alpha_panda.apps.access import VISIT_ID, VISITOR, Principal
from alpha_panda.apps.web.cookies import KILL, SessionCookie
from alpha_panda.apps.web.headers import CORRELATION_ID, REQUEST_ID, security_headers
from alpha_panda.apps.web.limits import Turn

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_CORRELATION = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_BEARER = "bearer "


@dataclasses.dataclass
class Visit:
    """A request, or a websocket that is being opened."""

    scope: Scope
    headers: Headers
    request_id: str
    correlation_id: str
    secure: bool
    principal: Principal | None = None
    status: int = 0  # of the answer, once it has begun
    turn: Turn | None = None  # what is left of what the visitor may ask for

    @classmethod
    def of(cls, scope: Scope, random_bytes: Callable[[int], bytes], secure: bool) -> "Visit":
        """Return the visit of a connection, under an id of its own and the correlation id of who asks, if it is one."""
        headers = Headers(scope=scope)
        request_id = random_bytes(8).hex()
        given = headers.get(CORRELATION_ID, "")
        visit = cls(scope, headers, request_id, given if _CORRELATION.fullmatch(given) else request_id, secure)
        state = scope.setdefault("state", {})
        state["request_id"], state["correlation_id"] = visit.request_id, visit.correlation_id
        state["principal"] = None
        return visit

    @property
    def path(self) -> str:
        """The path that is asked for."""
        return self.scope["path"]

    @property
    def address(self) -> str:
        """Where the visitor is."""
        client = self.scope.get("client")
        return client[0] if client else "nowhere"

    @property
    def is_websocket(self) -> bool:
        """Whether it opens a websocket."""
        return self.scope["type"] == "websocket"

    @property
    def changes_something(self) -> bool:
        """Whether it may: a websocket says what it likes once it is open."""
        return self.is_websocket or self.scope["method"] not in _SAFE_METHODS

    @property
    def wants_page(self) -> bool:
        """Whether a person waits for a page, rather than a program for an answer."""
        return not self.changes_something and "text/html" in self.headers.get("accept", "")

    @property
    def bearer(self) -> str | None:
        """The token of the Authorization header; None where there is no such header, empty for another scheme."""
        given = self.headers.get("authorization")
        if given is None:
            return None
        return given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else ""

    @property
    def kills(self) -> bool:
        """Whether it asks for trading to be stopped, and for nothing else."""
        return self.path == KILL and self.scope.get("method") == "POST"

    def token(self, cookie: SessionCookie) -> str:
        """Return the token of a cookie, empty where there is none."""
        return cookie_parser(self.headers.get("cookie", "")).get(cookie.called(self.secure), "")

    def identify(self, principal: Principal) -> None:
        """Note who asks, for the gate and for the routes."""
        self.principal = self.scope["state"]["principal"] = principal
        VISITOR.set(principal)
        VISIT_ID.set(self.request_id)

    def dressed(self, send: Send) -> Send:
        """Return a `send` that puts headers on the answer, and remembers its status."""

        async def dress(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                self.status = message["status"]
                self._dress(MutableHeaders(scope=message))
            elif message["type"] in ("websocket.accept", "websocket.close") and not self.status:
                self.status = 101 if message["type"] == "websocket.accept" else 403
            await send(message)

        return dress

    def _dress(self, headers: MutableHeaders) -> None:
        for name in [name for name in headers if name.startswith("access-control-")]:
            del headers[name]  # marimo would share its answers with pages of any origin
        if "location" in headers:
            headers["location"] = self._within(headers["location"])
        for name, value in security_headers(self.path, self.secure):
            headers[name] = value
        headers[REQUEST_ID], headers[CORRELATION_ID] = self.request_id, self.correlation_id
        if self.turn is not None:
            headers["RateLimit-Limit"] = str(self.turn.at_once)
            headers["RateLimit-Remaining"] = str(self.turn.left)
            headers["RateLimit-Reset"] = str(math.ceil(self.turn.full_s))

    def _within(self, location: str) -> str:
        """Return where somebody is sent, within this app by its path alone: behind a proxy the scheme may differ."""
        parts = urllib.parse.urlsplit(location)
        is_ours = parts.netloc == self.headers.get("host") and not parts.path.startswith(("//", "/\\"))
        return urllib.parse.urlunsplit(("", "", *parts[2:])) if is_ours else location

    def fields(self) -> dict[str, Any]:
        """Return what a line of the log says of it."""
        return {
            "method": "WEBSOCKET" if self.is_websocket else self.scope["method"],
            "path": self.path,
            "status": self.status,
            "address": self.address,
            "who": self.principal.name if self.principal else "",
            "request_id": self.request_id,
            "correlation_id": self.correlation_id,
        }
