"""How much one visitor may ask for, what an answer says of that, and what is never refused because of the rest."""

import pathlib
from collections.abc import AsyncIterator

import httpx

from alpha_panda.apps.web.limits import Limits
from tests.apps.web.house import house


def code(answer: httpx.Response) -> str:
    return answer.json()["error"]["code"]


def told(answer: httpx.Response) -> tuple[str, ...]:
    """Return how many requests there may be at once, how many are left, and in how many seconds there are all."""
    return tuple(answer.headers[f"ratelimit-{name}"] for name in ("limit", "remaining", "reset"))


async def test_who_asks_too_often_waits_and_others_do_not(tmp_path: pathlib.Path):
    limits = Limits(requests_per_second=2, requests_at_once=3, anonymous_per_second=50, anonymous_at_once=50)
    async with (
        house(tmp_path, limits) as web,
        web.signed_in("vera") as page,
        web.signed_in("omar") as other,
    ):
        answers = [(await page.get("/api/v1/boot")).status_code for _ in range(5)]
        assert answers == [200, 200, 200, 429, 429]
        assert (await other.get("/api/v1/boot")).status_code == 200
        refused = await page.get("/api/v1/boot")
        assert (code(refused), refused.headers["retry-after"]) == ("too_many_requests", "1")
        assert told(refused) == ("3", "0", "2")
        for path in ("control/pause", "strategies/momentum/pause"):
            stopped = await page.post(f"/api/v1/{path}", headers={"Origin": "http://127.0.0.1"})
            assert (stopped.status_code, told(stopped)) == (403, ("3", "2", "1")), "for a viewer, but heard"
        web.clock.move(1.0)
        assert [(await page.get("/api/v1/boot")).status_code for _ in range(3)] == [200, 200, 429]


async def test_strangers_are_counted_by_their_address(tmp_path: pathlib.Path):
    limits = Limits(anonymous_per_second=1, anonymous_at_once=2)
    async with house(tmp_path, limits) as web, web.client("192.0.2.1") as one, web.client("192.0.2.2") as another:
        assert [(await one.get("/sign-in")).status_code for _ in range(3)] == [200, 200, 429]
        assert (await another.get("/sign-in")).status_code == 200


async def test_a_body_that_says_it_is_too_large_is_not_read(tmp_path: pathlib.Path):
    async with house(tmp_path, Limits(body_bytes=100)) as web, web.client() as visitor:
        answer = await visitor.post("/auth/sign-in", json={"name": "asha", "password": "x" * 200})
        assert (answer.status_code, code(answer)) == (413, "too_large")


async def test_a_body_that_does_not_say_how_large_it_is_is_cut(tmp_path: pathlib.Path):
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 10

    async with house(tmp_path, Limits(body_bytes=100)) as web, web.client() as visitor:
        answer = await visitor.post("/auth/sign-in", content=parts(), headers={"Content-Type": "application/json"})
        assert (answer.status_code, code(answer)) == (413, "too_large")
