"""What a stage remembers, as bytes that say of themselves whether they are whole."""

import hashlib
from collections.abc import Mapping

from alpha_panda.errors import RecoveryError
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import StateSnapshot
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


async def latest_snapshot(log: Log, topic: Topic, code_digest: str) -> tuple[Envelope, StateSnapshot] | None:
    """Return the last snapshot on `topic` if the code with this digest wrote it; None without one.

    Raises RecoveryError where the bytes are not those whose digest was taken.
    """
    end = await log.end(topic, 0)
    records = await log.read(topic, 0, end - 1, 1) if end else []
    for record in records:
        envelope = decode(record)
        data = envelope.data
        if isinstance(data, StateSnapshot) and data.code_digest == code_digest:
            if data.state_digest != digest_of(data.arrays):
                raise RecoveryError(f"the snapshot at {topic.name} offset {record.offset} was altered: restore the log")
            return envelope, data
    return None
