"""Proving what a recorded session did, at three levels of parity, from its log alone.

    signals    the strategies over the recorded ticks say, byte for byte, the signals on the log
    journal    the account over the journal's inputs makes the messages on the log, and the same state after every step
    backtest   a plain replay of all the ticks, in blocks of its own, ends with the account that the session had

Each level can be wrong alone: a signal that was dropped breaks the first, a fill that was altered the second, a stage
that depends on how events were cut into frames only the third.
"""

import asyncio
import dataclasses
import pathlib
from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from alpha_panda.errors import EventError, ParityError, RecoveryError
from alpha_panda.kernels.records import EVENT
from alpha_panda.live.account import AccountEngine, Commands
from alpha_panda.live.arrivals import Arrival, Arrivals
from alpha_panda.live.build import open_log
from alpha_panda.live.digests import StateDigest
from alpha_panda.live.intake import Gate
from alpha_panda.live.journal import AccountReplay, SignalsReplay, commands_in
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import JournalEntry
from alpha_panda.live.session import Blueprint, begun, blueprint_of, read_session
from alpha_panda.live.signals import SignalsEngine
from alpha_panda.live.streams import Entry, Recording
from alpha_panda.live.topics import CONTROL

_BLOCK = 4096


@dataclasses.dataclass(frozen=True)
class Level:
    """One level of parity: what was compared, and the first difference, empty where there is none."""

    name: str
    compared: str
    difference: str

    @property
    def holds(self) -> bool:
        """Whether the two agree to the byte."""
        return not self.difference


@dataclasses.dataclass(frozen=True)
class VerifyReport:
    """What a proof of a session found; `ledger_hash` is that of the plain replay."""

    state: pathlib.Path
    levels: tuple[Level, ...]
    frames: int
    events: int  # that the plain replay passed
    ledger_hash: str

    @property
    def holds(self) -> bool:
        """Whether every level holds."""
        return all(level.holds for level in self.levels)


def verify(state: pathlib.Path, folders: Sequence[pathlib.Path] = ()) -> VerifyReport:
    """Prove the session in `state`, which may be running; strategies are those of `folders` and of ./strategies.

    Raises CorruptRecordError where the log itself is damaged, EventError where its ticks break the rules of the chain,
    RecoveryError where no session has begun.
    """
    return asyncio.run(_verify(state, folders))


async def _verify(state: pathlib.Path, folders: Sequence[pathlib.Path]) -> VerifyReport:
    async with open_log(state, read_only=True) as log:
        session = begun(await read_session(log), state)
        blueprint = blueprint_of(session, folders)
        backtest = _Backtest(blueprint)
        comparisons: dict[str, Callable[[], Awaitable[str]]] = {
            "signals": lambda: _compare_signals(log, blueprint),
            "journal": lambda: _compare_journal(log, blueprint),
            "backtest": lambda: backtest.compare(log),
        }
        frames = await _check_ticks(log, blueprint)
        changed = session.code_digest != blueprint.code_digest
        levels = [await _level(name, compare, changed) for name, compare in comparisons.items()]
        return VerifyReport(state, tuple(levels), frames, backtest.events, backtest.ledger_hash)


async def _level(name: str, compare: Callable[[], Awaitable[str]], changed: bool) -> Level:
    """Return how a comparison ended; a log that tells no consistent story is a difference as well."""
    try:
        return Level(name, await compare(), "")
    except (ParityError, RecoveryError) as error:
        why = " (kernels, strategies or their terms have changed since the session began)" if changed else ""
        return Level(name, "", f"{error}{why}")


async def _check_ticks(log: Log, blueprint: Blueprint) -> int:
    """Return how many frames of ticks there are; EventError for one that may not reach a kernel."""
    gate, arrivals, frames = Gate(blueprint.universe), Arrivals(log, blueprint.ticks), 0
    while arrival := await arrivals.next():
        frames += len(arrival.entries)
        _, refusals = gate.admit(arrival.events())
        for refusal in refusals:
            where = f"{blueprint.ticks.name} sequence {arrival.sequence}"
            raise EventError(f"{where} holds what may not be on it: {refusal.reason}")
    return frames


async def _compare_signals(log: Log, blueprint: Blueprint) -> str:
    messages = frames = 0
    for partition in range(blueprint.partitions):
        replay = SignalsReplay(log, SignalsEngine(blueprint, partition), {})
        await replay.run()
        messages += replay.engine.next_message - len(replay.raw.owed)
        frames += replay.engine.next_frame
    return f"{messages:,} messages of {frames:,} frames"


async def _compare_journal(log: Log, blueprint: Blueprint) -> str:
    replay = AccountReplay(log, AccountEngine(blueprint), {})
    await replay.run()
    engine, owed = replay.engine, len(replay.owed)
    messages = sum(engine.next_sequences.values()) - engine.steps - owed
    untold = f"; {owed:,} of the last step are not written, which starting the session again will do" if owed else ""
    return f"{messages:,} messages and {engine.steps:,} states{untold}"


class _Backtest:
    """The chain over the recorded ticks, without log, frames, signals on paper or journal."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        self._signals = blueprint.signal_stage()
        self._account = blueprint.account_stage()
        self._commands = Commands(blueprint)
        self._left = np.zeros(0, EVENT)
        self._time_ns = 0
        self.events = 0

    @property
    def ledger_hash(self) -> str:
        """The hash of the account as it ends here."""
        return self._account.ledger_hash()

    async def compare(self, log: Log) -> str:
        """Pass the ticks that the account applied; ParityError where its state on the log is another."""
        journal, arrivals = Recording(log, self._blueprint.topics.journal), Arrivals(log, self._blueprint.ticks)
        last: JournalEntry | None = None
        while (entry := await journal.next()) and isinstance(entry.message.data, JournalEntry):
            last = entry.message.data
            first = last.inputs[0]
            if first.topic == CONTROL.name:
                self._pass(len(self._left))
                for command in await commands_in(log, first):
                    self._obey(command)
            for _ in range(first.stop - first.start if first.topic == self._blueprint.ticks.name else 0):
                await self._take(await arrivals.next())
        if last is None:
            return "nothing, since no step was journaled"
        self._pass(len(self._left))
        ours = StateDigest(self._account.arrays()).like(last.state_digest)
        if ours != last.state_digest:
            raise ParityError(f"the account ends in state {last.state_digest} on the log and in {ours} in the replay")
        return f"the account after {self.events:,} events"

    async def _take(self, arrival: Arrival | None) -> None:
        """Pass events in blocks whose ends are not those of what arrived."""
        if arrival is None:
            raise ParityError("the journal names ticks that the log does not hold")
        self._left = np.concatenate([self._left, arrival.events()])
        while len(self._left) >= _BLOCK:
            self._pass(_BLOCK)

    def _pass(self, count: int) -> None:
        if count == 0:
            return
        events, self._left = self._left[:count].copy(), self._left[count:]
        self.events += count
        self._time_ns = int(events["time_ns"][-1])
        self._account.advance(events, self._signals.advance(events))

    def _obey(self, entry: Entry) -> None:
        if command := self._commands.take(entry):
            self._account.command(command.command, command.argument, self._time_ns)
