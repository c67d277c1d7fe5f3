"""The way in and out: by password, by the terminal's link, on with a refresh, out for good."""

import asyncio
import pathlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import argon2
import pytest

from alpha_panda.apps.web.application import create_application
from alpha_panda.apps.web.cookies import ACCESS, KILL, REFRESH, STOP
from alpha_panda.apps.web.passwords import NO_PASSWORD, Passwords
from alpha_panda.apps.web.signing_in import LINK_LASTS_S, OWNER
from alpha_panda.apps.web.tokens import REFRESH_LIFETIME_NS
from alpha_panda.units import SECOND_NS
from tests.apps.web.house import ADDRESS, PASSWORD, PEOPLE, House, house

OF_OUR_PAGE = {"Origin": ADDRESS}


@pytest.fixture
async def web(tmp_path: pathlib.Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        yield made


# ── By password ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_page_gets_cookies_that_no_script_can_read_and_no_token_besides(web: House):
    async with web.client() as visitor:
        answer = await visitor.post("/auth/sign-in", json={"name": "asha", "password": PASSWORD})
    access, refresh, stop = answer.headers.get_list("set-cookie")
    assert access.startswith("alpha_panda=")
    assert "; HttpOnly; Max-Age=900; Path=/; SameSite=strict" in access
    assert refresh.startswith("alpha_panda_refresh=")
    assert f"; HttpOnly; Max-Age={REFRESH_LIFETIME_NS // SECOND_NS}; Path=/auth; SameSite=strict" in refresh
    assert stop.startswith("alpha_panda_stop=")
    assert f"; HttpOnly; Max-Age=86400; Path={KILL}; SameSite=strict" in stop
    assert set(answer.json()) == {"name", "role", "expires"}


async def test_a_program_gets_tokens_and_no_cookies(web: House):
    async with web.client() as visitor:
        answer = await visitor.post("/auth/sign-in", json={"name": "asha", "password": PASSWORD, "bearer": True})
    assert "set-cookie" not in answer.headers
    assert set(answer.json()) == {"name", "role", "expires", "access_token", "refresh_token"}


@pytest.mark.parametrize(
    ("name", "password"),
    [("asha", "wrong"), ("nobody", PASSWORD), ("", ""), ("ASHA", PASSWORD), ("asha", PASSWORD + " "), ("a" * 900, "x")],
)
async def test_whatever_is_wrong_is_told_in_the_same_words(web: House, name: str, password: str):
    async with web.client() as visitor:
        answer = await visitor.post("/auth/sign-in", json={"name": name, "password": password})
    assert answer.status_code == 401
    error = answer.json()["error"]
    assert (error["code"], error["message"]) == ("wrong_credentials", "name or password is wrong")
    assert "set-cookie" not in answer.headers


async def test_who_is_disabled_is_told_no_more_than_a_stranger(web: House):
    await web.database.users.disable("asha", web.clock.wall_ns())
    async with web.client() as visitor:
        answer = await visitor.post("/auth/sign-in", json={"name": "asha", "password": PASSWORD})
    assert answer.json()["error"]["message"] == "name or password is wrong"


@pytest.mark.parametrize("who", ["wrong", "unknown", "no name at all", "disabled", "by the link alone"])
async def test_whoever_is_not_let_in_costs_one_verification_and_no_hash(
    web: House, who: str, monkeypatch: pytest.MonkeyPatch
):
    name, password = {"unknown": "nobody", "no name at all": "a" * 900}.get(who, "asha"), PASSWORD
    worked: list[str] = []

    def counting(work: str) -> Callable[..., Any]:
        real = getattr(argon2.PasswordHasher, work)

        def counted(*given: object) -> Any:
            worked.append(work)
            return real(*given)

        return counted

    for work in ("verify", "hash"):
        monkeypatch.setattr(argon2.PasswordHasher, work, counting(work))
    match who:
        case "wrong":
            password = "a guess"
        case "disabled":
            await web.database.users.disable("asha", web.clock.wall_ns())
        case "by the link alone":
            await web.database.users.set_password("asha", NO_PASSWORD, web.clock.wall_ns())
    async with web.client() as visitor:
        answer = await visitor.post("/auth/sign-in", json={"name": name, "password": password})
    assert (answer.status_code, worked) == (401, ["verify"])


async def test_a_thousand_guesses_are_throttled_and_the_owner_gets_in_elsewhere(web: House):
    async with web.client("203.0.113.9") as mallory:
        answers = []
        for number in range(1_000):
            answer = await mallory.post("/auth/sign-in", json={"name": "asha", "password": f"guess {number}"})
            answers.append(answer.status_code)
            web.clock.move(0.1)  # so that it is not for the rate of requests
    assert answers.count(401) <= 12
    assert answers.count(429) >= 988
    web.clock.move(30)
    async with web.client("198.51.100.1") as owner:
        answer = await owner.post("/auth/sign-in", json={"name": "asha", "password": PASSWORD})
        assert answer.status_code == 200


async def test_many_guesses_at_the_same_moment_are_throttled_as_well(web: House):
    async with web.client("203.0.113.9") as mallory:
        tries = [mallory.post("/auth/sign-in", json={"name": "asha", "password": f"guess {n}"}) for n in range(50)]
        statuses = [answer.status_code for answer in await asyncio.gather(*tries)]
    assert statuses.count(401) <= 5


async def test_who_waits_is_told_how_long(web: House):
    async with web.client() as visitor:
        for _ in range(7):
            answer = await visitor.post("/auth/sign-in", json={"name": "asha", "password": "a guess"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["error"]["message"] == "too many failed: wait 1 seconds before the next attempt"


async def test_a_hash_with_older_parameters_is_renewed_by_the_sign_in(web: House):
    older = Passwords(argon2.Parameters(argon2.Type.ID, 19, 16, 32, 2, 16, 1))
    await web.database.users.set_password("asha", await older.hash(PASSWORD), web.clock.wall_ns())
    older.close()
    async with web.signed_in("asha") as page:
        user = await web.database.users.get("asha")
        assert user is not None
        assert not web.parts.passwords.is_outdated(user.password_hash)
        assert (await page.get("/api/v1/boot")).status_code == 200


async def test_what_came_of_each_attempt_is_in_the_audit_trail_but_no_guess_at_a_name(web: House):
    async with web.client(headers=OF_OUR_PAGE) as visitor:
        await visitor.post("/auth/sign-in", json={"name": "asha", "password": "a guess"})
        await visitor.post("/auth/sign-in", json={"name": "hunter2hunter2", "password": "in the wrong field"})
        await visitor.post("/auth/sign-in", json={"name": "asha", "password": PASSWORD})
        await visitor.post("/auth/sign-out")
    assert await web.audited() == [
        ("asha", "sign-in", "wrong_credentials"),
        ("", "sign-in", "wrong_credentials"),
        ("asha", "sign-in", "done"),
        ("asha", "sign-out", "done"),
    ]


# ── On ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_session_goes_on_for_as_long_as_it_is_refreshed(web: House):
    async with web.signed_in("vera") as page:
        for _ in range(20):
            web.clock.move(14 * 60)
            assert (await page.get("/api/v1/boot")).status_code == 200
            assert (await page.post("/auth/refresh")).status_code == 200


async def test_a_session_goes_on_after_its_access_token_and_not_after_a_week(web: House):
    async with web.signed_in("vera") as page:
        web.clock.move(6 * 86_400)
        page.cookies.delete(ACCESS.name)
        assert (await page.post("/auth/refresh")).status_code == 200
        assert (await page.get("/api/v1/boot")).status_code == 200
        web.clock.move(7 * 86_400 + 1)
        page.cookies.delete(ACCESS.name)
        assert (await page.post("/auth/refresh")).status_code == 401


async def test_a_refresh_token_that_is_used_again_ends_the_session_for_whoever_has_it(web: House):
    program = await web.bearer("omar")
    async with web.client() as client:
        first = await client.post("/auth/refresh", json={"refresh_token": program["refresh_token"]})
        web.clock.move(60)
        again = await client.post("/auth/refresh", json={"refresh_token": program["refresh_token"]})
        assert (first.status_code, again.status_code) == (200, 401)
        for token in (program["access_token"], first.json()["access_token"]):
            answer = await client.get("/api/v1/boot", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401
        answer = await client.post("/auth/refresh", json={"refresh_token": first.json()["refresh_token"]})
        assert answer.status_code == 401


async def test_two_tabs_that_refresh_at_once_are_one_session(web: House):
    program = await web.bearer("omar")
    async with web.client() as client:
        asked = [client.post("/auth/refresh", json={"refresh_token": program["refresh_token"]}) for _ in range(4)]
        answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


@pytest.mark.parametrize("token", ["", "nonsense", "0" * 64, "é" * 32])
async def test_what_is_no_refresh_token_carries_nothing_on(web: House, token: str):
    async with web.client() as client:
        answer = await client.post("/auth/refresh", json={"refresh_token": token})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_signed_in")


async def test_an_access_token_is_no_refresh_token_nor_the_other_way_round(web: House):
    program = await web.bearer("omar")
    async with web.client() as client:
        answer = await client.post("/auth/refresh", json={"refresh_token": program["access_token"]})
        assert answer.status_code == 401
        answer = await client.get("/api/v1/boot", headers={"Authorization": f"Bearer {program['refresh_token']}"})
        assert answer.status_code == 401


async def test_who_signs_out_takes_the_cookies_along(web: House):
    async with web.signed_in("vera") as page:
        answer = await page.post("/auth/sign-out")
        assert answer.status_code == 204
        assert [cookie.split(";")[0] for cookie in answer.headers.get_list("set-cookie")] == [
            f'{cookie.name}=""' for cookie in (ACCESS, REFRESH, STOP)
        ]
        assert (await page.get("/api/v1/boot")).status_code == 401


# ── By the link of the terminal ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def empty(web: House) -> House:
    """Return the app while nobody has a password."""
    for name in PEOPLE:
        await web.database.users.set_password(name, NO_PASSWORD, web.clock.wall_ns())
    return web


async def test_the_link_lets_the_owner_in_once(empty: House):
    assert await empty.app.signing_in.new_link("the token of the link")
    async with empty.client(headers=OF_OUR_PAGE) as visitor:
        answer = await visitor.post("/auth/link", json={"token": "the token of the link"})
        assert (answer.status_code, answer.json()["name"], answer.json()["role"]) == (200, OWNER, "admin")
        assert (await visitor.get("/api/v1/users")).status_code == 200
        again = await visitor.post("/auth/link", json={"token": "the token of the link"})
        assert (again.status_code, again.json()["error"]["code"]) == (401, "link_spent")


async def test_the_link_is_good_for_ten_minutes(empty: House):
    await empty.app.signing_in.new_link("the token of the link")
    empty.clock.move(LINK_LASTS_S)
    async with empty.client() as visitor:
        assert (await visitor.post("/auth/link", json={"token": "the token of the link"})).status_code == 401
    assert LINK_LASTS_S == 600


async def test_a_wrong_token_is_no_link_and_does_not_spend_it(empty: House):
    await empty.app.signing_in.new_link("the token of the link")
    async with empty.client() as visitor:
        for token in ("", "another", "the token of the link "):
            assert (await visitor.post("/auth/link", json={"token": token})).status_code == 401
        assert (await visitor.post("/auth/link", json={"token": "the token of the link"})).status_code == 200


async def test_where_somebody_has_a_password_there_is_no_link(web: House):
    assert not await web.app.signing_in.new_link("the token of the link")
    async with web.client() as visitor:
        assert (await visitor.post("/auth/link", json={"token": "the token of the link"})).status_code == 401


async def test_where_there_is_no_link_no_token_opens(web: House):
    async with web.client() as visitor:
        assert (await visitor.post("/auth/link", json={"token": ""})).status_code == 401


async def test_the_owner_signs_in_by_no_password(empty: House):
    await empty.app.signing_in.new_link("the token of the link")
    async with empty.client(headers=OF_OUR_PAGE) as visitor:
        await visitor.post("/auth/link", json={"token": "the token of the link"})
        for password in ("", "nobody has this password"):
            answer = await visitor.post("/auth/sign-in", json={"name": OWNER, "password": password})
            assert answer.status_code == 401


async def test_the_owner_goes_on_after_a_restart_of_the_app(empty: House):
    """The refresh token is the database's, so that a page finds its way back by itself."""
    await empty.app.signing_in.new_link("the token of the link")
    async with empty.client() as visitor:
        await visitor.post("/auth/link", json={"token": "the token of the link"})
        cookie = visitor.cookies[REFRESH.name]
    empty.app = create_application(empty.parts)
    async with empty.client(cookies={REFRESH.name: cookie}) as visitor:
        assert (await visitor.post("/auth/refresh", headers=OF_OUR_PAGE)).status_code == 200
