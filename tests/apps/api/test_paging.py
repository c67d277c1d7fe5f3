"""Every history, by the rules of all: each page leads on, each row stands on one page, and a made-up cursor is none."""

import itertools
import pathlib
import shutil
from collections.abc import AsyncGenerator

import pytest

from alpha_panda.apps.api.routes import PREFIX
from alpha_panda.live.control.commands import command_message
from alpha_panda.live.dead_letters import DeadLetters
from alpha_panda.live.log.base import NewRecord
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.routing import new_record
from alpha_panda.live.topics import CONTROL
from tests.apps.api.asking import Served, documented, served
from tests.apps.api.test_logs import line
from tests.apps.api.test_strategies import MOMENTUM

PAGED = [
    path.removeprefix(PREFIX).replace("{name}", "momentum")
    for path, methods in sorted(documented().openapi()["paths"].items())
    if {"cursor", "limit"} <= {each["name"] for each in methods.get("get", {}).get("parameters", [])}
]
MADE_UP = ("", "nonsense", "-1", "0", "1e9", "%00", "../../etc/passwd", "paper.journal:0", "9" * 19, "A" * 19_999)


@pytest.fixture
async def full(state: pathlib.Path, tmp_path: pathlib.Path) -> AsyncGenerator[Served]:
    """Serve the API over a session of which every history has rows, many of one instant or of times that go back."""
    copy = shutil.copytree(state, tmp_path / "morning")
    (copy / "logs").mkdir()
    (copy / "logs" / "trading.jsonl").write_bytes(b"".join(line(number % 3, order_id=number) for number in range(9)))
    async with SqliteLog(copy) as log:
        given = [
            command_message("pause", "momentum", f"omar {number}", "", 10**18 + time_ns)
            for number, time_ns in enumerate((900, 0, 500, 500, 1))
        ]
        batch = [NewRecord(CONTROL, 0, b"", b"no message"), *(new_record(CONTROL, each) for each in given)]
        end = (await log.append(batch))[0]
        for record in await log.read(CONTROL, 0, end, 1):
            assert await DeadLetters(log, "a session", lambda *letter: None).examine(CONTROL, record) is None
    async with served(copy, tmp_path) as running:
        database = running.api.database
        for number in range(5):
            await database.audit.add("omar", "control.pause", "", f"{number}", "asked", "c", "127.0.0.1", 7)
            await database.alerts.open("KillEngaged", f"{number}", "critical", "killed", "", {}, 7)
            await database.strategies.set("momentum", {**MOMENTUM, "interval": f"{number + 1}m"}, "asha", "", 7)
        yield running


async def test_every_history_comes_page_by_page_each_row_once(full: Served):
    assert len(PAGED) >= 11
    for path in PAGED:
        rows = await full.all_rows(path, "asha", 500)
        assert rows or path == "/refusals", f"{path} has nothing to show"
        assert len({str(row) for row in rows}) == len(rows)
        for limit in (1, 4):
            assert await full.all_rows(path, "asha", limit) == rows, f"{path} with pages of {limit}"


async def test_no_cursor_that_somebody_made_up_breaks_a_history_or_never_ends(full: Served):
    for path, cursor in itertools.product(PAGED, MADE_UP):
        answer = await full.client.get(f"{PREFIX}{path}", headers={"as": "asha"}, params={"cursor": cursor, "limit": 1})
        assert answer.status_code in (200, 422), f"{path} with {cursor}: {answer.text}"
        if answer.status_code == 200:
            assert len(answer.json()["rows"]) <= 1
