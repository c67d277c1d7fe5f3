"""The streams over HTTP and over a websocket: who gets what, who is too slow, and who comes back."""

import asyncio
import pathlib
from collections.abc import AsyncGenerator

import pytest

from alpha_panda.apps.api import hub, streaming
from alpha_panda.apps.api.models import Reset
from tests.apps.api.asking import Heard, Served, listening, served


@pytest.fixture
async def brisk(state: pathlib.Path, tmp_path: pathlib.Path) -> AsyncGenerator[Served]:
    """Serve the API with a heart that beats every twentieth of a second."""
    async with served(state, tmp_path, beat_every_s=0.05) as running:
        yield running


def said(running: Served, count: int) -> None:
    """Let so many things happen to orders, each of which says its number."""
    for _ in range(count):
        running.api.hub.tell("orders", "order", Reset(reason=str(running.api.hub.number + 1)))


def is_beat(heard: Heard) -> bool:
    return heard.event == "heartbeat"


def is_order(heard: Heard) -> bool:
    return heard.event == "order"


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_a_stream_begins_with_the_present_state(panda: Served, kind: str):
    async with listening(panda, "topics=portfolio,pipeline,alerts", kind) as stream:
        events = await stream.until(lambda heard: heard.event == "portfolio")
        hello, beat = events[0], events[1]
        assert (hello.event, beat.event) == ("hello", "heartbeat")
        assert hello.data == {"boot_id": "first", "topics": ["portfolio", "pipeline", "alerts"]}
        portfolio = events[-1]
        shown = panda.api.desk.picture.positions
        assert portfolio.data["positions"] == [each.model_dump(mode="json", by_alias=True) for each in shown]
        assert portfolio.id is not None
        assert portfolio.id.startswith("first.")


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_events_come_in_order_and_none_is_missing(panda: Served, kind: str):
    async with listening(panda, "topics=orders", kind) as stream:
        await stream.until(is_beat)
        said(panda, 500)
        last = str(panda.api.hub.number)
        events = [each for each in await stream.until(lambda heard: heard.data.get("reason") == last) if is_order(each)]
    assert len(events) == 500
    assert [each.id for each in events] == [f"first.{each.data['reason']}" for each in events]
    numbers = [int(each.data["reason"]) for each in events]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_the_heart_beats_whether_or_not_anything_happens(brisk: Served, kind: str):
    async with listening(brisk, "topics=orders", kind) as stream:
        for _ in range(3):
            beat = (await stream.until(is_beat))[-1]
            assert beat.id is None  # else whoever comes back would go on behind it
            assert beat.data["picture"] >= 1


async def test_who_comes_back_gets_what_happened_meanwhile(panda: Served):
    async with listening(panda, "topics=orders") as stream:
        await stream.until(is_beat)
        said(panda, 3)
        seen = (await stream.until(is_order))[-1]
    said(panda, 2)
    assert seen.id is not None
    async with listening(panda, "topics=orders", last_event_id=seen.id) as stream:
        last = str(panda.api.hub.number)
        events = await stream.until(lambda heard: heard.data.get("reason") == last)
    assert [each.event for each in events] == ["hello", "heartbeat", "order", "order", "order", "order"]


async def test_a_websocket_comes_back_by_its_address(panda: Served):
    said(panda, 4)
    after = f"first.{panda.api.hub.number - 2}"
    async with listening(panda, f"topics=orders&after={after}", "websocket") as stream:
        last = str(panda.api.hub.number)
        events = await stream.until(lambda heard: heard.data.get("reason") == last)
    assert [each.event for each in events] == ["hello", "heartbeat", "order", "order"]


@pytest.mark.parametrize("last_event_id", ["another-process.1", "first.999999999999", "first.-1", "first.", "nonsense"])
async def test_who_comes_back_to_what_is_gone_is_told_so(panda: Served, last_event_id: str):
    async with listening(panda, "topics=orders", last_event_id=last_event_id) as stream:
        events = await stream.until(is_beat)
    assert [each.event for each in events] == ["reset", "hello", "heartbeat"]


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_a_slow_client_holds_up_nobody_and_is_told_what_it_missed(panda: Served, kind: str):
    async with listening(panda, "topics=orders", kind) as stream:
        await stream.until(is_beat)
        for _ in range(50):
            said(panda, 200)
            await asyncio.sleep(0)
        last = str(panda.api.hub.number)
        events = await stream.until(lambda heard: heard.data.get("reason") == last)
    orders, dropped = [each for each in events if is_order(each)], [each for each in events if each.event == "dropped"]
    assert dropped
    assert dropped[0].data["topic"] == "orders"
    assert len(orders) + sum(each.data["count"] for each in dropped) == 10_000
    assert len(orders) < hub.KEPT["orders"] + 10  # and the few that were on their way already


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_a_stream_ends_with_the_session_of_its_viewer(brisk: Served, kind: str):
    async with listening(brisk, "topics=orders", kind) as stream:
        await stream.until(is_beat)
        brisk.signed_out.add("vera")
        events = await stream.until(lambda heard: False)
    assert events[-1].event == "expired"


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_a_seat_is_free_again_once_its_viewer_has_gone(panda: Served, kind: str):
    async with listening(panda, kind=kind) as stream:
        await stream.until(is_beat)
        assert panda.api.hub.viewers == 1
    assert panda.api.hub.viewers == 0


async def test_only_so_many_may_look_at_once(panda: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streaming, "VIEWERS_MAX", 1)
    async with listening(panda) as stream:
        await stream.until(is_beat)
        answer = await panda.client.get("/api/v1/stream", headers={"as": "vera"})
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "away"
        async with listening(panda, kind="websocket") as refused:
            assert await refused.until(is_beat) == []
            assert refused.status == 1013


async def test_a_topic_that_there_is_not_is_refused(panda: Served):
    answer = await panda.client.get("/api/v1/stream", headers={"as": "vera"}, params={"topics": "portfolio,weather"})
    assert answer.status_code == 422
    assert "topics in the query" in answer.json()["error"]["message"]
    async with listening(panda, "topics=weather", "websocket") as refused:
        assert await refused.until(is_beat) == []
        assert refused.status == 1007


async def test_nobody_listens_who_has_not_signed_in(panda: Served):
    answer = await panda.client.get("/api/v1/stream")
    assert answer.status_code == 401
    async with listening(panda, kind="websocket", who="") as refused:
        assert await refused.until(is_beat) == []
        assert refused.status == 1008
