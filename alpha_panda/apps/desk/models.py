"""What is shown of a session: the words of the dashboard and of the API, one definition for both.

Amounts are integers in E4 (1/10,000 rupee) and instants nanoseconds, as everywhere inside; in JSON an instant is text,
ISO 8601 in IST, under its name without the unit. Nothing here is computed for the screen: each figure is what the
account, a stage or the log said.
"""

import datetime
import functools
from typing import Annotated, Literal

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, PlainSerializer

from alpha_panda.live.messages import (
    AccountState,
    Guard,
    OrderStatus,
    OrderType,
    Phase,
    Side,
    Validity,
    Verdict,
)
from alpha_panda.units import ist_datetime

Mode = Literal["paper", "live"]
Latency = Literal["tick_to_signal", "tick_to_decision", "tick_to_order"]


@functools.lru_cache(4_096)  # the same orders are written again and again, and are known by their times
def _instant(time_ns: int) -> str | None:
    return ist_datetime(time_ns).isoformat(timespec="microseconds") if time_ns else None


TimeNs = Annotated[int, PlainSerializer(_instant, return_type=str | None, when_used="json")]
"""An instant, int64 nanoseconds UTC, 0 where there is none; in JSON text in IST, or null."""


class Shown(BaseModel):
    """Something that is shown; it never changes."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=AliasGenerator(serialization_alias=lambda name: name.removesuffix("_ns")),
        ser_json_inf_nan="null",
    )


# ── The session and where its figures come from ──────────────────────────────────────────────────────────────────────


class InstrumentTerms(Shown):
    """An instrument that a session trades."""

    symbol: str
    instrument_token: int
    tick_e4: int
    lot: int
    freeze_quantity: int
    kind: str
    name: str
    underlying: str
    expiry: datetime.date | None
    strike_e4: int


class SessionTerms(Shown):
    """What a session was made of when it began."""

    name: str  # of its state folder
    broker: str
    mode: Mode
    feed: str
    started_ns: TimeNs
    log: Literal["embedded", "kafka"]
    strategies: tuple[str, ...]
    symbols: tuple[str, ...]
    code_digest: str


class SessionListing(Shown):
    """A session whose state is kept beside the one that is shown."""

    name: str
    shown: bool
    killed: bool  # whether its latch is engaged
    running: bool  # whether a process of this machine has its log open; of one on Kafka nobody can say
    log: Literal["embedded", "kafka", "none"]
    changed_ns: TimeNs


class Source(Shown):
    """One of the places that figures are read from: the log, the store, or the session's folder."""

    name: Literal["log", "store", "folder"]
    well: bool  # whether it can be read, and shows all that there is
    is_read: bool  # whether it can be read; what it shows may be old all the same
    trouble: str  # why it is not well; empty where it is
    read_ns: TimeNs  # when it last could be read, by the clock of this machine
    complete_ns: TimeNs = 0  # until when it surely shows all that there was, by that clock; 0 where nobody knows
    market_ns: TimeNs = 0  # how far in the market what it shows has come; 0 where nobody knows
    behind: int | None = None  # records of the log that it does not show yet; None where that is not compared


# ── The account ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Account(Shown):
    """The account as its stage last reported it; a figure that it did not report is None."""

    state: AccountState
    halt: str  # the limit that halts or reduces, empty where none does
    reported_ns: TimeNs  # by the clock of the machine that keeps it
    market_ns: TimeNs  # how far in the market it has come
    equity_e4: int
    cash_e4: int
    gross_e4: int  # exposure: of each instrument what all strategies hold together, long and short alike
    day_pnl_e4: int  # net, since the day began
    realised_e4: int | None = None  # before charges, since the session began
    unrealised_e4: int | None = None
    charges_e4: int | None = None
    positions: int | None = None
    orders_working: int | None = None
    orders_made: int | None = None
    approved: int | None = None
    refused: int | None = None
    fills: int | None = None
    signals: int | None = None
    events: int | None = None


class Limit(Shown):
    """A limit of the account, how much of it is used, and what happens there."""

    name: Literal["day_loss_reduce", "day_loss_halt", "drawdown_halt", "gross_fraction", "positions", "open_orders"]
    used: float  # a fraction, or a count, as the risk rules see it: what orders at work would open counts as opened
    allowed: float  # 0 where it is switched off
    is_ratio: bool
    action: str  # what the account does there, in words


class Point(Shown):
    """The account's equity at one moment of the market."""

    time_ns: TimeNs
    equity_e4: int
    realised_e4: int
    unrealised_e4: int
    charges_e4: int
    gross_e4: int


class Position(Shown):
    """What one strategy holds of one instrument, or held today; its sums are of the whole session."""

    strategy: str
    symbol: str
    instrument_token: int
    product: str
    quantity: int  # signed
    average_e4: int | None  # of the open quantity, to the nearest E4; None when flat
    last_e4: int | None  # the price that the account values it at; None where it did not report one
    last_ns: TimeNs = 0  # when the market said that price, to the microsecond
    unrealised_e4: int | None
    realised_e4: int  # before charges
    charges_e4: int
    fills: int
    updated_ns: TimeNs  # its last fill


class Strategy(Shown):
    """A strategy of the session, with what its books come to since that began; a person may have paused it alone."""

    name: str
    state: Literal["running", "paused", "disabled"]
    source: str  # the strategy's file or name
    interval_ns: int
    product: str
    symbols: tuple[str, ...]  # those that it names; empty where it trades all
    capital_e4: int
    parameters: dict[str, int | float]
    realised_e4: int
    unrealised_e4: int | None
    charges_e4: int
    open_positions: int
    signals: int | None  # since the session began; None where this process did not read from its first one on
    last_signal_ns: TimeNs
    last_symbol: str
    last_target: float | None


# ── What happened ────────────────────────────────────────────────────────────────────────────────────────────────────


class Order(Shown):
    """An order as it stands after its latest change."""

    what: Literal["order"] = "order"
    order_id: int
    made_ns: TimeNs
    updated_ns: TimeNs
    strategy: str
    symbol: str
    side: Side
    order_type: OrderType
    validity: Validity
    quantity: int
    filled: int
    average_e4: int | None  # of what is filled, to the nearest E4
    limit_e4: int
    trigger_e4: int
    brokerage_e4: int
    status: OrderStatus
    opening: bool
    guard: Guard


class Decision(Shown):
    """A verdict of the risk rules, with the figures that led to it."""

    what: Literal["decision"] = "decision"
    cursor: str  # names it for its lineage
    time_ns: TimeNs
    strategy: str
    symbol: str
    verdict: Verdict
    code: str  # the rule that clipped or refused, else "none"
    side: Side
    asked: int
    granted: int
    price_e4: int
    figure: float  # what the rule measured
    limit: float  # against what it was held
    target: float | None
    order_id: int
    guard: Guard


class Charges(Shown):
    """Itemised charges; `total_e4` is the sum of the others."""

    brokerage_e4: int
    stt_e4: int
    transaction_e4: int
    sebi_e4: int
    stamp_e4: int
    gst_e4: int
    dp_e4: int
    total_e4: int


class Fill(Shown):
    """One execution with its charges."""

    what: Literal["fill"] = "fill"
    time_ns: TimeNs
    order_id: int
    strategy: str
    symbol: str
    side: Side
    quantity: int
    price_e4: int
    charges: Charges
    realised_e4: int
    position: int
    guard: Guard


class Signal(Shown):
    """A target of a strategy."""

    what: Literal["signal"] = "signal"
    time_ns: TimeNs
    strategy: str
    symbol: str
    target: float | None
    volatility: float


class Command(Shown):
    """What a person told the account, as the log has it."""

    what: Literal["command"] = "command"
    time_ns: TimeNs
    command: str
    strategy: str
    who: str
    reason: str
    correlation_id: str = ""  # of the request that it came with; empty where it came with none


Happening = Annotated[Signal | Decision | Order | Fill | Command, Field(discriminator="what")]
"""What the tape shows, one line each."""


# ── The pipeline ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Delay(Shown):
    """How long something takes, over the latest 2,048 of it."""

    name: Latency
    p50_s: float
    p99_s: float
    max_s: float
    count: int


class Stage(Shown):
    """One stage of one process, as it last said."""

    stage: str
    holder: str
    partitions: tuple[int, ...]
    phase: Phase | Literal["unknown"]
    reported_ns: TimeNs
    age_s: float  # since it reported, when the picture was taken
    lag: int | None  # records that it has still to read
    market_ns: TimeNs  # how far in the market it has come
    events_a_second: float | None
    trouble: str
    note: str
    delays: tuple[Delay, ...]
    set_aside: int
    dead_letters: int
    figures: dict[str, float]  # all that it reports


class Feed(Shown):
    """How fresh the market data are."""

    market_ns: TimeNs  # of the last event on the log
    heard_ns: TimeNs  # when the last frame arrived, by the clock of this process; as the feed says, of one before it
    market_open: bool | None
    gaps: int
    reconnects: int
    kept_out: int


class Latch(Shown):
    """The kill latch, engaged."""

    who: str
    reason: str
    time_ns: TimeNs


class Refusals(Shown):
    """How often one rule refused, since the session began."""

    code: str
    count: int


class Picture(Shown):
    """One session as all its screens show it, at one moment.

    `number` rises with every change; `taken_ns` is when it was taken, by the clock of this machine. What a source that
    is away last said stays, with its own time.
    """

    number: int
    taken_ns: TimeNs
    session: SessionTerms | None  # None before any has begun
    sources: tuple[Source, ...]
    phase: Literal["waiting", "recovering", "trading", "ended", "failed", "unknown"]
    account: Account | None
    limits: tuple[Limit, ...]
    feed: Feed | None
    stages: tuple[Stage, ...]
    strategies: tuple[Strategy, ...]
    positions: tuple[Position, ...]
    orders: tuple[Order, ...]  # all at work and the latest others, newest first
    decisions: tuple[Decision, ...]  # the latest, newest first
    refusals: tuple[Refusals, ...]
    happenings: tuple[Happening, ...]  # the tape, newest first
    curve: tuple[Point, ...]  # the equity of the market's day, thinned to some hundreds of points
    latch: Latch | None
    commands_waiting: int
    dead_letters: int
    troubles: tuple[str, ...]  # what is wrong, in sentences, the worst first

    @property
    def killed(self) -> bool:
        """Whether trading is stopped by a person's kill, or will be as soon as the account looks."""
        return self.latch is not None or (self.account is not None and self.account.state == "killed")
