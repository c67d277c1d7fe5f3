"""The pages that are no dashboard: sign in, and what the API offers; files of this package, and nothing else."""

import mimetypes
import pathlib

from fastapi import APIRouter, Response

_FILES = pathlib.Path(__file__).parent / "files"
_PAGES = {
    "/sign-in": "sign-in.html",
    "/sign-in/page.css": "page.css",
    "/sign-in/page.js": "sign-in.js",
    "/docs": "docs.html",
    "/docs/page.js": "docs.js",
}
"""Each file by the path that it is asked for; no path leads to any other."""


def page_routes() -> APIRouter:
    """Return the routes of the pages, read once."""
    router = APIRouter(include_in_schema=False)
    for path, name in _PAGES.items():
        content, kind = (_FILES / name).read_bytes(), mimetypes.guess_type(name)[0]
        router.add_api_route(path, _file(content, f"{kind}; charset=utf-8"), methods=["GET", "HEAD"])
    return router


def _file(content: bytes, kind: str):
    async def answer() -> Response:
        return Response(content, media_type=kind)

    return answer
