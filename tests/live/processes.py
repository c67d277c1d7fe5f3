"""Sessions whose stages are real processes: started on real servers, killed, paused, stopped, and heard of."""

import asyncio
import contextlib
import itertools
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

import pytest

from alpha_panda.config import load_profile
from alpha_panda.errors import LogError
from alpha_panda.live.build import KAFKA, REDIS_URL
from alpha_panda.live.log.base import Log
from alpha_panda.live.log.kafka import KafkaLog
from alpha_panda.live.log.kafka_topics import KafkaTopics
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Place, StageReport
from alpha_panda.live.observer import ACCOUNT, FEED, PORTFOLIO, SIGNALS
from alpha_panda.live.past.rebuild import RebuildReport, check
from alpha_panda.live.past.verify import VerifyReport, verify
from alpha_panda.live.pipeline import STAGES
from alpha_panda.live.streams import Reader
from alpha_panda.live.topics import STAGES as REPORTS
from alpha_panda.live.topics import Topic, topics_of_session
from tests.live.trading import PAPER_TOML, ROOT, SYMBOLS

PATIENCE_S = 90.0
"""How long a test waits for what must happen, on a machine that has much else to do."""

COMPANIES = ("--instruments", ",".join(SYMBOLS))
"""What makes the feed the day of the two companies of `trading.market`."""

Answer = TypeVar("Answer")

_LOOK_EVERY_S = 0.02
_numbers = itertools.count(1)


class Process:
    """One process of a session, and all that it says."""

    def __init__(self, stages: str, command: Sequence[str], environment: dict[str, str], said: pathlib.Path) -> None:
        self.stages = stages
        self._output, self._complaint = said.with_suffix(".out"), said.with_suffix(".err")
        with self._output.open("wb") as output, self._complaint.open("wb") as complaint:
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=complaint)

    @property
    def holder(self) -> str:
        """Who it is in reports and leases."""
        return f"process {self._process.pid} on {socket.gethostname()}"

    @property
    def exit_code(self) -> int | None:
        """How it ended, minus the signal where one ended it; None as long as it runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """What it wrote to stdout."""
        return self._output.read_text()

    @property
    def complaint(self) -> str:
        """What it wrote to stderr."""
        return self._complaint.read_text()

    @property
    def summary(self) -> dict[str, Any]:
        """The summary that it ended with, as JSON."""
        return json.loads(self.output)

    def kill(self) -> None:
        """End it at once; return when it is gone."""
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Stop it in its tracks, as a machine does that hangs."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after a pause."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end in good order."""
        self._process.send_signal(signal.SIGTERM)

    async def ended(self, patience_s: float = PATIENCE_S) -> int:
        """Return its exit code once it has ended; fail with what it said where it does not."""
        patience_end = time.monotonic() + patience_s
        while self.exit_code is None:
            assert time.monotonic() < patience_end, f"still running after {patience_s:.0f} s: {self}"
            await asyncio.sleep(_LOOK_EVERY_S)
        return self.exit_code

    def __str__(self) -> str:
        return f"{self.stages} ({self.holder}, exit code {self.exit_code}) said:\n{self.output}{self.complaint}"


class Deployment:
    """One session and the processes that work on it, on a Kafka and a Redis that run; without a Kafka, embedded."""

    def __init__(
        self,
        folder: pathlib.Path,
        kafka: str = "",
        redis_url: str = "",
        *,
        partitions: int = 1,
        feed: Sequence[str] = COMPANIES,
        profile: pathlib.Path = PAPER_TOML,
    ) -> None:
        """Keep everything in `folder`; `feed` is what only a process with the feed is told."""
        self.name = f"session-{time.time_ns()}-{next(_numbers)}"
        self.state = folder / self.name
        self.kafka = kafka
        self.redis_url = redis_url
        self.partitions = partitions
        self.processes: list[Process] = []
        self._heard: list[StageReport] = []
        self._heard_to: Place | None = None
        self._feed = tuple(feed)
        self._said = folder / f"{self.name}-said"
        self._said.mkdir(parents=True)
        self._profile = self._said / "live" / "profile.toml"
        self._profile.parent.mkdir()
        self._profile.write_text(f"{profile.read_text()}\n[log]\npartitions = {partitions}\n")

    @property
    def topics(self) -> list[Topic]:
        """Every topic of the session."""
        return topics_of_session([load_profile(self._profile).account.broker], self.partitions)

    @property
    def environment(self) -> dict[str, str]:
        """What tells every process, and every command, where the log and the portfolio are."""
        named = {KAFKA: self.kafka, REDIS_URL: self.redis_url}
        return {name: value for name, value in named.items() if value}

    async def make_topics(self) -> None:
        """Make the session's topics on its broker, as an operator does before its first process starts."""
        async with KafkaTopics(self.kafka) as on_broker:
            await on_broker.create(self.name, self.topics)

    async def delete_topics(self) -> None:
        """Delete the session from the broker."""
        async with KafkaTopics(self.kafka) as on_broker:
            await on_broker.delete(self.name)

    def log(self) -> Log:
        """Return the session's log, to be entered and read."""
        if self.kafka:
            return KafkaLog(self.kafka, self.name, self.topics, read_only=True)
        return SqliteLog(self.state, read_only=True)

    async def proved(self) -> VerifyReport:
        """Return what `alpha-panda verify` finds."""
        return await self._asked(verify, self.state, [ROOT / "strategies"])

    async def portfolio(self) -> RebuildReport:
        """Return what `alpha-panda rebuild --check` finds."""
        return await self._asked(check, self.state, self.redis_url, lambda *_: None)

    async def _asked(self, command: Callable[..., Answer], *arguments: Any) -> Answer:
        """Return what a command answers that looks at the session, in a thread since it brings its own event loop."""
        with pytest.MonkeyPatch.context() as patch:
            for name in (KAFKA, REDIS_URL):
                patch.delenv(name, raising=False)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            return await asyncio.to_thread(command, *arguments)

    # ── Its processes ────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, stages: str = ",".join(STAGES), *, speed: float | None = None, more: Sequence[str] = ()) -> Process:
        """Start a process for some stages; without a `speed` its feed is as fast as it can be."""
        pace = "max" if speed is None else str(speed)
        told = (*self._feed, "--speed", pace) if FEED in stages.split(",") else ()
        where = (str(self._profile), "--stages", stages, "--state", str(self.state), "--json")
        command = [sys.executable, "-m", "alpha_panda.live", *where, *told, *more]
        others = {name: value for name, value in os.environ.items() if name not in (KAFKA, REDIS_URL)}
        said = self._said / f"{len(self.processes)}-{stages}"
        process = Process(stages, command, {**others, **self.environment}, said)
        self.processes.append(process)
        return process

    def start_apart(self, *, speed: float | None = None) -> dict[str, Process]:
        """Start every stage in a process of its own; return them by stage."""
        return {stage: self.start(stage, speed=speed) for stage in (FEED, SIGNALS, ACCOUNT, PORTFOLIO)}

    async def ended(self, *processes: Process) -> None:
        """Return once these processes, or all that run, have ended well; fail with what they said where one has not."""
        for process in processes or [each for each in self.processes if each.exit_code is None]:
            code = await process.ended()
            assert code == 0, str(process)

    def kill(self) -> None:
        """End every process that still runs."""
        for process in self.processes:
            if process.exit_code is None:
                process.kill()

    # ── What they report ─────────────────────────────────────────────────────────────────────────────────────────────

    async def reports(self) -> list[StageReport]:
        """Return everything that stages have said of themselves, in order; nothing where there is no log yet."""
        with contextlib.suppress(LogError):
            async with self.log() as log:
                reader = Reader(log, REPORTS, 0, self._heard_to)
                while entries := await reader.read():
                    told = [entry.message.data for entry in entries]
                    self._heard += [each for each in told if isinstance(each, StageReport)]
                    self._heard_to = reader.place
        return self._heard

    async def reported(self, wanted: Callable[[StageReport], bool], patience_s: float = PATIENCE_S) -> StageReport:
        """Return the first report that is wanted, once there is one; fail with what everybody said where none comes."""
        patience_end = time.monotonic() + patience_s
        while True:
            nobody = all(each.exit_code is not None for each in self.processes)
            for report in await self.reports():
                if wanted(report):
                    return report
            trouble = "everybody has ended" if nobody else f"nothing after {patience_s:.0f} s"
            waiting = not nobody and time.monotonic() < patience_end
            assert waiting, f"no such report, {trouble}:\n{self}"
            await asyncio.sleep(10 * _LOOK_EVERY_S)

    async def at_work(self, *processes: Process) -> None:
        """Return once every stage of these processes has said that it has recovered and works."""
        for process in processes:
            for stage in process.stages.split(","):
                await self.reported(
                    lambda report, process=process, stage=stage: (
                        (report.holder, report.stage, report.phase) == (process.holder, stage, "running")
                    )
                )

    def __str__(self) -> str:
        return "\n".join(map(str, self.processes))


@contextlib.asynccontextmanager
async def deployed(deployment: Deployment) -> AsyncIterator[Deployment]:
    """Make the topics of a session and, at the end, kill what runs and delete it from the broker, where it has one."""
    if deployment.kafka:
        await deployment.make_topics()
    try:
        yield deployment
    finally:
        deployment.kill()
        if deployment.kafka:
            await deployment.delete_topics()
