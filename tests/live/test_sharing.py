"""A process works on its share of the partitions, and on what others leave behind, until all are at their end."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from alpha_panda.live.messages import Phase, StageReport
from alpha_panda.live.sharing import Share, shared_out
from alpha_panda.live.stages import Colleagues
from tests.live.simulation.broker import Broker, Connection
from tests.live.simulation.loop import simulated


def report(holder: str, partitions: Sequence[int], phase: Phase = "running") -> StageReport:
    return StageReport("signals", tuple(partitions), holder, phase, 0, (), {})


class Told(Colleagues):
    """Colleagues of which is known what a test says."""

    def __init__(self, *reports: StageReport) -> None:
        super().__init__(Connection(Broker(0)), "me", asyncio.get_running_loop().time)
        self.reports = list(reports)

    def at_work(self, stage: str) -> list[StageReport]:
        return [report for report in self.reports if report.phase == "running"]

    def ended_partitions(self, stage: str) -> set[int]:
        return {each for report in self.reports if report.phase == "ended" for each in report.partitions}


class Trial:
    """A share of some partitions, and what it was told to work on."""

    def __init__(self, partitions: int, colleagues: Told, work: Callable[[], Awaitable[None]] | None = None) -> None:
        self.worked: list[int] = []
        self.idle: list[bool] = []
        self.finished = asyncio.Event()
        self.stop = asyncio.Event()
        self._also = work
        self.share = Share(partitions, "me", colleagues, False, self._work, self.idle.append)

    async def _work(self, partition: int, enough: asyncio.Event) -> None:
        await enough.wait()
        self.worked.append(partition)
        if self._also is not None:
            await self._also()

    async def run(self) -> None:
        await self.share.run(self.finished, self.stop)


def test_every_partition_is_the_share_of_one():
    others = [report("a", ()), report("z", ())]
    shares = [shared_out(5, holder, [each for each in others if each.holder != holder]) for holder in ("a", "z")]
    assert [*shares[0], *shares[1]] == [0, 2, 4, 1, 3]


def test_who_is_alone_works_on_all():
    async def trial() -> Trial:
        trial = Trial(3, Told())
        trial.finished.set()
        await trial.run()
        return trial

    done = simulated(trial())
    assert sorted(done.worked) == [0, 1, 2]
    assert done.share.partitions == [0, 1, 2]


def test_what_a_colleague_dies_of_is_worked_on_though_the_input_has_ended():
    async def trial() -> Trial:
        colleagues = Told(report("a", (0,)))
        asyncio.get_running_loop().call_later(5, colleagues.reports.clear)
        trial = Trial(1, colleagues)
        trial.finished.set()
        await trial.run()
        return trial

    assert simulated(trial()).worked == [0]


def test_what_a_colleague_has_brought_to_its_end_is_left_alone():
    async def trial() -> Trial:
        colleagues = Told(report("a", (0,)))

        def end() -> None:
            colleagues.reports[:] = [report("a", (0,), "ended")]

        asyncio.get_running_loop().call_later(5, end)
        trial = Trial(1, colleagues)
        trial.finished.set()
        await trial.run()
        return trial

    assert simulated(trial()).worked == []


def test_a_partition_that_was_given_away_before_the_input_ended_is_not_at_its_end():
    async def trial() -> Trial:
        colleagues = Told()

        async def ends_meanwhile() -> None:
            trial.finished.set()
            colleagues.reports.clear()

        trial = Trial(1, colleagues, ends_meanwhile)
        # It sorts before this process, so the partition becomes its share.
        asyncio.get_running_loop().call_later(5, colleagues.reports.append, report("a", ()))
        await trial.run()
        return trial

    assert simulated(trial()).worked == [0, 0]


def test_who_has_nothing_to_do_says_so_and_ends_when_stopped():
    async def trial() -> Trial:
        trial = Trial(1, Told(report("a", (0,))))
        loop = asyncio.get_running_loop()
        loop.call_later(3, trial.finished.set)
        loop.call_later(6, trial.stop.set)
        await trial.run()
        return trial

    done = simulated(trial())
    assert done.worked == []
    assert done.idle[0] is False
    assert done.idle[-1] is True
