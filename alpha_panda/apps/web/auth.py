"""The routes under /auth: sign in, carry on, sign out, for the page with cookies and for programs with tokens."""

import dataclasses
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from alpha_panda.apps.access import principal_of
from alpha_panda.apps.api.errors import ErrorAnswer, Problem
from alpha_panda.apps.desk.models import TimeNs
from alpha_panda.apps.web.cookies import ACCESS, REFRESH, STOP, SessionCookie
from alpha_panda.apps.web.passwords import PASSWORD_LENGTH_MAX
from alpha_panda.apps.web.sessions import Grant, Sessions
from alpha_panda.apps.web.signing_in import Refused, SigningIn
from alpha_panda.database.repositories import Database
from alpha_panda.database.users import Role
from alpha_panda.errors import DatabaseError
from alpha_panda.units import SECOND_NS

_NOT_EVERYWHERE = Refused(
    503,
    "database_away",
    "this browser has forgotten the session and this process has ended it; the database is away and does not know yet",
)

Text = Annotated[str, Field(max_length=PASSWORD_LENGTH_MAX)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Credentials(_Asked):
    """Who signs in; `bearer` asks for tokens in the answer, for a program, instead of cookies."""

    name: Text
    password: Text = Field(repr=False)
    bearer: bool = False


class Link(_Asked):
    """The token of the link that the terminal showed."""

    token: Text = Field(repr=False)


class Refresh(_Asked):
    """The refresh token of a program; a page has it in a cookie."""

    refresh_token: Text = Field(default="", repr=False)


class SignedIn(BaseModel):
    """A session: who, as what, and until when without a refresh; tokens where they were asked for."""

    name: str
    role: Role
    expires_ns: TimeNs = Field(serialization_alias="expires")
    access_token: str = Field(default="", repr=False)
    refresh_token: str = Field(default="", repr=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuthParts:
    """What the routes work with."""

    sessions: Sessions
    signing_in: SigningIn
    database: Database
    secure: bool  # whether visitors come over TLS
    wall_ns: Callable[[], int]
    count: Callable[[str, str], None]  # told what was tried, and what came of it


def auth_routes(parts: AuthParts) -> APIRouter:
    """Return the routes; all of them are open, for they are the way in and out."""
    router = APIRouter(prefix="/auth", tags=["sign in"])
    desk = _Reception(parts)

    @router.post("/sign-in", response_model=SignedIn)
    async def sign_in(credentials: Credentials, request: Request) -> Response:
        """Begin a session with a name and a password."""
        came = await parts.signing_in.by_password(credentials.name, credentials.password, _address(request))
        return await desk.answer(request, "sign-in", credentials.name, came, credentials.bearer)

    @router.post("/link", response_model=SignedIn)
    async def follow_link(link: Link, request: Request) -> Response:
        """Begin the owner's session with the link that the terminal showed."""
        came = await parts.signing_in.by_link(link.token, _address(request))
        return await desk.answer(request, "sign-in by link", "", came, False)

    @router.post("/refresh", response_model=SignedIn)
    async def refresh(request: Request, asked: Refresh | None = None) -> Response:
        """Carry a session on: return the next tokens for a refresh token, which is good once."""
        given = asked.refresh_token if asked is not None else ""
        grant = await parts.sessions.renew(given or desk.kept(request))
        if grant is not None:
            return desk.signed_in(grant, bool(given))
        parts.count("refresh", "refused")
        answer = _refused(request, Refused(401, "not_signed_in", "the session has ended: sign in again"))
        return answer if given else desk.forgotten(answer)

    @router.post("/sign-out", status_code=204)
    async def sign_out(request: Request, asked: Refresh | None = None) -> Response:
        """End the session, and all that came of it."""
        try:
            await desk.end(request, (asked.refresh_token if asked is not None else "") or desk.kept(request))
        except DatabaseError:
            parts.count("sign-out", _NOT_EVERYWHERE.code)
            return desk.forgotten(_refused(request, _NOT_EVERYWHERE))
        return desk.forgotten(Response(status_code=204))

    return router


class _Reception:
    """Answers who comes and goes, and writes it down."""

    def __init__(self, parts: AuthParts) -> None:
        self._parts = parts

    async def answer(self, request: Request, action: str, name: str, came: Grant | Refused, bearer: bool) -> Response:
        """Return the answer to an attempt; what is throttled is counted alone, or it would fill the database."""
        outcome = "done" if isinstance(came, Grant) else came.code
        self._parts.count(action, outcome)
        if isinstance(came, Grant):
            await self.record(request, action, came.principal.name, outcome)
            return self.signed_in(came, bearer)
        if came.status == 401:
            # What is no name of a user may be a password in the wrong field.
            known = await self._parts.database.users.get(name)
            await self.record(request, action, known.name if known is not None else "", outcome)
        return _refused(request, came)

    async def end(self, request: Request, refresh: str) -> None:
        """End the session of whoever asks, and that of a refresh token; DatabaseError where only this process knows."""
        principal = principal_of(request.scope)
        if principal is not None:
            await self._parts.sessions.end(principal.session)
        who = await self._parts.sessions.end_by(refresh) if refresh else ""
        if principal is not None or who:
            await self.record(request, "sign-out", principal.name if principal is not None else who, "done")

    async def record(self, request: Request, action: str, who: str, outcome: str) -> None:
        """Write into the audit trail."""
        await self._parts.database.audit.add(
            who=who,
            action=action,
            target="",
            detail="",
            outcome=outcome,
            correlation_id=request.scope["state"]["correlation_id"],
            address=_address(request),
            now_ns=self._parts.wall_ns(),
        )

    def signed_in(self, grant: Grant, bearer: bool) -> Response:
        """Return a session to whom it was granted: in cookies that no script can read, or in the answer."""
        principal = grant.principal
        tokens: dict[str, Any] = {"access_token": grant.access, "refresh_token": grant.refresh} if bearer else {}
        told = SignedIn(name=principal.name, role=principal.role, expires_ns=principal.expires_ns, **tokens)
        answer = JSONResponse(told.model_dump(mode="json", by_alias=True, exclude_defaults=True))
        if not bearer:
            self._keep(answer, ACCESS, grant.access)
            self._keep(answer, REFRESH, grant.refresh)
            self._keep(answer, STOP, grant.stop)  # of a viewer, it takes away what another left in this browser
        return answer

    def forgotten(self, answer: Response) -> Response:
        """Return an answer that takes the cookies away."""
        for cookie in (ACCESS, REFRESH, STOP):
            self._keep(answer, cookie, "")
        return answer

    def kept(self, request: Request) -> str:
        """Return the refresh token that a page has in its cookie, empty where there is none."""
        return request.cookies.get(REFRESH.called(self._parts.secure), "")

    def _keep(self, answer: Response, cookie: SessionCookie, value: str) -> None:
        """Let a browser keep a cookie, or forget it where it is empty."""
        answer.set_cookie(
            cookie.called(self._parts.secure),
            value,
            max_age=cookie.lifetime_ns // SECOND_NS if value else 0,
            path=cookie.path,
            secure=self._parts.secure,
            httponly=True,
            samesite="strict",
        )


def _refused(request: Request, refused: Refused) -> Response:
    problem = Problem(code=refused.code, message=refused.sentence, request_id=request.scope["state"]["request_id"])
    headers = {"Retry-After": str(max(1, round(refused.retry_s)))} if refused.retry_s else None
    return JSONResponse(ErrorAnswer(error=problem).model_dump(), refused.status, headers)


def _address(request: Request) -> str:
    return request.client.host if request.client else "nowhere"
