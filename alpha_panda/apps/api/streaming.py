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
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import HTTPConnection
from starlette.types import Message as AsgiMessage
from starlette.types import Send
from starlette.websockets import WebSocketDisconnect

from alpha_panda.apps.access import Principal
from alpha_panda.apps.api.errors import responses
from alpha_panda.apps.api.hub import TOPICS, VIEWERS_MAX, VIEWERS_OF_ONE_MAX, Dropped, Hub, Topic, Viewer
from alpha_panda.apps.api.models import Beat, Gap, Hello, Reset
from alpha_panda.apps.api.parts import Api, Parts, parts_of
from alpha_panda.apps.api.parts import Viewer as Whoever
from alpha_panda.apps.api.subject import subject
from alpha_panda.apps.desk.models import Shown

router = subject("streams")

RETRY_MS = 3_000
"""After how long a client of server-sent events should come back."""

TAKEN_WITHIN_S = 30.0
"""How long a message waits for its viewer: whoever takes none for as long is not there, and keeps no seat."""

_TRY_LATER, _INVALID_DATA = 1013, 1007  # of RFC 6455's registry
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

LastEventId = Annotated[
    str, Header(max_length=100, description="What a browser sends when it comes back; it goes before `after`.")
]


@dataclasses.dataclass(frozen=True)
class Message:
    """One event as it is sent: its name, its JSON, and the id by which to come back to what follows it."""

    event: str
    text: str
    id: str | None = None

    @property
    def as_server_sent(self) -> bytes:
        """The message as a server-sent event; the first one says when to come back after a cut."""
        retry_ms = RETRY_MS if self.event == "hello" else None
        return format_sse_event(event=self.event, data_str=self.text, id=self.id, retry=retry_ms)

    @property
    def whole(self) -> str:
        """The message as one JSON object."""
        id = "null" if self.id is None else f'"{self.id}"'
        return f'{{"id":{id},"event":"{self.event}","data":{self.text}}}'


async def seat(connection: HTTPConnection, who: Whoever) -> AsyncGenerator[None]:
    """Keep a seat for a viewer as long as the stream lasts; refuse one for whom there is none."""
    viewers = parts_of(connection).hub.viewers
    if viewers.total() >= VIEWERS_MAX or viewers[who.name] >= VIEWERS_OF_ONE_MAX:
        sentence = f"{viewers.total()} streams are open, {viewers[who.name]} of them yours: close one, or wait"
        is_websocket = connection.scope["type"] == "websocket"
        raise WebSocketException(_TRY_LATER, sentence) if is_websocket else HTTPException(503, sentence)
    viewers[who.name] += 1
    try:
        yield
    finally:
        viewers[who.name] -= 1


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
    last_event_id: Annotated[
        str, Header(max_length=100, description="What a browser sends when it comes back; goes before `after`.")
    ] = "",
) -> StreamingResponse:
    """Server-sent events of some topics, in the order in which they happened.

    - `hello` comes first, and `heartbeat` every five seconds, whatever happens.
    - `portfolio`, `pipeline` and `alerts` tell the whole state, the present one at once; who is slow gets the latest.
    - `order`, `fill` and `command` of the topic `orders`, `signal` and `decision` of `signals`, and `line` of `logs`
      are told one by one; `dropped` says how many were missed by whoever is too slow.
    - Whoever comes back with the id of the last event gets what followed it. Where that is no longer all there,
      `reset` says so, and the histories have it.
    - `expired` comes last, when the session of the viewer has ended.

    The websocket `/api/v1/ws` tells the same, each event one JSON object with `id`, `event` and `data`. Nothing is
    compressed. With curl, and `TOKEN` from `POST /auth/sign-in` with `"bearer": true`:

        curl --no-buffer --header "Authorization: Bearer $TOKEN" "$PANDA/api/v1/stream?topics=orders,portfolio"

    In Python, coming back to where it was cut:

        import json, os, time
        import httpx

        headers, seen = {"Authorization": f"Bearer {os.environ['TOKEN']}"}, {}
        while True:
            try:
                url = f"{os.environ['PANDA']}/api/v1/stream?topics=orders,portfolio"
                with httpx.stream("GET", url, headers=headers | seen, timeout=15) as stream:
                    stream.raise_for_status()
                    event = {}
                    for line in stream.iter_lines():
                        if line:
                            name, _, value = line.partition(": ")
                            event[name] = value
                        else:
                            print(event["event"], json.loads(event["data"]))
                            seen = {"Last-Event-ID": event["id"]} if "id" in event else seen
                            event = {}
            except httpx.TransportError as error:
                print(error)
            time.sleep(3)
    """
    sent = messages(api, Choice(_listed(topics)), last_event_id or after, who)
    events = (each.as_server_sent async for each in sent)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return _Patient(events, media_type="text/event-stream", headers=headers)


class _Patient(StreamingResponse):
    """Sends as fast as its viewer takes it, and ends where they take nothing any more.

    FastAPI's own event streams fail, loudly, whenever a client leaves in the middle of an event.
    """

    async def stream_response(self, send: Send) -> None:
        """Send all there is; the last answer to whoever takes nothing is that the connection is closed."""

        async def patiently(message: AsgiMessage) -> None:
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await send(message)

        with contextlib.suppress(TimeoutError):
            await super().stream_response(patiently)


@router.websocket("/ws", dependencies=[Depends(seat)])
async def websocket(websocket: WebSocket, api: Api, who: Whoever, topics: Topics = _ALL, after: After = "") -> None:
    """The same as `/stream`, each event one JSON object with `id`, `event` and `data`.

    Whoever sends `{"topics": ["orders"]}` is told of these topics from then on, which another `hello` says; anything
    else that is sent here ends the stream.
    """
    await websocket.accept()
    choice, is_understood = Choice(_listed(topics)), True
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_send, websocket, messages(api, choice, after, who), tasks.cancel_scope)
        is_understood = await _hear(websocket, choice, api.hub)
        tasks.cancel_scope.cancel()
    if not is_understood:
        example = f'say {{"topics": ["{TOPICS[0]}", "{TOPICS[1]}"]}}, of {", ".join(TOPICS)}, or nothing'
        await websocket.close(_INVALID_DATA, example)


async def _send(websocket: WebSocket, sent: AsyncIterator[Message], scope: anyio.CancelScope) -> None:
    """Send what is said until nothing more is, or until it is not taken any more."""
    with contextlib.suppress(WebSocketDisconnect, TimeoutError):
        async for message in sent:
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await websocket.send_text(message.whole)
        async with asyncio.timeout(TAKEN_WITHIN_S):
            await websocket.close(_SIGNED_OUT, "the session has ended")
    scope.cancel()


async def _hear(websocket: WebSocket, choice: "Choice", hub: Hub) -> bool:
    """Do as the viewer says until they leave; return False once they say something that nobody understands."""
    while (said := await websocket.receive())["type"] != "websocket.disconnect":
        try:
            choice.topics = _choosing.validate_json(said.get("text") or "").topics
        except ValidationError:
            return False
        hub.wake()
    return True


def _listed(topics: str) -> Sequence[Topic]:
    return tuple(cast(Topic, topic) for topic in dict.fromkeys(topics.split(",")))


# ── What is said ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclasses.dataclass
class Choice:
    """What a viewer wants to be told, which they may change while they are told it."""

    topics: Sequence[Topic]


class _Chosen(BaseModel):
    """What a viewer says on a websocket."""

    model_config = ConfigDict(extra="forbid")

    topics: Annotated[list[Topic], Field(max_length=len(TOPICS))]


_choosing = TypeAdapter(_Chosen)


async def messages(api: Parts, choice: Choice, after: str, who: Principal) -> AsyncIterator[Message]:
    """Yield what a viewer is sent, for as long as their session lasts."""
    hub, boot_id, topics = api.hub, api.desk.boot_id, choice.topics
    viewer, number = _resumed(api, topics, after)
    if viewer is None:
        viewer, number = hub.viewer(topics), hub.number
        if after:
            yield _message("reset", Reset(reason="what followed that event is no longer here: read the histories"))
    yield _message("hello", Hello(boot_id=boot_id, topics=topics), f"{boot_id}.{number}")
    beat_s = api.monotonic()
    while True:
        if choice.topics != topics:
            topics = choice.topics
            viewer.choose(topics)
            yield _message("hello", Hello(boot_id=boot_id, topics=topics), f"{boot_id}.{number}")
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
                number = event.number
                yield Message(event.name, event.text, f"{boot_id}.{event.number}")
    yield Message("expired", "{}")


def _resumed(api: Parts, topics: Sequence[Topic], after: str) -> tuple[Viewer | None, int]:
    boot_id, _, number = after.rpartition(".")
    if boot_id != api.desk.boot_id or not (number.isascii() and number.isdecimal()):
        return None, 0
    return api.hub.resumed(topics, int(number)), int(number)


def _message(event: str, says: Shown, id: str | None = None) -> Message:
    return Message(event, says.model_dump_json(by_alias=True), id)
