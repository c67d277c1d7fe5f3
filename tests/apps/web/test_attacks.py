"""What somebody tries who means harm, at the gate and behind it: each of these once worked, or nearly."""

import pathlib
from collections.abc import AsyncIterator
from multiprocessing.shared_memory import SharedMemory

import httpx
import pytest

from alpha_panda.apps.web import notebooks
from alpha_panda.apps.web.gate import STOPS
from alpha_panda.apps.web.limits import Limits
from alpha_panda.apps.web.served import served_by
from alpha_panda.apps.web.throttle import FREE_FAILURES
from tests.apps.web.house import ADDRESS, HOST, House, Speaker, house, on_a_socket

WRITTEN = """
    //sign-in /sign-in/ /SIGN-IN /sign-in;x /sign-in%00 /sign-in%0a /sign-in%2e%2e /%2fsign-in /sign-in/page.js/ //
    /health/live/ /health/live;/../../docs /health/live/..%2f..%2fdocs /health//live /health/live%20 /.//api/v1/boot
    /auth/sign-in/ /auth/link/ /auth/refresh// /auth/refresh%3f /sign-in/..%2fapi%2fv1%2fboot //api/v1/boot /API/v1/boot
"""
"""How a path may be written that is none of the open ones, though some server or other might take it for one."""

ONE_EACH = Limits(requests_per_second=0.001, requests_at_once=1.0)


@pytest.fixture
async def web(tmp_path: pathlib.Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        yield made


# ── At the gate ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_headers_that_are_none_are_refused_and_no_defect(web: House):
    async with web.client() as visitor:
        for origin in ("http://[", "http://[::zz]", f"http://{HOST}/x", f"//{HOST}", "null", "\u2100"):
            headers = [(b"Origin", origin.encode())]
            answer = await visitor.post("/auth/sign-in", headers=headers, json={"name": "a", "password": "b"})
            assert answer.json()["error"]["code"] == "foreign_origin", origin
        for host in (*(f"{HOST}{more}" for more in ("/x", "?x", "#x", ":x", ":999999", " x")), f"mallory@{HOST}"):
            assert (await visitor.get("/sign-in", headers={"Host": host})).status_code == 421, host
        assert (await visitor.get("/sign-in", headers={"Content-Length": "9" * 5_000})).status_code == 413


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"])
async def test_no_way_of_writing_a_path_is_taken_for_an_open_place(tmp_path: pathlib.Path, method: str):
    async with house(tmp_path, Limits(anonymous_at_once=1_000.0)) as web, web.client() as visitor:
        visitor.headers["Origin"] = ADDRESS
        for path in WRITTEN.split():
            answer = await visitor.request(method, ADDRESS + path)
            assert answer.status_code == 401, path


async def test_whoever_is_sent_on_stays_where_they_are(web: House):
    async with web.client(headers={"Authorization": f"Bearer {web.token('vera')}"}) as viewer:
        for path, place in (("/positions/", "/positions"), ("/research/yesterday?a=b", "/research/yesterday/?a=b")):
            assert (await viewer.get(path)).headers["location"] == place
        for path in ("//evil.example/", "///evil.example/x/", "/\\evil.example/"):
            assert "location" not in (await viewer.get(ADDRESS + path)).headers


@pytest.mark.parametrize(
    ("proxy", "seen"),
    [("", "127.0.0.1"), ("192.0.2.1", "127.0.0.1"), ("127.0.0.1", "203.0.113.9"), ("127.0.0.0/8", "203.0.113.9")],
)
async def test_nobody_but_the_proxy_that_was_named_says_where_a_visitor_is(web: House, proxy: str, seen: str):
    forwarded = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9", "X-Forwarded-Host": "evil.example"}
    async with on_a_socket(web.app, proxy) as place, httpx.AsyncClient(headers=forwarded) as visitor:
        answer = await visitor.post(f"http://{place}/auth/sign-in", json={"name": "asha", "password": "a guess"})
    assert answer.status_code == 401
    assert [row.address for row in await web.database.audit.list()] == [seen]


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


# ── Behind it ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_names_that_are_too_long_are_throttled_like_any_and_do_not_fill_the_database(web: House):
    async with web.client() as visitor:
        asked = [await visitor.post("/auth/sign-in", json={"name": "a" * 900, "password": "b"}) for _ in range(40)]
    assert [answer.status_code for answer in asked].count(401) <= FREE_FAILURES
    assert len(await web.database.audit.list()) <= FREE_FAILURES


async def test_a_refusal_is_kept_as_one_short_line_whatever_was_asked_for(web: House):
    async with web.client(headers={"Authorization": f"Bearer {web.token('vera')}"}) as viewer:
        assert (await viewer.post(f"/api/v1/strategies/{'%0a%1b' * 2_000}/pause")).status_code == 403
    (row,) = await web.database.audit.list()
    assert row.target.isprintable()
    assert len(row.target) < 1_000


async def test_a_notebook_is_run_and_by_no_way_edited(web: House):
    headers = {"Origin": ADDRESS, "Authorization": f"Bearer {web.token('vera')}"}
    async with web.client(headers=headers) as page:
        assert "41 + 1" not in (await page.get("/research/yesterday/")).text
        for path in ("kernel/run", "kernel/execute", "kernel/save", "kernel/read_code", "export/html", "files/open"):
            assert (await page.post(f"/research/yesterday/api/{path}", json={})).status_code == 405, path
    for path in ("ws_sync", "terminal/ws", "lsp/pylsp"):
        speaker = Speaker(web, headers, f"/research/yesterday/{path}")
        await speaker.talk()
        assert (await speaker.next())["code"] == 1008, path


@pytest.mark.parametrize(
    "path",
    [
        *("sse?session_id=s_abc123", "api/files/download?path=web.db", "api/sessions", "api/status/connections"),
        *("auth/login", "auth/token", "terminal/ws", "public/yesterday.py", "yesterday.py", "assets/"),
    ],
)
async def test_nothing_of_a_notebook_is_read_but_its_page_and_what_belongs_to_it(web: House, path: str):
    async with web.client(headers={"Authorization": f"Bearer {web.token('vera')}"}) as viewer:
        assert (await viewer.get(f"/research/yesterday/{path}")).status_code == 404
        assert (await viewer.get("/research/yesterday/health")).status_code == 200


async def test_no_memory_that_programs_share_is_read_as_a_file_of_a_notebook(web: House):
    shared = SharedMemory(create=True, size=16)
    try:
        shared.buf[:6] = b"secret"
        async with web.client(headers={"Authorization": f"Bearer {web.token('vera')}"}) as viewer:
            answer = await viewer.get(f"/research/yesterday/@file/16-{shared.name}")
    finally:
        shared.close()
        shared.unlink()
    assert (answer.status_code, b"secret" in answer.content) == (404, False)


async def test_no_visitor_starts_more_notebooks_than_the_process_can_bear(web: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(notebooks, "KERNELS_MAX", 0)
    headers = {"Origin": ADDRESS, "Authorization": f"Bearer {web.token('vera')}"}
    speaker = Speaker(web, headers, "/research/yesterday/ws")
    await speaker.talk()
    assert (await speaker.next())["code"] == 1013


async def test_nobody_makes_more_pages_than_the_process_can_bear(tmp_path: pathlib.Path):
    async with house(tmp_path, Limits(pages_per_second=0.001, pages_at_once=2.0)) as web:
        viewer = web.client(headers={"Authorization": f"Bearer {web.token('vera')}"})
        assert [(await viewer.get(path)).status_code == 429 for path in ("/", "/orders", "/")] == [False, False, True]
        assert (await viewer.get("/api/v1/boot")).status_code == 200
        await viewer.aclose()


@pytest.mark.parametrize("strategy", ["/tmp/mine.py", "../mine", "mine.py", "notebooks/mine", "a\nb"])
async def test_no_code_is_chosen_from_afar_that_is_not_among_the_strategies(web: House, strategy: str):
    terms = {"name": "m", "strategy": strategy, "capital": 1_000, "instruments": ["NSE:INFY"]}
    async with web.client(headers={"Authorization": f"Bearer {web.token('asha')}"}) as admin:
        answer = await admin.put("/api/v1/strategies/m", json={"terms": terms, "reason": "mine"})
    assert (answer.status_code, await web.database.strategies.list()) == (422, [])


async def test_terms_without_end_are_refused_and_no_defect(web: House):
    deep = '{"a":' * 900 + "1" + "}" * 900
    said = f'{{"terms":{{"name":"m","strategy":"m","capital":1,"parameters":{deep}}},"reason":"x"}}'
    headers = {"Authorization": f"Bearer {web.token('asha')}", "Content-Type": "application/json"}
    async with web.client(headers=headers) as admin:
        assert (await admin.put("/api/v1/strategies/m", content=said)).status_code == 422
