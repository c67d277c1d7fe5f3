"""What the routes of one subject have in common: a tag, a role at least, what they may be refused with, plain names."""

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute

from alpha_panda.apps.access import Role, needs
from alpha_panda.apps.api.errors import responses


def subject(tag: str, role: Role = "viewer") -> APIRouter:
    """Return a router for the routes of one subject, each at least for `role`; a client knows them by their names."""
    return APIRouter(
        tags=[tag],
        dependencies=[Depends(needs(role))],
        responses=responses(401, 403, 422, 429),
        generate_unique_id_function=_name,
    )


def _name(route: APIRoute) -> str:
    return route.name
