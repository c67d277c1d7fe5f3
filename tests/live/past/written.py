"""A long day of a session, written by hand: a hundred thousand records in a moment."""

from typing import NamedTuple

import numpy as np

from alpha_panda.kernels.records import CLOCK, EVENT, TICK, Records
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.base import Log, NewRecord
from alpha_panda.live.messages import (
    Cause,
    Charges,
    Decision,
    Fill,
    OrderUpdate,
    Payload,
    Progress,
    Signal,
    Ticks,
)
from alpha_panda.live.routing import new_record, topic_of
from alpha_panda.live.topics import SESSIONS, Topic, market_ticks
from alpha_panda.units import SECOND_NS
from tests.live.trading import PAPER, blueprint, market

FRAMES = 50_000
EVERY = 100
"""An order is made in every so-manieth frame, and filled in the next."""

_BEGAN_NS = 1_763_700_300_000_000_000
_FREE = Charges(0, 0, 0, 0, 0, 0, 0, 0)


class Order(NamedTuple):
    """An order of that day: where it came from, and the ids of what was said of it."""

    frame: int
    signal: str
    fill: str


class LongDay:
    """Says what a session says, in its words and numbers."""

    def __init__(self, log: Log) -> None:
        self.orders: list[Order] = []
        self.records = 0
        self._log = log
        self._token = int(market()[0].tokens[0])
        self._next: dict[str, int] = {}
        self._batch: list[NewRecord] = []

    async def write(self, frames: int = FRAMES) -> "LongDay":
        """Put so many frames on the log, with all that is said of them."""
        begun = Envelope.begin(blueprint().record(0), origin="a day", source="session", index=0, time_ns=0)
        first = self._next.get(market_ticks().name, 0)
        if first == 0:
            self._put(SESSIONS, begun)
        placed: tuple[Envelope, str] | None = None
        for number in range(first, first + frames):
            time_ns = _BEGAN_NS + number * SECOND_NS
            frame = Envelope.begin(self._ticks(time_ns), origin="a day", source="feed", index=number, time_ns=time_ns)
            self._put(market_ticks(), frame)
            if placed:
                self._fill(*placed, time_ns)
            placed = self._decide(frame, number) if number % EVERY == 7 else None
            self._say(frame, Progress(0, number, int(placed is not None)))
            if len(self._batch) > 5_000:
                await self._flush()
        await self._flush()
        return self

    def _ticks(self, time_ns: int) -> Ticks:
        events: Records = np.zeros(2, EVENT)
        events["time_ns"], events["kind"] = time_ns, [TICK, CLOCK]
        events["instrument_token"] = [self._token, 0]
        return Ticks(2, events.tobytes(), 0)

    def _decide(self, frame: Envelope, number: int) -> tuple[Envelope, str]:
        """Say a signal, its decision and the order; return the order, and the id of the signal."""
        time_ns, order_id = frame.time_ns, len(self.orders) + 1
        signal = self._say(frame, Signal("momentum", self._token, 1.0, 0.0, Cause(0, number, 1)))
        decision = Decision(
            *(
                time_ns,
                "momentum",
                self._token,
                "approved",
                "none",
                "BUY",
                1,
                1,
                10_000,
                0.0,
                0.0,
                1.0,
                order_id,
                "none",
            )
        )
        return self._say(self._say(signal, decision), self._order(time_ns, time_ns, order_id, False)), signal.id

    def _order(self, time_ns: int, updated_ns: int, order_id: int, filled: bool) -> OrderUpdate:
        at_work = (order_id, time_ns, updated_ns, time_ns, time_ns, "momentum", self._token, "BUY", "MARKET", "DAY", 1)
        return OrderUpdate(*at_work, int(filled), 0, 0, 0, 0, "complete" if filled else "working", True, "none")

    def _fill(self, placed: Envelope, signal: str, time_ns: int) -> None:
        order_id = len(self.orders) + 1
        fill = Fill(time_ns, order_id, "momentum", self._token, "BUY", 1, 10_000, _FREE, 0, order_id, "none")
        said = self._say(placed, fill, time_ns)
        self._say(placed, self._order(placed.time_ns, time_ns, order_id, True), time_ns)
        self.orders.append(Order((order_id - 1) * EVERY + 7, signal, said.id))

    def _say(self, cause: Envelope, data: Payload, time_ns: int | None = None) -> Envelope:
        index, time_ns = self.records, cause.time_ns if time_ns is None else time_ns
        message = cause.effect(data, source="hand", index=index, time_ns=time_ns, broker="paper")
        self._put(topic_of(PAPER, data), message)
        return message

    def _put(self, topic: Topic, message: Envelope) -> None:
        sequence = self._next.get(topic.name, 0)
        self._next[topic.name] = sequence + 1
        self._batch.append(new_record(topic, message.stamped(1, sequence)))
        self.records += 1

    async def _flush(self) -> None:
        await self._log.append(self._batch)
        self._batch = []
