"""Who works on what: every stage reports once a second, and whoever follows the reports knows the others.

The reports are a lease. A stage that has said nothing for some seconds is taken for dead, and what it worked on is
taken over. Being wrong about that is safe, since a partition has one writer whatever anybody believes (see `writing`);
it only costs a recovery.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from alpha_panda.errors import FencedError
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Commit, Log
from alpha_panda.live.messages import Phase, Place, StageReport
from alpha_panda.live.observer import Observer
from alpha_panda.live.routing import new_record
from alpha_panda.live.streams import Entry, Reader
from alpha_panda.live.topics import STAGES, Topic

REPORT_EVERY_S = 1.0
SILENT_S = 5.0
"""How long a stage may say nothing until others take over what it works on."""

_AT_WORK = ("recovering", "running", "waiting")
_KNOWN = 256
_SOURCE = "stages"

Sleep = Callable[[float], Awaitable[None]]


class Worker:
    """What one stage of this process says of itself; the stage keeps it up to date."""

    def __init__(self, stage: str, partitions: Sequence[int]) -> None:
        self.stage = stage
        self.share: Callable[[], Sequence[int]] = lambda: partitions
        self.phase: Phase = "recovering"
        self.reads: Callable[[], Sequence[tuple[Topic, Place]]] = tuple  # where it goes on reading
        self.missing: Callable[[], str] = str  # what it cannot go on without, and nobody has written
        self.figures: Callable[[], Mapping[str, float]] = dict
        self.note = ""


class Reporter:
    """Says for the stages of this process how they are."""

    def __init__(
        self, log: Log, origin: str, holder: str, wall_ns: Callable[[], int], sleep: Sleep, observer: Observer
    ) -> None:
        self.workers: list[Worker] = []
        self.holder = holder
        self._log = log
        self._origin = origin
        self._wall_ns = wall_ns
        self._sleep = sleep
        self._observer = observer

    async def run(self) -> None:
        """Report once a second, for as long as the process works."""
        while True:
            await self.report(self.workers)
            await self._sleep(REPORT_EVERY_S)

    async def report(self, workers: Sequence[Worker]) -> None:
        """Say how some stages are, how far they have read, and how much is left to read."""
        now_ns = self._wall_ns()
        reports: list[StageReport] = []
        commits: list[Commit] = []
        lags: list[tuple[str, str, int, int]] = []
        for worker in workers:
            reads = tuple(worker.reads())
            behind = [await self._log.end(topic, place.partition) - place.offset for topic, place in reads]
            reports.append(self._report(worker, now_ns, [place for _, place in reads], sum(behind)))
            for (topic, place), records in zip(reads, behind, strict=True):
                commits.append(Commit(worker.stage, topic, place.partition, place.offset))
                lags.append((worker.stage, topic.name, place.partition, records))
        await self._log.append([new_record(STAGES, self._message(report)) for report in reports], commits)
        for report in reports:
            self._observer.on_report(report)
        for lag in lags:
            self._observer.on_lag(*lag)

    def _message(self, report: StageReport) -> Envelope:
        source, now_ns = f"{_SOURCE}.{report.holder}.{report.stage}", report.reported_ns
        return Envelope.begin(report, origin=self._origin, source=source, index=now_ns, time_ns=now_ns)

    def _report(self, worker: Worker, now_ns: int, places: Sequence[Place], behind: int) -> StageReport:
        missing = worker.missing() if worker.phase == "running" else ""
        return StageReport(
            worker.stage,
            tuple(worker.share()),
            self.holder,
            "waiting" if missing else worker.phase,
            now_ns,
            tuple(places),
            {**worker.figures(), **({"lag": float(behind)} if places else {})},
            missing_note(missing, worker.stage) if missing else worker.note,
        )


def missing_note(missing: str, stage: str) -> str:
    """Return what a person should know of a stage that waits for a record."""
    return f"{missing}, and the {stage} stage waits for it: alpha-panda dlq replay puts it back"


class Colleagues:
    """What the stages of all processes last said, and when that was heard."""

    def __init__(self, log: Log, holder: str, monotonic: Callable[[], float]) -> None:
        self._log = log
        self._holder = holder
        self._monotonic = monotonic
        self._heard: dict[tuple[str, str], tuple[StageReport, float]] = {}
        self._news = asyncio.Event()
        self._reader: Reader | None = None

    async def listen(self) -> None:
        """Take in each report as it comes."""
        assert self._reader is not None
        while entries := await self._reader.next(asyncio.Event()):
            self._hear(entries)

    async def begin(self, awaited: Collection[str] = ()) -> None:
        """Take in the latest reports of the past, back to some of each stage whose end is `awaited`."""
        start = end = await self._log.end(STAGES, 0)
        while start > 0 and (start == end or not {stage for stage, _ in self._heard} >= set(awaited)):
            stop, start = start, max(start - _KNOWN, 0)
            later, self._heard = self._heard, {}
            await self._take_in(start, stop)
            for report, heard_s in later.values():
                self._note(report, heard_s)
        self._reader = Reader(self._log, STAGES, 0, Place(STAGES.name, 0, end, end))

    async def _take_in(self, start: int, stop: int) -> None:
        """Take in the reports between two offsets."""
        reader = Reader(self._log, STAGES, 0, Place(STAGES.name, 0, start, start))
        while reader.offset < stop and (entries := await reader.read(stop - reader.offset)):
            self._hear(entries)

    def _hear(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            report = entry.message.data
            if isinstance(report, StageReport):
                self._note(report, self._monotonic())
        self._news.set()

    def _note(self, report: StageReport, heard_s: float) -> None:
        """Take note of a report; what a stage said at its end is not taken back by what it said before."""
        known = self._heard.get((report.stage, report.holder))
        if known is None or known[0].phase in _AT_WORK or report.reported_ns >= known[0].reported_ns:
            self._heard[report.stage, report.holder] = (report, heard_s)

    async def heard(self, timeout_s: float) -> None:
        """Wait until there is news, but no longer than that."""
        self._news.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return

    def at_work(self, stage: str) -> list[StageReport]:
        """Return the reports of those that work on a stage, other than this process."""
        now_s = self._monotonic()
        return [
            report
            for (name, holder), (report, heard_s) in self._heard.items()
            if name == stage and holder != self._holder and report.phase in _AT_WORK and now_s - heard_s < SILENT_S
        ]

    def ended(self, stage: str, partitions: int) -> bool:
        """Return whether a stage has come to the end of everything, in all of its partitions."""
        return not self.at_work(stage) and self.ended_partitions(stage) >= set(range(partitions))

    def ended_partitions(self, stage: str) -> set[int]:
        """Return the partitions that some other process has brought to their end."""
        # What this one said before the log was away does not count: its last word would lack it.
        heard = [report for report, _ in self._heard.values() if report.stage == stage]
        reports = [report for report in heard if report.holder != self._holder]
        return {each for report in reports if report.phase == "ended" for each in report.partitions}

    async def wait_for_end(self, stage: str, partitions: int, finished: asyncio.Event) -> None:
        """Set `finished` once a stage of other processes has come to its end."""
        while not self.ended(stage, partitions):
            await self.heard(SILENT_S)
        finished.set()

    async def claim(self, stage: str, what: str) -> None:
        """Return once nobody else works on a stage; FencedError where somebody does.

        Who died has left a report behind as well: only one that comes in anew tells that its stage is alive.
        """
        began_s = self._monotonic()
        while others := self.at_work(stage):
            heard_s, holder = max((self._heard[stage, report.holder][1], report.holder) for report in others)
            if heard_s > began_s + REPORT_EVERY_S / 2:
                raise FencedError(f"{what} is worked on by {holder}, which said so a moment ago: stop that one first")
            await self.heard(SILENT_S)
