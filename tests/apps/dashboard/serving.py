"""The dashboard alone on a port of its own: the pages over a desk, and what they ask of the API."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import panel.io.fastapi
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from playwright.sync_api import Page, expect

from alpha_panda.apps.access import Principal, Role
from alpha_panda.apps.dashboard import DashboardParts, pages
from tests.apps.dashboard.example import FakeDesk

PANEL_WARNS = "ignore:.*HTTPServerRequest:DeprecationWarning"
"""A filter for tests of pages: Panel calls Tornado in a way that the next Tornado will not know."""

Answer = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]]]


def delivered(command: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Answer as the API does where the account has carried a command out."""
    account = {"kill": "killed", "pause": "paused"}.get(command, "running")
    return 200, {**body, "command": command, "told": "log", "account": account, "latch": "", "trouble": ""}


def parts_of(desk: FakeDesk, role: Role, database: Any) -> DashboardParts:
    """Return what pages are made of."""
    return DashboardParts(
        desk=desk,
        database=database,
        board=lambda: desk.board,
        principal=lambda: Principal("asha", role, 1, "family", 2**62),
        now_ns=desk.now_ns,
    )


def application(desk: FakeDesk, role: Role = "operator", answer: Answer = delivered, database: Any = None) -> FastAPI:
    """Return an app with the pages of a desk; `answer` says what commands come back with."""
    app = FastAPI()
    app.state.asked = []

    @app.get("/api/v1/boot")
    async def boot() -> dict[str, str]:
        return {"boot_id": desk.boot_id}

    @app.get("/api/v1/portfolio/account")
    async def account() -> dict[str, Any]:
        said = desk.picture.account
        return {"account": said and {"state": said.state}}

    @app.post("/api/v1/control/{command}")
    async def control(command: str, request: Request) -> JSONResponse:
        body = await request.json()
        app.state.asked.append((command, body))
        status, said = answer(command, body)
        return JSONResponse(said, status)

    @app.post("/api/v1/{path:path}")
    async def other(path: str, request: Request) -> JSONResponse:
        app.state.asked.append((path, await request.json()))
        return JSONResponse({})

    panel.io.fastapi.add_applications(
        pages(parts_of(desk, role, database)),
        app=app,
        title="Alpha Panda",
        include_cookies=["theme"],
        include_headers=[],
    )
    return app


@contextlib.contextmanager
def served(app: FastAPI, port: int = 0) -> Generator[str]:
    """Serve an app in a thread, and give its address."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        port = listener.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def opened(page: Page, home: str) -> Page:
    """Return the page with the overview of `home`, complete."""
    page.goto(home)
    expect(page.get_by_text("Equity and P&L of the day")).to_be_visible(timeout=15_000)
    return page
