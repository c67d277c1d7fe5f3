"""The app on a real socket: what a browser and an attacker really send, through uvicorn and its websockets."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator
from typing import NamedTuple

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from alpha_panda.apps.web.cookies import ACCESS
from alpha_panda.apps.web.gate import LOOK_EVERY_S
from alpha_panda.apps.web.serving import bound
from alpha_panda.errors import ConfigurationError
from tests.apps.web.house import House, house, on_a_socket

Opening = contextlib.AbstractAsyncContextManager[ClientConnection]
WEBSOCKETS = ("/api/v1/ws", "/ws", "/research/yesterday/ws?session_id=s_1")


class Web(NamedTuple):
    """The app as it is served, and where."""

    house: House
    place: str  # host and port

    @property
    def origin(self) -> str:
        return f"http://{self.place}"

    def opened(
        self, path: str, token: str = "", **told: str
    ) -> contextlib.AbstractAsyncContextManager[ClientConnection]:
        """Return a websocket that is to be opened with a cookie, as a browser opens it."""
        headers = {name.replace("_", "-"): value for name, value in told.items()}
        origin = headers.pop("Origin", self.origin)
        if token:
            headers["Cookie"] = f"{ACCESS.name}={token}"
        return connect(f"ws://{self.place}{path}", origin=origin or None, additional_headers=headers, proxy=None)


@pytest.fixture
async def web(tmp_path: pathlib.Path) -> AsyncIterator[Web]:
    async with house(tmp_path) as made, on_a_socket(made.app) as place:
        yield Web(made, place)


async def refused(opening: Opening) -> int:
    """Return the status with which a websocket is refused before it is open."""
    with pytest.raises(InvalidStatus) as refusal:
        async with opening:
            pass
    return refusal.value.response.status_code


@pytest.mark.parametrize("path", WEBSOCKETS)
async def test_a_websocket_opens_for_nobody_who_has_not_signed_in(web: Web, path: str):
    assert await refused(web.opened(path)) == 403
    assert await refused(web.opened(path, "nonsense")) == 403
    assert (
        await refused(web.opened(path, web.house.token("vera", b"the wrong key, which is as long as the right one")))
        == 403
    )


@pytest.mark.parametrize("path", WEBSOCKETS)
@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null", ""])
async def test_a_websocket_opens_for_no_page_but_our_own(web: Web, path: str, origin: str):
    assert await refused(web.opened(path, web.house.token("vera"), Origin=origin)) == 403


@pytest.mark.parametrize("path", WEBSOCKETS)
async def test_a_websocket_opens_by_no_name_but_our_own(web: Web, path: str):
    token = web.house.token("vera")
    opening = connect(
        f"ws://evil.example:80{path}",
        host=web.place.partition(":")[0],
        port=int(web.place.partition(":")[2]),
        origin="http://evil.example",
        additional_headers={"Cookie": f"{ACCESS.name}={token}"},
        proxy=None,
    )
    assert await refused(opening) == 403


async def test_a_websocket_of_our_own_page_is_spoken_on(web: Web):
    async with web.opened("/api/v1/ws?topics=portfolio", web.house.token("vera")) as line:
        assert '"hello"' in await asyncio.wait_for(line.recv(), 10)


async def test_a_websocket_is_closed_when_its_token_expires(web: Web):
    async with web.opened("/api/v1/ws?topics=portfolio", web.house.token("vera")) as line:
        await asyncio.wait_for(line.recv(), 10)
        web.house.clock.move(15 * 60)
        for _ in range(3):
            web.house.clock.move(LOOK_EVERY_S)
            await asyncio.sleep(0.05)
        with contextlib.suppress(ConnectionClosedError):
            async with asyncio.timeout(10):
                async for _ in line:
                    pass  # what was said before
        assert line.close_code == 4401


async def test_what_cannot_be_read_as_http_is_refused_and_the_app_goes_on(web: Web):
    host, _, port = web.place.partition(":")
    for raw in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"POST /auth/sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(raw)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        assert not answer or int(answer.split()[1]) >= 400, (raw, answer)
        assert b"Traceback" not in answer
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://{web.place}/health/live")).json() == {"live": True}


def test_a_port_that_is_taken_is_refused_in_a_sentence_or_gives_way_to_a_free_one():
    with bound("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"127.0.0.1 port {port}: Address already in use; give it another"):
            bound("127.0.0.1", port)
        with bound("127.0.0.1", port, or_free=True) as second:
            assert second.getsockname()[1] != port


@pytest.mark.parametrize("port", [-1, 65_536, 10**9])
def test_a_port_that_cannot_be_is_refused_in_a_sentence(port: int):
    with pytest.raises(ConfigurationError, match="give it another address or port"):
        bound("127.0.0.1", port)
