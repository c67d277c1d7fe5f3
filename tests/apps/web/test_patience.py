"""Whoever only keeps connections open, or sends a byte now and then, keeps nobody else out."""

import asyncio
import contextlib
import pathlib
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from alpha_panda.apps.web import patience
from alpha_panda.apps.web.patience import PatientSocket
from tests.apps.web.house import house, on_a_socket

SLOW = {
    "nothing": [],
    "half a head": [b"GET /health/live HTTP/1.1\r\n"],
    "a head and no body": [b"POST /auth/sign-in HTTP/1.1\r\nHost: panda.test\r\nContent-Length: 9\r\n\r\n"],
    "half a head behind a request": [b"GET /health/live HTTP/1.1\r\nHost: panda.test\r\n\r\n", b"GET / HTTP/1.1\r\n"],
    "a body behind a refusal": [
        b"POST /api/v1/users HTTP/1.1\r\nHost: panda.test\r\nContent-Length: 9999\r\n\r\n",
        b"{",
    ],
}
OPENED = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def place(tmp_path: pathlib.Path) -> AsyncIterator[tuple[str, int]]:
    async with house(tmp_path) as web, on_a_socket(web.app) as served:
        host, _, port = served.partition(":")
        yield host, int(port)


async def is_alive(place: tuple[str, int]) -> bool:
    async with httpx.AsyncClient() as visitor:
        return (await visitor.get(f"http://{place[0]}:{place[1]}/health/live")).status_code == 200


async def test_a_request_that_does_not_come_is_not_waited_for(place: tuple[str, int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(patience, "REQUEST_WITHIN_S", 0.3)

    async def ends(parts: list[bytes]) -> bool:
        reader, writer = await asyncio.open_connection(*place)
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.1)
        try:
            await asyncio.wait_for(reader.read(), 4.5)  # less than uvicorn gives whoever sends nothing more
        except ConnectionResetError:
            pass
        except TimeoutError:
            return False
        finally:
            writer.close()
        return True

    ended = await asyncio.gather(*(ends(parts) for parts in SLOW.values()))
    assert dict(zip(SLOW, ended, strict=True)) == dict.fromkeys(SLOW, True)
    assert await is_alive(place)


async def test_one_network_does_not_take_all_connections(place: tuple[str, int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(patience, "CONNECTIONS_MAX", 20)
    held: list[OPENED] = [await asyncio.open_connection(*place) for _ in range(30)]
    await asyncio.sleep(0.2)
    try:
        assert sum(not reader.at_eof() and reader.exception() is None for reader, _ in held) == 10
    finally:
        for _, writer in held:
            writer.close()
    await asyncio.sleep(0.2)
    assert await is_alive(place)


async def test_a_proxy_may_take_more_for_it_comes_for_others(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(patience, "CONNECTIONS_MAX", 20)
    async with house(tmp_path) as web, on_a_socket(web.app, "127.0.0.0/8") as served:
        host, _, port = served.partition(":")
        held: list[OPENED] = [await asyncio.open_connection(host, int(port)) for _ in range(15)]
        reader, writer = held[-1]
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: panda.test\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        for _, writer in held:
            writer.close()


async def test_of_whoever_does_not_read_a_websocket_nothing_more_is_read_and_they_are_left_at_once(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    made: list[PatientSocket] = []

    def keep(line: PatientSocket) -> None:
        made.append(line)

    monkeypatch.setattr(PatientSocket, "start_keepalive", keep)
    ping = b"\x89\xfd" + bytes(4 + 125)  # as long as one may be, and masked with zeros
    async with asyncio.timeout(60), house(tmp_path) as web, on_a_socket(web.app) as served:
        head = f"GET /api/v1/ws?topics=alerts HTTP/1.1\r\nHost: {served}\r\nAuthorization: Bearer {web.token('vera')}"
        upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
        with socket.socket() as visitor:
            visitor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            visitor.connect((served.partition(":")[0], int(served.partition(":")[2])))
            visitor.setblocking(False)
            visitor.send(f"{head}\r\n{upgrade}\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n".encode())
            while not made:
                await asyncio.sleep(0)
            (line,) = made
            line.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
            left = b""
            while line.transport.is_reading():
                left = left or ping * 100
                with contextlib.suppress(BlockingIOError):
                    left = left[visitor.send(left) :]
                await asyncio.sleep(0)
            assert line.transport.get_write_buffer_size() < 1_000_000
            line.keepalive_timeout()
            while not line.disconnected:
                await asyncio.sleep(0)


async def test_what_is_no_http_writes_nothing_on_the_terminal(place: tuple[str, int], caplog: pytest.LogCaptureFixture):
    reader, writer = await asyncio.open_connection(*place)
    writer.write(b"\x16\x03\x01 no HTTP\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400")
    writer.close()
    assert not caplog.records
