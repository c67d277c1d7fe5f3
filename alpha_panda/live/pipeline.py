"""The stages of a session, all in one process or apart, from recovery to the last record; they meet only in the log."""

import asyncio
import contextlib
import dataclasses
import itertools
import pathlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Sequence

from alpha_panda.chain import compile_kernels
from alpha_panda.errors import LogError
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.control.commands import Given, Spool, forward
from alpha_panda.live.control.following import Follower, obey_database
from alpha_panda.live.control.killswitch import LOOK_EVERY_S, KillSwitch
from alpha_panda.live.dead_letters import DeadLetters
from alpha_panda.live.feed.base import Feed
from alpha_panda.live.gathering import Gathering, run_account
from alpha_panda.live.intake import Intake
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import DeadLetter
from alpha_panda.live.observer import ACCOUNT, FEED, PORTFOLIO, SIGNALS
from alpha_panda.live.portfolio import Projection
from alpha_panda.live.recovery import begin_account, begin_signals
from alpha_panda.live.session import Blueprint
from alpha_panda.live.sharing import Share
from alpha_panda.live.signals import SignalsEngine, run_signals
from alpha_panda.live.stages import Colleagues, Reporter, Worker
from alpha_panda.live.status import RECOVERING, TRADING, WAITING, Status
from alpha_panda.live.store.base import Store
from alpha_panda.live.streams import Notice, Reader, missing_in
from alpha_panda.live.topics import CONTROL, Topic
from alpha_panda.live.watch.figures import account_figures
from alpha_panda.live.watch.latency import Latency

STAGES = (FEED, SIGNALS, ACCOUNT, PORTFOLIO)
"""The stages of a session, in the order in which events pass them."""

_TOLD_WITHIN_S = 2.0  # after a restart, until a database that does not answer is no longer waited for


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What is not the same in every run of a session: who runs it, on which clocks."""

    holder: str
    wall_ns: Callable[[], int]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parts:
    """What the stages of one process are given to work with."""

    log: Log
    state: pathlib.Path  # the session's folder, for what must work without the log
    status: Status
    stop: asyncio.Event
    surroundings: Surroundings
    feed: Feed | None = None  # where the feed is one of the stages
    store: Store | None = None  # where the portfolio is
    database: str = ""  # the URL of what operators set, where the account is one of the stages; empty for none
    redo: bool = False  # whether a session whose code has changed is done again from its beginning


async def run_session(blueprint: Blueprint, parts: Parts, stages: Sequence[str] = STAGES) -> AccountEngine | None:
    """Recover, then work until the feed ends or the process is stopped, and let every stage come to its input's end.

    Returns the account as it is on the log, where it is one of the stages. Raises RecoveryError where the session on
    the log cannot be resumed, FencedError where another process works on it.
    """
    parts.status.on_began(blueprint)
    # In a thread of its own, so that the screen shows what is waited for.
    await asyncio.to_thread(compile_kernels, blueprint.profile, blueprint.universe, blueprint.strategies)
    if parts.status.phase != WAITING:
        parts.status.phase = RECOVERING
    return await _Process(blueprint, parts, stages).run()


class _Process:
    """The stages of one process."""

    def __init__(self, blueprint: Blueprint, parts: Parts, stages: Sequence[str]) -> None:
        surroundings = parts.surroundings
        self._blueprint = blueprint
        self._parts = parts
        self._stages = stages
        self._log, self._status = parts.log, parts.status
        self._latency = Latency(surroundings.wall_ns, also=(parts.status,))
        self._colleagues = Colleagues(parts.log, surroundings.holder, surroundings.monotonic)
        self._reporter = Reporter(
            parts.log, blueprint.origin, surroundings.holder, surroundings.wall_ns, surroundings.sleep, parts.status
        )
        self._letters = DeadLetters(parts.log, blueprint.origin, self._on_letter, surroundings.sleep)
        self._finished = {stage: asyncio.Event() for stage in STAGES}
        self._recovered = {stage: asyncio.Event() for stage in STAGES}
        self._account: AccountEngine | None = None
        self._cut_short = False  # whether a stage of this process has failed

    async def run(self) -> AccountEngine | None:
        """Run every stage to its end."""
        await self._colleagues.begin(self._awaited())
        work = {FEED: self._feed, SIGNALS: self._signals, ACCOUNT: self._keep_account, PORTFOLIO: self._portfolio}
        try:
            async with asyncio.TaskGroup() as tasks:
                around = [tasks.create_task(each) for each in self._around()]
                stages = [tasks.create_task(self._to_its_end(stage, work[stage]())) for stage in self._stages]
                await asyncio.wait(stages)
                for task in around:
                    task.cancel()
        except BaseExceptionGroup as failures:
            # The first stage that failed stopped the others: its reason is the session's.
            raise failures.exceptions[0] from None
        return self._account

    def _around(self) -> Iterator[Coroutine[None, None, None]]:
        """Yield what goes on beside the stages of this process, and never ends by itself."""
        yield self._reporter.run()
        yield self._colleagues.listen()
        if ACCOUNT in self._stages:
            yield forward(Spool(self._parts.state), self._log, self._parts.surroundings.sleep)
        for stage in self._awaited():
            yield self._hear_the_end_of(stage)

    def _awaited(self) -> list[str]:
        """Return the stages of other processes whose end is that of the input of a stage here."""
        stages = self._stages
        return [stage for stage, after in itertools.pairwise(STAGES) if stage not in stages and after in stages]

    async def _hear_the_end_of(self, stage: str) -> None:
        """Let a stage of another process end this one's next, or the wish to stop."""
        partitions = self._blueprint.partitions if stage == SIGNALS else 1
        ended = asyncio.ensure_future(self._colleagues.wait_for_end(stage, partitions, self._finished[stage]))
        stopped = asyncio.ensure_future(self._parts.stop.wait())
        try:
            await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            stopped.cancel()
        self._finished[stage].set()

    async def _to_its_end(self, stage: str, work: Coroutine[None, None, None]) -> None:
        """Run a stage to its end, whatever that is, and say so to the next one.

        Where a stage fails all others are cancelled, but a client library may lose a cancellation: so nobody may be
        left waiting for a stage that is gone, nor say that it has come to the end of what there is.
        """
        try:
            await work
        except BaseException:
            self._cut_short = True
            raise
        finally:
            self._finished[stage].set()
            self._recovered[stage].set()

    @contextlib.asynccontextmanager
    async def _working(self, stage: str, partitions: Sequence[int]) -> AsyncGenerator[Worker]:
        """Report on a stage for as long as the context lasts, and how it came to its end."""
        worker = Worker(stage, partitions)
        worker.figures = lambda: {**self._latency.figures(stage), **self._status.figures(stage)}
        self._reporter.workers.append(worker)
        try:
            yield worker
        except Exception as error:
            worker.phase, worker.note = "failed", str(error)
            # Whoever looks on learns of it where the log still takes it.
            with contextlib.suppress(LogError):
                await self._reporter.report([worker])
            raise
        worker.phase = "stopped" if self._parts.stop.is_set() or self._cut_short else "ended"
        await self._reporter.report([worker])

    def _begins(self, worker: Worker, *epochs: tuple[int, int]) -> None:
        """Note that a stage has recovered and works from now on, with these epochs of the partitions it writes."""
        worker.phase = "running"
        if self._status.phase in (RECOVERING, WAITING):
            self._status.phase = TRADING
        self._recovered[worker.stage].set()
        self._status.on_stage_recovered(worker.stage)
        for partition, epoch in epochs:
            self._status.on_takeover(worker.stage, partition, epoch)

    async def _claim(self, stage: str, what: str) -> None:
        if not self._log.exclusive:
            await self._colleagues.claim(stage, what)

    def _notice(self, stage: str) -> Notice:
        return lambda record, reason: self._status.on_set_aside(stage, record, reason)

    def _on_letter(self, topic: Topic, letter: DeadLetter) -> None:
        self._status.on_dead_letter(topic.name, letter.reason)

    # ── The stages ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _feed(self) -> None:
        """Begin once the stages of this process are ready for what comes."""
        feed, blueprint = self._parts.feed, self._blueprint
        assert feed is not None
        await self._claim(FEED, "the feed of this session")
        for stage in set(self._stages) - {FEED, PORTFOLIO}:
            await self._recovered[stage].wait()
        surroundings = self._parts.surroundings
        intake = Intake(self._log, feed, blueprint, self._status, surroundings.monotonic)
        async with self._working(FEED, range(blueprint.partitions)) as worker:
            self._begins(worker, *await intake.begin(self._reporter.holder))
            watching = asyncio.create_task(intake.watch(surroundings.sleep))
            try:
                await intake.run(self._parts.stop)
            finally:
                watching.cancel()

    async def _signals(self) -> None:
        """Work on this process's share of the partitions, and take over those of others that die."""
        engines: dict[int, SignalsEngine] = {}
        readers: dict[int, Reader] = {}
        ticks = self._blueprint.ticks
        async with self._working(SIGNALS, ()) as worker:

            async def work(partition: int, enough: asyncio.Event) -> None:
                if worker.phase == "ended":
                    worker.phase = "recovering"
                engine, reader, raw = await begin_signals(
                    self._log, self._blueprint, partition, self._reporter.holder, self._parts.redo
                )
                reader.listen(self._notice(SIGNALS), self._letters)
                engines[partition], readers[partition] = engine, reader
                self._begins(worker, (partition, raw.epoch))
                await run_signals(
                    engine, self._log, reader, raw, enough, self._latency, self._parts.surroundings.monotonic
                )

            def idle(ended: bool) -> None:
                if worker.phase == "recovering":
                    self._begins(worker)
                worker.phase = "ended" if ended else "running"

            alone = self._log.exclusive
            share = Share(self._blueprint.partitions, self._reporter.holder, self._colleagues, alone, work, idle)
            worker.share = lambda: share.partitions
            worker.missing = lambda: missing_in(readers[each] for each in share.partitions if each in readers)
            worker.reads = lambda: [(ticks, engines[each].ticks_place) for each in share.partitions if each in engines]
            await share.run(self._finished[FEED], self._parts.stop)

    async def _keep_account(self) -> None:
        blueprint, status = self._blueprint, self._status
        await self._claim(ACCOUNT, f"the account {blueprint.broker}")
        async with self._working(ACCOUNT, (0,)) as worker:
            engine, journal = await begin_account(self._log, blueprint, self._reporter.holder, self._parts.redo)
            self._account = engine
            frames = await self._log.end(blueprint.ticks, 0)
            status.on_recovered(blueprint, engine.stage, frames, engine.next_frame, engine.next_frame)
            topics = {topic.name: topic for topic in (blueprint.ticks, blueprint.topics.signals_raw, CONTROL)}
            worker.reads = lambda: [(topics[place.topic], place) for place in engine.places.values()]
            others, said = worker.figures, blueprint.topics.pnl_snapshots.name
            worker.figures = lambda: {
                **account_figures(engine.stage, blueprint.names),
                "snapshots": float(engine.next_sequences[said]),  # from this sequence on they are later than this
                **others(),
            }
            self._begins(worker, (0, journal.epoch))
            switch = KillSwitch(self._parts.state, self._parts.surroundings.monotonic)
            gathering = Gathering(
                self._log, engine, self._finished[SIGNALS], switch, self._notice(ACCOUNT), self._letters
            )
            worker.missing = lambda: gathering.missing
            async with contextlib.aclosing(gathering), self._obeying_database(worker):
                await run_account(
                    engine, self._log, gathering, journal, self._latency, self._parts.surroundings.monotonic
                )

    @contextlib.asynccontextmanager
    async def _obeying_database(self, worker: Worker) -> AsyncGenerator[None]:
        """Pause and resume strategies as operators have it in the database, for as long as the context lasts."""
        if not self._parts.database:
            yield
            return

        def tell(note: str) -> None:
            self._status.exchange_note(worker.note, note)
            worker.note = note

        profile, spool, looked = self._blueprint.profile, Spool(self._parts.state), asyncio.Event()
        with contextlib.closing(Follower(self._parts.database)) as follower:
            obeying = asyncio.create_task(
                obey_database(follower, profile, Given(self._log), spool, tell, self._parts.surroundings.sleep, looked)
            )
            try:
                await self._until_told(looked, spool)
                yield
            finally:
                obeying.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await obeying

    async def _until_told(self, looked: asyncio.Event, spool: Spool) -> None:
        """Wait until what was switched while the session was down is on the log, before anything is traded.

        A database or a folder that does not answer holds the account up for a moment only.
        """
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_TOLD_WITHIN_S):
                await looked.wait()
                while spool.files():
                    await asyncio.sleep(LOOK_EVERY_S)

    async def _portfolio(self) -> None:
        store, blueprint = self._parts.store, self._blueprint
        assert store is not None
        async with self._working(PORTFOLIO, (0,)) as worker:
            sleep = self._parts.surroundings.sleep
            projection = Projection(self._log, store, blueprint.topics, self._status, worker, sleep)
            projection.listen(self._notice(PORTFOLIO), self._letters)
            self._begins(worker)
            await projection.run(self._finished[ACCOUNT])
