"""The signals stage of one process: its share of the partitions, which changes as other processes come and go."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from alpha_panda.errors import FencedError
from alpha_panda.live.messages import StageReport
from alpha_panda.live.observer import SIGNALS
from alpha_panda.live.stages import REPORT_EVERY_S, Colleagues

Work = Callable[[int, asyncio.Event], Coroutine[None, None, None]]
"""Works on one partition until the event is set and all is read; FencedError where another process takes it over."""

Idle = Callable[[bool], None]
"""Told that there is nothing to work on now, and whether this process's part has come to its end."""


class Share:
    """Begins work on partitions as they fall to this process, and ends it as they fall to others."""

    def __init__(
        self, partitions: int, holder: str, colleagues: Colleagues, alone: bool, work: Work, idle: Idle
    ) -> None:
        self.done = set[int]()  # partitions whose input has come to its end here
        self._partitions = partitions
        self._holder = holder
        self._colleagues = colleagues
        self._alone = alone
        self._work = work
        self._idle = idle
        self._tasks: dict[int, asyncio.Task[bool]] = {}
        self._enough: dict[int, asyncio.Event] = {}
        self._to_the_end = set[int]()  # of those, which were told so since the input has ended

    @property
    def partitions(self) -> list[int]:
        """The partitions that this process works on, or has brought to their end."""
        return sorted({*self._tasks, *self.done})

    async def run(self, finished: asyncio.Event, stop: asyncio.Event) -> None:
        """Work until `finished` is set and every partition is at its end, here or elsewhere, or `stop` is set."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while not self._over(finished, stop):
                    self._share_out(finished, tasks)
                    if not self._tasks:
                        self._idle(finished.is_set())
                    await self._something(finished)
                    self._settle()
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    def _share_out(self, finished: asyncio.Event, tasks: asyncio.TaskGroup) -> None:
        """Begin work on what has become this process's, and end it on what has not."""
        others = [] if self._alone else self._colleagues.at_work(SIGNALS)
        mine = set(shared_out(self._partitions, self._holder, others))
        taken = {each for report in others for each in report.partitions}
        ended = self._ended() if finished.is_set() else set[int]()
        for partition in sorted(mine - taken - ended - self._tasks.keys()):
            self._enough[partition] = asyncio.Event()
            self._tasks[partition] = tasks.create_task(self._unless_fenced(partition))
        for partition, enough in self._enough.items():
            if not enough.is_set() and (finished.is_set() or partition not in mine):
                enough.set()
                if finished.is_set():
                    self._to_the_end.add(partition)

    def _over(self, finished: asyncio.Event, stop: asyncio.Event) -> bool:
        """Return whether nothing is left to do; what a colleague works on is, for it may yet die of it."""
        if self._tasks or not finished.is_set():
            return False
        return stop.is_set() or self._ended() >= set(range(self._partitions))

    def _ended(self) -> set[int]:
        """Return the partitions that are at their end."""
        return self.done | self._colleagues.ended_partitions(SIGNALS)

    async def _something(self, finished: asyncio.Event) -> None:
        """Wait until a task has ended, a colleague has said something, or the input has ended, and not for long."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._colleagues.heard(REPORT_EVERY_S))]
        if not finished.is_set():
            waits.append(asyncio.ensure_future(finished.wait()))
        try:
            await asyncio.wait([*self._tasks.values(), *waits], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _settle(self) -> None:
        """Take note of the tasks that have ended: read to the end, given away, or taken over by another process."""
        for partition, task in [*self._tasks.items()]:
            if task.done():
                del self._tasks[partition], self._enough[partition]
                # Who gave a partition away before the input had ended has not seen its end.
                if task.result() and partition in self._to_the_end:
                    self.done.add(partition)
                self._to_the_end.discard(partition)

    async def _unless_fenced(self, partition: int) -> bool:
        """Work on a partition; return False where another process has taken it over."""
        try:
            await self._work(partition, self._enough[partition])
        except FencedError:
            return False
        return True


def shared_out(partitions: int, holder: str, others: Sequence[StageReport]) -> list[int]:
    """Return the partitions that are this process's share, beside the others that work on the stage."""
    everybody = sorted({holder, *(report.holder for report in others)})
    return [each for each in range(partitions) if everybody[each % len(everybody)] == holder]
