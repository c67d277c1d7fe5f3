"""Routes of the streams: the same topics, events and ids as server-sent events and over a websocket."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Annotated, cast

import anyio
from fastapi import Depends, Header, HTTPException, Query, WebSocket, WebSocketException
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from alpha_panda.apps.access import Principal
from alpha_panda.apps.api.errors import responses
from alpha_panda.apps.api.hub import TOPICS, VIEWERS_MAX, Dropped, Topic, Viewer
from alpha_panda.apps.api.models import Beat, Gap, Hello, Reset
from alpha_panda.apps.api.parts import Api, Parts, parts_of
from alpha_panda.apps.api.parts import Viewer as Whoever
from alpha_panda.apps.api.subject import subject
from alpha_panda.apps.desk.models import Shown

router = subject("streams")

_TRY_LATER = 1013  # of RFC 6455's registry
_SIGNED_OUT = 4401

_ALL, _ANY = ",".join(TOPICS), "|".join(TOPICS)
Topics = Annotated[
    str,
    Query(
        pattern=rf"^({_ANY})(,({_ANY}))*$",
        description=f"Which of {', '.join(TOPICS)}, with commas between them.",
        examples=["portfolio,orders"],
    ),
]
After = Annotated[str, Query(max_length=100, description="The id of the last event that was seen; as Last-Event-ID.")]


@dataclasses.dataclass(frozen=True)
class Message:
    """One event as it is sent: its name, its JSON, and the id by which to come back to what follows it."""

    event: str
    text: str
    id: str | None = None

    @property
    def whole(self) -> str:
        """The message as one JSON object."""
        id = "null" if self.id is None else f'"{self.id}"'
        return f'{{"id":{id},"event":"{self.event}","data":{self.text}}}'


async def seat(connection: HTTPConnection) -> AsyncGenerator[None]:
    """Keep a seat for a viewer as long as the stream lasts; refuse one for whom there is none."""
    hub = parts_of(connection).hub
    if hub.viewers >= VIEWERS_MAX:
        sentence = f"{VIEWERS_MAX} streams are open: close one, or try again later"
        is_websocket = connection.scope["type"] == "websocket"
        raise WebSocketException(_TRY_LATER, sentence) if is_websocket else HTTPException(503, sentence)
    hub.viewers += 1
    try:
        yield
    finally:
        hub.viewers -= 1


@router.get(
    "/stream",
    response_class=StreamingResponse,
    dependencies=[Depends(seat)],
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Server-sent events."},
        **responses(503),
    },
)
async def stream(
    api: Api,
    who: Whoever,
    topics: Topics = _ALL,
    after: After = "",
    last_event_id: Annotated[str, Header(max_length=100)] = "",
) -> StreamingResponse:
    """Server-sent events of some topics, in the order in which they happened.

    - `hello` comes first, and `heartbeat` every five seconds, whatever happens.
    - `portfolio`, `pipeline` and `alerts` tell the whole state, the present one at once; who is slow gets the latest.
    - `order`, `fill` and `command` of the topic `orders`, `signal` and `decision` of `signals`, and `line` of `logs`
      are told one by one; `dropped` says how many were missed by whoever is too slow.
    - Whoever comes back with the id of the last event gets what followed it. Where that is no longer all there,
      `reset` says so, and the histories have it.
    - `expired` comes last, when the session of the viewer has ended.

    The websocket `/api/v1/ws` tells the same, each event one JSON object with `id`, `event` and `data`.
    """
    # FastAPI's own event streams fail, loudly, whenever a client leaves in the middle of an event.
    sent = messages(api, _listed(topics), last_event_id or after, who)
    events = (format_sse_event(event=each.event, data_str=each.text, id=each.id) async for each in sent)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


@router.websocket("/ws", dependencies=[Depends(seat)])
async def websocket(websocket: WebSocket, api: Api, who: Whoever, topics: Topics = _ALL, after: After = "") -> None:
    """The same as `/stream`, each event one JSON object with `id`, `event` and `data`; what is sent here is ignored."""
    await websocket.accept()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_send, websocket, messages(api, _listed(topics), after, who))
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass
        tasks.cancel_scope.cancel()


async def _send(websocket: WebSocket, sent: AsyncIterator[Message]) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        async for message in sent:
            await websocket.send_text(message.whole)
        await websocket.close(_SIGNED_OUT, "the session has ended")


def _listed(topics: str) -> Sequence[Topic]:
    return tuple(cast(Topic, topic) for topic in dict.fromkeys(topics.split(",")))


# ── What is said ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def messages(api: Parts, topics: Sequence[Topic], after: str, who: Principal) -> AsyncIterator[Message]:
    """Yield what a viewer of `topics` is sent, for as long as their session lasts."""
    hub, boot_id = api.hub, api.desk.boot_id
    viewer, number = _resumed(api, topics, after)
    if viewer is None:
        viewer, number = hub.viewer(topics), hub.number
        if after:
            yield _message("reset", Reset(reason="what followed that event is no longer here: read the histories"))
    yield _message("hello", Hello(boot_id=boot_id, topics=topics), f"{boot_id}.{number}")
    beat_s = api.monotonic()
    while True:
        if api.monotonic() >= beat_s:
            if not await api.holds(who):
                break
            beat_s = api.monotonic() + api.beat_every_s
            yield _message("heartbeat", Beat(time_ns=api.wall_ns(), picture=api.desk.picture.number))
        match viewer.following():
            case None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(beat_s - api.monotonic()):
                        await hub.change()
            case Dropped(topic, count):
                yield _message("dropped", Gap(topic=topic, count=count))
            case event:
                yield Message(event.name, event.text, f"{boot_id}.{event.number}")
    yield Message("expired", "{}")


def _resumed(api: Parts, topics: Sequence[Topic], after: str) -> tuple[Viewer | None, int]:
    boot_id, _, number = after.rpartition(".")
    if boot_id != api.desk.boot_id or not (number.isascii() and number.isdecimal()):
        return None, 0
    return api.hub.resumed(topics, int(number)), int(number)


def _message(event: str, says: Shown, id: str | None = None) -> Message:
    return Message(event, says.model_dump_json(by_alias=True), id)
