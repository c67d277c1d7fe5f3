"""The envelope of every message, and how its bytes are written and read.

A record's value is one `Envelope` in MessagePack. The envelope's `type` says to any observer what happened
(`order_cancelled`); the payload's tag says how it is written. `decode` refuses a record in which the two contradict
each other.
"""

import base64
import hashlib
from typing import Self

import msgspec

from alpha_panda.errors import CorruptRecordError, VersionError
from alpha_panda.kernels.records import EVENT
from alpha_panda.live.log.base import Record
from alpha_panda.live.messages import (
    Control,
    DeadLetter,
    Decision,
    Fill,
    Gap,
    JournalEntry,
    OrderUpdate,
    Payload,
    PnlSnapshot,
    Progress,
    Session,
    Signal,
    StageReport,
    StateSnapshot,
    Takeover,
    Ticks,
)

VERSION = 2

ROW_BYTES = 4
"""Of the row of an event in a frame of ticks."""

SHARED = "shared"
"""The `broker` of a message that belongs to no single account."""


class Envelope(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One message: what happened, when its cause became known, who says so, and what led to it.

    `correlation_id` is the id of the message that everything began with, a frame of ticks or a command; `causation_id`
    is the id of the direct cause, empty for a message that began by itself. `epoch` and `sequence` are stamped on when
    the message is put on the log: which of its partition's writers put it there, and as the how-manieth of the messages
    that belong there.
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
    epoch: int = 0
    sequence: int = 0

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

    def stamped(self, epoch: int, sequence: int) -> "Envelope":
        """Return the message as the writer of `epoch` puts it on the log, as the record of `sequence`."""
        return msgspec.structs.replace(self, epoch=epoch, sequence=sequence)


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
    Gap: "market_gap",
    Takeover: "writer_began",
    StageReport: "stage_report",
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


class _Numbers(_Head, array_like=True, gc=False):
    """As much as every version shares from the second on, whatever it says in between."""

    time_ns: int
    source: str
    broker: str
    correlation_id: str
    causation_id: str
    data: msgspec.Raw
    epoch: int
    sequence: int


_encoder = msgspec.msgpack.Encoder()
_head_decoder = msgspec.msgpack.Decoder(_Head)
_numbers_decoder = msgspec.msgpack.Decoder(_Numbers)
_decoder = msgspec.msgpack.Decoder(Envelope)


def encode(envelope: Envelope) -> bytes:
    """Return the value of the record that carries `envelope`."""
    return _encoder.encode(envelope)


def decode(record: Record) -> Envelope:
    """Return the message that `record` carries; CorruptRecordError says where it stands and what is wrong with it."""
    try:
        version = _head_decoder.decode(record.value).version
        if version > VERSION:
            raise VersionError(
                f"{_where(record)} has version {version} and this program knows {VERSION}: run the version that wrote "
                "it, or a later one"
            )
        envelope = _decoder.decode(record.value)
        if version == 1:  # of the time when nothing foreign could stand on a log
            envelope = envelope.stamped(0, record.offset)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _corrupt(record, str(error)) from error
    if contradiction := _contradiction(envelope):
        raise _corrupt(record, contradiction)
    return envelope


def numbers_of(value: bytes) -> tuple[int, int] | None:
    """Return epoch and sequence as the bytes of a message of any version say them; None where they say none."""
    try:
        numbers = _numbers_decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return numbers.epoch, numbers.sequence


def version_of(value: bytes) -> int:
    """Return the version that the bytes of a message say they have, also a later one; 0 where they say none."""
    try:
        return _head_decoder.decode(value).version
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return 0


def _contradiction(envelope: Envelope) -> str:
    expected = event_type(envelope.data)
    if envelope.type != expected:
        return f"its type is {envelope.type} and its payload says {expected}"
    data = envelope.data
    if isinstance(data, Ticks) and len(data.frame) != data.count * EVENT.itemsize:
        return f"its frame has {len(data.frame)} bytes, not {EVENT.itemsize} for each of {data.count} events"
    if isinstance(data, Ticks) and data.rows and len(data.rows) != data.count * ROW_BYTES:
        return f"it says where {len(data.rows) // ROW_BYTES} of its {data.count} events stood"
    return ""


def _corrupt(record: Record, trouble: str) -> CorruptRecordError:
    return CorruptRecordError(f"{_where(record)} is not a message: {trouble}")


def _where(record: Record) -> str:
    return f"topic {record.topic} partition {record.partition} offset {record.offset}"
