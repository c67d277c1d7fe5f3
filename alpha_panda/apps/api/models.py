"""The answers of the API that no screen shows as they are: parts of a picture with its moment, receipts, pages."""

from collections.abc import Sequence
from typing import Any, Generic, Literal, TypeVar

from pydantic import Field

from alpha_panda.apps.access import Role
from alpha_panda.apps.desk.models import (
    Account,
    Delay,
    Feed,
    Happening,
    Latch,
    Limit,
    Picture,
    Position,
    Refusals,
    SessionTerms,
    Shown,
    Source,
    Stage,
    Strategy,
    TimeNs,
)
from alpha_panda.live.messages import AccountState

Row = TypeVar("Row")


class Moment(Shown):
    """When an answer's figures were so: the picture that they stand in, and how well its sources could be read."""

    picture: int = Field(description="The number of the picture; it rises with every change.")
    taken_ns: TimeNs = Field(description="When the picture was taken, by the clock of this machine.")
    sources: tuple[Source, ...]

    @classmethod
    def of(cls, picture: Picture) -> "Moment":
        """Return the moment of a picture."""
        return cls(picture=picture.number, taken_ns=picture.taken_ns, sources=picture.sources)


class _Many(Shown):
    """What has rows, of any kind: each kind is described as all are."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.__doc__ = cls.__doc__ or cls.__base__.__doc__


class Rows(_Many, Generic[Row]):
    """All rows of one kind at one moment."""

    moment: Moment
    rows: tuple[Row, ...]


class Tape(Rows[Happening]):
    """What happened lately, at one moment."""


class Listed(_Many, Generic[Row]):
    """All rows of one kind."""

    rows: tuple[Row, ...]


class Paged(_Many, Generic[Row]):
    """Some rows of a history, newest first."""

    rows: tuple[Row, ...]
    following: str | None = Field(description="The cursor of the next older rows; null where these are the oldest.")


class Portfolio(Shown):
    """The account and what it holds, whole."""

    moment: Moment
    session: SessionTerms | None
    phase: str
    account: Account | None
    limits: tuple[Limit, ...]
    latch: Latch | None
    killed: bool
    strategies: tuple[Strategy, ...]
    positions: tuple[Position, ...]
    refusals: tuple[Refusals, ...]


class AccountNow(Shown):
    """The account at one moment."""

    moment: Moment
    account: Account | None = Field(description="Null before the account has said anything.")
    latch: Latch | None
    killed: bool


class Pipeline(Shown):
    """The stages of the session with their lag and their delays, and how fresh the market data are."""

    moment: Moment
    phase: str
    feed: Feed | None
    stages: tuple[Stage, ...]
    commands_waiting: int
    dead_letters: int
    troubles: tuple[str, ...]


class StageDelay(Shown):
    """How long something takes in one stage."""

    stage: str
    holder: str
    delay: Delay


class FeedNow(Shown):
    """How fresh the market data are at one moment."""

    moment: Moment
    feed: Feed | None = Field(description="Null before anything was heard of it.")


class Service(Shown):
    """Something that has to work for figures to be shown and commands to be carried out."""

    name: str
    kind: Literal["source", "stage", "database", "alerts", "web"]
    well: bool
    reason: str
    seen_ns: TimeNs = Field(description="When it was last heard of.")


class Health(Shown):
    """All services, and whether all of them are well."""

    moment: Moment
    well: bool
    services: tuple[Service, ...]


class Boot(Shown):
    """Which process answers; a page that finds another than before loads itself anew."""

    boot_id: str
    version: str


class Host(Shown):
    """The machine that this process runs on."""

    system: str
    python: str
    cores: int | None


class System(Shown):
    """This process: what it runs, and for how long."""

    version: str
    boot_id: str
    process: str
    session: str = Field(description="The name of the folder that the session is kept in.")
    began_ns: TimeNs
    uptime_s: float
    host: Host
    libraries: dict[str, str]


class Receipt(Shown):
    """What became of a command."""

    command: str
    strategy: str = Field(description="Empty where the whole account is meant.")
    who: str
    told: Literal["log", "spool", "nobody"] = Field(
        description="Where the command stands: on the log, waiting for a session to take it up, or nowhere."
    )
    account: AccountState | None = Field(
        description="How the account stood once it had carried the command out; null where it did not say."
    )
    latch: Literal["", "engaged", "released"] = Field(description="What was done to the kill latch.")
    trouble: str = Field(description="What could not be done or read, in sentences; empty where nothing was wrong.")
    id: str = Field(description="Of the command on the log.")
    repeated: bool = Field(
        description="Whether it had been given before under the same `Idempotency-Key`, and was not given again."
    )
    request_id: str = Field(description="Of the request by which it was given.")


class LogLine(Shown):
    """One line of the structured logs."""

    time_ns: TimeNs
    level: str = Field(description="Empty where the line is damaged.")
    channel: str
    folder: str = Field(description="Of the process that wrote it.")
    event: str
    fields: dict[str, Any] = Field(description="Whatever else it says.")
    damaged: bool


class Letter(Shown):
    """A record, or a market event, that no attempt could process."""

    id: str
    topic: str = Field(description="Where it stood, or would have.")
    partition: int
    offset: int
    time_ns: TimeNs
    source: str = Field(description="Who gave it up.")
    is_event: bool = Field(description="Whether it is a market event that the feed kept out, and not a record.")
    attempts: int
    reason: str
    size_bytes: int


# ── The database ─────────────────────────────────────────────────────────────────────────────────────────────────────


class StrategyVersion(Shown):
    """What a strategy was told from a moment on; versions are added and never change."""

    name: str
    version: int
    digest: str = Field(description="The hash of the terms: two versions that say the same have the same.")
    terms: dict[str, Any] = Field(description="As a table `[[strategies]]` of a profile says them.")
    enabled: bool
    who: str
    reason: str
    created_ns: TimeNs


class KeptAlert(Shown):
    """One alarm in the history, noticed `count` times from its first to its last."""

    id: int
    rule: str
    key: str
    severity: str
    title: str
    detail: str
    figures: dict[str, Any]
    state: str
    count: int
    first_ns: TimeNs
    last_ns: TimeNs
    acknowledged_by: str | None
    acknowledged_ns: TimeNs | None
    resolved_by: str | None
    resolved_ns: TimeNs | None
    returned_ns: TimeNs | None
    told_count: int
    told_ns: TimeNs | None


class AuditRow(Shown):
    """One action of somebody."""

    id: int
    time_ns: TimeNs
    who: str
    action: str
    target: str
    detail: str
    outcome: str
    correlation_id: str
    address: str


class User(Shown):
    """One who may sign in while `enabled`."""

    name: str
    role: Role
    enabled: bool
    created_ns: TimeNs
    changed_ns: TimeNs


# ── The streams ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Hello(Shown):
    """The first event of a stream: which process it comes from, and what it will tell."""

    boot_id: str
    topics: Sequence[str]


class Beat(Shown):
    """The stream is alive, whether or not anything happens."""

    time_ns: TimeNs
    picture: int = Field(description="The number of the picture at this moment.")


class Reset(Shown):
    """What followed the event that the viewer named is no longer all there: the histories have it."""

    reason: str


class Gap(Shown):
    """So many events of a topic were dropped, since the viewer was too slow for them."""

    topic: str
    count: int
