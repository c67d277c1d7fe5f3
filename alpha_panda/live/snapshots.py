"""What a stage remembers, as bytes that say of themselves whether they are whole.

With thousands of instruments these are tens of megabytes, most of them zeros. They are hashed and compressed in a
thread and written while the stage goes on, since nothing waits for a snapshot: without it, recovery does more again.
"""

import asyncio
import contextlib
import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import msgspec

from alpha_panda.errors import RecoveryError
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.log.base import Log, NewRecord
from alpha_panda.live.messages import Place, StateSnapshot
from alpha_panda.live.routing import new_record
from alpha_panda.live.session import Blueprint
from alpha_panda.live.topics import Topic
from alpha_panda.units import MINUTE_NS

SNAPSHOT_EVERY_NS = 5 * MINUTE_NS
"""How far apart snapshots lie in the market's time: so much at most is computed again after a crash."""


_LEVEL = 1  # of zlib: four times as fast as its default, and zeros vanish all the same


class Snapshots:
    """Writes the snapshots of one stage, each after the one before, as long as it is entered; it leaves none half."""

    def __init__(self, log: Log, topic: Topic, partition: int = 0) -> None:
        self._log = log
        self._topic = topic
        self._partition = partition
        self._writing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writing is None:
            return
        if error is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        else:
            await self._writing

    async def write(self, make: Callable[[], Envelope]) -> None:
        """Begin to write what `make` makes of bytes that do not change any more; LogError where the last one failed."""
        if self._writing is not None:
            await self._writing
        self._writing = asyncio.create_task(self._write(make))

    async def _write(self, make: Callable[[], Envelope]) -> None:
        def record() -> NewRecord:
            return new_record(self._topic, packed(make()), self._partition)

        await self._log.append([await asyncio.to_thread(record)])


def packed(message: Envelope) -> Envelope:
    """Return a message that carries a snapshot with the snapshot's bytes compressed."""
    snapshot = message.data
    assert isinstance(snapshot, StateSnapshot)
    arrays = {name: zlib.compress(content, _LEVEL) for name, content in snapshot.arrays.items()}
    return msgspec.structs.replace(message, data=msgspec.structs.replace(snapshot, arrays=arrays, packed=True))


def unpacked(snapshot: StateSnapshot) -> StateSnapshot:
    """Return a snapshot with its bytes as the stage had them; zlib.error where they were damaged since."""
    if not snapshot.packed:
        return snapshot
    arrays = {name: zlib.decompress(content) for name, content in snapshot.arrays.items()}
    return msgspec.structs.replace(snapshot, arrays=arrays, packed=False)


def snapshot_maker(
    blueprint: Blueprint, arrays: Mapping[str, bytes], places: Sequence[Place], *, source: str, index: int, time_ns: int
) -> Callable[[], Envelope]:
    """Return what makes the `index`-th snapshot that `source` takes, of bytes that do not change any more."""

    def make() -> Envelope:
        data = StateSnapshot(blueprint.code_digest, digest_of(arrays), tuple(places), dict(arrays))
        return blueprint.begin(data, source=source, index=index, time_ns=time_ns)

    return make


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
        with contextlib.suppress(zlib.error):
            plain = unpacked(data)
            if plain.state_digest == digest_of(plain.arrays):
                return envelope, plain
        raise RecoveryError(f"the snapshot at {topic.name} offset {record.offset} was altered: restore the log")
    return None
