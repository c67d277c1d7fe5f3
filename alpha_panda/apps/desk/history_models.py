"""What is shown of a session's past: minutes of an instrument, pages of history, and the way of an order."""

from typing import Annotated, Literal

from pydantic import Field

from alpha_panda.apps.desk.models import Command, Decision, Fill, Happening, Order, Point, Shown, Signal, TimeNs


class Bar(Shown):
    """One minute of an instrument, from the events that the session saw."""

    time_ns: TimeNs  # its beginning
    open_e4: int
    high_e4: int
    low_e4: int
    close_e4: int
    volume: int


Kind = Literal["orders", "fills", "decisions", "refusals", "signals", "commands", "equity"]
"""What there is a history of."""


class Page(Shown):
    """Some rows of a history, newest first."""

    rows: tuple[Happening | Point, ...]
    following: str | None  # the cursor of the next older rows; None where these are the oldest


class FillsFound(Shown):
    """The fills of an instrument, newest first."""

    rows: tuple[Fill, ...]
    looked: int  # fills of the session that were looked through, back from the latest
    all: bool  # whether no other fill can be one of these


class Stamp(Shown):
    """Where a message stands on the log, and what it names as its origin and its cause."""

    topic: str
    partition: int
    offset: int
    sequence: int
    type: str
    source: str
    time_ns: TimeNs
    id: str
    correlation_id: str
    causation_id: str


class MarketEvent(Shown):
    """A tick, a bar or a clock of the feed; 0 is a price that is not known."""

    what: Literal["event"] = "event"
    kind: Literal["tick", "bar", "clock"]
    frame: int  # the sequence of the frame of ticks that it stands in, and its place there
    index: int
    time_ns: TimeNs
    symbol: str  # empty for a clock
    open_e4: int
    high_e4: int
    low_e4: int
    close_e4: int
    volume: int
    bid_e4: int
    ask_e4: int


class Step(Shown):
    """One step on the way of an order: what was said, and where that stands."""

    stamp: Stamp
    says: Annotated[MarketEvent | Signal | Command | Decision | Order | Fill, Field(discriminator="what")]


class Lineage(Shown):
    """The way of an order, or of a refusal: event, signal or command, decision, order, its changes and its fills."""

    symbol: str
    strategy: str
    order_id: int  # 0 where it was refused
    reason: str  # what asked for it, in words
    finished: bool  # whether nothing more will come of it
    quote: MarketEvent | None  # the last event of its instrument by then; None where that was long before
    steps: tuple[Step, ...]
