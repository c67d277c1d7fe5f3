"""`alpha-panda alerts`: what there is, that somebody knows of it, and what each target answers."""

import asyncio
import json
import pathlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from alpha_panda.cli.alerts import UNDELIVERED
from alpha_panda.database import DATABASE_URL, open_database
from alpha_panda.database.repositories import Database
from tests.apps.alerts.receiving import receiver
from tests.cli.conftest import Command

FIRST_NS = 1_763_714_700 * 10**9  # 21 November 2025, 14:15 IST


@pytest.fixture
def url(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of a database that is not there yet, and let the commands use it."""
    url = f"sqlite:///{tmp_path}/alpha_panda.db"
    monkeypatch.setenv(DATABASE_URL, url)
    return url


def within(url: str, do: Callable[[Database], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with open_database(url) as database:
            return await do(database)

    return asyncio.run(run())


@pytest.fixture
def kept(url: str) -> str:
    """Return the address of a database with two alarms, of which one is over."""

    async def fill(database: Database) -> None:
        told = {"figures": {"figure": 1.0}, "now_ns": FIRST_NS}
        await database.alerts.open(
            "KillEngaged", "monday/", "critical", "The kill switch is latched", "by asha", **told
        )
        row = await database.alerts.open(
            "StageDown", "monday/feed", "critical", "The stage feed is down", "gone", **told
        )
        await database.alerts.resolve(row.id, "ravi", FIRST_NS + 1)

    within(url, fill)
    return url


def test_without_a_database_there_are_no_alarms_and_none_is_made(command: Command, url: str, tmp_path: pathlib.Path):
    assert command("alerts", "list").output == "there are no alarms that are not over\n"
    assert command("alerts", "list", "--all", "--json").json == {"alerts": []}
    assert list(tmp_path.iterdir()) == []


def test_list_shows_what_is_not_over(command: Command, kept: str):
    answer = command("alerts", "list")
    assert answer.code == 0
    assert "KillEngaged" in answer.output
    assert "StageDown" not in answer.output


def test_list_shows_what_is_no_longer_so_and_nobody_has_acknowledged(command: Command, kept: str):
    within(kept, lambda database: database.alerts.note_returned(1, FIRST_NS + 1))
    assert "returned" in command("alerts", "list").output
    assert command("alerts", "list", "--json").json["alerts"][0]["returned"] == "2025-11-21T14:15:00+05:30"


def test_list_as_json_has_everything(command: Command, kept: str):
    over, still = command("alerts", "list", "--all", "--json").json["alerts"]
    assert still == {
        "number": 1,
        "session": "monday",
        "alarm": "KillEngaged",
        "priority": "critical",
        "state": "open",
        "title": "The kill switch is latched",
        "cause": "by asha",
        "times": 1,
        "first": "2025-11-21T14:15:00+05:30",
        "last": "2025-11-21T14:15:00+05:30",
        "returned": None,
        "told": None,
        "acknowledged": None,
        "resolved": None,
        "acknowledged_by": None,
        "resolved_by": None,
    }
    assert (over["alarm"], over["state"], over["resolved_by"]) == ("StageDown:feed", "resolved", "ravi")


def test_ack_says_who_knows_and_is_audited(command: Command, kept: str):
    answer = command("alerts", "ack", 1, "--json")
    assert answer.code == 0
    assert answer.json["state"] == "acknowledged"
    (audited,) = within(kept, lambda database: database.audit.list())
    assert (audited.who, audited.action, audited.target) == (
        answer.json["acknowledged_by"],
        "alert.acknowledge",
        "monday/KillEngaged",
    )


def test_ack_of_an_alarm_that_there_is_not_is_refused_in_one_sentence(command: Command, kept: str):
    answer = command("alerts", "ack", 99)
    assert (answer.code, answer.output) == (15, "")
    assert answer.complaint == "error: there is no alert 99\n"


def test_test_without_targets_says_where_they_are_named(command: Command, url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ALPHA_PANDA_ALERTS", raising=False)
    answer = command("alerts", "test")
    assert answer.code == 2
    assert "ALPHA_PANDA_ALERTS names no target" in answer.complaint


# apprise looks for a module that later Pythons do not have, as it loads its services.
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_test_says_what_each_target_answered_also_where_the_database_is_away(
    command: Command, url: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "alpha_panda.db").write_text("no database")
    with receiver() as received:
        monkeypatch.setenv("ALPHA_PANDA_ALERTS", f"json://127.0.0.1:{received.port}")
        answer = command("alerts", "test", "--json")
    assert [each["delivered"] for each in answer.json["deliveries"]] == [True]
    assert (answer.code, "file is not a database" in answer.complaint) == (15, True)


# apprise looks for a module that later Pythons do not have, as it loads its services.
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("status", "code"), [(200, 0), (500, UNDELIVERED)])
def test_test_says_what_each_target_answered(
    status: int, code: int, command: Command, kept: str, monkeypatch: pytest.MonkeyPatch
):
    with receiver() as received:
        received.status = status
        monkeypatch.setenv("ALPHA_PANDA_ALERTS", f"json://asha:canarycanary@127.0.0.1:{received.port}/canarypath")
        answer = command("alerts", "test", "--json")
        shown = command("alerts", "test")
    assert (answer.code, shown.code) == (code, code)
    (delivery,) = answer.json["deliveries"]
    assert (delivery["service"], delivery["delivered"]) == ("JSON", status == 200)
    assert status == 200 or "500" in delivery["trouble"]
    assert "canary" not in f"{answer}{shown}"
    assert json.loads(received.bodies[0])["title"] == "alpha-panda: test"
    audited = within(kept, lambda database: database.audit.list(action="alert.test"))
    assert len(audited) == 2
    assert "canary" not in repr(audited)
