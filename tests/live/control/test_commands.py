"""Commands on their way to the account: which there are, who gave them, and that each arrives once."""

import asyncio
import os
import pathlib

import pytest

from alpha_panda.chain import AccountStage
from alpha_panda.errors import ConfigurationError
from alpha_panda.live.control.commands import Spool, check_command, command_message, forward, kill_owed
from alpha_panda.live.control.killswitch import KillSwitch
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.log.base import NewRecord
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Control
from alpha_panda.live.routing import new_record
from alpha_panda.live.topics import CONTROL
from tests.market import ONE_SHARE, profile

STRATEGIES = ("momentum", "reversion")


def command(name: str, time_ns: int = 17, strategy: str = "") -> Envelope:
    return command_message(name, strategy, "anand@desk", "because", time_ns)


# ── What may be commanded ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "strategy"),
    [(name, strategy) for name in ("pause", "resume", "flatten", "reset") for strategy in ("", *STRATEGIES)]
    + [("kill", "")],
)
def test_the_account_and_each_strategy_can_be_commanded(name: str, strategy: str):
    check_command(name, strategy, STRATEGIES)


@pytest.mark.parametrize(
    ("name", "strategy", "complaint"),
    [
        ("paus", "", r"no command paus \(did you mean 'pause'\?\); there are flatten, kill, pause, reset, resume"),
        ("halt", "", r"no command halt; there are"),
        ("pause", "momentun", r"no strategy momentun \(did you mean 'momentum'\?\); it has momentum, reversion"),
        ("kill", "momentum", r"a kill is of the whole account: pause momentum instead"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(name: str, strategy: str, complaint: str):
    with pytest.raises(ConfigurationError, match=complaint):
        check_command(name, strategy, STRATEGIES)


def test_a_command_says_who_gave_it_and_why_and_keeps_its_id():
    message = command("pause", strategy="momentum")
    assert message.data == Control("pause", "momentum", "anand@desk", "because")
    assert message.time_ns == 17
    assert message.id == command("pause", strategy="momentum").id
    assert len({message.id, command("pause").id, command("resume").id, command("pause", 18).id}) == 4


# ── The folder in which commands wait ────────────────────────────────────────────────────────────────────────────────


def test_commands_wait_in_the_order_in_which_they_were_given(tmp_path: pathlib.Path):
    spool = Spool(tmp_path)
    given = [command(name, time_ns) for name, time_ns in (("kill", 9), ("reset", 10), ("pause", 1_000))]
    for message in reversed(given):
        spool.put(message)
    assert [message for _, message in spool.waiting()] == given


def test_what_is_no_command_is_set_aside_and_the_others_go_on(tmp_path: pathlib.Path):
    spool = Spool(tmp_path)
    spool.put(command("pause"))
    (tmp_path / "control" / "0-half.command").write_bytes(b"\x9a\x00")
    (tmp_path / "control" / ".x.command.7.partial").write_bytes(b"half")
    assert [message for _, message in spool.waiting()] == [command("pause")]
    assert "0-half.unreadable" in os.listdir(tmp_path / "control")


class OverError(Exception):
    """What ends the forwarding."""


async def _rounds(log: SqliteLog, spool: Spool, *between: Envelope) -> None:
    """Forward what waits, and then, one after the other, what comes to wait."""
    coming = list(between)

    async def sleep(pause_s: float) -> None:
        if not coming:
            raise OverError
        spool.put(coming.pop(0))

    with pytest.raises(OverError):
        await forward(spool, log, sleep)


async def on_the_log(log: SqliteLog) -> list[str]:
    """Return the commands of the control topic."""
    data = [decode(record).data for record in await log.read(CONTROL, 0, 0, 100)]
    return [each.command for each in data if isinstance(each, Control)]


def test_commands_are_put_on_the_log_in_their_order_and_wait_no_more(tmp_path: pathlib.Path):
    async def scenario() -> None:
        spool = Spool(tmp_path)
        spool.put(command("pause", 1))
        async with SqliteLog(tmp_path) as log:
            await _rounds(log, spool, command("kill", 2), command("reset", 3))
            assert await on_the_log(log) == ["pause", "kill", "reset"]
        assert spool.files() == []

    asyncio.run(scenario())


def test_a_process_that_died_between_log_and_folder_gives_no_command_twice(tmp_path: pathlib.Path):
    """A reset that came again would undo the kill that was given after it."""

    async def scenario() -> None:
        spool = Spool(tmp_path)
        spool.put(command("reset", 1))
        async with SqliteLog(tmp_path) as log:
            poison = NewRecord(CONTROL, 0, b"", b"no message")
            await log.append(
                [poison, *(new_record(CONTROL, each) for each in (command("reset", 1), command("kill", 2)))]
            )
            await _rounds(log, spool, command("reset", 1))
            assert await log.end(CONTROL, 0) == 3
        assert spool.files() == []

    asyncio.run(scenario())


# ── The kill that the latch asks for ─────────────────────────────────────────────────────────────────────────────────


class StubbornSpool(Spool):
    """A folder in which nothing can be removed the first time."""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(folder)
        self.refusals = 1

    def take(self, path: pathlib.Path) -> None:
        if self.refusals:
            self.refusals -= 1
            raise OSError(5, "Input/output error")
        super().take(path)


def test_a_folder_that_fails_stops_nothing_and_its_commands_are_given_once(tmp_path: pathlib.Path):
    async def scenario() -> None:
        spool = StubbornSpool(tmp_path)
        spool.put(command("pause", 1))
        async with SqliteLog(tmp_path) as log:
            await _rounds(log, spool, command("resume", 2))
            assert await on_the_log(log) == ["pause", "resume"]
        assert spool.files() == []

    asyncio.run(scenario())


def test_a_latch_that_the_account_has_not_heeded_is_owed_a_kill(tmp_path: pathlib.Path):
    stage = AccountStage(profile(), ONE_SHARE)
    switch = KillSwitch(tmp_path, lambda: 0.0)
    assert kill_owed(switch, stage) is None
    switch.engage("anand@desk", "because", 17)
    # The same message as that of the person who engaged it, so the two are one.
    assert kill_owed(switch, stage) == command("kill")
    stage.command("kill", "", 0)
    assert kill_owed(switch, stage) is None
    switch.release()
    stage.command("reset", "", 0)
    assert kill_owed(switch, stage) is None
