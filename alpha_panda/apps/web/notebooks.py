"""The notebooks under /research: run for whoever opens one, never edited, and without their code."""

import ast
import asyncio
import html
import pathlib
import re
from collections.abc import Mapping, Sequence

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

KERNELS_MAX = 16
"""How many notebooks run at once, of all visitors: each is a thread of this process, which may be trading."""

_KERNEL_LASTS_S = 30  # after its page was closed, for one that comes back
_TRY_LATER = 1013  # of RFC 6455's registry

_READING = ("GET", "HEAD")
_MOVED = ("set_ui_element_value", "set_model_value", "function_call")
_OPEN: Mapping[str, frozenset[str]] = {
    "websocket": frozenset({"/ws"}),
    "POST": frozenset(f"/api/kernel/{what}" for what in _MOVED),
}
"""What of a notebook is open besides what can be read: its one websocket, and what a hand moves in it."""

_READ = re.compile(
    r"|/|/health|/assets/.+|/[\w-]+\.(?:js|json|ico|png|svg)"
    # What a notebook has made to be looked at, by the names that marimo gives: where no notebook runs, it would take
    # any other name for one of the memory that the programs of this machine share.
    r"|/@file/[0-9]{1,9}-[0-9]{1,10}-[A-Za-z0-9]{8}\.[A-Za-z0-9]+"
)
"""What can be read: the page and what belongs to it. Marimo has more, of which some starts a notebook uncounted."""

_PAGE = pathlib.Path(__file__).parent / "files" / "research.html"


def mount_notebooks(app: FastAPI, folder: pathlib.Path | None) -> None:
    """Mount each notebook of `folder` at /research/NAME, and a list of them at /research; of None, an empty list."""
    files = sorted(folder.glob("[!_]*.py")) if folder is not None else []
    page, kernels = _listing(files), _Kernels()

    @app.get("/research", include_in_schema=False)
    async def listing() -> HTMLResponse:
        return HTMLResponse(page)

    for file in files:
        app.mount(f"/research/{file.stem}", _Notebook(file, kernels), name=file.stem)


class _Kernels:
    """How many run; one goes on for a while when its page is closed."""

    def __init__(self) -> None:
        self._running = 0

    def begin(self) -> bool:
        """Count one more; return False where there may be no more."""
        if self._running >= KERNELS_MAX:
            return False
        self._running += 1
        return True

    def leave(self) -> None:
        """Count one less, once it has ended."""
        asyncio.get_running_loop().call_later(_KERNEL_LASTS_S, self._end)

    def _end(self) -> None:
        self._running -= 1


class _Notebook:
    """One notebook as an application, made when it is first asked for: most days, nobody does."""

    def __init__(self, file: pathlib.Path, kernels: _Kernels) -> None:
        self._file, self._kernels = file, kernels
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, of the few kinds that a notebook which only runs has use for."""
        kind, path = scope.get("method", "websocket"), scope["path"].removeprefix(scope.get("root_path", ""))
        if not (_READ.fullmatch(path) if kind in _READING else path in _OPEN.get(kind, ())):
            return await _refuse(scope, receive, send)
        if kind != "websocket":
            return await self._made()(scope, receive, send)
        if not self._kernels.begin():
            reason = "too many notebooks are open: close one, and try again in half a minute"
            return await send({"type": "websocket.close", "code": _TRY_LATER, "reason": reason})
        try:
            await self._made()(scope, receive, send)
        finally:
            self._kernels.leave()
        return None

    def _made(self) -> ASGIApp:
        if self._app is None:
            from marimo import create_asgi_app

            making = create_asgi_app(quiet=True, include_code=False, session_ttl=_KERNEL_LASTS_S)
            self._app = making.with_app(path="", root=str(self._file)).build()
        return self._app


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    sentence = "a notebook is run here, and never edited: alpha-panda research NAME opens it for that"
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": sentence})
    else:
        error = {"code": "not_allowed", "message": sentence, "request_id": scope["state"]["request_id"]}
        await JSONResponse({"error": error}, 404 if scope["method"] in _READING else 405)(scope, receive, send)


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
