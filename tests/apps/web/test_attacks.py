"""What somebody tries who means harm, at the gate and behind it: each of these once worked, or nearly."""

import pathlib
from collections.abc import AsyncIterator

import pytest

from alpha_panda.apps.web.gate import STOPS
from alpha_panda.apps.web.limits import Limits
from alpha_panda.apps.web.served import served_by
from tests.apps.web.house import ADDRESS, HOST, House, house

ONE_EACH = Limits(requests_per_second=0.001, requests_at_once=1.0)


@pytest.fixture
async def web(tmp_path: pathlib.Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        yield made


# ── At the gate ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_headers_that_are_none_are_refused_and_no_defect(web: House):
    async with web.client() as visitor:
        for origin in ("http://[", "http://[::zz]", f"http://{HOST}/x", f"//{HOST}", "null", "\u2100".encode()):
            headers = [(b"Origin", origin)]
            answer = await visitor.post("/auth/sign-in", headers=headers, json={"name": "a", "password": "b"})
            assert answer.json()["error"]["code"] == "foreign_origin", origin
        for host in (*(f"{HOST}{more}" for more in ("/x", "?x", "#x", ":x", ":999999", " x")), f"mallory@{HOST}"):
            assert (await visitor.get("/sign-in", headers={"Host": host})).status_code == 421, host
        assert (await visitor.get("/sign-in", headers={"Content-Length": "9" * 5_000})).status_code == 413


async def test_strangers_of_one_ipv6_network_are_counted_together(tmp_path: pathlib.Path):
    async with house(tmp_path, Limits(anonymous_per_second=0.001, anonymous_at_once=3.0)) as web:
        statuses: list[int] = []
        for number in range(5):
            async with web.client(f"2001:db8:0:1::{number}") as visitor:
                statuses.append((await visitor.get("/sign-in")).status_code)
    assert statuses == [200, 200, 200, 429, 429]


async def test_whoever_asks_too_often_can_still_stop(tmp_path: pathlib.Path):
    async with house(tmp_path, ONE_EACH) as web:
        headers = {"Origin": ADDRESS, "Authorization": f"Bearer {web.token('omar')}"}
        async with web.client(headers=headers) as page:
            assert [(await page.get("/api/v1/boot")).status_code for _ in range(2)] == [200, 429]
            assert (await page.post("/api/v1/control/kill", json={})).status_code == 200
        assert (web.parts.desk.state / "kill").exists()


def test_what_stops_is_what_is_served(web: House):
    commands = {each.path for each in served_by(web.app.inside) if each.path.startswith("/api/v1/control/")}
    assert commands == {"/api/v1/control/{command}"}
    assert {path.rpartition("/")[2] for path in STOPS} == {"kill", "pause", "flatten"}
