"""The process, its services and what is traded, through the API: what is well, what is not and why, and no path."""

import json
import os
import pathlib
import sqlite3
from contextlib import closing

from alpha_panda.apps.desk.models import Source
from alpha_panda.live.dead_letters import DeadLetters
from alpha_panda.live.log.base import NewRecord
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.session import open_session
from alpha_panda.live.topics import CONTROL
from tests.apps.api.asking import Served, over
from tests.live.trading import blueprint


async def test_a_boot_says_which_process_answers_and_no_figure(snap: Served):
    assert await snap.get("/boot") == {"boot_id": "first", "version": "1.2.3"}


async def test_the_system_tells_neither_path_nor_environment(snap: Served):
    answer = await snap.get("/system")
    assert (answer["version"], answer["session"], answer["process"]) == ("1.2.3", "morning", "process 7 on a laptop")
    assert answer["uptime_s"] >= 0
    assert answer["libraries"]["fastapi"]
    text = json.dumps(answer)
    assert str(snap.api.desk.state) not in text
    assert os.getcwd() not in text


async def test_each_source_each_stage_the_database_the_alerts_and_the_web_are_services(snap: Served):
    answer = await snap.get("/services")
    assert [each["name"] for each in answer["services"]] == [
        *("log", "store", "folder"),
        *(stage.stage for stage in snap.api.desk.picture.stages),
        *("database", "alerts", "web"),
    ]
    assert answer["well"] is True
    assert all(each["reason"] for each in answer["services"])


async def test_a_source_that_is_away_says_why_and_since_when(snap: Served):
    away = Source(name="log", well=False, is_read=False, trouble="no broker answers at localhost:9092", read_ns=10**18)
    now = snap.api.desk.picture
    snap.api.desk.picture = now.model_copy(update={"sources": (away, *now.sources[1:])})
    answer = await snap.get("/services")
    assert answer["well"] is False
    assert answer["services"][0] == {
        "name": "log",
        "kind": "source",
        "well": False,
        "reason": "no broker answers at localhost:9092",
        "seen": "2001-09-09T07:16:40.000000+05:30",
    }


async def test_a_database_that_is_damaged_is_a_service_that_is_unwell(panda: Served, tmp_path: pathlib.Path):
    with closing(sqlite3.connect(tmp_path / "web.db")) as other:
        other.execute("DROP TABLE audit")
    answer = await panda.get("/services")
    database = next(each for each in answer["services"] if each["name"] == "database")
    assert (answer["well"], database["well"]) == (False, False)
    assert "cannot be used" in database["reason"]


async def test_instruments_and_their_minutes_are_those_of_the_desk(snap: Served):
    rows = (await snap.get("/instruments"))["rows"]
    assert rows == [each.model_dump(mode="json", by_alias=True) for each in snap.api.desk.instruments()]
    symbol = rows[0]["symbol"]
    assert await snap.get(f"/instruments/{symbol}") == rows[0]
    bars = (await snap.get(f"/instruments/{symbol}/bars"))["rows"]
    assert bars == [each.model_dump(mode="json", by_alias=True) for each in snap.api.desk.bars(symbol)]
    assert bars


async def test_sessions_are_listed_and_the_shown_one_says_what_it_was_made_of(snap: Served):
    assert (await snap.get("/session"))["name"] == "morning"
    (listed,) = [each for each in (await snap.get("/sessions"))["rows"] if each["name"] == "morning"]
    assert (listed["shown"], listed["running"], listed["log"]) == (True, False, "embedded")


async def test_the_pipeline_is_one_moment_of_its_stages_feed_and_troubles(snap: Served):
    now, answer = snap.api.desk.picture, await snap.get("/pipeline")
    assert answer["stages"] == [each.model_dump(mode="json", by_alias=True) for each in now.stages]
    assert (answer["phase"], answer["dead_letters"], answer["troubles"]) == (now.phase, 0, [])
    assert (await snap.get("/pipeline/feed"))["feed"] == answer["feed"]
    delays = (await snap.get("/pipeline/delays"))["rows"]
    assert [each["delay"] for each in delays] == [delay for stage in answer["stages"] for delay in stage["delays"]]


async def test_what_nobody_could_process_is_shown_page_by_page_with_its_reason(tmp_path: pathlib.Path):
    state = tmp_path / "s1"
    async with SqliteLog(state) as log:
        await open_session(log, blueprint(), 1)
        letters = DeadLetters(log, "a session", lambda *letter: None)
        await log.append([NewRecord(CONTROL, 0, b"", b"no message")] * 5)
        for record in await log.read(CONTROL, 0, 0, 5):
            assert await letters.examine(CONTROL, record) is None

    async with over(state, tmp_path) as running:
        rows, cursor = [], None
        while len(rows) == 0 or cursor is not None:
            asked = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            page = await running.get("/pipeline/dead-letters", params=asked)
            rows, cursor = rows + page["rows"], page["following"]
        assert (await running.get("/pipeline/dead-letters", params={"topic": "market.ticks"}))["rows"] == []
        unknown = await running.client.get("/api/v1/pipeline/dead-letters?topic=contrl", headers={"as": "vera"})
        assert (unknown.status_code, "did you mean 'control'" in unknown.text) == (404, True)
    assert [each["offset"] for each in rows] == [4, 3, 2, 1, 0]
    assert {(each["topic"], each["attempts"], each["size_bytes"], each["is_event"]) for each in rows} == {
        ("control", 3, 10, False)
    }
    assert all(each["reason"] for each in rows)
