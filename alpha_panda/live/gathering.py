"""The account's stage: what has arrived is gathered into steps, each step applied, journaled, and then told.

The journal comes first. A step whose entry is on the log has happened, whatever becomes of the process: all that
follows from it can be made again. Only when the entry stands where it must is anything else written, so what a
replaced writer did is never seen outside.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from alpha_panda.live.account import AccountEngine, Step
from alpha_panda.live.arrivals import Arrival
from alpha_panda.live.control.commands import kill_owed
from alpha_panda.live.control.killswitch import LOOK_EVERY_S, KillSwitch
from alpha_panda.live.dead_letters import DeadLetters
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Control, Progress
from alpha_panda.live.observer import ACCOUNT, Inputs, Observer
from alpha_panda.live.routing import new_record, topic_of
from alpha_panda.live.snapshots import Snapshots
from alpha_panda.live.streams import Entry, Notice, Reader, missing_in
from alpha_panda.live.topics import CONTROL
from alpha_panda.live.writing import Writer

_MESSAGES = 128
_COMMANDS = 16


class Gathering:
    """What the account reads of each partition, and what of it waits for the other partitions."""

    def __init__(
        self,
        log: Log,
        engine: AccountEngine,
        finished: asyncio.Event,
        switch: KillSwitch,
        notice: Notice,
        letters: DeadLetters,
    ) -> None:
        ticks, raw = engine.blueprint.ticks, engine.blueprint.topics.signals_raw
        partitions = range(ticks.partitions)
        self._ticks = [Reader(log, ticks, each, engine.places[ticks.name, each]) for each in partitions]
        self._raw = [Reader(log, raw, each, engine.places[raw.name, each]) for each in partitions]
        self._control = Reader(log, CONTROL, 0, engine.places[CONTROL.name, 0])
        for reader in (*self._raw, self._control):
            reader.listen(notice, letters)
        self._waiting: list[list[Entry]] = [[] for _ in partitions]
        self._log = log
        self._engine = engine
        self._finished = finished
        self._switch = switch
        self._kill_id = ""
        self._caught_up = False  # with what was commanded before anything was traded
        self._trading: asyncio.Task[Step | None] | None = None
        self._listening: asyncio.Task[list[Entry]] | None = None

    @property
    def missing(self) -> str:
        """What a reader waits for that is not on the log, nothing where none does."""
        return missing_in((*self._ticks, *self._raw))

    async def next(self) -> Step | None:
        """Return the next step; None when the strategies will say no more.

        Commands do not wait for the market. Where the kill latch is engaged, the market waits for the kill.
        """
        while not self._caught_up:
            if commands := await self._control.read(_COMMANDS):
                return self._commanded(commands)
            self._caught_up = True
        while True:
            self._trading = self._trading or asyncio.create_task(self._arrivals())
            self._listening = self._listening or asyncio.create_task(self._control.next(asyncio.Event(), _COMMANDS))
            if owed := kill_owed(self._switch, self._engine.stage):
                await self._command(owed)
            waits = {self._listening} if owed else {self._listening, self._trading}
            await asyncio.wait(waits, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            if self._listening.done():
                listening, self._listening = self._listening, None
                return self._commanded(await listening)
            # Looked up once more: what the latch stops may have arrived while nothing did.
            if self._trading.done() and not kill_owed(self._switch, self._engine.stage):
                trading, self._trading = self._trading, None
                return await trading

    async def _command(self, kill: Envelope) -> None:
        """Put the kill of the latch on the log, for the account to carry it out like any other."""
        if kill.id != self._kill_id:
            await self._log.append([new_record(CONTROL, kill)])
            self._kill_id = kill.id

    def _commanded(self, commands: list[Entry]) -> Step:
        """Return the step of some commands; a kill among them that does not last will be given again."""
        if any(command.message.id == self._kill_id for command in commands):
            self._kill_id = ""
        return Step(commands=commands)

    async def aclose(self) -> None:
        """Wait for nothing any more."""
        tasks: list[asyncio.Task[Any]] = [task for task in (self._trading, self._listening) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _arrivals(self) -> Step | None:
        for waiting, reader in zip(self._waiting, self._raw, strict=True):
            while not _frames_told(waiting):
                if not (entries := await reader.next(self._finished, _MESSAGES)):
                    return None
                waiting += entries
        frames = min(map(_frames_told, self._waiting))
        said = [_taken(waiting, frames) for waiting in self._waiting]
        columns = [await reader.take(frames) for reader in self._ticks]
        return Step([Arrival(entries) for entries in zip(*columns, strict=True)], said)


def _frames_told(waiting: Sequence[Entry]) -> int:
    """Return of how many frames these tell that the strategies have finished them."""
    return sum(isinstance(each.message.data, Progress) for each in waiting)


def _taken(waiting: list[Entry], frames: int) -> list[Entry]:
    """Take what tells of the first so many frames out of what waits."""
    ends = [index for index, each in enumerate(waiting, 1) if isinstance(each.message.data, Progress)]
    taken, waiting[:] = waiting[: ends[frames - 1]], waiting[ends[frames - 1] :]
    return taken


async def run_account(
    engine: AccountEngine,
    log: Log,
    gathering: Gathering,
    journal: Writer,
    observer: Observer,
    monotonic: Callable[[], float],
) -> None:
    """Apply steps until there are no more."""
    topics = engine.blueprint.topics
    async with Snapshots(log, topics.snapshots) as snapshots:
        while step := await gathering.next():
            inputs = Inputs.of(monotonic(), (entry for entries in step.entries() for entry in entries))
            *said, entry = engine.apply(step)
            await journal.append([entry])
            stamped = [each.stamped(journal.epoch, each.sequence) for each in said]
            await log.append([new_record(topic_of(topics, each.data), each) for each in stamped])
            # A snapshot says that all before it is told, so it waits until that is true: an append may land in part.
            snapshot = engine.snapshot_if_due(entry.time_ns, journal.place)
            if snapshot is not None:
                await snapshots.write(snapshot)
                observer.on_snapshot(ACCOUNT)
            for command in step.commands:
                if isinstance(command.message.data, Control):
                    observer.on_command(command.message.data, command.message.time_ns)
            observer.on_step(engine.next_frame, engine.steps, [*said, entry], inputs)
