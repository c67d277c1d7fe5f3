"""What the API is given to work with, and how its routes come to it."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Query
from starlette.requests import HTTPConnection

from alpha_panda.apps.access import Principal, needs
from alpha_panda.apps.alerts.watching import AlertEngine
from alpha_panda.apps.api.hub import Hub
from alpha_panda.apps.api.models import Receipt
from alpha_panda.apps.api.once import Once
from alpha_panda.apps.desk.desk import Desk
from alpha_panda.apps.desk.models import Picture
from alpha_panda.database.repositories import Database
from alpha_panda.live.watch.redaction import Redaction


class Written:
    """The latest picture as JSON: written once, however many ask for it."""

    def __init__(self) -> None:
        self._number = -1
        self._text = b""

    def of(self, picture: Picture) -> bytes:
        """Return a picture as JSON."""
        if picture.number != self._number:
            self._number, self._text = picture.number, picture.model_dump_json(by_alias=True).encode()
        return self._text


def _has_answered(receipt: Receipt) -> bool:
    return receipt.account is not None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parts:
    """What the routes read and act with; the application keeps it as `app.state.api`."""

    desk: Desk
    database: Database
    alarms: AlertEngine  # which writes down itself who did what to an alarm
    redaction: Redaction
    log: Any  # of the channel `api`
    version: str
    holder: str  # the process, and the machine it runs on
    began_ns: int  # when this process did, by its clock
    wall_ns: Callable[[], int]
    monotonic: Callable[[], float]
    holds: Callable[[Principal], Awaitable[bool]]  # whether somebody's session still lasts
    hash_password: Callable[[str, str], Awaitable[str]]  # of a name and a password, which it may find too weak
    beat_every_s: float = 5.0  # how often a stream says that it is alive
    hub: Hub = dataclasses.field(default_factory=Hub)
    written: Written = dataclasses.field(default_factory=Written)
    once: Once[Receipt] = dataclasses.field(default_factory=lambda: Once(_has_answered))
    """The commands that were given under a key, once the account has answered."""
    audit_order: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)
    writing: set[asyncio.Task[None]] = dataclasses.field(default_factory=set[asyncio.Task[None]])
    """What is still being written into the audit trail, for those who did not wait for it."""


def parts_of(connection: HTTPConnection) -> Parts:
    """Return what the application of a connection gave the API."""
    return cast(Parts, connection.app.state.api)


def request_id_of(scope: MutableMapping[str, Any]) -> str:
    """Return the id of a request, which stands in its answer's header, in the logs and in the audit trail."""
    return scope.get("state", {}).get("request_id", "")


def correlation_id_of(scope: MutableMapping[str, Any]) -> str:
    """Return the id of what a request is part of, as the client says it; else the request's own."""
    return scope.get("state", {}).get("correlation_id", "") or request_id_of(scope)


def address_of(connection: HTTPConnection) -> str:
    """Return where a request comes from."""
    return connection.client.host if connection.client else "nowhere"


async def _given(connection: HTTPConnection) -> Parts:
    """Give a route its parts; a function that is not asynchronous would be called in another thread each time."""
    return parts_of(connection)


Api = Annotated[Parts, Depends(_given)]
Viewer = Annotated[Principal, Depends(needs("viewer"))]
Operator = Annotated[Principal, Depends(needs("operator"))]
Admin = Annotated[Principal, Depends(needs("admin"))]

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=64,
        pattern=r"^[!-~]*$",
        description="Any text that is new for each command, such as a UUID: whoever did not hear what became of it "
        "asks again with the same, and it is given once. A kill is given each time.",
        examples=["0b0c3a52-6f1e-4f5e-9d0e-6a1c6f0f9c11"],
    ),
]

ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]*$"
"""What a person may write: it goes on the log and on other people's terminals, which obey the other characters."""

Cursor = Annotated[
    str | None,
    Query(max_length=200, description="Where to go on: `following` of the page before; none for the newest."),
]
RowCursor = Annotated[
    int | None,
    Query(ge=1, lt=2**63, description="Where to go on: `following` of the page before; none for the newest."),
]
Limit = Annotated[int, Query(ge=1, le=500, description="How many rows the page has at most.")]
