"""The whole web app for its tests: every part real but clocks, chance and what a password costs."""

import asyncio
import contextlib
import dataclasses
import hashlib
import os
import pathlib
import queue
import random
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import argon2
import httpx
import structlog

from alpha_panda.apps.access import Principal, Role
from alpha_panda.apps.alerts.channels import Channels
from alpha_panda.apps.alerts.watching import AlertEngine
from alpha_panda.apps.desk.desk import Desk
from alpha_panda.apps.web.application import Application, create_application
from alpha_panda.apps.web.limits import Limits
from alpha_panda.apps.web.metrics import WebMetrics
from alpha_panda.apps.web.parts import Parts
from alpha_panda.apps.web.passwords import Passwords
from alpha_panda.apps.web.serving import Serving, bound
from alpha_panda.apps.web.tokens import LIFETIME_NS, REFRESH_LIFETIME_NS, Purpose, SignedTokens
from alpha_panda.database import open_database
from alpha_panda.database.repositories import Database
from alpha_panda.live.watch.redaction import Redaction, secrets_in
from tests.apps.desk_at_work import surroundings_of

CHEAP = argon2.Parameters(
    type=argon2.Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=8, parallelism=1
)
SECRET = b"a secret that only the tests of the web app know"
WRONG_KEY = b"the wrong key, which is as long as the right one"
PASSWORD = "correct horse battery staple"
PEOPLE: Mapping[str, Role] = {"vera": "viewer", "omar": "operator", "asha": "admin"}
HOST = "panda.test"
ADDRESS = f"http://{HOST}"
NOTEBOOK = '''"""What the market did yesterday."""

import marimo

app = marimo.App()


@app.cell
def _():
    41 + 1
    return
'''


@dataclasses.dataclass
class Clock:
    """A clock that stands still until it is moved; sleepers wake when it has been moved far enough."""

    now_s: float = 1_000.0
    moved: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    def monotonic(self) -> float:
        return self.now_s

    def wall_ns(self) -> int:
        return 1_795_000_000_000_000_000 + round(self.now_s * 1e9)

    def move(self, seconds: float) -> None:
        self.now_s += seconds
        self.moved.set()
        self.moved = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            await self.moved.wait()


@dataclasses.dataclass
class House:
    """The application, what it was put together from, and what it wrote down."""

    app: Application
    parts: Parts
    database: Database
    clock: Clock
    lines: list[dict[str, Any]]
    loop: asyncio.AbstractEventLoop = dataclasses.field(default_factory=asyncio.get_running_loop)

    def client(self, address: str = "192.0.2.7", **told: Any) -> httpx.AsyncClient:
        """Return a visitor's client that speaks to the application without a socket."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(address, 40_000))
        return httpx.AsyncClient(transport=transport, base_url=ADDRESS, **told)

    @contextlib.asynccontextmanager
    async def signed_in(self, name: str, **told: Any) -> AsyncIterator[httpx.AsyncClient]:
        """Give the client of somebody who has signed in, as their browser's page would ask."""
        async with self.client(headers={"Origin": ADDRESS}, **told) as client:
            answer = await client.post("/auth/sign-in", json={"name": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            yield client

    async def bearer(self, name: str) -> dict[str, Any]:
        """Return what a program gets that signs in."""
        async with self.client() as client:
            answer = await client.post("/auth/sign-in", json={"name": name, "password": PASSWORD, "bearer": True})
            assert answer.status_code == 200, answer.text
            return answer.json()

    def token(self, name: str, secret: bytes = SECRET, purpose: Purpose = "access", **changed: Any) -> str:
        """Return a token of somebody, as it would be issued but for what is changed."""
        usual = {"generation": 0, "session": session_of(name), "expires_ns": self.clock.wall_ns() + LIFETIME_NS}
        principal = Principal(name=name, **{"role": PEOPLE.get(name, "viewer"), **usual, **changed})
        return SignedTokens(secret, self.clock.wall_ns, purpose).issue(principal)

    async def audited(self) -> list[tuple[str, str, str]]:
        """Return who did what with which outcome, oldest first."""
        return [(row.who, row.action, row.outcome) for row in reversed(await self.database.audit.list())]


def session_of(name: str) -> str:
    """Return the session that somebody has had from the beginning, and of which `House.token` is."""
    return f"the session of {name}"


@contextlib.asynccontextmanager
async def house(folder: pathlib.Path, limits: Limits | None = None, **changed: Any) -> AsyncIterator[House]:
    """Give the application over the session in `folder`, with a viewer, an operator and an administrator."""
    state, notebooks = folder / "state", folder / "notebooks"
    state.mkdir(exist_ok=True)
    notebooks.mkdir()
    (notebooks / "yesterday.py").write_text(NOTEBOOK)
    clock, passwords, lines = Clock(), Passwords(CHEAP), list[dict[str, Any]]()
    async with open_database(f"sqlite:///{folder / 'web.db'}") as database:
        desk, channels = Desk(surroundings_of(state)), Channels("", clock.wall_ns, clock.monotonic)
        parts = Parts(
            **{
                "desk": desk,
                "database": database,
                "alarms": AlertEngine(desk, "state", "process 1", database, channels, clock.wall_ns, clock.monotonic),
                "secret": SECRET,
                "hosts": frozenset({HOST, "127.0.0.1"}),
                "secure": False,
                "notebooks": notebooks,
                "redaction": Redaction(secrets_in(os.environ)),
                "metrics": WebMetrics(),
                "exposition": bytes,
                "log": _collecting(lines),
                "version": "1.2.3",
                "holder": "process 7 on a laptop",
                "environment": os.environ,
                "wall_ns": clock.wall_ns,
                "monotonic": clock.monotonic,
                "sleep": clock.sleep,
                "random_bytes": random.Random(7).randbytes,
                "passwords": passwords,
                "limits": limits or Limits(),
                **changed,
            }
        )
        for name, role in PEOPLE.items():
            now_ns, session = clock.wall_ns(), session_of(name)
            await database.users.add(name, await passwords.hash(PASSWORD), role, now_ns)
            digest = hashlib.sha256(session.encode()).hexdigest()
            await database.tokens.add(digest, name, session, now_ns + REFRESH_LIFETIME_NS, now_ns)
        yield House(create_application(parts), parts, database, clock, lines)
        passwords.close()


@contextlib.asynccontextmanager
async def on_a_socket(app: Application, proxy: str = "") -> AsyncIterator[str]:
    """Serve an application on a real socket, behind a proxy at an address that is believed; give host and port."""
    stop, listening = asyncio.Event(), bound("127.0.0.1", 0)
    server = Serving(app, proxy)
    running = asyncio.create_task(server.serve_on(listening, stop))
    while not server.started:
        await asyncio.sleep(0.01)
        assert not running.done(), running.exception()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        stop.set()
        await running


@contextlib.contextmanager
def in_a_thread(folder: pathlib.Path, limits: Limits | None = None, **changed: Any) -> Iterator[tuple[House, str]]:
    """Serve the application from a thread with an event loop of its own; give it, and host and port."""
    ready: queue.Queue[tuple[House, str] | BaseException] = queue.Queue()
    ending, loop = asyncio.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        async with house(folder, limits, **changed) as made, on_a_socket(made.app) as place:
            ready.put((made, place))
            await ending.wait()

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(serve())
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            ready.put(error)

    thread = threading.Thread(target=run, name="web")
    thread.start()
    first = ready.get(timeout=60)
    if isinstance(first, BaseException):
        raise first
    try:
        yield first
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()


class Speaker:
    """The visitor's end of a websocket to the application, without a socket."""

    def __init__(
        self, web: House, headers: Mapping[str, str], path: str = "/api/v1/ws", subprotocols: Sequence[str] = ()
    ) -> None:
        self._app = web.app
        self._said: asyncio.Queue[Any] = asyncio.Queue()
        self._closed = asyncio.Event()
        self.scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "http_version": "1.1",
            "scheme": "ws",
            "client": ("192.0.2.7", 40_000),
            "server": (HOST, 80),
            "subprotocols": list(subprotocols),
            "headers": [(name.lower().encode(), value.encode()) for name, value in {"Host": HOST, **headers}.items()],
        }

    async def talk(self) -> None:
        """Open the websocket, and stay until it is closed."""
        connected = iter([{"type": "websocket.connect"}])

        async def receive() -> Any:
            for message in connected:
                return message
            await self._closed.wait()
            return {"type": "websocket.disconnect", "code": 1000}

        async def send(message: Any) -> None:
            if message["type"] == "websocket.close":
                self._closed.set()
            await self._said.put(message)

        await self._app(self.scope, receive, send)

    async def next(self, kind: str = "") -> Any:
        """Return what the application says next, or next of one kind."""
        while True:
            message = await asyncio.wait_for(self._said.get(), 10)
            if message["type"] == kind or not kind:
                return message


def _collecting(lines: list[dict[str, Any]]) -> Any:
    def keep(logger: Any, level: str, line: Any) -> Any:
        lines.append({**line, "level": level})
        raise structlog.DropEvent

    return structlog.wrap_logger(None, processors=[keep])
