"""STOP reaches the account also where nothing else does: with a session out of date, and the database away."""

import pathlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from alpha_panda.apps.web.application import create_application
from alpha_panda.apps.web.cookies import ACCESS, KILL, STOP
from alpha_panda.apps.web.tokens import LIFETIME_NS, STOP_LIFETIME_NS
from alpha_panda.errors import DatabaseError
from alpha_panda.units import SECOND_NS
from tests.apps.web.house import ADDRESS, PASSWORD, WRONG_KEY, House, house

OUT_OF_DATE_S = LIFETIME_NS / SECOND_NS


@pytest.fixture
async def web(tmp_path: pathlib.Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        yield made


@pytest.fixture
def away(web: House, monkeypatch: pytest.MonkeyPatch) -> "Away":
    return Away(web, monkeypatch)


class Away:
    """Takes the database away once it is asked to."""

    def __init__(self, web: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self._web, self._monkeypatch = web, monkeypatch

    def begin(self) -> None:
        async def away(*asked: Any, **told: Any) -> Any:
            raise DatabaseError("the database is away")

        database = self._web.database
        for table, name in ((database.tokens, "stands"), (database.tokens, "use"), (database.audit, "add")):
            self._monkeypatch.setattr(table, name, away)


def is_killed(web: House) -> bool:
    return (web.parts.desk.state / "kill").exists()


async def kill(page: httpx.AsyncClient) -> httpx.Response:
    return await page.post(KILL, json={"reason": "STOP from the dashboard"})


@pytest.mark.parametrize("name", ["omar", "asha"])
async def test_with_a_session_out_of_date_and_the_database_away_it_is_heard_and_says_whose_it_was(
    web: House, away: Away, name: str
):
    async with web.signed_in(name) as page:
        away.begin()
        web.clock.move(OUT_OF_DATE_S)
        assert (await page.get("/api/v1/boot")).status_code == 401
        assert (await page.post("/auth/refresh")).status_code == 503
        answer = await kill(page)
    assert (answer.status_code, answer.json()["latch"], answer.json()["who"]) == (200, "engaged", name)
    assert name in (web.parts.desk.state / "kill").read_text()
    assert {line["who"] for line in web.lines if line["event"] == "deed"} == {name}


async def test_it_lasts_a_trading_day(web: House, away: Away):
    async with web.signed_in("omar") as page:
        away.begin()
        page.cookies.delete(ACCESS.name)
        web.clock.move(STOP_LIFETIME_NS / SECOND_NS)
        assert (await kill(page)).status_code == 401
        web.clock.move(-1)
        assert (await kill(page)).status_code == 200


async def test_each_refresh_gives_another_day(web: House):
    async with web.signed_in("omar") as page:
        first = page.cookies[STOP.name]
        web.clock.move(60)
        await page.post("/auth/refresh")
        assert page.cookies[STOP.name] != first


async def test_who_may_not_stop_gets_nothing_to_stop_with_and_loses_what_another_left(web: House):
    async with web.signed_in("omar") as page:
        await page.post("/auth/sign-in", json={"name": "vera", "password": PASSWORD})
        assert STOP.name not in page.cookies
        assert (await kill(page)).status_code == 403
    assert not is_killed(web)


@pytest.mark.parametrize("how", ["signed out", "elsewhere", "disabled", "role", "password"])
async def test_whose_session_was_ended_stops_nothing(web: House, how: str):
    users, now_ns = web.database.users, web.clock.wall_ns()
    async with web.signed_in("omar") as page:
        cookies = {STOP.name: page.cookies[STOP.name]}
        match how:
            case "signed out":
                await page.post("/auth/sign-out")
            case "elsewhere":
                await page.post("/auth/sign-out")
                web.app = create_application(web.parts)
            case "disabled":
                await users.disable("omar", now_ns)
            case "role":
                await users.set_role("omar", "viewer", now_ns)
            case _:
                await users.set_password("omar", "another hash", now_ns)
    async with web.client(headers={"Origin": ADDRESS}, cookies=cookies) as page:
        assert (await kill(page)).status_code == 401
    assert not is_killed(web)


async def test_who_signed_out_here_stops_nothing_even_if_the_database_is_away(web: House, away: Away):
    async with web.signed_in("omar") as page:
        stolen = page.cookies[STOP.name]
        away.begin()
        answer = await page.post("/auth/sign-out")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_away")
        assert not page.cookies
    async with web.client(headers={"Origin": ADDRESS}, cookies={STOP.name: stolen}) as page:
        web.clock.move(OUT_OF_DATE_S + 1)
        assert (await kill(page)).status_code == 401


@pytest.mark.parametrize("headers", [{}, {"Origin": "null"}, {"Origin": "http://evil.example"}], ids=str)
async def test_no_page_but_our_own_stops_with_it(web: House, headers: dict[str, str]):
    async with web.client(headers=headers, cookies={STOP.name: web.token("omar", purpose="stop")}) as page:
        answer = await kill(page)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_origin")
    assert not is_killed(web)


@pytest.mark.parametrize("path", [f"{KILL}/", KILL.upper(), f"/{KILL}", KILL.replace("kill", "flatten")])
async def test_it_stops_and_does_nothing_else(web: House, path: str):
    async with web.client(headers={"Origin": ADDRESS}, cookies={STOP.name: web.token("omar", purpose="stop")}) as page:
        assert (await page.post(path, json={})).status_code == 401
        assert (await page.get(KILL)).status_code == 401
    assert not is_killed(web)


async def test_neither_token_stands_for_the_other(web: House):
    access, stop = web.token("asha"), web.token("asha", purpose="stop")
    async with web.client(headers={"Origin": ADDRESS}) as page:
        for cookies in ({STOP.name: access}, {ACCESS.name: stop}, {STOP.name: web.token("asha", WRONG_KEY, "stop")}):
            page.cookies = httpx.Cookies(cookies)
            assert (await kill(page)).status_code == 401
        page.cookies.clear()
        for bearer in (stop, f"{stop} "):
            assert (await page.post(KILL, headers={"Authorization": f"Bearer {bearer}"})).status_code == 401
    assert not is_killed(web)
