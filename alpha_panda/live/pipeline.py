"""The stages of a session in one process, from recovery to the last record; they meet only in the log."""

import asyncio
from collections.abc import Coroutine

from alpha_panda.chain import compile_kernels
from alpha_panda.live.account import AccountEngine, run_account
from alpha_panda.live.feed.base import Feed
from alpha_panda.live.intake import Intake
from alpha_panda.live.log.base import Log
from alpha_panda.live.portfolio import Projection
from alpha_panda.live.recovery import recover_account, recover_signals
from alpha_panda.live.session import Blueprint, open_session
from alpha_panda.live.signals import run_signals
from alpha_panda.live.status import RECOVERING, Status
from alpha_panda.live.store.base import Store
from alpha_panda.live.streams import Stream
from alpha_panda.live.topics import market_ticks

# Records that a stage takes at once; at full speed, a hundred frames are some twenty megabytes.
_FRAMES, _MESSAGES = 32, 128


async def run_session(
    blueprint: Blueprint, feed: Feed, log: Log, store: Store, status: Status, started_ns: int, stop: asyncio.Event
) -> AccountEngine:
    """Recover, then trade until the feed ends or `stop` is set, and let every stage come to the end of its input.

    Returns the account as it is on the log. Raises RecoveryError where the session in `log` is another one or cannot be
    resumed.
    """
    # In a thread of its own, so that the screen shows what is waited for.
    await asyncio.to_thread(compile_kernels, blueprint.profile, blueprint.universe, blueprint.strategies)
    status.phase = RECOVERING
    await open_session(log, blueprint, started_ns)
    signals = await recover_signals(log, blueprint, status)
    account = await recover_account(log, blueprint, status)
    intake = Intake(log, feed, blueprint.origin, status)
    index = await intake.recover()
    status.on_recovered(blueprint, account.stage, intake.offset, signals.next_frame, account.next_frame)
    topics = blueprint.topics
    fed, signalled, settled = asyncio.Event(), asyncio.Event(), asyncio.Event()
    ticks = Stream(log, market_ticks(), signals.next_frame, fed, limit=_FRAMES)
    raw = Stream(log, topics.signals_raw, account.next_signal, signalled, limit=_MESSAGES)
    journal = Stream(log, topics.journal, 0, settled)
    try:
        async with asyncio.TaskGroup() as stages:
            stages.create_task(_then(fed, intake.run(index, stop)))
            stages.create_task(_then(signalled, run_signals(signals, log, ticks, status)))
            stages.create_task(_then(settled, run_account(account, log, raw, status)))
            stages.create_task(Projection(log, store, topics, blueprint.origin, status).run(journal))
    except BaseExceptionGroup as failures:
        # The first stage that failed stopped the others: its reason is the session's.
        raise failures.exceptions[0] from None
    return account


async def _then(finished: asyncio.Event, stage: Coroutine[None, None, None]) -> None:
    """Run a stage to its end, whatever that is, and say so to the next one.

    Where a stage fails all others are cancelled, but a client library may lose a cancellation: so nobody may be left
    waiting for a stage that is gone.
    """
    try:
        await stage
    finally:
        finished.set()
