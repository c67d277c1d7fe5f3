"""The structured logs through the API: their end, a search page by page, a download, and each line as it comes."""

import json
import pathlib
import tracemalloc
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from alpha_panda.apps.api import logs
from alpha_panda.live.watch import logreading
from alpha_panda.units import SECOND_NS, ist_datetime
from tests.apps.api.asking import Served, listening, over

NOW_NS = 1_763_700_300 * SECOND_NS


def line(number: int, channel: str = "trading", level: str = "info", **fields: Any) -> bytes:
    """Return a line as the logs write it, of the second with this number."""
    head = {"time_ns": NOW_NS + number * SECOND_NS, "level": level, "channel": channel, "event": f"event {number}"}
    return json.dumps({"time": "…", **head, **fields}).encode() + b"\n"


def events(rows: list[Any]) -> list[str]:
    return [row["event"] for row in rows]


@pytest.fixture
async def logged(tmp_path: pathlib.Path) -> AsyncGenerator[Served]:
    """Serve the API over a session that has logged fifty lines of trading and ten of its audit."""
    folder = tmp_path / "s1" / "logs"
    folder.mkdir(parents=True)
    trading = (line(number, order_id=number) for number in range(0, 100, 2))
    (folder / "trading.jsonl").write_bytes(b"".join(trading))
    audit = (line(number, "audit", "warning", who="Omar") for number in range(1, 21, 2))
    (folder / "audit.jsonl").write_bytes(b"".join(audit))
    async with over(tmp_path / "s1", tmp_path) as running:
        yield running


async def test_the_tail_ends_with_the_newest_line(logged: Served):
    rows = (await logged.get("/logs/tail", params={"limit": 3}))["rows"]
    assert events(rows) == ["event 94", "event 96", "event 98"]
    assert rows[-1] == {
        "time": ist_datetime(NOW_NS + 98 * SECOND_NS).isoformat(timespec="microseconds"),
        "level": "info",
        "channel": "trading",
        "folder": "logs",
        "event": "event 98",
        "fields": {"order_id": 98},
        "damaged": False,
    }


async def test_lines_are_asked_for_by_channel_level_text_and_time(logged: Served):
    async def found(**asked: Any) -> list[str]:
        return events((await logged.get("/logs/search", params={"limit": 500, **asked}))["rows"])

    assert len(await found()) == 60
    assert len(await found(channel="audit")) == 10
    assert len(await found(channel=["audit", "trading"])) == 60
    assert len(await found(level="warning")) == 10
    assert len(await found(text="OMAR")) == 10
    first, until = (ist_datetime(NOW_NS + second * SECOND_NS).isoformat() for second in (10, 12))
    assert await found(**{"from": first, "until": until}) == ["event 11", "event 10"]


@pytest.mark.parametrize("limit", [1, 7, 500])
async def test_a_search_finds_each_line_once_however_long_its_pages(logged: Served, limit: int):
    rows, cursor = [], None
    while True:
        page = await logged.get("/logs/search", params={"limit": limit, **({"cursor": cursor} if cursor else {})})
        rows += page["rows"]
        if (cursor := page["following"]) is None:
            break
    assert len(rows) == 60
    assert len(set(events(rows))) == 60
    assert [row["time"] for row in rows] == sorted((row["time"] for row in rows), reverse=True)


async def test_the_export_is_a_download_of_all_lines_in_the_order_of_time(logged: Served):
    answer = await logged.client.get("/api/v1/logs/export", headers={"as": "vera"})
    assert answer.headers["content-disposition"] == 'attachment; filename="s1-logs.jsonl"'
    assert answer.headers["content-type"] == "application/jsonl"
    lines = [json.loads(each) for each in answer.text.splitlines()]
    assert len(lines) == 60
    assert [each["time_ns"] for each in lines] == sorted(each["time_ns"] for each in lines)
    some = await logged.client.get("/api/v1/logs/export", headers={"as": "vera"}, params={"channel": "audit"})
    assert len(some.text.splitlines()) == 10


def test_an_export_is_never_held_whole(tmp_path: pathlib.Path):
    folder = tmp_path / "logs"
    folder.mkdir()
    with (folder / "trading.jsonl").open("wb") as file:
        file.writelines(line(number, said="x" * 1_000) for number in range(20_000))
    tracemalloc.start()
    try:
        exported = sum(map(len, logs.chunks(logreading.export(tmp_path))))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert exported > 20_000_000
    assert most < 2_000_000


async def test_each_line_that_is_added_is_streamed(logged: Served):
    async with listening(logged, "topics=logs") as stream:
        await stream.until(lambda heard: heard.event == "heartbeat")
        with (logged.api.desk.state / "logs" / "trading.jsonl").open("ab") as file:
            file.write(line(200) + line(201))
        lines = await stream.until(lambda heard: heard.data.get("event") == "event 201")
    assert [each.data["event"] for each in lines] == ["event 200", "event 201"]
    assert {each.event for each in lines} == {"line"}


async def test_a_channel_or_a_level_that_there_is_not_is_refused_by_name(logged: Served):
    for asked in ({"channel": "tradng"}, {"level": "loud"}, {"channel": "../../secrets"}):
        for route in ("tail", "search", "export"):
            answer = await logged.client.get(f"/api/v1/logs/{route}", headers={"as": "vera"}, params=asked)
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "cannot_be")
    assert (
        "did you mean 'trading'"
        in (await logged.client.get("/api/v1/logs/tail", headers={"as": "vera"}, params={"channel": "tradng"})).json()[
            "error"
        ]["message"]
    )
