"""Whoever leaves a page before it is complete is forgotten like everybody else."""

import pathlib
import queue
import re

import httpx
import pytest
from bokeh_fastapi.application import BokehFastAPI
from websockets.sync.client import connect

from tests.apps.dashboard.serving import PANEL_WARNS
from tests.apps.web.house import PASSWORD, in_a_thread

pytestmark = pytest.mark.filterwarnings(PANEL_WARNS)


def test_who_closes_a_page_that_has_never_said_anything_is_heard(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    left: queue.Queue[object] = queue.Queue()
    lost = BokehFastAPI.client_lost
    monkeypatch.setattr(BokehFastAPI, "client_lost", lambda app, who: (lost(app, who), left.put(who)))

    with in_a_thread(tmp_path) as (_, place), httpx.Client(base_url=f"http://{place}") as visitor:
        said = {"name": "vera", "password": PASSWORD, "bearer": True}
        access = {"Authorization": f"Bearer {visitor.post('/auth/sign-in', json=said).json()['access_token']}"}
        found = re.search(r'"token":"([^"]+)"', visitor.get("/", headers=access).text)
        assert found is not None
        with connect(f"ws://{place}/ws", subprotocols=["bokeh", found[1]], additional_headers=access, max_size=None):
            pass
        assert left.get(timeout=60) is not None
