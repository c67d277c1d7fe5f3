"""The route of downloads: a whole history of a session as lines of JSON or as CSV, a page at a time and never whole."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from alpha_panda.apps.api.errors import responses
from alpha_panda.apps.api.parts import Api, Parts
from alpha_panda.apps.api.subject import subject
from alpha_panda.apps.desk.history_models import Kind, Page
from alpha_panda.apps.desk.models import Command, Decision, Fill, Order, Point, Shown, Signal

router = subject("trading")

Format = Literal["jsonl", "csv"]

ROWS: Mapping[Kind, type[Shown]] = {
    "orders": Order,
    "fills": Fill,
    "decisions": Decision,
    "refusals": Decision,
    "signals": Signal,
    "commands": Command,
    "equity": Point,
}
"""What each history is made of."""

_MEDIA: Mapping[Format, str] = {"jsonl": "application/jsonl", "csv": "text/csv"}
_PAGE = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a text begins that a spreadsheet would calculate


@router.get(
    "/histories/{kind}/export",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {media: {"schema": {"type": "string"}} for media in _MEDIA.values()},
            "description": "A file with a row on each line, the newest first.",
        },
        **responses(503),
    },
)
async def export_history(
    api: Api,
    kind: Annotated[Kind, Path(description="Which history.", examples=["fills"])],
    format: Annotated[Format, Query(description="Lines of JSON, or CSV with a line of names.")] = "jsonl",
) -> StreamingResponse:
    """A whole history as a file: the rows of its pages, with the same names and units.

    In CSV the charges of a fill are columns of their own, null is empty, and a text that a spreadsheet would take for a
    formula begins with an apostrophe.
    """
    first = await api.desk.history(kind, None, _PAGE)  # what cannot be read is refused before a file has begun
    name = f"{api.desk.state.absolute().name}-{kind}.{format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_written(api, kind, first, format), media_type=_MEDIA[format], headers=headers)


async def _written(api: Parts, kind: Kind, page: Page, format: Format) -> AsyncIterator[str]:
    """Yield a page and all that follow it; LogError, which cuts the file off, where the log goes away meanwhile."""
    if format == "csv":
        yield _as_csv([list(_columns(ROWS[kind]))])
    while True:
        rows = [row.model_dump(mode="json", by_alias=True) for row in page.rows]
        if format == "csv":
            yield _as_csv([[_cell(each) for each in _values(row)] for row in rows])
        else:
            yield "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        if page.following is None:
            return
        page = await api.desk.history(kind, page.following, _PAGE)


def _as_csv(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _columns(model: type[BaseModel]) -> Iterator[str]:
    """Yield the names of a row's columns, those of what stands inside it behind its own."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from (f"{name}_{each}" for each in _columns(field.annotation))
        else:
            yield name.removesuffix("_ns")


def _values(row: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the values of a row in the order of its columns."""
    for value in row.values():
        if isinstance(value, dict):
            yield from value.values()
        else:
            yield value


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
