"""What messages on the event log say, each kind defined once.

Structs are written as arrays, without their field names: a new field goes at the end with a default, so that older
records still read, and whatever changes what an old record means raises `envelope.VERSION`. Money is int64 E4, time
int64 nanoseconds UTC, quantity int64 units.

A record is named by the partition that it stands in and its `sequence` there, which is the offset that it would have
if nothing foreign stood before it.
"""

import datetime
from collections.abc import Mapping
from typing import Literal

import msgspec

from alpha_panda.instruments import Kind

Verdict = Literal["approved", "clipped", "refused"]
Side = Literal["BUY", "SELL"]
OrderType = Literal["MARKET", "LIMIT", "SL", "SL-M"]
Validity = Literal["DAY", "IOC"]
OrderStatus = Literal["working", "triggered", "partial", "complete", "cancelled", "expired"]
Guard = Literal[
    "none", "stop_loss", "take_profit", "trailing_stop", "holding_time", "square_off", "halt_exit", "flatten"
]
AccountState = Literal["running", "reducing", "paused", "halted", "killed"]
Phase = Literal["recovering", "running", "waiting", "stopped", "ended", "failed"]

FINISHED: tuple[OrderStatus, ...] = ("complete", "cancelled", "expired")
"""The states of an order after which nothing more happens to it."""


# ── Market and strategies ────────────────────────────────────────────────────────────────────────────────────────────


class Ticks(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="ticks"):
    """A frame of market events in log order: the bytes of an array of `records.EVENT`.

    Where the ticks have several partitions, what the feed hands on at once is spread over a frame in each of them.
    """

    count: int
    frame: bytes
    next_index: int  # where, in its source, the feed goes on after this frame
    rows: bytes = b""  # where each event stands among those handed on with it, int32; empty where it is all of them


class Cause(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The market event that caused a signal: which frame of `market.ticks` it stands in, and its index there."""

    partition: int
    sequence: int
    index: int


class Signal(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="signal"):
    """A strategy's target for one instrument: a wish, not a trade."""

    strategy: str
    instrument_token: int
    target: float  # wanted exposure in [-1, 1]
    volatility: float  # per bar, for sizing; 0 when not estimated
    cause: Cause


class Progress(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="progress"):
    """The signals stage has finished one frame of ticks; the signals that it caused are on the log before this."""

    partition: int
    sequence: int
    signals: int


# ── The account ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Decision(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="decision"):
    """A risk verdict with the figures that caused it."""

    time_ns: int
    strategy: str
    instrument_token: int
    verdict: Verdict
    code: str  # the rule that clipped or refused, else "none"
    side: Side
    asked: int
    granted: int
    price_e4: int
    figure: float  # what the rule measured
    limit: float  # against what it was held
    target: float
    order_id: int  # 0 when refused
    guard: Guard


class OrderUpdate(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="order"):
    """An order as it stands after a change."""

    order_id: int
    time_ns: int  # made
    updated_ns: int
    active_ns: int  # matches only events after this
    expires_ns: int
    strategy: str
    instrument_token: int
    side: Side
    order_type: OrderType
    validity: Validity
    quantity: int
    filled: int
    filled_value_e4: int
    limit_e4: int
    trigger_e4: int
    brokerage_e4: int
    status: OrderStatus
    opening: bool
    guard: Guard


class Charges(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Itemised charges, all positive; `total_e4` is the sum of the others."""

    brokerage_e4: int
    stt_e4: int
    transaction_e4: int
    sebi_e4: int
    stamp_e4: int
    gst_e4: int
    dp_e4: int
    total_e4: int


class Fill(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="fill"):
    """One execution with its charges."""

    time_ns: int
    order_id: int
    strategy: str
    instrument_token: int
    side: Side
    quantity: int
    price_e4: int
    charges: Charges
    realised_e4: int  # before charges
    position: int  # of the book, after this fill
    guard: Guard


class PnlSnapshot(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="pnl"):
    """The account's figures at an instant."""

    time_ns: int
    cash_e4: int
    equity_e4: int
    realised_e4: int
    unrealised_e4: int
    charges_e4: int
    gross_e4: int
    state: AccountState


# ── Running it ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Gap(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="gap"):
    """A time in which an instrument, or with token 0 the whole market, said nothing although its session was open."""

    instrument_token: int
    from_ns: int
    until_ns: int


class Control(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="control"):
    """A person's command to the account that the envelope names, or to all of them."""

    command: str
    argument: str  # the strategy that is meant, empty for all
    who: str
    reason: str = ""
    correlation_id: str = ""  # of the request that it came with: the logs and the audit trail have it, too


class Takeover(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="takeover"):
    """A writer of this partition begins, with the epoch of the envelope: what others write here afterwards is void."""

    holder: str


class Listing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One instrument as it traded in a session, with the fields of `instruments.Instrument`."""

    symbol: str
    instrument_token: int
    tick_e4: int
    segment: int
    lot: int
    freeze_quantity: int
    calendar: str
    name: str
    underlying: str = ""
    kind: Kind | Literal[""] = ""
    expiry: datetime.date | None = None
    strike_e4: int = 0


class Session(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="session"):
    """What a session runs with: the first record of it, and what a replay must find unchanged."""

    started_ns: int
    profile: str  # as JSON in the platform's units, without its feed; a strategy's index is its position there
    instruments: tuple[Listing, ...]  # an instrument's index is its position here
    feed: str  # where the events come from, as people say it
    feed_digest: str  # of its events; empty where nobody knows them beforehand
    code_digest: str  # of the kernels and strategies that it began with
    partitions: int = 1  # of the ticks and of the raw signals
    told: tuple[str, ...] = ()  # the strategies whose terms are the database's, and not those of the profile's file


class Place(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A place in the log: what stands at `offset`, or where a reader goes on that next expects `sequence`."""

    topic: str
    partition: int
    offset: int
    sequence: int = 0
    epoch: int = 0  # of the last record before it


class Span(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The records of one partition from sequence `start` up to, without, `stop`."""

    topic: str
    partition: int
    start: int
    stop: int


class JournalEntry(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="journal"):
    """One step of the account: the records that it applied, in this order, and the digest of its state afterwards.

    The digests of the inputs are chained, so no byte of what an account was told can change unnoticed.
    """

    inputs: tuple[Span, ...]
    chain_digest: str  # of the bytes of these inputs and of the chain before them
    state_digest: str


class StateSnapshot(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="snapshot"):
    """Everything a stage remembers, to recover from: its arrays' bytes by name, and what it reads or writes next."""

    code_digest: str  # only the code that wrote the bytes may read them
    state_digest: str
    next_places: tuple[Place, ...]
    arrays: dict[str, bytes]
    packed: bool = False  # whether these bytes are compressed, as zlib does it


class StageReport(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="stage"):
    """How one stage is doing, said once a second and at its end: its lease, and what any screen shows of it."""

    stage: str
    partitions: tuple[int, ...]  # that it works on
    holder: str  # the process, and the machine it runs on
    phase: Phase
    reported_ns: int  # by the machine's clock
    places: tuple[Place, ...]  # where it goes on reading
    figures: Mapping[str, float]
    note: str = ""  # what a person should know, such as why it failed


class DeadLetter(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="dead_letter"):
    """A record that no attempt could process, byte for byte, with where it stood and why it was given up."""

    place: Place
    key: bytes
    value: bytes
    attempts: int
    reason: str


Payload = (
    Ticks
    | Signal
    | Progress
    | Decision
    | OrderUpdate
    | Fill
    | PnlSnapshot
    | Control
    | Session
    | JournalEntry
    | StateSnapshot
    | DeadLetter
    | Gap
    | Takeover
    | StageReport
)
