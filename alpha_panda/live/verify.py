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

from alpha_panda.chain import snapshot_bytes
from alpha_panda.errors import EventError, ParityError, RecoveryError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import EVENT, Records
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.build import open_log
from alpha_panda.live.envelope import decode
from alpha_panda.live.intake import Gate
from alpha_panda.live.journal import replay_account, replay_signals
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import JournalEntry
from alpha_panda.live.payloads import events_of, frame_in
from alpha_panda.live.session import Blueprint, blueprint_of, read_session
from alpha_panda.live.signals import SignalsEngine
from alpha_panda.live.snapshots import digest_of
from alpha_panda.live.streams import Recording
from alpha_panda.live.topics import market_ticks

_BLOCK = 4096
_FRAMES = 32


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
        session = await read_session(log)
        if session is None:
            raise RecoveryError(f"no session has begun in {state}: name the state directory of one that has")
        blueprint = blueprint_of(session, folders)
        backtest = _Backtest(blueprint)
        comparisons: dict[str, Callable[[], Awaitable[str]]] = {
            "signals": lambda: _compare_signals(log, SignalsEngine(blueprint)),
            "journal": lambda: _compare_journal(log, AccountEngine(blueprint)),
            "backtest": lambda: backtest.compare(log),
        }
        frames = await _check_ticks(log, blueprint.universe)
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


async def _check_ticks(log: Log, universe: Universe) -> int:
    """Return how many frames of ticks there are; EventError for one that may not reach a kernel."""
    gate, frames = Gate(universe), Recording(log, market_ticks(), 0, _FRAMES)
    while record := await frames.next():
        _, refusals = gate.admit(events_of(frame_in(record)[1]))
        for refusal in refusals:
            raise EventError(f"{record.topic} offset {record.offset} holds what may not be on it: {refusal.reason}")
    return frames.offset


async def _compare_signals(log: Log, engine: SignalsEngine) -> str:
    await replay_signals(log, engine)
    return f"{engine.next_message:,} messages of {engine.next_frame:,} frames"


async def _compare_journal(log: Log, engine: AccountEngine) -> str:
    await replay_account(log, engine)
    messages = sum(engine.next_offsets.values()) - engine.steps
    return f"{messages:,} messages and {engine.steps:,} states"


class _Backtest:
    """The chain over the recorded ticks, without log, frames, signals on paper or journal."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._journal = blueprint.topics.journal
        self._signals = blueprint.signal_stage()
        self._account = blueprint.account_stage()
        self.events = 0

    @property
    def ledger_hash(self) -> str:
        """The hash of the account as it ends here."""
        return self._account.ledger_hash()

    async def compare(self, log: Log) -> str:
        """Pass the ticks that the account applied; ParityError where its state on the log is another."""
        end = await log.end(self._journal, 0)
        records = await log.read(self._journal, 0, end - 1, 1) if end else []
        entry = decode(records[0]).data if records else None
        if not isinstance(entry, JournalEntry):
            return "nothing, since no step was journaled"
        await self._pass(log, entry.inputs[0].stop)
        ours = digest_of(snapshot_bytes(self._account.arrays()))
        if ours != entry.state_digest:
            raise ParityError(f"the account ends in state {entry.state_digest} on the log and in {ours} in the replay")
        return f"the account after {self.events:,} events"

    async def _pass(self, log: Log, stop: int) -> None:
        """Pass the frames before `stop` in blocks whose ends are not theirs."""
        frames = Recording(log, market_ticks(), 0, _FRAMES)
        left = np.zeros(0, EVENT)
        while frames.offset < stop and (record := await frames.next()):
            left = np.concatenate([left, events_of(frame_in(record)[1])])
            while len(left) >= _BLOCK:
                self._advance(left[:_BLOCK].copy())
                left = left[_BLOCK:]
        self._advance(left)

    def _advance(self, events: Records) -> None:
        self.events += len(events)
        self._account.advance(events, self._signals.advance(events))
