"""All routes of the API, and what the application that serves them needs besides."""

from collections.abc import Sequence

from fastapi import APIRouter

from alpha_panda.apps.api import (
    alerts,
    control,
    exporting,
    logs,
    market,
    people,
    pipeline,
    portfolio,
    strategies,
    streaming,
    system,
    trading,
)

PREFIX = "/api/v1"

TAGS: Sequence[dict[str, str]] = (
    {"name": "portfolio", "description": "The account, its limits, what it holds, and how its equity went."},
    {"name": "trading", "description": "Orders, fills, decisions, signals and commands, and what led to each order."},
    {"name": "strategies", "description": "How each strategy is doing, and what it is told."},
    {"name": "control", "description": "Kill, pause, resume, flatten, reset."},
    {"name": "pipeline", "description": "Stages, lag, delays, the feed, and what nobody could process."},
    {"name": "logs", "description": "The structured logs: their end, a search, and all of it."},
    {"name": "alerts", "description": "What needs a person, and who knows."},
    {"name": "market", "description": "Instruments, their minutes, and the sessions there were."},
    {"name": "system", "description": "This process, and whether all that it needs is well."},
    {"name": "people", "description": "Users and the audit trail."},
    {"name": "streams", "description": "The same, as it happens."},
)
"""The subjects of the routes, in the order in which the documentation has them."""

DESCRIPTION = """Everything that the dashboard shows, and what it can do, for programs.

**Signing in.** `POST /auth/sign-in` with `{"name": …, "password": …, "bearer": true}` answers with an access token
for a quarter of an hour, sent as `Authorization: Bearer …`, and a refresh token for `POST /auth/refresh`.

**Units.** A field that ends in `_e4` is an integer in 1/10,000 rupee. An instant is ISO 8601 text in IST with six
decimals and its offset, or null where there is none. Quantities are units, not lots. Ratios are fractions: 0.05 is
five per cent. Null is a figure that nobody has said. In the export of the logs `time_ns` is the same instant in
nanoseconds UTC.

**Pages.** A history is newest first. `following` is the `cursor` of the next older page, null where there is none; a
page may be short, or empty, and yet not be the last. What is added meanwhile moves nothing.

**Errors.** Every refusal has one body: `{"error": {"code": …, "message": …, "request_id": …}}`. Programs go by
`code`, people by `message`, and `request_id` finds the request in the logs.

**Ids.** Each answer bears `X-Request-ID`. What you send as `X-Correlation-ID`, up to 64 letters, digits, `.`, `_` and
`-`, comes back, and stands in the logs, in the audit trail and in the commands that you give; else it is the
request's id.

**Limits.** Each user has so many requests: `RateLimit-Limit` at once, `RateLimit-Remaining` of them left, all of them
again in `RateLimit-Reset` seconds. Stopping is counted apart, so nothing else that you ask keeps you from it.
"""
"""What is the same for all routes, in Markdown."""

_MODULES = (
    portfolio,
    trading,
    exporting,
    strategies,
    control,
    pipeline,
    logs,
    alerts,
    market,
    system,
    people,
    streaming,
)


def routers() -> Sequence[APIRouter]:
    """Return the routers, to be served below PREFIX."""
    return tuple(module.router for module in _MODULES)
