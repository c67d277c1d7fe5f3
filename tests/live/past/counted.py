"""A log that counts what is read from it."""

from alpha_panda.live.log.base import Log, Record
from alpha_panda.live.topics import Topic
from tests.live.forwarding import ForwardingLog


class CountingLog(ForwardingLog):
    """Hands everything on, and counts the records that were read."""

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        self.records = 0

    async def read(self, topic: Topic, partition: int, offset: int, limit: int) -> list[Record]:
        records = await self._log.read(topic, partition, offset, limit)
        self.records += len(records)
        return records
