"""What may stand between a session and its log."""

from collections.abc import Callable, Sequence

from alpha_panda.live.log.base import Commit, Log, NewRecord, Record
from alpha_panda.live.topics import Topic


class Relay(Log):
    """A log behind something that now and then holds a record back, and puts another one in its place."""

    def __init__(self, log: Log, held: Callable[[NewRecord], bytes | None]) -> None:
        self.exclusive = log.exclusive
        self.held: list[NewRecord] = []
        self._log = log
        self._instead = held

    async def append(self, batch: Sequence[NewRecord], commits: Sequence[Commit] = ()) -> list[int]:
        sent: list[NewRecord] = []
        for record in batch:
            instead = self._instead(record)
            if instead is not None:
                self.held.append(record)
                record = NewRecord(record.topic, record.partition, record.key, instead)
            sent.append(record)
        return await self._log.append(sent, commits)

    async def release(self) -> int:
        """Append what was held back, the latest first, and return how many records that were."""
        held, self.held = self.held[::-1], []
        await self._log.append(held)
        return len(held)

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
