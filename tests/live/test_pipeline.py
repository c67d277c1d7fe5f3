"""A session on paper ends with the account that a plain replay of its events has, wherever it was cut or killed."""

import asyncio
import math
import multiprocessing
import pathlib
import random
import time

import pytest

from alpha_panda.live.build import Options, new_status, planned, trade
from alpha_panda.live.envelope import decode
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import StageReport
from alpha_panda.live.pipeline import STAGES as PIPELINE_STAGES
from alpha_panda.live.topics import STAGES
from tests.live.trading import (
    MORNING,
    PAPER,
    PAPER_TOML,
    SYMBOLS,
    ChoppedFeed,
    CrashError,
    CrashingLog,
    market,
    morning,
    records_of,
    replayed,
    run_in,
    run_on,
    trade_until_killed,
)


async def orders_placed(state: pathlib.Path) -> list[int]:
    async with SqliteLog(state, read_only=True) as log:
        messages = [decode(record) for record in await records_of(log, PAPER.orders_submitted)]
    return [message.data.order_id for message in messages if message.type == "order_placed"]


@pytest.mark.parametrize("seed", range(3))
async def test_a_session_ends_like_a_plain_replay_however_its_events_were_cut_into_frames(
    tmp_path: pathlib.Path, seed: int
):
    engine = await run_in(tmp_path, ChoppedFeed(morning(), seed))
    assert engine.stage.summary() == replayed(morning()).summary()
    assert engine.stage.account["orders_made"] > 0


async def test_a_session_of_single_events_ends_like_a_plain_replay(tmp_path: pathlib.Path):
    first = morning()[:300]
    engine = await run_in(tmp_path, ChoppedFeed(first, longest=1))
    assert engine.stage.summary() == replayed(first).summary()


async def test_a_session_that_has_ended_only_says_how(tmp_path: pathlib.Path):
    first = await run_in(tmp_path, ChoppedFeed(morning()))
    again = await run_in(tmp_path, ChoppedFeed(morning()))
    assert again.stage.summary() == first.stage.summary()
    assert again.steps == first.steps


async def test_each_stage_reports_its_figures_and_the_account_its_own(tmp_path: pathlib.Path):
    async with SqliteLog(tmp_path, clock=time.time_ns) as log:
        engine = await run_on(log, ChoppedFeed(morning()))
        reports = [decode(record).data for record in await records_of(log, STAGES)]
    last = {report.stage: report.figures for report in reports if isinstance(report, StageReport)}
    assert last["feed"]["events"] == last["signals"]["events"] == last["account"]["events"] == MORNING
    assert last["account"]["equity_e4"] == engine.stage.account["equity_e4"]
    assert last["account"]["tick_to_order_seconds.count"] == engine.stage.account["orders_made"]
    assert last["signals"]["tick_to_signal_seconds.count"] == engine.stage.account["signals"]
    assert {stage: figures["set_aside"] for stage, figures in last.items()} == dict.fromkeys(PIPELINE_STAGES, 0)


# ── Crashes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("after", [False, True], ids=["before it counts", "after it counts"])
async def test_a_session_that_crashes_again_and_again_ends_as_if_it_never_had(tmp_path: pathlib.Path, after: bool):
    """It ends at its first append, then at its second, up to the sixteenth, and again: in recovery and in trading."""
    crashes = 0
    while True:
        async with SqliteLog(tmp_path) as log:
            try:
                engine = await run_on(CrashingLog(log, 1 + crashes % 16, after), ChoppedFeed(morning(), seed=crashes))
                break
            except CrashError:
                crashes += 1
    assert crashes > 10
    assert engine.stage.summary() == replayed(morning()).summary()
    placed = await orders_placed(tmp_path)
    assert placed == list(range(1, engine.stage.account["orders_made"] + 1))


async def test_twenty_kills_at_any_moment_leave_no_trace(tmp_path: pathlib.Path):
    """SIGKILL of a real process, during start, recovery and trading; the seed makes the moments repeat."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([trade_until_killed.__module__])
    moments = random.Random(20)
    for _ in range(20):
        receiver, sender = processes.Pipe(duplex=False)
        process = processes.Process(target=trade_until_killed, args=(tmp_path, 2_500.0, sender))
        process.start()
        assert receiver.recv()
        await asyncio.sleep(moments.uniform(0.0, 0.6))
        process.kill()
        process.join()
        assert process.exitcode == -9
    options = Options(profile=PAPER_TOML, instruments=SYMBOLS, speed=math.inf, state=tmp_path)
    engine = await trade(planned(options), new_status(), asyncio.Event())
    assert engine.steps > 2  # it was not all done in one go, however slow the machine
    assert engine.stage.summary() == replayed(market()[1]).summary()
    assert await orders_placed(tmp_path) == list(range(1, engine.stage.account["orders_made"] + 1))
