"""The streams over HTTP and over a websocket: who gets what, who is too slow, and who comes back."""

import asyncio
import pathlib
import textwrap
from collections.abc import AsyncGenerator

import httpx
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
        assert panda.api.hub.viewers.total() == 1
    assert panda.api.hub.viewers.total() == 0


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


async def test_nobody_takes_the_seats_of_all(panda: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streaming, "VIEWERS_OF_ONE_MAX", 1)
    async with listening(panda) as stream, listening(panda, who="omar") as other:
        await stream.until(is_beat)
        await other.until(is_beat)
        answer = await panda.client.get("/api/v1/stream", headers={"as": "vera"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "away")
        assert "2 streams are open, 1 of them yours" in answer.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_who_takes_nothing_any_more_keeps_no_seat(panda: Served, kind: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streaming, "TAKEN_WITHIN_S", 0.05)
    async with listening(panda, "topics=orders", kind) as stream:
        await stream.until(is_beat)
        said(panda, 10)
        async with asyncio.timeout(20):
            while panda.api.hub.viewers.total():
                await asyncio.sleep(0.01)


async def test_server_sent_events_say_when_to_come_back_and_are_not_compressed(panda: Served):
    async with listening(panda, "topics=orders", accept_encoding="gzip, br") as stream:
        assert (await stream.sent())["headers"].get("content-encoding") is None
        body = (await stream.sent())["body"].decode()
    assert body.splitlines()[0] == "event: hello"
    assert f"retry: {streaming.RETRY_MS}" in body.splitlines()


async def test_a_websocket_is_told_of_other_topics_once_it_asks_for_them(panda: Served):
    async with listening(panda, "topics=orders", "websocket") as stream:
        await stream.until(is_beat)
        stream.say({"type": "websocket.receive", "text": '{"topics": ["signals", "alerts"]}'})
        hello = (await stream.until(lambda heard: heard.event == "hello"))[-1]
        assert hello.data["topics"] == ["signals", "alerts"]
        await stream.until(lambda heard: heard.event == "alerts")  # the present state of what is asked for anew
        said(panda, 3)
        panda.api.hub.tell("signals", "signal", Reset(reason="a signal"))
        heard = await stream.until(lambda heard: heard.event == "signal")
    assert [each.event for each in heard if each.event != "heartbeat"] == ["signal"]


async def test_a_websocket_that_says_what_nobody_understands_is_told_what_to_say(panda: Served):
    texts = (
        "",
        "ping",
        "[]",
        "{}",
        '{"topics": ["weather"]}',
        '{"topics": []',
        '{"topics": [], "more": 1}',
        "9" * 5_000,
    )
    for message in ({"bytes": b"\x00\xff"}, *({"text": text} for text in texts)):
        async with listening(panda, "topics=orders", "websocket") as stream:
            await stream.until(is_beat)
            stream.say({"type": "websocket.receive", **message})
            assert await stream.until(lambda heard: False) == []
            assert stream.status == 1007
    assert panda.api.hub.viewers.total() == 0


def test_the_example_in_the_documentation_hears_what_happens_and_comes_back(monkeypatch: pytest.MonkeyPatch):
    """It is run as it stands there, against answers of a server that cuts it off once."""
    _, _, example = (streaming.stream.__doc__ or "").partition("where it was cut:\n")
    hello = b"event: hello\ndata: {}\nid: a.1\nretry: 3000\n\n"
    order = b'event: order\ndata: {"order_id": 7}\nid: a.2\n\n'
    answers = [hello + order + b"event: ord", b"event: heartbeat\ndata: {}\n\n"]
    asked = list[str | None]()

    def answered(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("last-event-id"))
        assert request.headers["authorization"] == "Bearer token"
        return httpx.Response(200, content=answers.pop(0)) if answers else httpx.Response(401)

    told = list[tuple[object, ...]]()
    with httpx.Client(transport=httpx.MockTransport(answered)) as client:
        monkeypatch.setattr(httpx, "stream", client.stream)
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        monkeypatch.setenv("TOKEN", "token")
        monkeypatch.setenv("PANDA", "http://127.0.0.1:8000")
        with pytest.raises(httpx.HTTPStatusError):
            exec(textwrap.dedent(example), {"print": lambda *said: told.append(said)})  # it is ours
    assert told == [("hello", {}), ("order", {"order_id": 7}), ("heartbeat", {})]
    assert asked == [None, "a.2", "a.2"]


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
