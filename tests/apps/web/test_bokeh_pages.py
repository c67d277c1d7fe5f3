"""A page of the dashboard is its visitor's alone, and forgotten when they leave it."""

import asyncio
import base64
import json
import pathlib
import queue
import re
import zlib

import httpx
import pytest
from bokeh.util.token import get_session_id
from bokeh_fastapi.application import BokehFastAPI
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.apps.dashboard.serving import PANEL_WARNS
from tests.apps.web.house import ADDRESS, PASSWORD, Speaker, house, in_a_thread

pytestmark = pytest.mark.filterwarnings(PANEL_WARNS)

HEADERS = {"Origin": ADDRESS}


def token_in(page: str) -> str:
    """Return the token with which the websocket of a page is opened."""
    found = re.search(r'"token":"([^"]+)"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("name", ["bokeh_session_id", "bokeh-session-id", "bokeh%5Fsession%5Fid"])
async def test_no_link_leads_into_the_page_of_whoever_wrote_it(tmp_path: pathlib.Path, name: str):
    async with house(tmp_path) as web, web.signed_in("vera") as mallory, web.signed_in("asha") as owner:
        own = get_session_id(token_in((await mallory.get("/")).text))
        answer = await owner.get(f"/?{name}={own}", headers={"Bokeh-Session-Id": own})
        assert get_session_id(token_in(answer.text)) != own


def bomb() -> str:
    """Return a token that is 40 kilobytes, and of which Bokeh would make 40 megabytes before it looks who signed it."""
    packed = base64.urlsafe_b64encode(zlib.compress(b" " * 40_000_000, 9)).decode().rstrip("=")
    says = json.dumps({"session_id": "s.s", "session_expiry": 2**40, "__bk__zlib_": packed})
    return base64.urlsafe_b64encode(says.encode()).decode().rstrip("=") + ".signature"


async def test_a_websocket_that_no_page_opened_is_refused_before_anything_is_unpacked(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    unpacked: list[bytes] = []
    forged = [bomb(), "x", "é.é", ""]
    async with house(tmp_path) as web:
        monkeypatch.setattr(zlib, "decompress", unpacked.append)
        headers = {**HEADERS, "Authorization": f"Bearer {web.token('vera')}"}
        for subprotocols in ([], ["bokeh"], ["other", "x.y"], *(["bokeh", token] for token in forged)):
            speaker = Speaker(web, headers, "/ws", subprotocols)
            await speaker.talk()
            assert (await speaker.next())["code"] == 1008
        assert not [line for line in web.lines if line["level"] == "error"]
    assert not unpacked


async def test_a_websocket_of_a_page_that_was_changed_on_the_way_is_refused(tmp_path: pathlib.Path):
    async with house(tmp_path) as web, web.signed_in("vera") as page:
        token = token_in((await page.get("/")).text)
        changed = token[:5] + ("A" if token[5] != "A" else "B") + token[6:]
        for shown, kind in ((changed, "websocket.close"), (token, "websocket.accept")):
            headers = {**HEADERS, "Authorization": f"Bearer {web.token('vera')}"}
            speaker = Speaker(web, headers, "/ws", ["bokeh", shown])
            talking = asyncio.create_task(speaker.talk())
            assert (await speaker.next())["type"] == kind
            talking.cancel()
            await asyncio.wait([talking])


def test_who_closes_a_page_that_has_never_said_anything_is_heard(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    left: queue.Queue[object] = queue.Queue()
    lost = BokehFastAPI.client_lost
    monkeypatch.setattr(BokehFastAPI, "client_lost", lambda app, who: (lost(app, who), left.put(who)))

    with in_a_thread(tmp_path) as (_, place), httpx.Client(base_url=f"http://{place}") as visitor:
        said = {"name": "vera", "password": PASSWORD, "bearer": True}
        access = {"Authorization": f"Bearer {visitor.post('/auth/sign-in', json=said).json()['access_token']}"}
        protocols = [Subprotocol("bokeh"), Subprotocol(token_in(visitor.get("/", headers=access).text))]
        with connect(f"ws://{place}/ws", subprotocols=protocols, additional_headers=access, max_size=None):
            pass
        assert left.get(timeout=60) is not None
