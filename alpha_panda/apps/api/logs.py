"""Routes of the structured logs: their end, a search, and all of it as a download."""

import asyncio
import datetime
from collections.abc import Iterable, Iterator
from typing import Annotated

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from alpha_panda.apps.api.models import Listed, LogLine, Paged
from alpha_panda.apps.api.parts import Api, Limit
from alpha_panda.apps.api.subject import subject
from alpha_panda.live.watch import logreading
from alpha_panda.live.watch.loglines import Line, Span
from alpha_panda.units import to_time_ns

router = subject("logs")

_CHUNK_BYTES = 2**16

Channels = Annotated[
    list[str],
    Query(
        alias="channel",
        max_length=20,
        description="Only of this channel; may be given several times. `error` repeats what the others say.",
        examples=[["trading"]],
    ),
]
Level = Annotated[str, Query(description="Only of this level and worse.", examples=["warning"])]
Text = Annotated[str, Query(max_length=500, description="Only lines that say this somewhere, in any case.")]
From = Annotated[
    AwareDatetime | None,
    Query(alias="from", description="From this instant on.", examples=["2026-11-20T09:15:00+05:30"]),
]
Until = Annotated[AwareDatetime | None, Query(description="Before this instant.")]

LogCursor = Annotated[
    str | None,
    Query(max_length=20_000, description="Where to go on: `following` of the page before; none for the newest."),
]


async def query_of(
    channels: Channels = [],  # noqa: B006  # FastAPI copies it for each request
    level: Level = "",
    text: Text = "",
    first: From = None,
    until: Until = None,
) -> logreading.Query:
    """Return the lines that a request asks for; ConfigurationError for a channel or a level that there is not."""
    whole = Span()
    span = Span(_time_ns(first, whole.from_ns), _time_ns(until, whole.until_ns))
    return logreading.Query(channels, level, text, span).checked()


Asked = Annotated[logreading.Query, Depends(query_of)]


@router.get("/logs/tail")
async def tail_logs(api: Api, query: Asked, limit: Limit = 100) -> Listed[LogLine]:
    """The last lines, the newest at the end, of the last 32 MiB of the files; `/logs/search` goes on from there."""
    lines = await asyncio.to_thread(logreading.tail, api.desk.state, limit, query)
    return Listed(rows=tuple(map(line_of, lines)))


@router.get("/logs/search")
async def search_logs(
    api: Api,
    query: Asked,
    cursor: LogCursor = None,
    limit: Limit = 100,
) -> Paged[LogLine]:
    """Lines that say something, newest first; a page may be empty and yet not the last, where the files are long."""
    found = await asyncio.to_thread(logreading.search, api.desk.state, query, limit, cursor)
    return Paged(rows=tuple(map(line_of, found.lines)), following=found.following)


@router.get(
    "/logs/export",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/jsonl": {"schema": {"type": "string"}}}, "description": "Lines of JSON."}
    },
)
async def export_logs(api: Api, query: Asked) -> StreamingResponse:
    """All lines as a file, one JSON object each, the oldest first; as long as it may be, it is never held whole."""
    name = f"{api.desk.state.absolute().name}-logs.jsonl"
    lines = await asyncio.to_thread(logreading.export, api.desk.state, query)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(chunks(lines), media_type="application/jsonl", headers=headers)


def line_of(line: Line) -> LogLine:
    """Return a line as it is shown."""
    return LogLine(**line._asdict())


def chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines some at once: each way to the thread that reads them and back takes longer than a line."""
    chunk = bytearray()
    for line in lines:
        chunk += line
        if len(chunk) >= _CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


def _time_ns(moment: datetime.datetime | None, otherwise_ns: int) -> int:
    return otherwise_ns if moment is None else to_time_ns(moment)
