"""Every message on the event log, defined once.

A record's value is one `Envelope` in MessagePack. Structs are written as arrays, without their field names: a new field
goes at the end with a default, so that older records still read, and whatever changes what an old record means raises
`VERSION`. Money is int64 E4, time int64 nanoseconds UTC, quantity int64 units.

The envelope's `type` says to any observer what happened (`order_cancelled`); the payload's tag says how it is written.
`decode` refuses a record in which the two contradict each other.
"""

import base64
import datetime
import hashlib
from typing import Literal, Self

import msgspec

from alpha_panda.errors import CorruptRecordError
from alpha_panda.instruments import Kind
from alpha_panda.kernels.records import EVENT
from alpha_panda.live.log.base import Record

VERSION = 1

SHARED = "shared"
"""The `broker` of a message that belongs to no single account."""

Verdict = Literal["approved", "clipped", "refused"]
Side = Literal["BUY", "SELL"]
OrderType = Literal["MARKET", "LIMIT", "SL", "SL-M"]
Validity = Literal["DAY", "IOC"]
OrderStatus = Literal["working", "triggered", "partial", "complete", "cancelled", "expired"]
Guard = Literal["none", "stop_loss", "take_profit", "trailing_stop", "holding_time", "square_off", "halt_exit"]
AccountState = Literal["running", "reducing", "halted"]


# ── Market and strategies ────────────────────────────────────────────────────────────────────────────────────────────


class Ticks(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="ticks"):
    """A frame of market events in log order: the bytes of an array of `records.EVENT`."""

    count: int
    frame: bytes
    next_index: int  # where, in its source, the feed goes on after this frame


class Cause(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The market event that caused a signal: where its frame stands in `market.ticks`, and its index in the frame."""

    partition: int
    offset: int
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
    offset: int
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


class Control(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="control"):
    """A person's command to the account that the envelope names, or to all of them."""

    command: str
    argument: str
    who: str


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


class Place(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A place in the log."""

    topic: str
    partition: int
    offset: int


class Span(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The records of one partition from `start` up to, without, `stop`."""

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
)


# ── The envelope ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Envelope(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One message: what happened, when its cause became known, who says so, and what led to it.

    `correlation_id` is the id of the message that everything began with, a frame of ticks or a command; `causation_id`
    is the id of the direct cause, empty for a message that began by itself.
    """

    id: str
    type: str
    version: int
    time_ns: int
    source: str
    broker: str
    correlation_id: str
    causation_id: str
    data: Payload

    @classmethod
    def begin(cls, data: Payload, *, origin: str, source: str, index: int, time_ns: int, broker: str = SHARED) -> Self:
        """Return a message that nothing on the log caused: the `index`-th that `source` draws from `origin`.

        `origin` names what a restart begins again, a session or a file, so that the ids come out the same.
        """
        itself = event_id(origin, _stage(broker, source), index)
        return cls(itself, event_type(data), VERSION, time_ns, source, broker, itself, "", data)

    def effect(self, data: Payload, *, source: str, index: int, time_ns: int, broker: str) -> "Envelope":
        """Return the `index`-th message that the stage `source` makes of this one for `broker`."""
        itself = event_id(self.id, _stage(broker, source), index)
        return Envelope(itself, event_type(data), VERSION, time_ns, source, broker, self.correlation_id, self.id, data)


def event_id(cause: str, stage: str, index: int) -> str:
    """Return the id of the `index`-th message that `stage` makes of `cause`: always the same 24 letters and digits."""
    parts = (cause.encode(), stage.encode(), str(index).encode())
    framed = b"".join(len(part).to_bytes(4, "little") + part for part in parts)
    return base64.b32encode(hashlib.blake2b(framed, digest_size=15).digest()).decode()


def _stage(broker: str, source: str) -> str:
    """One signal goes to several brokers; each copy is a message of its own."""
    return f"{broker}.{source}"


_TYPES: dict[type[Payload], str] = {
    Ticks: "market_tick",
    Signal: "trading_signal",
    Progress: "signals_progress",
    Fill: "order_filled",
    PnlSnapshot: "pnl_snapshot",
    Control: "control_command",
    Session: "session_started",
    JournalEntry: "journal_entry",
    StateSnapshot: "state_snapshot",
    DeadLetter: "dead_letter",
}


def event_type(data: Payload) -> str:
    """Return the name of what happened."""
    if isinstance(data, Decision):
        return "rejected_signal" if data.verdict == "refused" else "validated_signal"
    if isinstance(data, OrderUpdate):
        return "order_placed" if data.status == "working" else f"order_{data.status}"
    return _TYPES[type(data)]


# ── Bytes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Head(msgspec.Struct, array_like=True, gc=False):
    """As much of an envelope as every version shares."""

    id: str
    type: str
    version: int


_encoder = msgspec.msgpack.Encoder()
_head_decoder = msgspec.msgpack.Decoder(_Head)
_decoder = msgspec.msgpack.Decoder(Envelope)


def encode(envelope: Envelope) -> bytes:
    """Return the value of the record that carries `envelope`."""
    return _encoder.encode(envelope)


def decode(record: Record) -> Envelope:
    """Return the message that `record` carries; CorruptRecordError says where it stands and what is wrong with it."""
    try:
        version = _head_decoder.decode(record.value).version
        if version > VERSION:
            raise _corrupt(record, f"it has version {version} and this program knows {VERSION}: run a later one")
        envelope = _decoder.decode(record.value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _corrupt(record, str(error)) from error
    if contradiction := _contradiction(envelope):
        raise _corrupt(record, contradiction)
    return envelope


def _contradiction(envelope: Envelope) -> str:
    expected = event_type(envelope.data)
    if envelope.type != expected:
        return f"its type is {envelope.type} and its payload says {expected}"
    data = envelope.data
    if isinstance(data, Ticks) and len(data.frame) != data.count * EVENT.itemsize:
        return f"its frame has {len(data.frame)} bytes, not {EVENT.itemsize} for each of {data.count} events"
    return ""


def _corrupt(record: Record, trouble: str) -> CorruptRecordError:
    where = f"topic {record.topic} partition {record.partition} offset {record.offset}"
    return CorruptRecordError(f"{where} is not a message: {trouble}")
