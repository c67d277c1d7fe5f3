"""What may stand between a session and its log."""

from collections.abc import Callable, Sequence

from alpha_panda.live.log.base import Commit, Log, NewRecord
from tests.live.forwarding import ForwardingLog


class Relay(ForwardingLog):
    """A log behind something that now and then holds a record back, and puts another one in its place."""

    def __init__(self, log: Log, held: Callable[[NewRecord], bytes | None]) -> None:
        self.exclusive = log.exclusive
        self.held: list[NewRecord] = []
        super().__init__(log)
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
