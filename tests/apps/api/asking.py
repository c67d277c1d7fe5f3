"""The API over a session that was traded, for its tests: the real log, desk and database, and a door in a header."""

import asyncio
import contextlib
import dataclasses
import itertools
import json
import pathlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import httpx
import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alpha_panda.apps.access import Principal, Role
from alpha_panda.apps.alerts.channels import Channels
from alpha_panda.apps.alerts.watching import AlertEngine
from alpha_panda.apps.api.errors import error_handlers
from alpha_panda.apps.api.feeding import feed
from alpha_panda.apps.api.parts import Parts
from alpha_panda.apps.api.routes import DESCRIPTION, PREFIX, TAGS, routers
from alpha_panda.apps.desk.desk import Desk
from alpha_panda.apps.desk.models import Picture, Refusals
from alpha_panda.database import open_database
from alpha_panda.database.repositories import Database
from alpha_panda.live.watch.redaction import Redaction
from tests.apps.desk_at_work import at_work, seen

PEOPLE: dict[str, Role] = {"vera": "viewer", "omar": "operator", "asha": "admin"}
SECRET = "canary-of-the-configuration"


@dataclasses.dataclass
class Served:
    """The API as it is served, who asks it, and what it wrote down."""

    app: ASGIApp
    api: Parts
    client: httpx.AsyncClient
    lines: list[dict[str, Any]]  # of the log's channel
    signed_out: set[str] = dataclasses.field(default_factory=set)

    async def get(self, path: str, who: str = "vera", **asked: Any) -> Any:
        """Return what a route answers, which must be all right."""
        answer = await self.client.get(f"{PREFIX}{path}", headers={"as": who}, **asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def all_rows(self, path: str, who: str = "vera", limit: int = 100, **asked: Any) -> list[Any]:
        """Return the rows of all pages of a history, each of which must lead on."""
        rows, cursors = list[Any](), [""]
        while True:
            began = {"cursor": cursors[-1]} if len(cursors) > 1 else {}
            page = await self.get(path, who, params={"limit": limit, **began, **asked})
            assert len(page["rows"]) <= limit
            rows += page["rows"]
            if page["following"] is None:
                return rows
            assert page["following"] not in cursors, f"{path} leads back"
            cursors.append(page["following"])

    async def post(self, path: str, who: str = "omar", **said: Any) -> httpx.Response:
        """Return the answer to what somebody does."""
        return await self.client.post(f"{PREFIX}{path}", headers={"as": who}, **said)


class Door:
    """Lets in whom a header names, with the ids of the request, as the gate of the web app does."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        state = scope.setdefault("state", {})
        state["request_id"] = f"request-{next(self._numbers)}"
        state["correlation_id"] = headers.get("x-correlation-id", state["request_id"])
        if name := headers.get("as"):
            state["principal"] = Principal(name, PEOPLE[name], 0, "a session", 2**62)
        await self._app(scope, receive, send)


def has_seen_all(picture: Picture) -> bool:
    """Return whether the desk has looked at everything that a session which has traded left: each comes by itself."""
    rows = (picture.orders, picture.positions, picture.happenings, picture.curve, picture.decisions)
    stages = all(stage.phase != "unknown" for stage in picture.stages)
    return all(rows) and stages and picture.account is not None and all(source.well for source in picture.sources)


@contextlib.asynccontextmanager
async def served(state: pathlib.Path, folder: pathlib.Path, beat_every_s: float = 5.0) -> AsyncGenerator[Served]:
    """Serve the API over the session in `state`, with a database of its own in `folder`."""
    async with over(state, folder, beat_every_s) as running:
        await seen(running.api.desk, has_seen_all)
        yield running


@contextlib.asynccontextmanager
async def still(state: pathlib.Path, folder: pathlib.Path) -> AsyncGenerator[Served]:
    """Serve the API over a desk that looked at the session in `state` until it had seen all, and looks no more."""
    async with at_work(state) as desk:
        await seen(desk, has_seen_all)
    desk.picture = desk.picture.model_copy(update={"refusals": (Refusals(code="cooldown", count=3),)})
    async with open_database(f"sqlite:///{folder / 'web.db'}") as database, serving(desk, database) as running:
        yield running


@contextlib.asynccontextmanager
async def over(state: pathlib.Path, folder: pathlib.Path, beat_every_s: float = 5.0) -> AsyncGenerator[Served]:
    """Serve the API over whatever there is in `state`."""
    async with contextlib.AsyncExitStack() as resources:
        desk = await resources.enter_async_context(at_work(state))
        database = await resources.enter_async_context(open_database(f"sqlite:///{folder / 'web.db'}"))
        yield await resources.enter_async_context(serving(desk, database, beat_every_s))


@contextlib.asynccontextmanager
async def serving(desk: Desk, database: Database, beat_every_s: float = 5.0) -> AsyncGenerator[Served]:
    """Serve the API over a desk and a database."""
    lines: list[dict[str, Any]] = []
    signed_out: set[str] = set()

    async def holds(who: Principal) -> bool:
        return who.name not in signed_out

    async def hashed(name: str, password: str) -> str:
        return f"a hash of {len(name) + len(password)} characters"

    channels = Channels("", time.time_ns, time.monotonic)
    api = Parts(
        desk=desk,
        database=database,
        alarms=AlertEngine(desk, desk.state.name, "process 1", database, channels, time.time_ns, time.monotonic),
        redaction=Redaction([SECRET]),
        log=_collecting(lines),
        version="1.2.3",
        holder="process 7 on a laptop",
        began_ns=time.time_ns(),
        wall_ns=time.time_ns,
        monotonic=time.monotonic,
        holds=holds,
        hash_password=hashed,
        beat_every_s=beat_every_s,
    )
    app = application(api)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    feeding = asyncio.create_task(feed(api))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://panda") as client:
            yield Served(app, api, client, lines, signed_out)
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])


def application(api: Parts) -> ASGIApp:
    """Return the routes as an application, behind the door."""
    app = documented()
    app.state.api = api
    return Door(app)


def documented() -> FastAPI:
    """Return the routes as an application that is only looked at."""
    app = FastAPI(
        title="Alpha Panda", description=DESCRIPTION, openapi_tags=list(TAGS), exception_handlers=error_handlers()
    )
    for router in routers():
        app.include_router(router, prefix=PREFIX)
    return app


def _collecting(lines: list[dict[str, Any]]) -> Any:
    def keep(logger: Any, level: str, line: Any) -> Any:
        lines.append({**line, "level": level})
        raise structlog.DropEvent

    return structlog.wrap_logger(None, processors=[keep])


# ── Streams ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclasses.dataclass(frozen=True)
class Heard:
    """One event of a stream."""

    event: str
    data: Any
    id: str | None


class Listener:
    """One end of a stream, which takes nothing that it is not asked to take."""

    def __init__(self) -> None:
        self.status = 0
        self.serving: asyncio.Future[None]  # the application at the other end
        self._sent: asyncio.Queue[Message] = asyncio.Queue(1)  # a socket's buffer that is full at once
        self._said: asyncio.Queue[Message] = asyncio.Queue()
        self._rest = b""

    async def send(self, message: Message) -> None:
        """Take what the application sends, as soon as there is room."""
        await self._sent.put(message)

    async def receive(self) -> Message:
        """Return what this end says."""
        return await self._said.get()

    def say(self, message: Message) -> None:
        """Say something."""
        self._said.put_nowait(message)

    async def heard(self) -> AsyncIterator[Heard]:
        """Yield each event until the stream ends."""
        while (message := await self._next()) is not None:
            match message["type"]:
                case "http.response.start":
                    self.status = message["status"]
                case "http.response.body":
                    self._rest += message["body"]
                    *whole, self._rest = self._rest.split(b"\n\n")
                    for each in whole:
                        if not each.startswith(b":"):
                            yield _parsed(each.decode())
                    if not message.get("more_body"):
                        return
                case "websocket.send":
                    yield Heard(**json.loads(message["text"]))
                case "websocket.close":
                    self.status = message["code"]
                    return
                case _:
                    assert message["type"] == "websocket.accept"

    async def sent(self) -> Message:
        """Return what was sent next, as it is, with the headers of an answer by their names."""
        message = await self._next()
        assert message is not None
        if "headers" not in message:
            return message
        return {**message, "headers": {name.decode(): value.decode() for name, value in message["headers"]}}

    async def _next(self) -> Message | None:
        """Return what was sent next; None where the application has ended."""
        sent = asyncio.ensure_future(self._sent.get())
        await asyncio.wait([sent, self.serving], return_when=asyncio.FIRST_COMPLETED)
        if sent.done():
            return sent.result()
        sent.cancel()
        return None

    async def until(self, holds: Callable[[Heard], bool]) -> list[Heard]:
        """Return the events up to the first of which `holds` is true."""
        events: list[Heard] = []
        async with asyncio.timeout(20):
            async for each in self.heard():
                events.append(each)
                if holds(each):
                    return events
        return events


@contextlib.asynccontextmanager
async def listening(
    running: Served, query: str = "", kind: str = "http", who: str = "vera", **headers: str
) -> AsyncGenerator[Listener]:
    """Open a stream, over HTTP or a websocket, and leave it at the end."""
    listener = Listener()
    named = {"as": who, **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": "GET",
        "path": f"{PREFIX}/{'stream' if kind == 'http' else 'ws'}",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "client": ("127.0.0.1", 1),
        "server": ("panda", 80),
        "scheme": kind,
    }
    listener.say({"type": "http.request", "body": b""} if kind == "http" else {"type": "websocket.connect"})
    listener.serving = asyncio.create_task(running.app(scope, listener.receive, listener.send))
    try:
        yield listener
    finally:
        listener.say({"type": f"{kind}.disconnect", "code": 1000})
        await asyncio.wait_for(listener.serving, 5)


def _parsed(text: str) -> Heard:
    fields = dict(line.split(": ", 1) for line in text.split("\n"))
    return Heard(fields["event"], json.loads(fields["data"]), fields.get("id"))
