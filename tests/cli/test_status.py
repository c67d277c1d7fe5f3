"""`alpha-panda status`: what a person sees of a session, and what a script hears from the exit code."""

import asyncio
import dataclasses
import pathlib
import sys
import time
from collections.abc import Sequence

import pytest

from alpha_panda.cli import status as module
from alpha_panda.cli.status import KILLED, UNWELL
from alpha_panda.live.control.killswitch import KillSwitch
from alpha_panda.live.log.base import NewRecord
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.routing import new_record
from alpha_panda.live.topics import SESSIONS, BrokerTopics
from alpha_panda.terminal import INTERRUPTED
from tests.cli.conftest import Command
from tests.live.samples import FILL, SNAPSHOT
from tests.live.watch.test_overview import BEGUN, NOW_NS, envelope, report

PAPER = BrokerTopics.of("paper")
STAGES = ("feed", "signals", "account", "portfolio")


def age_s(wanted_s: float) -> float:
    """Return how old a report must be made so that it is as old by the clock of the machine."""
    return wanted_s - (time.time_ns() - NOW_NS) / 1e9


def session(state: pathlib.Path, silent: Sequence[str] = (), *more: NewRecord) -> pathlib.Path:
    """Return the directory of a session in which each stage has just reported, but for the silent ones."""

    async def write() -> None:
        async with SqliteLog(state) as log:
            reports = [report(stage, age_s=age_s(60 if stage in silent else 0)) for stage in STAGES]
            await log.append([new_record(SESSIONS, envelope(BEGUN)), *reports, *more])

    asyncio.run(write())
    return state


FILLED = new_record(PAPER.orders_filled, envelope(FILL))
STOOD = new_record(PAPER.pnl_snapshots, envelope(SNAPSHOT))


def test_a_session_that_is_well_is_shown_and_ends_with_0(command: Command, tmp_path: pathlib.Path):
    answer = command("status", "--state", session(tmp_path, (), FILLED, STOOD))
    assert (answer.code, answer.complaint) == (0, "")
    for part in (*STAGES, "process 7 on vm", "running", "₹99,99,99,999.00", "NSE:RELIANCE", "60"):
        assert part in answer.output


def test_a_stage_that_is_silent_ends_with_a_code_of_its_own(command: Command, tmp_path: pathlib.Path):
    answer = command("status", "--state", session(tmp_path, ["signals"]))
    assert answer.code == UNWELL
    assert "running (silent)" in answer.output


def test_a_killed_account_ends_with_a_code_of_its_own(command: Command, tmp_path: pathlib.Path):
    KillSwitch(session(tmp_path), lambda: 0.0).engage("anand@desk", "wild prices", NOW_NS)
    answer = command("status", "--state", tmp_path)
    assert answer.code == KILLED
    assert "is engaged by anand@desk, 2025-11-21 10:15:00: wild prices" in answer.output


def test_a_script_is_told_everything_in_rupees_and_ist(command: Command, tmp_path: pathlib.Path):
    answer = command("status", "--state", session(tmp_path, ["feed"], FILLED, STOOD), "--json")
    told = answer.json
    assert answer.code == UNWELL
    assert (told["well"], told["troubles"], told["killed"]) == (False, ["feed silent"], False)
    assert told["account"]["equity"] == 999_999_999.0
    assert told["positions"] == [
        {
            "strategy": FILL.strategy,
            "symbol": "NSE:RELIANCE",
            "quantity": 60,
            "price": 2_516.93,
            "time": told["positions"][0]["time"],
        }
    ]
    assert [stage["stage"] for stage in told["stages"]] == list(STAGES)


def test_a_session_is_followed_until_somebody_has_seen_enough(
    command: Command, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    looks: list[float] = []

    async def sleep(pause_s: float) -> None:
        looks.append(pause_s)
        if len(looks) == 3:
            raise KeyboardInterrupt

    surroundings = dataclasses.replace(module.new_surroundings(), sleep=sleep)
    monkeypatch.setattr(module, "new_surroundings", lambda: surroundings)
    answer = command("status", "--state", session(tmp_path), "--follow")
    assert (answer.code, len(looks)) == (INTERRUPTED, 3)


def test_a_session_is_followed_through_the_loss_of_its_log(
    command: Command, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    paused: list[float] = []

    async def sleep(pause_s: float) -> None:
        paused.append(pause_s)
        if len(paused) == 2:
            raise KeyboardInterrupt

    surroundings = dataclasses.replace(module.new_surroundings(), sleep=sleep)
    monkeypatch.setattr(module, "new_surroundings", lambda: surroundings)
    answer = command("status", "--state", tmp_path / "no log", "--follow")
    assert (answer.code, len(paused)) == (INTERRUPTED, 2)


def test_one_object_cannot_be_drawn_again_and_again(command: Command, tmp_path: pathlib.Path):
    answer = command("status", "--state", session(tmp_path), "--follow", "--json")
    assert answer.code == 2
    assert "leave out one of them" in answer.complaint


def test_what_nobody_could_see_is_not_drawn(command: Command, tmp_path: pathlib.Path):
    answer = command("status", "--state", session(tmp_path), "--follow")
    assert answer.code == 2
    assert "there is no terminal to draw it on" in answer.complaint
