"""A log that hands everything on to another, for those that differ from it in one thing."""

from collections.abc import Sequence

from alpha_panda.live.log.base import Commit, Log, NewRecord, Record
from alpha_panda.live.topics import Topic


class ForwardingLog(Log):
    """Does what another log does."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def append(self, batch: Sequence[NewRecord], commits: Sequence[Commit] = ()) -> list[int]:
        return await self._log.append(batch, commits)

    async def read(self, topic: Topic, partition: int, offset: int, limit: int) -> list[Record]:
        return await self._log.read(topic, partition, offset, limit)

    async def wait(self, topic: Topic, partition: int, offset: int, timeout_s: float) -> bool:
        return await self._log.wait(topic, partition, offset, timeout_s)

    async def end(self, topic: Topic, partition: int) -> int:
        return await self._log.end(topic, partition)

    async def committed(self, group: str, topic: Topic, partition: int) -> int:
        return await self._log.committed(group, topic, partition)

    async def close(self) -> None:
        await self._log.close()
