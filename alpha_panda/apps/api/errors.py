"""What the API answers where it cannot do what was asked: one model, a status, and a sentence that says what to do."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.websockets import WebSocket

from alpha_panda.apps.api.parts import parts_of, request_id_of
from alpha_panda.errors import (
    AlphaPandaError,
    CatalogError,
    ConfigurationError,
    DatabaseError,
    DataError,
    DuplicateRowError,
    FencedError,
    LogError,
    RecoveryError,
    StoreError,
    StrategyError,
    UnknownRowError,
)

Handler = Callable[[Any, Any], Coroutine[Any, Any, Response | None]]

STATUSES: Mapping[type[AlphaPandaError], tuple[int, str]] = {
    CatalogError: (404, "not_in_catalog"),
    ConfigurationError: (422, "cannot_be"),
    StrategyError: (422, "strategy_unfit"),
    DataError: (422, "data_unfit"),
    FencedError: (409, "taken_over"),
    LogError: (503, "log_away"),
    StoreError: (503, "store_away"),
    RecoveryError: (409, "no_session"),
    UnknownRowError: (404, "not_found"),
    DuplicateRowError: (409, "conflict"),
    DatabaseError: (503, "database_away"),
}
"""The status and the code of each error; the nearest class counts, and what is none of these is a defect: 500."""

_CODES: Mapping[int, str] = {
    400: "malformed",
    401: "not_signed_in",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "media_type",
    422: "invalid",
    429: "too_many_requests",
    503: "away",
}
_DEFECT = (500, "defect")
_AT_THE_GATE = ("foreign_origin", "unknown_host")  # what is refused before any route is asked

CODES: Sequence[str] = sorted(
    {*(code for _, code in STATUSES.values()), *_CODES.values(), _DEFECT[1], "refused", *_AT_THE_GATE}
)
"""Every code of an error."""

_INVALID_DATA = 1007  # of RFC 6455, section 7.4.1


_SENTENCES: Mapping[int, str] = {
    401: "Nobody is signed in, or no longer.",
    403: "Their role may not do this.",
    404: "There is no such thing.",
    409: "As things stand it cannot be done.",
    422: "What was asked for, or said, cannot be.",
    429: "Too many requests: `Retry-After` says after how many seconds there is one again.",
    503: "Something that is needed is away: ask again.",
}
_HEADERS: Mapping[int, dict[str, Any]] = {
    429: {"headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}}
}


class Problem(BaseModel):
    """What was wrong."""

    code: str = Field(
        examples=["not_found"],
        description="What kind of problem it is, for programs.",
        json_schema_extra={"enum": [*CODES]},
    )
    message: str = Field(
        examples=["there is no strategy momentun; there are mean_reversion, momentum"],
        description="What was wrong, where, and what to do about it, in one sentence.",
    )
    request_id: str = Field(examples=["6f1e0c52b1a94e0d"], description="Names the request in the logs.")


class ErrorAnswer(BaseModel):
    """The body of every answer that is an error."""

    error: Problem


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a route declares to answer besides its own model: ErrorAnswer with each of these statuses."""
    return {
        status: {"model": ErrorAnswer, "description": _SENTENCES[status], **_HEADERS.get(status, {})}
        for status in statuses
    }


def status_of(error: AlphaPandaError) -> tuple[int, str]:
    """Return the status and the code that an error is answered with."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), _DEFECT)


def error_handlers() -> dict[int | type[Exception], Handler]:
    """Return what makes an answer of each exception, for the application that serves the routes."""
    return {
        AlphaPandaError: _on_ours,
        AnyHTTPException: _on_refusal,
        RequestValidationError: _on_invalid,
        WebSocketRequestValidationError: _on_invalid_websocket,
        Exception: _on_defect,
    }


def _answer(
    request: Request, status: int, code: str, sentence: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    problem = Problem(code=code, message=sentence, request_id=request_id_of(request.scope))
    return JSONResponse(ErrorAnswer(error=problem).model_dump(), status, headers)


async def _on_ours(request: Request, error: AlphaPandaError) -> Response:
    status, code = status_of(error)
    if status >= _DEFECT[0]:
        parts_of(request).log.error(
            "request_failed",
            path=request.url.path,
            kind=type(error).__name__,
            reason=str(error),
            request_id=request_id_of(request.scope),
        )
    # The sentence of an error may quote an address, and an address may hold a password.
    return _answer(request, status, code, parts_of(request).redaction.text(str(error)))


async def _on_refusal(request: Request, error: HTTPException) -> Response:
    return _answer(
        request, error.status_code, _CODES.get(error.status_code, "refused"), str(error.detail), error.headers
    )


async def _on_invalid(request: Request, error: RequestValidationError) -> Response:
    return _answer(request, 422, _CODES[422], _sentence(error.errors()))


async def _on_invalid_websocket(websocket: WebSocket, error: WebSocketRequestValidationError) -> None:
    await websocket.close(_INVALID_DATA, _sentence(error.errors())[:120])


async def _on_defect(request: Request, error: Exception) -> Response:
    # What it was is for the logs: whoever serves the application writes it there under the request's id.
    return _answer(request, *_DEFECT, "this is a defect of Alpha Panda: the request id finds it in the log")


def _sentence(errors: Sequence[Any]) -> str:
    """Return which fields are wrong and what they should be, without what was sent: it may be a secret."""
    return "; ".join(f"{_place(each['loc'])}: {str(each['msg']).removeprefix('Value error, ')}" for each in errors)


def _place(location: Sequence[int | str]) -> str:
    where, *names = location
    return f"{'.'.join(map(str, names))} in the {where}" if names else f"the {where}"
