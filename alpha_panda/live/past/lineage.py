"""From an order, or a refusal, to everything that led to it and came of it, as the log of its session has it.

    tick ─▶ frame ─▶ signal ─▶ decision ─▶ order ─▶ changes of the order, fills with their charges

What a guard or a limit of the account asks for follows from the frame that set it off, and what a person commands from
the command. Every message names its cause by id, and bears the time of the event that it goes back to: so each is found
by bisection, however long the log of the session is, which may be running.
"""

import asyncio
import json
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from alpha_panda.errors import ConfigurationError
from alpha_panda.live.arrivals import ticks_in
from alpha_panda.live.build import open_log
from alpha_panda.live.envelope import Envelope, numbers_of
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import FINISHED, Cause, Control, Decision, Fill, OrderUpdate, Session, Signal
from alpha_panda.live.past.descent import Lineage, MarketEvent, Stamp, Told
from alpha_panda.live.past.seeking import Seeker
from alpha_panda.live.payloads import events_of
from alpha_panda.live.session import begun, read_session
from alpha_panda.live.streams import Entry, Recording
from alpha_panda.live.topics import CONTROL, BrokerTopics, Topic, instrument_key, market_ticks

_BLOCK = 16  # records that are read at once: what belongs together stands close together
_FRAMES_BACK = 32  # in which the price is looked for that was known


def lineage(state: pathlib.Path, order_id: int) -> Lineage:
    """Return the lineage of an order of the session in `state`, which may be running.

    Raises ConfigurationError for an order that there is not, LogError where the log cannot be read, RecoveryError where
    no session has begun on it.
    """
    return asyncio.run(_looked_up(state, lambda lineages: lineages.of_order(order_id)))


def lineage_of_refusal(state: pathlib.Path, offset: int) -> Lineage:
    """Return the lineage of the refused decision at `offset` of its topic; raises what `lineage` raises."""
    return asyncio.run(_looked_up(state, lambda lineages: lineages.of_refusal(offset)))


async def _looked_up(state: pathlib.Path, look: Callable[["Lineages"], Awaitable[Lineage]]) -> Lineage:
    async with open_log(state, read_only=True) as log:
        return await look(Lineages(log, begun(await read_session(log), state)))


class Lineages:
    """Looks up lineages in the log of one session."""

    def __init__(self, log: Log, session: Session) -> None:
        self._log = log
        self._ticks = market_ticks(session.partitions)
        self._topics = BrokerTopics.of(json.loads(session.profile)["account"]["broker"], session.partitions)
        self._symbol_of = {each.instrument_token: each.symbol for each in session.instruments}

    async def of_order(self, order_id: int) -> Lineage:
        """Return the lineage of an order; ConfigurationError where the account has made none of this number."""
        decisions = await Seeker(self._log, self._topics.signals_validated).to(
            lambda message: isinstance(message.data, Decision) and message.data.order_id < order_id
        )
        for entry in await decisions.read(1):
            if isinstance(entry.message.data, Decision) and entry.message.data.order_id == order_id:
                return await self._of(entry, entry.message.data)
        raise ConfigurationError(
            f"{self._topics.broker} has made no order {order_id} so far: name one that the session's orders show"
        )

    async def of_refusal(self, offset: int) -> Lineage:
        """Return the lineage of a refused decision; ConfigurationError where no record that counts is at `offset`."""
        topic = self._topics.signals_rejected
        records = await self._log.read(topic, 0, offset, 1) if offset >= 0 else []
        for record in records:
            numbers = numbers_of(record.value)
            reader = await Seeker(self._log, topic).to_sequence(numbers[1] if numbers else offset)
            for entry in await reader.read(1):
                if entry.record.offset == offset and isinstance(entry.message.data, Decision):
                    return await self._of(entry, entry.message.data)
        raise ConfigurationError(
            f"{topic.name} has no refusal that counts at offset {offset}: name one that the session's refusals show"
        )

    async def _of(self, entry: Entry, decision: Decision) -> Lineage:
        message, partition = entry.message, self._ticks.partition_of(instrument_key(decision.instrument_token))
        signal = await self._signal(message, partition)
        frame = await self._frame(message, partition, signal.data.cause if signal else None)
        event = frame and _event(frame, decision, signal.data.cause if signal else None)
        return Lineage(
            symbol=self._symbol_of.get(decision.instrument_token, str(decision.instrument_token)),
            frame=Stamp.of(frame) if frame else None,
            event=event,
            quote=await self._quote(frame, event, decision) if frame and event else None,
            signal=signal,
            command=None if frame else await self._command(message),
            decision=Told(decision, Stamp.of(entry)),
            order=tuple([each async for each in self._order(decision)]) if decision.order_id else (),
        )

    # ── What led to it ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _signal(self, decision: Envelope, partition: int) -> Told[Signal] | None:
        """Return the signal that a decision names; None where it names none."""
        if decision.causation_id == decision.correlation_id:
            return None
        async for entry in self._around(self._topics.signals_raw, partition, decision.time_ns):
            if entry.message.id == decision.causation_id and isinstance(entry.message.data, Signal):
                return Told(entry.message.data, Stamp.of(entry))
        return None

    async def _frame(self, decision: Envelope, partition: int, cause: Cause | None) -> Entry | None:
        """Return the frame of ticks that a decision goes back to; None where that is no frame."""
        if cause is not None:
            entries = await (await Seeker(self._log, self._ticks, partition).to_sequence(cause.sequence)).read(1)
            return next((entry for entry in entries if entry.message.id == decision.correlation_id), None)
        async for entry in self._around(self._ticks, partition, decision.time_ns):
            if entry.message.id == decision.correlation_id:
                return entry
        return None

    async def _around(self, topic: Topic, partition: int, time_ns: int) -> AsyncIterator[Entry]:
        """Yield the messages of an instant, and the first one after it: a frame bears the time of its last event."""
        reader = await Seeker(self._log, topic, partition).to(lambda message: message.time_ns < time_ns)
        recording = Recording(self._log, topic, partition, reader.place, _BLOCK)
        while entry := await recording.next():
            yield entry
            if entry.message.time_ns > time_ns:
                return

    async def _command(self, decision: Envelope) -> Told[Control] | None:
        """Return the command that a decision names; None where it names none."""
        commands = Recording(self._log, CONTROL, block=_BLOCK)
        while entry := await commands.next():
            if entry.message.id == decision.correlation_id and isinstance(entry.message.data, Control):
                return Told(entry.message.data, Stamp.of(entry))
        return None

    async def _quote(self, frame: Entry, event: MarketEvent, decision: Decision) -> MarketEvent | None:
        """Return the last event of an instrument up to the one that set a decision off; None if it was long before."""
        if found := _quote_in(frame, event.index + 1, decision.instrument_token):
            return found
        seeker = Seeker(self._log, self._ticks, frame.record.partition)
        reader = await seeker.to_sequence(max(frame.message.sequence - _FRAMES_BACK, 0))
        before: list[Entry] = []
        while (left := frame.message.sequence - reader.sequence) > 0 and (entries := await reader.read(left)):
            before += entries
        quotes = (_quote_in(each, ticks_in(each).count, decision.instrument_token) for each in reversed(before))
        return next(filter(None, quotes), None)

    # ── What came of it ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _order(self, decision: Decision) -> AsyncIterator[Told[OrderUpdate] | Told[Fill]]:
        """Yield what was said of the order of a decision, until nothing more can follow."""
        topics, finished_ns = self._topics, None
        # At one time an order is filled before it changes, and changes before it ends.
        of_orders = (topics.orders_filled, topics.orders_submitted, topics.orders_cancelled)
        readers = [
            await Seeker(self._log, each).to(lambda message: message.time_ns < decision.time_ns) for each in of_orders
        ]
        async for entry in _merged([Recording(self._log, each.topic, 0, each.place, _BLOCK) for each in readers]):
            if finished_ns is not None and entry.message.time_ns > finished_ns:
                return
            data = entry.message.data
            if isinstance(data, Fill) and data.order_id == decision.order_id:
                yield Told(data, Stamp.of(entry))
            elif isinstance(data, OrderUpdate) and data.order_id == decision.order_id:
                yield Told(data, Stamp.of(entry))
                finished_ns = entry.message.time_ns if data.status in FINISHED else None


async def _merged(recordings: Sequence[Recording]) -> AsyncIterator[Entry]:
    """Yield the records of several topics by time, at one time those of the first topic first."""
    heads = [await recording.next() for recording in recordings]
    while waiting := [(head.message.time_ns, number) for number, head in enumerate(heads) if head is not None]:
        _, number = min(waiting)
        head, heads[number] = heads[number], await recordings[number].next()
        assert head is not None
        yield head


def _event(frame: Entry, decision: Decision, cause: Cause | None) -> MarketEvent | None:
    """Return the event that a signal names; else the last one of the decision's time, best of its instrument."""
    if cause is not None:
        return MarketEvent.of(frame, cause.index) if 0 <= cause.index < ticks_in(frame).count else None
    events = events_of(ticks_in(frame))
    at_time = events["time_ns"] == decision.time_ns
    for mask in (at_time & (events["instrument_token"] == decision.instrument_token), at_time):
        if mask.any():
            return MarketEvent.of(frame, int(mask.nonzero()[0][-1]))
    return None


def _quote_in(frame: Entry, stop: int, instrument_token: int) -> MarketEvent | None:
    """Return the last event of an instrument among the first `stop` of a frame; None where there is none."""
    mask = events_of(ticks_in(frame))["instrument_token"][:stop] == instrument_token
    return MarketEvent.of(frame, int(mask.nonzero()[0][-1])) if mask.any() else None
