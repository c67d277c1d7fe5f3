"""The database, followed while a session runs: what becomes a command, and what is only told."""

import asyncio
import contextlib
import itertools
import pathlib
from collections.abc import Mapping
from typing import Any

from alpha_panda.config import Profile, validated
from alpha_panda.database.strategies import StrategyVersion
from alpha_panda.errors import DatabaseError
from alpha_panda.live.control.commands import Given, Spool, command_message
from alpha_panda.live.control.configured import Configured, switch_message
from alpha_panda.live.control.following import obey_database
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Control
from alpha_panda.live.routing import new_record
from alpha_panda.live.topics import CONTROL

TERMS = {"name": "momentum", "strategy": "momentum", "capital": 1_000}
PROFILE = validated(Profile, {"account": {"capital": 1_000}, "strategies": [TERMS]}, "the test's profile")


def version(number: int, enabled: bool = True, **terms: Any) -> StrategyVersion:
    return StrategyVersion("momentum", number, "", {**TERMS, **terms}, enabled, "asha@desk", f"reason {number}", number)


def configured(*switched: bool) -> Configured:
    """Return a strategy whose versions were enabled or not, from the first to the newest."""
    return Configured.of([version(number, enabled) for number, enabled in enumerate(switched, 1)][::-1])


def owed(folder: pathlib.Path, strategy: Configured, *given: Envelope) -> Control | None:
    """Return what is owed where these commands stand on the log."""

    async def ask() -> Envelope | None:
        async with SqliteLog(folder) as log:
            await log.append([new_record(CONTROL, each) for each in given])
            known = Given(log)
            await known.listen()
            return strategy.owed(known)

    message = asyncio.run(ask())
    return None if message is None else message.data if isinstance(message.data, Control) else None


def by_hand(command: str, time_ns: int) -> Envelope:
    return command_message(command, "momentum", "ravi@desk", "", time_ns)


# ── What is owed ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_strategy_that_was_never_disabled_owes_nothing(tmp_path: pathlib.Path):
    assert owed(tmp_path, configured(True, True)) is None
    assert configured(True).pause is None


def test_a_pause_is_owed_once_for_the_version_that_disabled_the_strategy(tmp_path: pathlib.Path):
    strategy = configured(True, False, False)
    assert owed(tmp_path, strategy) == Control("pause", "momentum", "asha@desk", "reason 2")
    assert strategy.pause is not None
    assert owed(tmp_path, strategy, strategy.pause) is None


def test_a_resume_is_owed_for_the_pause_of_the_database(tmp_path: pathlib.Path):
    pause = switch_message(version(2, enabled=False))
    strategy = configured(True, False, True, True)
    assert owed(tmp_path, strategy, pause) == Control("resume", "momentum", "asha@desk", "reason 3")
    assert owed(tmp_path / "again", strategy, pause, switch_message(version(3))) is None


def test_no_resume_is_owed_where_the_pause_was_never_given(tmp_path: pathlib.Path):
    assert owed(tmp_path, configured(False, True)) is None


def test_what_a_person_paused_or_flattened_since_stays(tmp_path: pathlib.Path):
    pause = switch_message(version(1, enabled=False))
    for command in ("pause", "flatten", "resume"):
        assert owed(tmp_path / command, configured(False, True), pause, by_hand(command, 9)) is None


def test_commands_of_the_account_and_of_other_strategies_do_not_matter(tmp_path: pathlib.Path):
    pause = switch_message(version(1, enabled=False))
    others = [command_message("pause", name, "ravi@desk", "", 9) for name in ("", "reversion")]
    assert owed(tmp_path, configured(False, True), pause, *others) is not None


# ── What is done about it ────────────────────────────────────────────────────────────────────────────────────────────


class Database:
    """A database that answers in turn with what it holds, or with what is wrong with it."""

    def __init__(self, *answers: Mapping[str, Configured] | DatabaseError) -> None:
        self.answers = iter(answers)

    async def look(self) -> Mapping[str, Configured]:
        answer = next(self.answers)
        if isinstance(answer, DatabaseError):
            raise answer
        return answer


def obeyed(folder: pathlib.Path, *answers: Mapping[str, Configured] | DatabaseError) -> tuple[list[str], list[str]]:
    """Return what waits in the spool after so many looks, and what was told at each."""
    told: list[str] = []
    looks = itertools.count(1)

    async def sleep(_seconds: float) -> None:
        if next(looks) == len(answers):
            raise asyncio.CancelledError

    async def scenario() -> None:
        async with SqliteLog(folder) as log:
            database: Any = Database(*answers)
            await obey_database(database, PROFILE, Given(log), Spool(folder), told.append, sleep, asyncio.Event())

    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(scenario())
    commands = [message.data for _, message in Spool(folder).waiting()]
    return [each.command for each in commands if isinstance(each, Control)], told


def test_what_is_owed_takes_the_way_of_every_command_and_is_one_however_often_it_is_seen(tmp_path: pathlib.Path):
    disabled = {"momentum": configured(False), "elsewhere": configured(False)}
    assert obeyed(tmp_path, disabled, disabled, disabled) == (["pause"], ["", "", ""])


def test_a_database_that_is_away_is_told_and_changes_nothing(tmp_path: pathlib.Path):
    away = DatabaseError("the database is away")
    disabled = {"momentum": configured(False)}
    commands, told = obeyed(tmp_path, {}, away, away, disabled)
    assert commands == ["pause"]
    assert told == ["", *["the database is away; strategies go on as they are"] * 2, ""]


def test_new_terms_are_told_and_so_are_those_that_no_session_can_begin_with(tmp_path: pathlib.Path):
    newest = Configured.of([version(4, interval="5m"), version(3)])
    broken = Configured.of([version(5, interval="5 parsecs")])
    _, (first, second, third) = obeyed(
        tmp_path, {"momentum": newest}, {"momentum": broken}, {"momentum": configured(True)}
    )
    assert first == "version 4 of momentum takes effect with the next session"
    assert second.startswith("no session can begin with what the database has: version 5 of momentum: interval")
    assert third == ""


def test_a_folder_that_takes_nothing_is_told_and_tried_again(tmp_path: pathlib.Path):
    (tmp_path / "control").touch()
    commands, told = obeyed(tmp_path, {"momentum": configured(False)}, {"momentum": configured(False)})
    assert commands == []
    assert all(each.endswith("; strategies go on as they are") for each in told)
