"""Alarms through the API: the board as it stands, what people do, and that it is written down with who."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from alpha_panda.apps.alerts.watching import shelf_end_ns
from alpha_panda.apps.desk.models import Latch
from alpha_panda.units import ist_datetime
from tests.apps.api.asking import Served, listening

KILLED = "KillEngaged"


def kill(snap: Served) -> None:
    """Let the desk's picture say that somebody has engaged the latch."""
    latch = Latch(who="omar", reason="prices look wrong", time_ns=snap.api.wall_ns())
    snap.api.desk.picture = snap.api.desk.picture.model_copy(update={"latch": latch})


@pytest.fixture
async def watched(snap: Served) -> AsyncGenerator[Served]:
    """Serve the API over a session that the engine of alarms watches."""
    watching = asyncio.create_task(snap.api.alarms.run())
    yield snap
    watching.cancel()
    await asyncio.wait([watching])


@pytest.fixture
async def alarmed(watched: Served) -> Served:
    """Serve the API over a session of which there is an alarm."""
    kill(watched)
    while KILLED not in [each.id for each in watched.api.alarms.board.alerts]:
        await asyncio.sleep(0.01)
    return watched


async def test_the_board_is_that_of_the_engine(alarmed: Served):
    board, answer = None, None
    while board is not alarmed.api.alarms.board:  # which the engine draws anew twice a second
        board = alarmed.api.alarms.board
        answer = await alarmed.get("/alerts")
    assert board is not None
    assert answer == board.model_dump(mode="json", by_alias=True)
    assert KILLED in [each["id"] for each in answer["alerts"]]
    one = await alarmed.get(f"/alerts/{KILLED}")
    assert (one["state"], one["priority"]) == ("unacknowledged", board.alerts[0].priority)


async def test_an_acknowledgement_is_seen_and_written_down(alarmed: Served):
    answer = await alarmed.post(f"/alerts/{KILLED}/acknowledge")
    assert (answer.status_code, answer.json()["acknowledged_by"]) == (200, "omar")
    assert (await alarmed.get(f"/alerts/{KILLED}"))["state"] == "acknowledged"
    (row,) = (await alarmed.get("/audit", "asha"))["rows"]
    assert (row["who"], row["action"], row["target"]) == ("omar", "alert.acknowledge", f"morning/{KILLED}")
    assert row["correlation_id"] == "request-1"


async def test_an_alarm_that_is_still_so_is_not_resolved(alarmed: Served):
    answer = await alarmed.post(f"/alerts/{KILLED}/resolve")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "cannot_be")
    assert "is still so" in answer.json()["error"]["message"]


async def test_an_alarm_is_put_away_until_a_time_with_a_reason(alarmed: Served):
    until = ist_datetime(shelf_end_ns(alarmed.api.wall_ns())).isoformat(timespec="microseconds")
    answer = await alarmed.post(f"/alerts/{KILLED}/suppress", json={"until": until, "reason": "we know"})
    shelved = answer.json()
    assert (answer.status_code, shelved["state"], shelved["shelved_until"]) == (200, "shelved", until)
    assert (shelved["shelved_by"], shelved["shelved_reason"]) == ("omar", "we know")


async def test_an_alarm_is_not_put_away_without_a_time_a_zone_and_a_reason(alarmed: Served):
    for said in ({}, {"until": "2026-11-20T15:30:00", "reason": "x"}, {"until": "2026-11-20T15:30:00+05:30"}):
        answer = await alarmed.post(f"/alerts/{KILLED}/suppress", json=said)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
    late = {"until": "2020-01-01T00:00:00+05:30", "reason": "it was long ago"}
    answer = await alarmed.post(f"/alerts/{KILLED}/suppress", json=late)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "cannot_be")


async def test_a_viewer_changes_no_alarm(alarmed: Served):
    for deed in ("acknowledge", "resolve", "suppress"):
        assert (await alarmed.post(f"/alerts/{KILLED}/{deed}", "vera")).status_code == 403
    assert (await alarmed.post("/alerts/test", "vera")).status_code == 403
    assert (await alarmed.get(f"/alerts/{KILLED}"))["state"] == "unacknowledged"


async def test_a_test_message_says_what_became_of_it_at_each_target(snap: Served):
    assert (await snap.post("/alerts/test")).json() == {"rows": []}, "there is no target"


async def test_what_was_raised_stands_in_the_history_page_by_page(snap: Served):
    alerts, now_ns = snap.api.database.alerts, snap.api.wall_ns()
    for number in range(5):
        await alerts.open("Rule", f"key {number}", "high", "a title", "why", {"figure": 1.5}, now_ns + number)
    rows, cursor = [], None
    while True:
        page = await snap.get("/alerts/history", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        rows += page["rows"]
        if (cursor := page["following"]) is None:
            break
    assert [row["key"] for row in rows] == [f"key {number}" for number in (4, 3, 2, 1, 0)]
    assert rows[0]["figures"] == {"figure": 1.5}


async def test_a_change_of_the_board_is_streamed(watched: Served):
    async with listening(watched, "topics=alerts") as stream:
        await stream.until(lambda heard: heard.event == "alerts")
        kill(watched)
        boards = await stream.until(lambda heard: KILLED in str(heard.data))
    assert KILLED in [each["id"] for each in boards[-1].data["alerts"]]
