"""Sessions: what is asked of the database while many ask at once."""

import asyncio
import pathlib
from typing import Any

import pytest

from alpha_panda.apps.web.sessions import SEEN_WITHIN_S
from alpha_panda.database.users import User
from tests.apps.web.house import house


async def test_whoever_asks_many_times_at_once_is_looked_up_once(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    async with house(tmp_path) as made:
        token, looks, look_up = (await made.bearer("vera"))["access_token"], list[str](), made.database.users.get

        async def counted(name: str) -> User | None:
            looks.append(name)
            return await look_up(name)

        monkeypatch.setattr(made.database.users, "get", counted)
        made.clock.move(SEEN_WITHIN_S)
        async with made.client(headers={"Authorization": f"Bearer {token}"}) as client:
            answers: list[Any] = await asyncio.gather(*(client.get("/api/v1/portfolio/account") for _ in range(20)))
        assert [answer.status_code for answer in answers] == [200] * 20
        assert looks == ["vera"]
