"""What a stage remembers, as bytes that say of themselves whether they are whole."""

import hashlib
from collections.abc import Mapping

from alpha_panda.errors import RecoveryError
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Place, StateSnapshot
from alpha_panda.live.topics import Topic
from alpha_panda.units import MINUTE_NS

SNAPSHOT_EVERY_NS = 5 * MINUTE_NS
"""How far apart snapshots lie in the market's time: so much at most is computed again after a crash."""


def digest_of(arrays: Mapping[str, bytes]) -> str:
    """Return a digest of named bytes."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        digest.update(len(name).to_bytes(4, "little") + name.encode())
        digest.update(len(arrays[name]).to_bytes(8, "little") + arrays[name])
    return digest.hexdigest()


def places_of(snapshot: StateSnapshot) -> dict[tuple[str, int], Place]:
    """Return where to go on from a snapshot, by topic and partition."""
    return {(place.topic, place.partition): place for place in snapshot.next_places}


async def latest_snapshot(
    log: Log, topic: Topic, code_digest: str, partition: int = 0, redo: bool = False
) -> tuple[Envelope, StateSnapshot] | None:
    """Return the last snapshot on a partition of `topic`; None without one.

    Raises RecoveryError where other code wrote it, unless the session is to be done again without it, and where the
    bytes are not those whose digest was taken.
    """
    found = await snapshot_at(log, topic, partition, await log.end(topic, partition) - 1)
    if found is None or found[1].code_digest == code_digest:
        return found
    if redo:
        return None
    raise RecoveryError(
        f"kernels or strategies have changed since the last record of {topic.name}: give --redo to do the session "
        "again from its beginning and compare, or go on with the code that began it"
    )


async def snapshot_at(log: Log, topic: Topic, partition: int, offset: int) -> tuple[Envelope, StateSnapshot] | None:
    """Return the snapshot at an offset of a partition of `topic`; None where there is none, as at -1.

    Raises RecoveryError where the bytes are not those whose digest was taken.
    """
    for record in await log.read(topic, partition, offset, 1) if offset >= 0 else []:
        envelope = decode(record)
        data = envelope.data
        if not isinstance(data, StateSnapshot):
            raise RecoveryError(f"{topic.name} offset {record.offset} is no snapshot: restore the log")
        if data.state_digest != digest_of(data.arrays):
            raise RecoveryError(f"the snapshot at {topic.name} offset {record.offset} was altered: restore the log")
        return envelope, data
    return None
