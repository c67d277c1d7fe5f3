"""The signals stage of one process: its share of the partitions, which changes as other processes come and go."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence

from alpha_panda.errors import FencedError
from alpha_panda.live.messages import StageReport
from alpha_panda.live.observer import SIGNALS
from alpha_panda.live.stages import REPORT_EVERY_S, Colleagues

Work = Callable[[int, asyncio.Event], Coroutine[None, None, None]]
"""Works on one partition until the event is set and all is read; FencedError where another process takes it over."""


class Share:
    """Begins work on partitions as they fall to this process, and ends it as they fall to others."""

    def __init__(self, partitions: int, holder: str, colleagues: Colleagues, alone: bool, work: Work) -> None:
        self.done = set[int]()  # partitions whose input has come to its end here
        self._partitions = partitions
        self._holder = holder
        self._colleagues = colleagues
        self._alone = alone
        self._work = work
        self._tasks: dict[int, asyncio.Task[bool]] = {}
        self._enough: dict[int, asyncio.Event] = {}

    @property
    def partitions(self) -> list[int]:
        """The partitions that this process works on, or has brought to their end."""
        return sorted({*self._tasks, *self.done})

    async def run(self, finished: asyncio.Event, stop: asyncio.Event) -> None:
        """Work until `finished` is set and no partition is left that nobody works on, or `stop` is set."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while not self._over(finished, stop):
                    self._share_out(finished, tasks)
                    await self._something(finished)
                    self._settle(finished)
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    def _share_out(self, finished: asyncio.Event, tasks: asyncio.TaskGroup) -> None:
        """Begin work on what has become this process's, and end it on what has not."""
        others = [] if self._alone else self._colleagues.at_work(SIGNALS)
        mine = set(shared_out(self._partitions, self._holder, others))
        taken = {each for report in others for each in report.partitions}
        for partition in sorted(mine - taken - self._tasks.keys() - self.done):
            self._enough[partition] = asyncio.Event()
            self._tasks[partition] = tasks.create_task(self._unless_fenced(partition))
        for partition, enough in self._enough.items():
            if finished.is_set() or partition not in mine:
                enough.set()

    def _over(self, finished: asyncio.Event, stop: asyncio.Event) -> bool:
        if self._tasks or not finished.is_set():
            return False
        elsewhere = {each for report in self._colleagues.at_work(SIGNALS) for each in report.partitions}
        everywhere = self.done | elsewhere | self._colleagues.ended_partitions(SIGNALS)
        return stop.is_set() or everywhere >= set(range(self._partitions))

    async def _something(self, finished: asyncio.Event) -> None:
        """Wait until a task has ended, a colleague has said something, or the input has ended, and not for long."""
        waits = [*self._tasks.values(), asyncio.ensure_future(self._colleagues.heard(REPORT_EVERY_S))]
        if not finished.is_set():
            waits.append(asyncio.ensure_future(_set(finished)))
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits[len(self._tasks) :]:
            wait.cancel()

    def _settle(self, finished: asyncio.Event) -> None:
        """Take note of the tasks that have ended: read to the end, given away, or taken over by another process."""
        for partition, task in [*self._tasks.items()]:
            if task.done():
                del self._tasks[partition], self._enough[partition]
                if finished.is_set() and task.result():
                    self.done.add(partition)

    async def _unless_fenced(self, partition: int) -> bool:
        """Work on a partition; return False where another process has taken it over."""
        try:
            await self._work(partition, self._enough[partition])
        except FencedError:
            return False
        return True


async def _set(event: asyncio.Event) -> None:
    await event.wait()


def shared_out(partitions: int, holder: str, others: Sequence[StageReport]) -> list[int]:
    """Return the partitions that are this process's share, beside the others that work on the stage."""
    everybody = sorted({holder, *(report.holder for report in others)})
    return [each for each in range(partitions) if everybody[each % len(everybody)] == holder]
