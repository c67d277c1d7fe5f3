"""The notebooks under /research: run for whoever opens one, never edited, and without their code."""

import ast
import html
import pathlib
from collections.abc import Sequence

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_PAGE = pathlib.Path(__file__).parent / "files" / "research.html"


def mount_notebooks(app: FastAPI, folder: pathlib.Path | None) -> None:
    """Mount each notebook of `folder` at /research/NAME, and a list of them at /research; of None, an empty list."""
    files = sorted(folder.glob("[!_]*.py")) if folder is not None else []
    page = _listing(files)

    @app.get("/research", include_in_schema=False)
    async def listing() -> HTMLResponse:
        return HTMLResponse(page)

    for file in files:
        app.mount(f"/research/{file.stem}", _Notebook(file), name=file.stem)


class _Notebook:
    """One notebook as an application, made when it is first asked for: most days, nobody does."""

    def __init__(self, file: pathlib.Path) -> None:
        self._file = file
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if self._app is None:
            from marimo import create_asgi_app

            self._app = create_asgi_app(quiet=True, include_code=False).with_app(path="", root=str(self._file)).build()
        await self._app(scope, receive, send)


def _listing(files: Sequence[pathlib.Path]) -> str:
    lines = "".join(
        f'<li><a href="/research/{html.escape(file.stem)}/">{html.escape(file.stem.replace("_", " "))}</a>'
        f"<p>{html.escape(_about(file))}</p></li>"
        for file in files
    )
    return _PAGE.read_text(encoding="utf-8").replace("{notebooks}", lines or "<li>This workspace has none.</li>")


def _about(file: pathlib.Path) -> str:
    """Return the first line of a notebook's docstring."""
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]
