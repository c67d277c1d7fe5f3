"""What the routes are given: without another thread, which takes longer than most answers."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute

from alpha_panda.apps.api.routes import routers

ROUTES = {
    f"{'/'.join(sorted(getattr(route, 'methods', ['websocket'])))} {route.path}": route
    for router in routers()
    for route in router.routes
    if isinstance(route, APIRoute | APIWebSocketRoute)
}


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_no_request_waits_for_a_thread(name: str):
    for called in everything_called(ROUTES[name].dependant):
        here = called if inspect.isfunction(called) else called.__call__
        assert inspect.iscoroutinefunction(here) or inspect.isasyncgenfunction(here), f"{called} is not asynchronous"


def everything_called(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    assert dependant.call is not None
    yield dependant.call
    for each in dependant.dependencies:
        yield from everything_called(each)
