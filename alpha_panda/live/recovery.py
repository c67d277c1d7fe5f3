"""Starting, which is always recovering: the last snapshot, what the log says happened since, and then live.

What is done again is held against the log, byte for byte, so nobody trades on from a state that cannot be explained.
Between reading the last record and writing the next one, a stage takes over what it writes; what a crash kept from
being said is said first.
"""

from alpha_panda.errors import FencedError, ParityError, RecoveryError
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.arrivals import Places
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.journal import AccountReplay, SignalsReplay
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Takeover
from alpha_panda.live.routing import new_record, topic_of
from alpha_panda.live.session import Blueprint
from alpha_panda.live.signals import SignalsEngine
from alpha_panda.live.snapshots import latest_snapshot
from alpha_panda.live.streams import Reader
from alpha_panda.live.writing import Writer, take_over

_UNEXPLAINED = "the session cannot go on, since doing its work again does not give what is on its log"
_ATTEMPTS = 100
_SOURCE = "recovery"


async def begin_signals(
    log: Log, blueprint: Blueprint, partition: int, holder: str, redo: bool = False
) -> tuple[SignalsEngine, Reader, Writer]:
    """Return the strategies of one partition as they were, what they read, and the right to write what they say."""
    replay = await recovered_signals(log, blueprint, partition, redo)
    raw = replay.raw.recording.reader
    for _ in range(_ATTEMPTS):
        if writer := await take_over(log, raw, beginning(blueprint, holder)):
            await writer.append(list(replay.raw.owed))
            return replay.engine, replay.ticks, writer
        await _explained(replay)
    raise _contended(raw)


async def begin_account(
    log: Log, blueprint: Blueprint, holder: str, redo: bool = False
) -> tuple[AccountEngine, Writer]:
    """Return the account as it was, and the right to write its journal, with all told that its journal says."""
    replay = await recovered_account(log, blueprint, redo)
    journal = replay.journal.reader
    for _ in range(_ATTEMPTS):
        if writer := await take_over(log, journal, beginning(blueprint, holder)):
            topics = blueprint.topics
            owed = [message.stamped(writer.epoch, message.sequence) for message in replay.owed]
            await log.append([new_record(topic_of(topics, message.data), message) for message in owed])
            return replay.engine, writer
        await _explained(replay)
    raise _contended(journal)


async def recovered_signals(log: Log, blueprint: Blueprint, partition: int = 0, redo: bool = False) -> SignalsReplay:
    """Return the strategies of one partition as they last said something; RecoveryError if they cannot be."""
    engine = SignalsEngine(blueprint, partition)
    found = await latest_snapshot(log, blueprint.topics.signals_snapshots, blueprint.code_digest, partition, redo)
    places: Places = engine.restore(found[1], found[0].time_ns) if found else {}
    replay = SignalsReplay(log, engine, places)
    await _explained(replay)
    return replay


async def recovered_account(log: Log, blueprint: Blueprint, redo: bool = False) -> AccountReplay:
    """Return the account as it was when its last step entered the journal; RecoveryError if it cannot be."""
    engine = AccountEngine(blueprint)
    found = await latest_snapshot(log, blueprint.topics.snapshots, blueprint.code_digest, redo=redo)
    places: Places = engine.restore(found[1], found[0].time_ns) if found else {}
    replay = AccountReplay(log, engine, places)
    await _explained(replay)
    return replay


async def _explained(replay: SignalsReplay | AccountReplay) -> None:
    try:
        await replay.run()
    except ParityError as error:
        raise RecoveryError(f"{_UNEXPLAINED}: {error}") from error


def beginning(blueprint: Blueprint, holder: str) -> Envelope:
    """Return the message with which `holder` begins to write."""
    return blueprint.begin(Takeover(holder), source=_SOURCE, index=0, time_ns=0)


def _contended(reader: Reader) -> FencedError:
    return FencedError(f"{reader.topic.name}/{reader.partition} is being written by another process: stop that one")
