"""A person at the controls of a session that runs in another process: what was done, what was told, what came back."""

import asyncio
import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import Literal

from alpha_panda.errors import AlphaPandaError, ConfigurationError, LogError
from alpha_panda.live.control.commands import Given, Spool, check_command, command_message
from alpha_panda.live.control.killswitch import KillSwitch, Latch
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import AccountState, Control, PnlSnapshot
from alpha_panda.live.routing import new_record
from alpha_panda.live.session import begun, read_session
from alpha_panda.live.topics import CONTROL, BrokerTopics, Topic

ANSWERED_WITHIN_S = 5.0
TAKEN_UP_WITHIN_S = 2.0
"""How long a command may wait in the spool until no session is taken to run; one looks every tenth of a second."""

_TELL_WITHIN_S = 12.0
_LOOK_EVERY_S = 0.05
_RECORDS = 64
_HEARD_BEFORE = 256  # records: a command that waits may be carried out before anybody listens

Told = Literal["log", "spool", "nobody"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operator:
    """Who commands the session in `state`, and what they have for it."""

    state: pathlib.Path
    who: str
    time_ns: int  # when the command is given, by the machine's clock
    monotonic: Callable[[], float]
    open_log: Callable[[bool], Log]  # for reading only, or not; to be entered
    embedded: bool  # whether only the session itself can write its log
    key: str = ""  # under which the same command counts once, however often it is given; a kill is given each time
    correlation_id: str = ""  # of the request that the command came with


@dataclasses.dataclass(frozen=True)
class Receipt:
    """What became of a command."""

    command: str
    strategy: str
    who: str
    told: Told  # where the command stands: on the log, in the spool until a session takes it up, or nowhere
    account: AccountState | None  # how the account stood once it had carried it out; None where it did not say
    latch: Literal["", "engaged", "released"]
    trouble: str  # why the session could not be told, or what could not be read
    id: str  # of the command, wherever it stands
    repeated: bool  # whether it stood there already under the same key, and was not given again


async def give(operator: Operator, command: str, strategy: str, reason: str) -> Receipt:
    """Give a command to the session, wait some seconds for its account to carry it out, and return what became of it.

    A kill engages the latch before anything else and does not fail after that: what could not be told is in the
    receipt. A reset releases the latch first, for the account would heed it again.

    Raises ConfigurationError for what the session cannot carry out, RecoveryError where none has begun, LogError where
    it cannot be told.
    """
    # The kill of whoever engages the latch has the id that the latch owes, and one more never does harm.
    key = "" if command == "kill" else operator.key
    message = command_message(command, strategy, operator.who, reason, operator.time_ns, key, operator.correlation_id)
    errand = _Errand(operator, message)
    if command != "kill":
        await errand.run()
        return errand.receipt()
    check_command(command, strategy, ())
    errand.engage()
    try:
        await errand.run()
    except AlphaPandaError as error:
        errand.troubles.append(str(error))
    return errand.receipt()


class _Errand:
    """One command on its way to the session."""

    def __init__(self, operator: Operator, message: Envelope) -> None:
        assert isinstance(message.data, Control)
        self._operator = operator
        self._message = message
        self._command = message.data
        self._switch = KillSwitch(operator.state, operator.monotonic)
        self._latch_before = self._latch_now()
        self._waits: pathlib.Path | None = None
        self._told = self._repeated = False
        self._latch: Literal["", "engaged", "released"] = ""
        self._account: AccountState | None = None
        self.troubles: list[str] = []

    def engage(self) -> None:
        """Engage the latch, and let the command wait for the session where that needs no log.

        On a disk that takes nothing more, what remains is to tell the session.
        """
        try:
            self._switch.engage(self._command.who, self._command.reason, self._message.time_ns)
            self._latch = "engaged"
            if self._operator.embedded:
                self._waits = Spool(self._operator.state).put(self._message)
        except OSError as error:
            self.troubles.append(f"{self._operator.state} cannot be written: {error.strerror}")

    def receipt(self) -> Receipt:
        """Return what became of the command."""
        waits = self._waits is not None and self._waits.exists()
        told: Told = "spool" if waits else "log" if self._told or self._waits else "nobody"
        sent = self._command
        return Receipt(
            command=sent.command,
            strategy=sent.argument,
            who=sent.who,
            told=told,
            account=self._account,
            latch=self._latch,
            trouble="; ".join(self.troubles),
            id=self._message.id,
            repeated=self._repeated,
        )

    async def run(self) -> None:
        """Tell the session, and hear its account."""
        try:
            async with asyncio.timeout(_TELL_WITHIN_S), self._operator.open_log(self._operator.embedded) as log:
                broker, strategies = await _terms(log, self._operator.state)
                check_command(self._command.command, self._command.argument, strategies)
                answers = BrokerTopics.of(broker).pnl_snapshots
                heard = await log.end(answers, 0)
                await self._look_for_itself(log)
                if not self._has_told:
                    await self._tell(log)
                await self._hear(log, answers, max(heard - _HEARD_BEFORE, 0))
        except (AlphaPandaError, TimeoutError) as error:
            silent = f"the event log of {self._operator.state} does not answer: see whether it is up"
            trouble = silent if isinstance(error, TimeoutError) else str(error)
            if not self._has_told:
                raise LogError(trouble) if isinstance(error, TimeoutError) else error from None
            self.troubles.append(f"the session was told, and its answer cannot be read: {trouble}")

    @property
    def _has_told(self) -> bool:
        """Whether the command stands where the session finds it, so that nobody may say that it was refused."""
        return self._told or self._waits is not None

    async def _look_for_itself(self, log: Log) -> None:
        """See whether the command was given before under its key: a reset must not release another latch since."""
        if not self._operator.key or self._has_told:
            return
        # First in the spool: what is gone from there meanwhile stands on the log.
        waiting = [each for each in Spool(self._operator.state).files() if each.stem.endswith(self._message.id)]
        given = Given(log)
        await given.listen()
        self._waits, self._told = (waiting[0] if waiting else None), self._message.id in given.ids
        self._repeated = self._has_told

    async def _tell(self, log: Log) -> None:
        released = self._release() if self._command.command == "reset" else None
        try:
            if self._operator.embedded:
                self._waits = self._put()
            else:
                await log.append([new_record(CONTROL, self._message)])
                self._told = True
        except BaseException:
            if released is not None:
                self._switch.engage(released.who, released.reason, released.time_ns)
            raise
        if released is not None:
            self._latch = "released"

    def _put(self) -> pathlib.Path:
        try:
            return Spool(self._operator.state).put(self._message)
        except OSError as error:
            raise LogError(f"{self._operator.state} cannot be written: {error.strerror}") from error

    def _release(self) -> Latch | None:
        """Take the latch away for a reset; what somebody killed after that was given, it must not let trade again."""
        latch = self._latch_now()
        if latch != self._latch_before:
            who = latch.who if latch is not None else "somebody"
            raise ConfigurationError(
                f"{who} has changed the kill latch since this reset was given: look, and reset again"
            )
        return self._switch.release()

    def _latch_now(self) -> Latch | None:
        return KillSwitch(self._operator.state, self._operator.monotonic).engaged()

    async def _hear(self, log: Log, answers: Topic, offset: int) -> None:
        """Wait for the figures that the account says with every command, or until nobody can be expected to answer."""
        began_s = self._operator.monotonic()
        while (waited_s := self._operator.monotonic() - began_s) < ANSWERED_WITHIN_S:
            records = await log.read(answers, 0, offset, _RECORDS)
            for record in records:
                offset = record.offset + 1
                answer = decode(record)
                if answer.correlation_id == self._message.id and isinstance(answer.data, PnlSnapshot):
                    self._account = answer.data.state
                    return
            if self._waits is not None and waited_s > TAKEN_UP_WITHIN_S and self._waits.exists():
                return
            if not records:
                await log.wait(answers, 0, offset, _LOOK_EVERY_S)


async def _terms(log: Log, state: pathlib.Path) -> tuple[str, list[str]]:
    """Return the broker and the strategies of the session in `log`, which is kept in `state`."""
    session = begun(await read_session(log), state)
    profile = json.loads(session.profile)
    return profile["account"]["broker"], [terms["name"] for terms in profile["strategies"]]
