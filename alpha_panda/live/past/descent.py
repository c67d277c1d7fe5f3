"""What a lineage is made of: messages with where they stand and what they name as their cause, and market events."""

import dataclasses
from collections.abc import Mapping
from typing import Generic, Literal, Self, TypeVar

from alpha_panda.kernels.records import BAR, CLOCK, TICK
from alpha_panda.live.arrivals import ticks_in
from alpha_panda.live.messages import FINISHED, Control, Decision, Fill, OrderUpdate, Signal
from alpha_panda.live.payloads import events_of
from alpha_panda.live.streams import Entry

EventKind = Literal["tick", "bar", "clock"]

_KINDS: Mapping[int, EventKind] = {TICK: "tick", BAR: "bar", CLOCK: "clock"}

Said = TypeVar("Said", Signal, Control, Decision, OrderUpdate, Fill)


@dataclasses.dataclass(frozen=True)
class Stamp:
    """Where a message stands on the log, who said it, and what it names as its origin and its cause."""

    topic: str
    partition: int
    offset: int
    sequence: int
    epoch: int
    type: str
    source: str
    time_ns: int
    id: str
    correlation_id: str
    causation_id: str

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Return the stamp of a record that belongs where it stands."""
        record, message = entry.record, entry.message
        return cls(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            sequence=message.sequence,
            epoch=message.epoch,
            type=message.type,
            source=message.source,
            time_ns=message.time_ns,
            id=message.id,
            correlation_id=message.correlation_id,
            causation_id=message.causation_id,
        )


@dataclasses.dataclass(frozen=True)
class Told(Generic[Said]):
    """What a message says, and its stamp."""

    data: Said
    stamp: Stamp


@dataclasses.dataclass(frozen=True)
class MarketEvent:
    """One event of a frame of ticks; a clock says nothing but its time."""

    kind: EventKind
    frame: int  # the sequence of the frame that it stands in
    index: int  # and its place there
    time_ns: int
    instrument_token: int
    open_e4: int
    high_e4: int
    low_e4: int
    close_e4: int
    volume: int
    bid_e4: int  # 0 when unknown
    ask_e4: int
    open_interest: int

    @classmethod
    def of(cls, frame: Entry, index: int) -> Self:
        """Return the event at a place in the frame that a record carries."""
        events = events_of(ticks_in(frame))
        fields = dict(zip(events.dtype.names or (), events[index].tolist(), strict=True))
        del fields["instrument"]
        kind = _KINDS[fields.pop("kind")]
        return cls(kind=kind, frame=frame.message.sequence, index=index, **fields)


@dataclasses.dataclass(frozen=True)
class Lineage:
    """A decision with what led to it and what came of it, as far as that is on the log."""

    symbol: str
    frame: Stamp | None  # of the ticks that it goes back to; None where it goes back to a command
    event: MarketEvent | None  # of that frame: what set it off
    quote: MarketEvent | None  # the last one of its instrument by then; None where that was long before
    signal: Told[Signal] | None  # None where a guard, a limit of the account or a person asked for it
    command: Told[Control] | None
    decision: Told[Decision]
    order: tuple[Told[OrderUpdate] | Told[Fill], ...]  # how it was placed, and all that happened to it since

    @property
    def reason(self) -> str:
        """What asked for it, in words."""
        decision = self.decision.data
        if self.command is not None:
            return f"the command {self.command.data.command} of {self.command.data.who}"
        if self.signal is not None:
            return f"a signal of {decision.strategy}"
        if decision.guard != "none":
            return f"the account's {decision.guard.replace('_', ' ')}"
        return "what an order that was cancelled would have closed"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will come of it."""
        return not self.decision.data.order_id or any(
            isinstance(each.data, OrderUpdate) and each.data.status in FINISHED for each in self.order
        )
