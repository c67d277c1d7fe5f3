"""All routes of the API, and what the application that serves them needs besides."""

from collections.abc import Sequence

from fastapi import APIRouter

from alpha_panda.apps.api import (
    alerts,
    control,
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

_MODULES = (portfolio, trading, strategies, control, pipeline, logs, alerts, market, system, people, streaming)


def routers() -> Sequence[APIRouter]:
    """Return the routers, to be served below PREFIX."""
    return tuple(module.router for module in _MODULES)
