"""Starting, which is always recovering: the last snapshot, what the journal says happened since, and then live.

What is done again is held against the log, byte for byte, so nobody trades on from a state that cannot be explained.
"""

from alpha_panda.errors import ParityError, RecoveryError
from alpha_panda.live import account
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.journal import replay_account, replay_signals
from alpha_panda.live.log.base import Log
from alpha_panda.live.session import Blueprint
from alpha_panda.live.signals import SignalsEngine
from alpha_panda.live.snapshots import latest_snapshot
from alpha_panda.live.status import Status
from alpha_panda.live.topics import Topic, market_ticks

_UNEXPLAINED = "the session cannot go on, since doing its work again does not give what is on its log"


async def recover_signals(log: Log, blueprint: Blueprint, status: Status) -> SignalsEngine:
    """Return the strategies as they were when their last messages entered the log; RecoveryError if they cannot be."""
    engine = SignalsEngine(blueprint)
    topic = blueprint.topics.signals_snapshots
    if found := await latest_snapshot(log, topic, blueprint.code_digest):
        engine.restore(found[1], found[0].time_ns)
    else:
        await _say_from_the_beginning(log, topic, status)
    try:
        await replay_signals(log, engine)
    except ParityError as error:
        raise RecoveryError(f"{_UNEXPLAINED}: {error}") from error
    return engine


async def recover_account(log: Log, blueprint: Blueprint, status: Status) -> AccountEngine:
    """Return the account as it was when its last step entered the log; RecoveryError if it cannot be."""
    engine = AccountEngine(blueprint)
    topics = blueprint.topics
    if found := await latest_snapshot(log, topics.snapshots, blueprint.code_digest):
        engine.restore(found[1], found[0].time_ns)
    else:
        await _say_from_the_beginning(log, topics.snapshots, status)
    try:
        await replay_account(log, engine)
    except ParityError as error:
        raise RecoveryError(f"{_UNEXPLAINED}: {error}") from error
    await _check_committed(log, market_ticks(), engine.next_frame)
    await _check_committed(log, topics.signals_raw, engine.next_signal)
    return engine


async def _check_committed(log: Log, topic: Topic, offset: int) -> None:
    committed = await log.committed(account.GROUP, topic, 0)
    if committed != offset:
        raise RecoveryError(
            f"the account's journal ends before offset {offset} of {topic.name} and its commit says {committed}: "
            "restore the log"
        )


async def _say_from_the_beginning(log: Log, topic: Topic, status: Status) -> None:
    if await log.end(topic, 0):
        status.notes.append(
            f"kernels or strategies have changed since the last record of {topic.name}: doing the session again from "
            "its beginning"
        )
