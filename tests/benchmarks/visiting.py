"""`python -m tests.benchmarks.visiting LINK BEGIN END`: eight open pages, 200 requests a second, and a stream.

LINK is what the web app prints to sign in by; BEGIN and END are instants of `time.monotonic`, which is one clock for
all processes of a machine, between which figures are kept. They go to stdout as JSON. This process does as little as a
client can, for it shares the machine with what is measured: no answer is read but for its status and its length.
"""

import asyncio
import collections
import contextlib
import json
import re
import sys
import time
import urllib.parse
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

VIEWERS = 8
REQUESTS_A_SECOND = 200
_CONNECTIONS = 8
_ASKED = (
    "picture",
    "portfolio/account",
    "orders?limit=50",
    "portfolio/positions",
    "picture",
    "pipeline/stages",
    "orders/now",
    "portfolio/limits",
)
"""What each connection asks for in turn, below /api/v1: the pictures with the tag of the last one."""

_PAUSE_S = 0.02  # between two flushes at least; the messages of one follow one another


class Window:
    """When figures are kept."""

    def __init__(self, begin_s: float, end_s: float) -> None:
        self.begin_s, self.end_s = begin_s, end_s

    @property
    def over(self) -> bool:
        """Whether it is past."""
        return time.monotonic() >= self.end_s

    def holds(self, now_s: float) -> bool:
        """Whether an instant lies in it."""
        return self.begin_s <= now_s < self.end_s


class Line:
    """One connection to the web app that is kept alive."""

    def __init__(self, host: str, headers: Sequence[str]) -> None:
        self._host, self._headers = host, headers
        self.tags: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        name, _, port = self._host.partition(":")
        self._reader, self._writer = await asyncio.open_connection(name, int(port), limit=2**22)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def ask(self, method: str, path: str, body: str = "") -> tuple[int, str, bytes]:
        """Return status, head and body of an answer."""
        headers = [f"Host: {self._host}", *self._headers]
        if path in self.tags:
            headers.append(f"If-None-Match: {self.tags[path]}")
        if body:
            headers += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        self._writer.write("\r\n".join([f"{method} {path} HTTP/1.1", *headers, "", body]).encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        status = int(head.split(" ", 2)[1])
        length = re.search(r"content-length: (\d+)", head)
        if tag := re.search(r"etag: (\S+)", head):
            self.tags[path] = tag[1]
        answer = await self._reader.readexactly(int(length[1])) if length and status != 304 else b""
        return status, head, answer

    async def listen(self, path: str) -> AsyncIterator[bytes]:
        """Yield what a stream says, as it comes."""
        self._writer.write(
            "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {self._host}", *self._headers, "", ""]).encode()
        )
        while said := await self._reader.read(2**16):
            yield said


# ── Requests ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def ask_again_and_again(line: Line, number: int, window: Window, waits_s: list[float], statuses: Any) -> None:
    """Ask at an even pace; the wait of an answer counts from when its request was due, however late that was sent."""
    every_s = _CONNECTIONS / REQUESTS_A_SECOND
    due_s = time.monotonic() + number / REQUESTS_A_SECOND
    while not window.over:
        await asyncio.sleep(due_s - time.monotonic())
        status, _, _ = await line.ask("GET", f"/api/v1/{_ASKED[number % len(_ASKED)]}")
        now_s = time.monotonic()
        if window.holds(now_s):
            waits_s.append(now_s - due_s)
            statuses[status] += 1
        number += 1
        due_s += every_s


async def follow_stream(line: Line, window: Window, counts: Any) -> None:
    """Count the events of the stream of everything."""
    async for said in line.listen("/api/v1/stream"):
        if window.holds(time.monotonic()):
            counts["events"] += said.count(b"\nevent: ") + said.startswith(b"event: ")
            counts["stream_bytes"] += len(said)


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Viewer:
    """A page that is open, as a browser has it: got over HTTP, and kept up to date over a websocket."""

    def __init__(self, host: str, cookie: str) -> None:
        self._host, self._cookie = host, cookie
        self.flushes = self.patches = self.bytes = 0

    async def __aenter__(self) -> Self:
        """Get the page, and tell its server that it is shown."""
        async with Line(self._host, [f"Cookie: {self._cookie}"]) as line:
            status, _, page = await line.ask("GET", "/")
        assert status == 200, (status, page[:500])
        token = re.search(r'"token":"([^"]+)"', page.decode())
        assert token is not None
        self._socket = await connect(
            f"ws://{self._host}/ws",
            origin=f"http://{self._host}",
            subprotocols=["bokeh", token[1]],
            additional_headers={"Cookie": self._cookie},
            max_size=2**26,
            proxy=None,
        )
        await self._say("PULL-DOC-REQ", {})
        document = await self._document(self._socket)
        await self._say("PATCH-DOC", {"events": [_event("document_ready", {})]})
        for table in _tables(document):
            values = {"model": {"id": table}, "data": "ready"}
            await self._say("PATCH-DOC", {"events": [_event("data_event", values)]})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()

    async def watch(self, window: Window) -> None:
        """Take in what comes, and count it."""
        last_s = 0.0
        async for frame in self._socket:
            now_s = time.monotonic()
            if not window.holds(now_s):
                continue
            self.bytes += len(frame)
            self.patches += '"PATCH-DOC"' in frame if isinstance(frame, str) and len(frame) < 200 else 0
            self.flushes += now_s - last_s > _PAUSE_S
            last_s = now_s

    async def _say(self, kind: str, content: Any) -> None:
        header = {"msgid": f"{kind}-{id(content)}", "msgtype": kind}
        for part in (header, {}, content):
            await self._socket.send(json.dumps(part))

    @staticmethod
    async def _document(socket: ClientConnection) -> Any:
        async for frame in socket:
            if isinstance(frame, str) and "PULL-DOC-REPLY" in frame[:200]:
                await socket.recv()
                return json.loads(await socket.recv())
        raise AssertionError("the websocket was closed before the page came")


def _event(name: str, values: dict[str, Any]) -> dict[str, Any]:
    said = {"type": "event", "name": name, "values": {"type": "map", "entries": list(values.items())}}
    return {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": said}


def _tables(said: Any) -> Iterator[str]:
    """Yield the ids of the tables of a page, which want to be asked for their rows."""
    if isinstance(said, dict):
        if "Tabulator(" in str(said.get("attributes", {}).get("esm", "")):
            yield said["id"]
        said = list(said.values())
    if isinstance(said, list):
        for each in said:
            yield from _tables(each)


# ── All of it ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def visit(link: str, window: Window) -> dict[str, Any]:
    """Sign in, open the pages, ask until the window is over, and return the figures."""
    address = urllib.parse.urlsplit(link)
    host, token = address.netloc, address.fragment.removeprefix("link=")
    async with Line(host, [f"Origin: http://{host}"]) as desk:
        status, head, answer = await desk.ask("POST", "/auth/link", json.dumps({"token": token}))
    assert status == 200, answer
    cookie = re.search(r"set-cookie: (alpha_panda=[^;]+)", head)
    assert cookie is not None, head
    waits_s: list[float] = []
    statuses, counts = collections.Counter[int](), collections.Counter[str]()
    async with contextlib.AsyncExitStack() as resources:
        viewers = [await resources.enter_async_context(Viewer(host, cookie[1])) for _ in range(VIEWERS)]
        opened_s = time.monotonic()
        open_line = partial(Line, host, [f"Cookie: {cookie[1]}"])
        lines = [await resources.enter_async_context(open_line()) for _ in range(_CONNECTIONS + 1)]
        watching = [asyncio.create_task(viewer.watch(window)) for viewer in viewers]
        watching.append(asyncio.create_task(follow_stream(lines.pop(), window, counts)))
        asking = (ask_again_and_again(line, number, window, waits_s, statuses) for number, line in enumerate(lines))
        await asyncio.gather(*asking)
        for task in watching:
            assert not task.done(), task
            task.cancel()
    seconds = window.end_s - window.begin_s
    return {
        "early_s": window.begin_s - opened_s,
        "answered_a_second": len(waits_s) / seconds,
        "statuses": dict(statuses),
        "answer_ms": np.percentile(np.array(waits_s) * 1e3, (50, 99)).tolist(),
        "flushes_a_second": [viewer.flushes / seconds for viewer in viewers],
        "patches_a_second": sum(viewer.patches for viewer in viewers) / seconds / VIEWERS,
        "kib_a_second": sum(viewer.bytes for viewer in viewers) / seconds / VIEWERS / 1024,
        "events_a_second": counts["events"] / seconds,
        "stream_kib_a_second": counts["stream_bytes"] / seconds / 1024,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(visit(sys.argv[1], Window(float(sys.argv[2]), float(sys.argv[3]))))))
