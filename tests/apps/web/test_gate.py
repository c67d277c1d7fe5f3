"""The gate: what it does not know to be allowed does not get in, and nobody is told more than that."""

import asyncio
import json
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from alpha_panda.apps.web.cookies import ACCESS, KILL, REFRESH, STOP
from alpha_panda.apps.web.gate import LOOK_EVERY_S
from alpha_panda.apps.web.limits import Limits
from alpha_panda.apps.web.sessions import SEEN_WITHIN_S
from tests.apps.web.house import ADDRESS, HOST, PASSWORD, House, Speaker, house


@pytest.fixture
async def web(tmp_path: pathlib.Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        yield made


def code(answer: httpx.Response) -> str:
    return answer.json()["error"]["code"]


# ── Who gets in ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_whoever_has_not_signed_in_is_refused_even_what_is_not_there(web: House):
    async with web.client() as visitor:
        for path in (
            "/",
            "/api/v1/boot",
            "/docs",
            "/metrics",
            "/static/js/bokeh.min.js",
            "/research",
            "/no/such/place",
        ):
            answer = await visitor.get(path)
            assert (answer.status_code, code(answer)) == (401, "not_signed_in"), path


async def test_a_person_is_sent_to_sign_in_and_back_to_where_they_wanted_to_go(web: House):
    async with web.client(headers={"Accept": "text/html,*/*"}) as visitor:
        answer = await visitor.get("/orders?status=open&q=a b")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Forders%3Fstatus%3Dopen%26q%3Da%2520b"


async def test_a_cookie_and_a_bearer_token_both_let_in(web: House):
    async with web.signed_in("vera") as page:
        assert (await page.get("/api/v1/boot")).status_code == 200
    program = await web.bearer("vera")
    async with web.client(headers={"Authorization": f"Bearer {program['access_token']}"}) as client:
        assert (await client.get("/api/v1/boot")).status_code == 200


async def test_a_bad_bearer_token_is_not_made_good_by_a_cookie(web: House):
    async with web.signed_in("vera") as page:
        for header in ("Bearer nonsense", "Basic dmVyYTp4", "", "Bearer "):
            assert (await page.get("/api/v1/boot", headers={"Authorization": header})).status_code == 401, header


async def test_a_token_in_the_address_lets_nobody_in(web: House):
    token = (await web.bearer("vera"))["access_token"]
    async with web.client() as visitor:
        for name in ("token", "access_token", ACCESS.name):
            assert (await visitor.get(f"/api/v1/boot?{name}={token}")).status_code == 401


async def test_a_viewer_may_look_but_not_act_and_that_is_recorded(web: House):
    async with web.signed_in("vera") as page:
        answer = await page.post("/api/v1/control/kill", json={"reason": "curiosity"})
        assert (answer.status_code, code(answer)) == (403, "not_allowed")
        assert "vera is viewer" in answer.json()["error"]["message"]
    assert not (web.parts.desk.state / "kill").exists()
    assert ("vera", "refused", "not_allowed") in await web.audited()


# ── From where ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", f"{HOST}.evil.example", "", "[", "169.254.169.254", f"{HOST}@evil.example"],
)
async def test_a_name_that_is_not_ours_is_refused_against_rebinding(web: House, host: str):
    async with web.signed_in("vera") as page:
        answer = await page.get("/api/v1/boot", headers={"Host": host})
    assert (answer.status_code, code(answer)) == (421, "unknown_host")


async def test_our_own_name_is_known_with_any_port_and_in_any_case(web: House):
    async with web.signed_in("vera") as page:
        for host in (HOST, f"{HOST}:8000", HOST.upper()):
            assert (await page.get("/api/v1/boot", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        f"http://{HOST}:8001",
        f"http://{HOST}.evil.example",
        "null",
        "file://",
        f"chrome-extension://{HOST}",
        "",
        f"http://evil.example/{HOST}",
    ],
)
async def test_what_changes_something_comes_from_a_page_of_our_own(web: House, origin: str):
    async with web.signed_in("asha") as page:
        answer = await page.post("/api/v1/control/kill", json={"reason": "forged"}, headers={"Origin": origin})
        assert (answer.status_code, code(answer)) == (403, "foreign_origin")
        assert not (web.parts.desk.state / "kill").exists()
        answer = await page.post("/auth/sign-out", headers={"Origin": origin})
        assert (answer.status_code, code(answer)) == (403, "foreign_origin")


async def test_a_cookie_without_an_origin_changes_nothing(web: House):
    async with web.signed_in("asha") as page:
        del page.headers["Origin"]
        assert (await page.post("/api/v1/control/kill", json={"reason": ""})).status_code == 403
        assert (await page.get("/api/v1/boot")).status_code == 200


async def test_nobody_is_signed_in_from_a_foreign_page(web: House):
    async with web.client(headers={"Origin": "http://evil.example"}) as visitor:
        answer = await visitor.post("/auth/sign-in", json={"name": "asha", "password": PASSWORD})
    assert (answer.status_code, code(answer)) == (403, "foreign_origin")
    assert "set-cookie" not in answer.headers


async def test_no_page_of_another_origin_may_read_an_answer(web: House):
    async with web.signed_in("vera") as page:
        answer = await page.get("/research/yesterday/", headers={"Origin": "http://evil.example"})
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
        answer = await page.options("/api/v1/control/kill", headers=preflight)
        assert not [name for name in answer.headers if name.startswith("access-control-")]


# ── What every answer carries ────────────────────────────────────────────────────────────────────────────────────────


async def test_every_answer_forbids_what_nobody_needs(web: House):
    async with web.signed_in("vera") as page:
        for path in ("/", "/sign-in", "/docs", "/api/v1/boot", "/no/such/place", "/research", "/metrics"):
            headers = (await page.get(path)).headers
            policy = dict(rule.partition(" ")[::2] for rule in headers["content-security-policy"].split("; "))
            assert (policy["frame-ancestors"], policy["object-src"], policy["base-uri"]) == (
                "'none'",
                "'none'",
                "'self'",
            )
            assert not [rule for rule in policy.values() if "http" in rule or "*" in rule or "//" in rule], path
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cache-control"] == "no-store"
            assert "server" not in headers


async def test_pages_that_need_no_code_in_themselves_may_have_none(web: House):
    async with web.signed_in("vera") as page:
        for path in ("/sign-in", "/docs", "/api/v1/boot", "/auth/refresh", "/health/live"):
            policy = (await page.get(path)).headers["content-security-policy"]
            assert "unsafe" not in policy, path


async def test_over_tls_cookies_and_pages_stay_there(tmp_path: pathlib.Path):
    async with house(tmp_path, secure=True) as web, web.client() as visitor:
        answer = await visitor.post("/auth/sign-in", json={"name": "asha", "password": PASSWORD})
        kept = answer.headers.get_list("set-cookie")
        taken = (await visitor.post("/auth/sign-out", headers={"Origin": ADDRESS})).headers.get_list("set-cookie")
        for cookies in (kept, taken):
            assert [cookie.partition("=")[0] for cookie in cookies] == [
                *("__Host-alpha_panda", "__Secure-alpha_panda_refresh", "__Secure-alpha_panda_stop"),
            ]
            # Without these a browser would not take a cookie of such a name.
            assert all("; Secure" in cookie and "; Domain" not in cookie for cookie in cookies)
            assert "; Path=/;" in cookies[0]
        assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_over_tls_no_cookie_is_believed_that_another_page_of_the_domain_could_have_set(tmp_path: pathlib.Path):
    async with house(tmp_path, secure=True) as web:
        tokens = {ACCESS: web.token("asha"), STOP: web.token("asha", purpose="stop")}
        refresh = (await web.bearer("asha"))["refresh_token"]
        for secure, status in ((False, 401), (True, 200)):
            cookies = {cookie.called(secure): token for cookie, token in {**tokens, REFRESH: refresh}.items()}
            headers = {"Origin": ADDRESS, "Cookie": "; ".join(f"{name}={token}" for name, token in cookies.items())}
            async with web.client(headers=headers) as page:
                assert (await page.get("/api/v1/boot")).status_code == status
                assert (await page.post(KILL)).status_code == status
                assert (await page.post("/auth/refresh")).status_code == status


async def test_every_request_has_an_id_and_a_correlation_id_that_may_be_given(web: House):
    async with web.client() as visitor:
        answer = await visitor.get("/health/live", headers={"X-Correlation-ID": "order-17.a"})
        assert answer.headers["x-correlation-id"] == "order-17.a"
        first = answer.headers["x-request-id"]
        answer = await visitor.get("/api/v1/boot")
        assert answer.headers["x-request-id"] == answer.headers["x-correlation-id"] != first
        assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("given", ["two\tlines", "a" * 65, "<script>", 'quoted"', "é", "a b"])
async def test_a_correlation_id_that_is_no_id_is_replaced(web: House, given: str):
    async with web.client() as visitor:
        answer = await visitor.get("/health/live", headers={b"X-Correlation-ID": given.encode()})
        assert answer.headers["x-correlation-id"] == answer.headers["x-request-id"]
    assert given not in json.dumps(web.lines, ensure_ascii=False)


async def test_a_defect_is_told_by_its_request_id_and_nothing_else(web: House):
    @web.app.inside.get("/broken")
    async def broken() -> None:
        raise KeyError("the password is hunter2")

    async with web.signed_in("vera") as page:
        web.app.inside.router.routes.insert(0, web.app.inside.router.routes.pop())
        answer = await page.get("/broken")
    assert (answer.status_code, code(answer)) == (500, "defect")
    assert "hunter2" not in answer.text
    assert "KeyError" not in answer.text
    (line,) = [line for line in web.lines if line["level"] == "error"]
    assert line["request_id"] == answer.headers["x-request-id"]
    assert isinstance(line["exc_info"], KeyError)


# ── Sessions that end ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", ["disabled", "role", "password"])
async def test_who_is_changed_by_another_process_is_out_within_a_second(web: House, how: str):
    async with web.signed_in("omar") as page:
        assert (await page.get("/api/v1/boot")).status_code == 200
        users = web.database.users
        match how:
            case "disabled":
                await users.disable("omar", web.clock.wall_ns())
            case "role":
                await users.set_role("omar", "viewer", web.clock.wall_ns())
            case _:
                await users.set_password("omar", "another hash", web.clock.wall_ns())
        web.clock.move(SEEN_WITHIN_S)
        assert (await page.get("/api/v1/boot")).status_code == 401
        assert (await page.post("/auth/refresh")).status_code == 401


async def test_who_has_signed_out_is_out_at_once_with_every_token(web: House):
    program = await web.bearer("omar")
    bearer = {"Authorization": f"Bearer {program['access_token']}"}
    async with web.client(headers=bearer) as client:
        assert (await client.get("/api/v1/boot")).status_code == 200
        assert (await client.post("/auth/sign-out")).status_code == 204
        assert (await client.get("/api/v1/boot")).status_code == 401
    async with web.client() as client:
        answer = await client.post("/auth/refresh", json={"refresh_token": program["refresh_token"]})
        assert answer.status_code == 401


async def test_while_the_database_is_away_who_is_in_stays_in_until_the_token_ends(
    web: House, monkeypatch: pytest.MonkeyPatch
):
    from alpha_panda.errors import DatabaseError

    async def away(*claimed: object) -> Any:
        raise DatabaseError("the database is away")

    async with web.signed_in("omar") as page:
        assert (await page.get("/api/v1/boot")).status_code == 200
        monkeypatch.setattr(web.database.tokens, "stands", away)
        web.clock.move(600)
        assert (await page.get("/api/v1/boot")).status_code == 200
        web.clock.move(301)
        assert (await page.get("/api/v1/boot")).status_code == 401


async def test_a_kill_does_not_wait_for_a_database_that_hangs(web: House, monkeypatch: pytest.MonkeyPatch):
    over = asyncio.Event()

    async def hang(*claimed: object) -> Any:
        await over.wait()

    async with web.signed_in("omar") as page:
        assert (await page.get("/api/v1/boot")).status_code == 200
        monkeypatch.setattr(web.database.tokens, "stands", hang)
        web.clock.move(60)
        killing = asyncio.create_task(page.post("/api/v1/control/kill"))
        async with asyncio.timeout(8):  # less than the database would be waited for
            while not (web.parts.desk.state / "kill").exists():
                await asyncio.sleep(0.01)
        assert not over.is_set()
        over.set()
        assert (await killing).json()["latch"] == "engaged"


@pytest.mark.parametrize("how", ["expired", "disabled", "signed out"])
async def test_a_websocket_ends_with_its_session(web: House, how: str):
    program = await web.bearer("omar")
    speaker = Speaker(web, {"Authorization": f"Bearer {program['access_token']}"})
    talking = asyncio.create_task(speaker.talk())
    await speaker.next("websocket.accept")
    match how:
        case "expired":
            web.clock.move(900)
        case "disabled":
            await web.database.users.disable("omar", web.clock.wall_ns())
        case _:
            async with web.client() as client:
                await client.post("/auth/sign-out", json={"refresh_token": program["refresh_token"]})
    web.clock.move(LOOK_EVERY_S)
    closed = await speaker.next("websocket.close")
    assert closed["code"] == 4401
    await asyncio.wait_for(talking, 5)


async def test_a_websocket_lives_on_while_its_session_is_refreshed(web: House):
    async with web.signed_in("vera") as page:
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in page.cookies.jar)
        speaker = Speaker(web, {"Cookie": cookies, "Origin": ADDRESS})
        talking = asyncio.create_task(speaker.talk())
        await speaker.next("websocket.accept")
        for _ in range(3):
            web.clock.move(600)
            assert (await page.post("/auth/refresh")).status_code == 200
            await asyncio.sleep(0.05)
        assert not talking.done()
        web.clock.move(901)
        assert (await speaker.next("websocket.close"))["code"] == 4401
        await asyncio.wait_for(talking, 5)


async def test_whoever_says_too_much_on_websockets_is_listened_to_more_slowly(tmp_path: pathlib.Path):
    heard, said = [0], {"type": "websocket.receive", "text": '{"topics": ["alerts"]}'}

    async def flood() -> dict[str, str]:
        heard[0] += 1
        await asyncio.sleep(0)
        return said if heard[0] > 1 else {"type": "websocket.connect"}

    async def read(message: Any) -> None: ...

    async with house(tmp_path, Limits(messages_per_second=1.0, messages_at_once=20.0)) as web:
        scope = Speaker(web, {"Authorization": f"Bearer {web.token('vera')}"}).scope
        talking = asyncio.create_task(web.app(scope, flood, read))
        for seconds in range(3):
            while heard[0] < 21 + seconds:
                await asyncio.sleep(0)
            for _ in range(200):
                await asyncio.sleep(0)
            assert heard[0] == 21 + seconds  # the last of which is heard, and not yet listened to
            web.clock.move(1.0)
        talking.cancel()
        await asyncio.wait([talking])


async def test_nobody_opens_more_websockets_than_a_person_could_look_at(tmp_path: pathlib.Path):
    async with house(tmp_path, Limits(websockets=2)) as web:
        bearer = {"Authorization": f"Bearer {(await web.bearer('vera'))['access_token']}"}
        speakers = [Speaker(web, bearer) for _ in range(3)]
        talking: list[asyncio.Task[None]] = []
        for speaker in speakers[:2]:
            talking.append(asyncio.create_task(speaker.talk()))
            await speaker.next("websocket.accept")
        talking.append(asyncio.create_task(speakers[2].talk()))
        assert (await speakers[2].next("websocket.close"))["code"] == 1013
        web.clock.move(905)
        await asyncio.wait_for(asyncio.gather(*talking), 5)
