"""The portfolio store goes away, is emptied, or comes back as it once was: trading goes on, and it catches up."""

import asyncio
import pathlib
import shutil
from collections import Counter

import pytest

from alpha_panda.live.build import REDIS_URL, Options, new_status, planned, trade
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.status import Status
from tests.faults.checker import check
from tests.live.processes import Deployment
from tests.live.trading import PAPER_TOML, SYMBOLS, market, replayed
from tests.redis_server import RedisServer

ROUNDS = 3

Faults = Counter[str]


class Outages:
    """What happens to a server while a session trades; `trades_on` returns once the account has gone some steps on."""

    def __init__(self, server: RedisServer, status: Status) -> None:
        self._server = server
        self._status = status

    async def trades_on(self, steps: int = 15) -> None:
        start = self._status.published
        async with asyncio.timeout(60):
            while self._status.published < start + steps:
                await asyncio.sleep(0.01)

    async def flushed(self) -> None:
        await asyncio.to_thread(self._server.flush)

    async def stopped_and_started(self) -> None:
        await asyncio.to_thread(self._server.stop)
        await self.trades_on()
        await asyncio.to_thread(self._server.start)

    async def killed_and_started(self) -> None:
        await asyncio.to_thread(self._server.kill)
        await self.trades_on()
        await asyncio.to_thread(self._server.start)

    async def paused_and_resumed(self) -> None:
        self._server.pause()
        await self.trades_on()
        self._server.resume()

    async def restored_from_an_older_copy(self) -> None:
        copy = self._server.folder.with_name("older")
        await asyncio.to_thread(self._server.stop)
        shutil.copytree(self._server.folder, copy)
        await asyncio.to_thread(self._server.start)
        await self.trades_on()
        await asyncio.to_thread(self._server.kill)
        shutil.rmtree(self._server.folder)
        copy.rename(self._server.folder)
        await self.trades_on()
        await asyncio.to_thread(self._server.start)


async def test_whatever_happens_to_redis_trading_goes_on_and_in_the_end_it_equals_the_log(
    redis_server: RedisServer, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, faults: Faults
):
    monkeypatch.setenv(REDIS_URL, redis_server.url)
    status, session = new_status(), Deployment(tmp_path, redis_url=redis_server.url)
    outages = Outages(redis_server, status)
    options = Options(profile=PAPER_TOML, instruments=SYMBOLS, speed=1200.0, state=session.state)
    trading = asyncio.create_task(trade(planned(options), status, asyncio.Event()))
    for befall in (
        outages.flushed,
        outages.stopped_and_started,
        outages.killed_and_started,
        outages.paused_and_resumed,
        outages.restored_from_an_older_copy,
    ) * ROUNDS:
        await outages.trades_on()
        await befall()
        faults[f"Redis {befall.__name__.replace('_', ' ')}"] += 1
    engine = await trading
    assert engine is not None
    assert engine.stage.summary() == replayed(market()[1]).summary()
    async with SqliteLog(session.state, read_only=True) as log:
        await check(log, market()[1])
    portfolio = await session.portfolio()
    assert portfolio.holds, portfolio
    assert portfolio.records > 0
    assert status.notes == []
