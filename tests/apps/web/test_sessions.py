"""Sessions: ended for all processes that share a database, which is asked for little."""

import asyncio
import dataclasses
import pathlib
from typing import Any

import pytest

from alpha_panda.apps.web.application import create_application
from alpha_panda.apps.web.sessions import SEEN_WITHIN_S
from tests.apps.web.house import House, house


async def test_whoever_asks_many_times_at_once_is_looked_up_once(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    async with house(tmp_path) as made:
        token, looks, look_up = (await made.bearer("vera"))["access_token"], list[str](), made.database.tokens.stands

        async def counted(session: str, name: str, generation: int) -> bool:
            looks.append(name)
            return await look_up(session, name, generation)

        monkeypatch.setattr(made.database.tokens, "stands", counted)
        made.clock.move(SEEN_WITHIN_S)
        async with made.client(headers={"Authorization": f"Bearer {token}"}) as client:
            answers: list[Any] = await asyncio.gather(*(client.get("/api/v1/portfolio/account") for _ in range(20)))
        assert [answer.status_code for answer in answers] == [200] * 20
        assert looks == ["vera"]


async def test_who_signs_out_is_out_within_a_second_in_every_process_and_others_are_not(tmp_path: pathlib.Path):
    async with house(tmp_path) as made:
        leaving, staying = [(await made.bearer("omar"))["access_token"] for _ in range(2)]
        other = dataclasses.replace(made, app=create_application(made.parts))
        assert await answered(other, leaving) == 200
        async with made.client(headers={"Authorization": f"Bearer {leaving}"}) as client:
            assert (await client.post("/auth/sign-out")).status_code == 204
        made.clock.move(SEEN_WITHIN_S)
        assert [await answered(other, token) for token in (leaving, staying)] == [401, 200]
        assert SEEN_WITHIN_S == 1.0


async def answered(web: House, token: str) -> int:
    """Return what somebody with a token is answered."""
    async with web.client(headers={"Authorization": f"Bearer {token}"}) as client:
        return (await client.get("/api/v1/boot")).status_code
