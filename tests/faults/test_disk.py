"""The disk of an embedded log is full: nothing is told that is not written, and a session waits for room."""

import asyncio
import contextlib
import pathlib
import random
import resource
import signal
from collections import Counter
from collections.abc import Iterator

import pytest

from alpha_panda.errors import LogError
from alpha_panda.live.build import Options, new_status, planned, trade
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.status import TRADING, WAITING
from tests.faults.checker import check
from tests.live.mistaken import live, refused, trades_the_day
from tests.live.processes import Deployment
from tests.live.trading import PAPER_TOML, SYMBOLS, market, replayed

FULL = 12
TERMINATIONS = 3

Faults = Counter[str]


@contextlib.contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """Let every write of this process beyond `size` bytes of a file fail, as it does where a disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_session_whose_disk_is_full_waits_for_room_and_goes_on_by_itself(
    tmp_path: pathlib.Path, faults: Faults
):
    moments, status, session = random.Random(5), new_status(), Deployment(tmp_path)
    options = Options(profile=PAPER_TOML, instruments=SYMBOLS, speed=1500.0, state=session.state)
    trading = asyncio.create_task(trade(planned(options), status, asyncio.Event()))
    for _ in range(FULL):
        start = status.events
        async with asyncio.timeout(60):
            while status.phase != TRADING or status.events < start + moments.randint(500, 3_000):
                assert not trading.done(), trading.exception()
                await asyncio.sleep(0.01)
        # However full it is, what has been allocated can be written again.
        with no_file_grows_beyond(moments.choice([0, 4096, 100_000])):
            async with asyncio.timeout(60):
                while status.phase != WAITING:
                    assert not trading.done(), trading.exception()
                    await asyncio.sleep(0.01)
        assert f"{session.state}" in status.notes[-1]
        assert status.notes[-1].endswith("; the session waited for it")
        faults["the disk of the embedded log full"] += 1
    engine = await trading
    assert engine is not None
    assert engine.stage.summary() == replayed(market()[1]).summary()
    async with SqliteLog(session.state, read_only=True) as log:
        told = await check(log, market()[1])
    assert told.orders == engine.stage.account["orders_made"]
    proof = await session.proved()
    assert (proof.holds, proof.ledger_hash) == (True, engine.stage.ledger_hash()), proof


@pytest.mark.parametrize("room", [0, 2_000, 20_000])
def test_a_session_that_begins_on_a_full_disk_says_so_and_begins_when_there_is_room(tmp_path: pathlib.Path, room: int):
    with no_file_grows_beyond(room):
        answer = live("--state", tmp_path)
    refused(answer, LogError, f"{tmp_path}")
    trades_the_day(live("--state", tmp_path))


async def test_an_embedded_session_that_is_asked_to_end_under_load_ends_well_and_goes_on(
    tmp_path: pathlib.Path, faults: Faults
):
    moments, session = random.Random(6), Deployment(tmp_path)
    for _ in range(TERMINATIONS):
        process = session.start(speed=3_000.0)
        await session.at_work(process)
        await asyncio.sleep(moments.uniform(0.0, 0.5))
        process.stop()
        assert await process.ended() == 0, str(process)
        assert process.complaint == ""
        faults[f"{signal.SIGTERM.name} to an embedded session"] += 1
    process = session.start()
    assert await process.ended() == 0, str(process)
    assert process.summary == replayed(market()[1]).summary()
    async with session.log() as log:
        await check(log, market()[1])
