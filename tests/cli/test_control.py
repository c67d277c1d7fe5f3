"""`alpha-panda pause`, `resume`, `flatten`, `kill` and `reset`: what they say, and with which code they end."""

import asyncio
import getpass
import os
import pathlib
import socket

import pytest

from alpha_panda.cli.control import UNANSWERED
from alpha_panda.live.control.commands import Spool
from alpha_panda.live.control.killswitch import LATCH, KillSwitch
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Control
from tests.cli.conftest import Command
from tests.live.control.test_operator import session_record


@pytest.fixture
def state(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return the directory of a session that has begun and does not run."""

    async def begin() -> None:
        async with SqliteLog(tmp_path) as log:
            await log.append([session_record()])

    asyncio.run(begin())
    return tmp_path


def waiting(state: pathlib.Path) -> list[str]:
    """Return the commands that wait for the session."""
    return [data.command for data in commands(state)]


def commands(state: pathlib.Path) -> list[Control]:
    return [message.data for _, message in Spool(state).waiting() if isinstance(message.data, Control)]


def test_a_command_for_a_session_that_does_not_run_waits_and_says_so(command: Command, state: pathlib.Path):
    answer = command("pause", "--state", state, "--strategy", "momentum", "--reason", "a wild opening")
    assert (answer.code, waiting(state)) == (UNANSWERED, ["pause"])
    assert f"No session takes it up in {state}: the pause waits there for the next start." in answer.output
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    assert commands(state) == [Control("pause", "momentum", who, "a wild opening")]


def test_a_kill_ends_well_where_no_session_runs_for_the_latch_is_engaged(command: Command, state: pathlib.Path):
    answer = command("kill", "--state", state, "--reason", "a wild opening")
    assert (answer.code, waiting(state)) == (0, ["kill"])
    assert f"The latch {state / LATCH} is engaged" in answer.output
    latch = KillSwitch(state, lambda: 0.0).engaged()
    assert latch is not None
    assert latch.reason == "a wild opening"


def test_a_kill_needs_no_log(command: Command, tmp_path: pathlib.Path):
    answer = command("kill", "--state", tmp_path, "--json")
    assert (answer.code, waiting(tmp_path)) == (0, ["kill"])
    assert (answer.json["latch"], answer.json["told"], answer.json["account"]) == ("engaged", "spool", None)
    assert "there is no event log" in answer.json["trouble"]


def test_a_reset_releases_the_latch_of_a_session_that_does_not_run(command: Command, state: pathlib.Path):
    command("kill", "--state", state)
    answer = command("reset", "--state", state, "--json")
    assert (answer.code, waiting(state)) == (UNANSWERED, ["kill", "reset"])
    assert answer.json["latch"] == "released"
    assert not (state / LATCH).exists()


@pytest.mark.parametrize("name", ["pause", "resume", "flatten", "kill", "reset"])
def test_a_state_directory_that_is_not_there_is_refused_and_not_made(
    name: str, command: Command, tmp_path: pathlib.Path
):
    answer = command(name, "--state", tmp_path / "2026-11-2O")
    assert answer.code in (2, 6)
    assert answer.complaint.startswith("error: there is no")
    assert str(tmp_path / "2026-11-2O") in answer.complaint
    assert os.listdir(tmp_path) == []


def test_a_strategy_that_is_misspelt_is_told_what_was_meant(command: Command, state: pathlib.Path):
    answer = command("pause", "--state", state, "--strategy", "momentun")
    assert answer.code == 2
    assert "did you mean 'momentum'" in answer.complaint
    assert waiting(state) == []
