"""Why the account did what it did: from its arrays to messages, each of which names its cause.

A decision follows from a signal, or from the ticks that set off a guard; an order from its decision; all that happens
to an order from that order; figures of the account from the ticks of their time. Every message is numbered through the
session, so that its id, made of cause and number, is the same whenever it is made again.
"""

import bisect
from collections.abc import Sequence

import msgspec

from alpha_panda.chain import Work
from alpha_panda.live.arrivals import Arrival
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.messages import FINISHED, Decision, Fill, OrderUpdate, Payload, PnlSnapshot, Signal
from alpha_panda.live.payloads import decisions_of, fills_of, orders_of, snapshots_of
from alpha_panda.live.session import Blueprint
from alpha_panda.live.topics import instrument_key

_SOURCE = "account"


class _Memory(msgspec.Struct, array_like=True):
    number: int
    placed: dict[int, Envelope]


class Causes:
    """Remembers the message that placed each order at work, and how many messages there were."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._names = blueprint.names
        self._broker = blueprint.broker
        self._ticks = blueprint.ticks
        self._number = 0
        self._placed: dict[int, Envelope] = {}

    def explain(self, work: Work, arrivals: Sequence[Arrival], signals: Sequence[Envelope]) -> list[Envelope]:
        """Return what the account did in one step as messages in the order of their times.

        At one time, fills of earlier orders come first, then decisions, orders and figures: an order always stands
        before its fills.
        """
        payloads: list[Fill | Decision | OrderUpdate | PnlSnapshot] = [
            *fills_of(work.fills, self._names),
            *decisions_of(work.decisions, self._names),
            *orders_of(work.orders, self._names),
            *snapshots_of(work.snapshots),
        ]
        said = {_key(signal): signal for signal in signals}
        until_ns = [arrival.time_ns for arrival in arrivals]
        decided: dict[int, Envelope] = {}
        messages: list[Envelope] = []
        for payload in sorted(payloads, key=_time_ns):
            time_ns = _time_ns(payload)
            cause = self._cause(payload, said, decided)
            if cause is None:
                cause = self._frame(payload, arrivals[min(bisect.bisect_left(until_ns, time_ns), len(arrivals) - 1)])
            message = cause.effect(payload, source=_SOURCE, index=self._number, time_ns=time_ns, broker=self._broker)
            self._number += 1
            self._remember(message, decided)
            messages.append(message)
        return messages

    def _cause(
        self, payload: Payload, said: dict[tuple[int, str, int], Envelope], decided: dict[int, Envelope]
    ) -> Envelope | None:
        """Return the message that caused this one; None for what the ticks themselves caused."""
        match payload:
            case Fill():
                return self._placed[payload.order_id]
            case OrderUpdate():
                return self._placed.get(payload.order_id) or decided[payload.order_id]
            case Decision(guard="none"):
                # What a cancelled order would have closed is asked for again, without a signal.
                return said.get((payload.time_ns, payload.strategy, payload.instrument_token))
            case _:
                return None

    def _frame(self, payload: Payload, arrival: Arrival) -> Envelope:
        """Return the frame of an arrival that a payload's instrument stands in, or the first one."""
        partition = self._partition_of(payload.instrument_token) if isinstance(payload, Decision) else 0
        return arrival.messages[partition if len(arrival.entries) > 1 else 0]

    def _partition_of(self, instrument_token: int) -> int:
        return self._ticks.partition_of(instrument_key(instrument_token))

    def _remember(self, message: Envelope, decided: dict[int, Envelope]) -> None:
        """Keep what later messages will be caused by, and forget an order that is finished."""
        match message.data:
            case Decision(order_id=order_id):
                decided[order_id] = message
            case OrderUpdate(order_id=order_id, status=status):
                self._placed.setdefault(order_id, message)
                if status in FINISHED:
                    del self._placed[order_id]
            case _:
                pass

    def to_bytes(self) -> bytes:
        """Return all that is remembered, to be restored from."""
        return msgspec.msgpack.encode(_Memory(self._number, self._placed))

    def restore(self, memory: bytes) -> None:
        """Remember what was remembered when `memory` was made."""
        restored = msgspec.msgpack.decode(memory, type=_Memory)
        self._number, self._placed = restored.number, restored.placed


def _key(signal: Envelope) -> tuple[int, str, int]:
    assert isinstance(signal.data, Signal)
    return signal.time_ns, signal.data.strategy, signal.data.instrument_token


def _time_ns(payload: Fill | Decision | OrderUpdate | PnlSnapshot) -> int:
    return payload.updated_ns if isinstance(payload, OrderUpdate) else payload.time_ns
