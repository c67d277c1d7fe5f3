"""Processes of a session are killed, paused and stopped while it trades, and it ends as if nothing had happened."""

import asyncio
import collections
import itertools
import pathlib
import random
from collections.abc import Coroutine

import pytest

from alpha_panda.errors import FencedError
from alpha_panda.live.observer import ACCOUNT, FEED, PORTFOLIO, SIGNALS
from alpha_panda.live.pipeline import STAGES
from tests.faults.checker import Told, check
from tests.live.outcome import came_out_well
from tests.live.processes import PATIENCE_S, Deployment, Process, deployed
from tests.live.trading import ChoppedFeed, market, replayed, run_in

SPEED = 100.0
"""Market seconds in a second: a frame every hundredth of it, for longer than any test needs on any machine."""

KILLS = 3
"""Of each process; some come while it starts or recovers."""

Faults = collections.Counter[str]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Return what the log of a session tells to which nothing happened."""
    embedded = Deployment(tmp_path_factory.mktemp("undisturbed"))

    async def trade() -> Told:
        await run_in(embedded.state, ChoppedFeed(market()[1]))
        async with embedded.log() as log:
            return await check(log, market()[1])

    told = asyncio.run(trade())
    assert told.orders == replayed(market()[1]).account["orders_made"] > 10
    return told


async def trade_to_the_end(deployment: Deployment, feed: Process) -> None:
    """Let the rest of the day pass as fast as it can, now that enough has happened."""
    feed.stop()
    await deployment.ended(feed)
    deployment.start(feed.stages)
    await deployment.ended()


async def ended_as_if_undisturbed(deployment: Deployment, undisturbed: Told, faults: Faults) -> Told:
    """Return what the log tells; fail where it does not tell the same of the market as if nothing had happened."""
    async with deployment.log() as log:
        told = await check(log, market()[1], deployment.partitions)
    assert told.fills == undisturbed.fills
    assert told.decisions == undisturbed.decisions
    assert (told.orders, told.state_digest) == (undisturbed.orders, undisturbed.state_digest)
    await came_out_well(deployment, market()[1], replayed(market()[1]).ledger_hash())
    faults["event of the feed on the log, none lost and none twice"] += len(market()[1])
    faults["order made, none lost and none twice"] += told.orders
    faults["record of a replaced writer set aside, saying nothing new"] += told.set_aside
    return told


# ── kill -9 ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def killed_again_and_again(deployment: Deployment, stages: str, seed: int, faults: Faults) -> Process:
    """Kill a process at moments that a seed decides, and start it again at once; return the one that then works."""
    chance = random.Random(seed)
    process = deployment.start(stages, speed=SPEED)
    for number in range(KILLS):
        if number != 1:  # that one is killed while it starts or recovers
            await deployment.at_work(process)
        await asyncio.sleep(chance.uniform(0, 2))
        assert process.exit_code is None, str(process)
        process.kill()
        faults[f"kill -9 of {stages}"] += 1
        process = deployment.start(stages, speed=SPEED)
    await deployment.at_work(process)
    return process


@pytest.mark.timeout(300)
async def test_every_stage_is_killed_again_and_again(
    tmp_path: pathlib.Path, kafka: str, redis_url: str, undisturbed: Told, faults: Faults
):
    async with deployed(Deployment(tmp_path, kafka, redis_url, partitions=3)) as deployment:
        killing: list[Coroutine[None, None, Process]] = [
            killed_again_and_again(deployment, stage, seed, faults) for seed, stage in enumerate(STAGES)
        ]
        feed, *_ = await asyncio.gather(*killing)
        await trade_to_the_end(deployment, feed)
        told = await ended_as_if_undisturbed(deployment, undisturbed, faults)
        assert told.takeovers > len(STAGES) * KILLS


@pytest.mark.timeout(300)
async def test_a_whole_session_in_one_process_is_killed_again_and_again(
    tmp_path: pathlib.Path, kafka: str, redis_url: str, undisturbed: Told, faults: Faults
):
    async with deployed(Deployment(tmp_path, kafka, redis_url)) as deployment:
        everything = await killed_again_and_again(deployment, ",".join(STAGES), 7, faults)
        await trade_to_the_end(deployment, everything)
        await ended_as_if_undisturbed(deployment, undisturbed, faults)


# ── Taking over ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def shared(deployment: Deployment, *processes: Process) -> None:
    """Return once these processes have said that they share all partitions, each of them some."""

    async def settled() -> bool:
        said = {report.holder: report for report in await deployment.reports() if report.stage == SIGNALS}
        shares = [said[each.holder].partitions if each.holder in said else () for each in processes]
        return all(shares) and sorted(itertools.chain(*shares)) == list(range(deployment.partitions))

    async with asyncio.timeout(PATIENCE_S):
        while not await settled():
            await asyncio.sleep(0.2)


@pytest.mark.timeout(300)
async def test_two_processes_share_the_signals_and_a_third_takes_over_from_those_that_die(
    tmp_path: pathlib.Path, kafka: str, redis_url: str, undisturbed: Told, faults: Faults
):
    async with deployed(Deployment(tmp_path, kafka, redis_url, partitions=3)) as deployment:
        for stage in (ACCOUNT, PORTFOLIO):
            deployment.start(stage)
        first, second = deployment.start(SIGNALS), deployment.start(SIGNALS)
        feed = deployment.start(FEED, speed=SPEED)
        await shared(deployment, first, second)
        first.kill()
        third = deployment.start(SIGNALS)
        await shared(deployment, second, third)
        second.kill()
        await shared(deployment, third)
        faults["kill -9 of one of two signals processes"] += 2
        await trade_to_the_end(deployment, feed)
        await ended_as_if_undisturbed(deployment, undisturbed, faults)


@pytest.mark.timeout(300)
async def test_of_several_accounts_only_one_trades(
    tmp_path: pathlib.Path, kafka: str, redis_url: str, undisturbed: Told, faults: Faults
):
    async with deployed(Deployment(tmp_path, kafka, redis_url)) as deployment:
        accounts = [deployment.start(ACCOUNT), deployment.start(ACCOUNT)]
        for stage in (SIGNALS, PORTFOLIO):
            deployment.start(stage)
        feed = deployment.start(FEED, speed=SPEED)
        while all(account.exit_code is None for account in accounts):
            await asyncio.sleep(0.1)
        accounts.sort(key=lambda account: account.exit_code is None)
        refused, account = accounts
        await fenced(refused)
        faults["two accounts started together"] += 1

        for _ in range(2):
            await deployment.at_work(account)
            account.pause()
            rival = deployment.start(ACCOUNT)
            await deployment.at_work(rival)
            account.resume()
            await fenced(account)
            faults["account paused beyond its lease, replaced and resumed"] += 1
            account = rival

        await fenced(deployment.start(ACCOUNT))
        faults["second account started beside one that works"] += 1
        await trade_to_the_end(deployment, feed)
        await ended_as_if_undisturbed(deployment, undisturbed, faults)


async def fenced(process: Process) -> None:
    """Fail unless a process ends because another one keeps the account, and says so in one sentence."""
    code = await process.ended()
    assert (code, process.complaint.count("\n"), process.output) == (FencedError.exit_code, 1, ""), str(process)
    # It finds out at its next append, or before that, when it asks who else is there.
    whys = ("has taken over paper.journal/0", "the account paper is worked on by process ")
    assert any(why in process.complaint for why in whys), str(process)


# ── SIGTERM ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.timeout(300)
async def test_stages_that_are_asked_to_end_finish_what_is_under_way_and_go_on_later(
    tmp_path: pathlib.Path, kafka: str, redis_url: str, undisturbed: Told, faults: Faults
):
    async with deployed(Deployment(tmp_path, kafka, redis_url)) as deployment:
        await asyncio.gather(*(stopped_and_started_again(deployment, stage, faults) for stage in STAGES))
        for process in deployment.processes:
            process.stop()
        await deployment.ended()
        faults["SIGTERM to every stage at once"] += 1
        deployment.start_apart()
        await deployment.ended()
        await ended_as_if_undisturbed(deployment, undisturbed, faults)


async def stopped_and_started_again(deployment: Deployment, stage: str, faults: Faults) -> None:
    """Ask a stage to end while it works; return once it works again."""
    process = deployment.start(stage, speed=SPEED)
    await deployment.at_work(process)
    process.stop()
    await deployment.ended(process)
    faults[f"SIGTERM to {stage}"] += 1
    await deployment.at_work(deployment.start(stage, speed=SPEED))
