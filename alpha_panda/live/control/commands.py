"""Commands of people to an account: what may be commanded, and how a command comes to the `control` topic.

Many may command, so the topic has no single writer and no numbers: the order of the log is the order. An embedded log
can be written by its session alone; commands then wait in a folder beside it, a file each, until the session takes them
up. A command says the same thing however often it is appended, since the session knows it by its id.
"""

import contextlib
import pathlib
from collections.abc import Awaitable, Callable, Sequence

from alpha_panda.chain import COMMANDS, AccountStage
from alpha_panda.errors import ConfigurationError, CorruptRecordError
from alpha_panda.live.control.killswitch import KillSwitch
from alpha_panda.live.durable import remove_durably, write_durably
from alpha_panda.live.envelope import Envelope, decode, encode
from alpha_panda.live.log.base import Log, Record
from alpha_panda.live.messages import Control
from alpha_panda.live.routing import new_record
from alpha_panda.live.topics import CONTROL
from alpha_panda.strategy import did_you_mean

FORWARD_EVERY_S = 0.1

_SOURCE = "control"
_RECORDS = 512
_OF_ALL = ("kill",)  # these are of the whole account
_OF_OPENING = ("pause", "flatten", "resume")


def check_command(command: str, strategy: str, strategies: Sequence[str]) -> None:
    """Refuse what no account of these strategies can carry out; ConfigurationError says what can."""
    if command not in COMMANDS:
        raise ConfigurationError(f"no command {command}{did_you_mean(command, COMMANDS)}; there are {_list(COMMANDS)}")
    if strategy and command in _OF_ALL:
        raise ConfigurationError(f"a {command} is of the whole account: pause {strategy} instead, or leave it out")
    if strategy and strategy not in strategies:
        known = did_you_mean(strategy, strategies)
        raise ConfigurationError(f"the session has no strategy {strategy}{known}; it has {_list(strategies)}")


def _list(names: Sequence[str] | dict[str, int]) -> str:
    return ", ".join(sorted(names))


def command_message(
    command: str, strategy: str, who: str, reason: str, time_ns: int, key: str = "", correlation_id: str = ""
) -> Envelope:
    """Return the message that carries a command, of a request with `correlation_id` where there was one.

    The same person's same command has the same id at the same time, and under the same `key` at any time: so whoever
    does not know what became of it can give it again, and the account carries it out once.
    """
    data = Control(command, strategy, who, reason, correlation_id)
    origin, index = ((who, command, strategy, key), 0) if key else ((who, command, strategy), time_ns)
    return Envelope.begin(data, origin="\0".join(origin), source=_SOURCE, index=index, time_ns=time_ns)


def kill_owed(switch: KillSwitch, stage: AccountStage) -> Envelope | None:
    """Return the kill that the latch asks for and the account has not carried out; None where there is none.

    Until it is carried out nothing may be traded. It has the id of the kill of whoever engaged the latch, so that the
    two are one.
    """
    latch = switch.engaged()
    if latch is None or stage.account["killed"] == 1:
        return None
    return command_message("kill", "", latch.who, latch.reason, latch.time_ns)


class Spool:
    """The commands that wait for the session in `folder`, oldest first."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder / "control"

    def put(self, message: Envelope) -> pathlib.Path:
        """Let a command wait, flushed to the disk; return its file, which is gone once the session has taken it up."""
        path = self._folder / f"{message.time_ns:020d}-{message.id}.command"
        write_durably(path, encode(message))
        return path

    def files(self) -> list[pathlib.Path]:
        """Return the files of the commands that wait, oldest first."""
        return sorted(self._folder.glob("*.command"))

    def waiting(self) -> list[tuple[pathlib.Path, Envelope]]:
        """Return the commands that wait, each with its file; what is no command is renamed and left there."""
        found: list[tuple[pathlib.Path, Envelope]] = []
        for path in self.files():
            record = Record(CONTROL.name, 0, 0, b"", path.read_bytes())
            try:
                found.append((path, decode(record)))
            except CorruptRecordError:
                path.replace(path.with_suffix(".unreadable"))
        return found

    def take(self, path: pathlib.Path) -> None:
        """Remove a command that is on the log."""
        remove_durably(path)


async def forward(spool: Spool, log: Log, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Put what waits in the spool on the control topic, each once, for as long as the session runs.

    Where the folder cannot be read or written, commands wait on, which whoever gave them is told; trading goes on.
    """
    given = Given(log)
    await given.listen()
    known = given.ids
    while True:
        with contextlib.suppress(OSError):
            for path, message in spool.waiting():
                # A process may have died between the append and this.
                if message.id not in known:
                    await log.append([new_record(CONTROL, message)])
                    known.add(message.id)
                spool.take(path)
        await sleep(FORWARD_EVERY_S)


class Given:
    """The commands that were given: all on the log, by their ids, and the last that lets each strategy open or not."""

    def __init__(self, log: Log) -> None:
        self.ids: set[str] = set()
        self.last: dict[str, str] = {}  # the id of each strategy's last pause, flatten or resume
        self._log = log
        self._offset = 0

    async def listen(self) -> None:
        """Take in what came to stand on the log since the last time."""
        while records := await self._log.read(CONTROL, 0, self._offset, _RECORDS):
            self._offset = records[-1].offset + 1
            for record in records:
                try:
                    self._note(decode(record))
                except CorruptRecordError:
                    continue  # whoever reads the topic for the account writes a dead letter

    def _note(self, message: Envelope) -> None:
        self.ids.add(message.id)
        if isinstance(message.data, Control) and message.data.command in _OF_OPENING:
            self.last[message.data.argument] = message.id
