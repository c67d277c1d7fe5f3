"""Where market events enter the log: what breaks a rule of the chain is kept out, with the reason."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import NamedTuple

import numpy as np

from alpha_panda.data.events import validate
from alpha_panda.errors import EventError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import EVENT, Records
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.feed.base import Batch, Feed
from alpha_panda.live.log.base import Log, NewRecord
from alpha_panda.live.messages import DeadLetter, Place
from alpha_panda.live.payloads import events_of, frame_in, frame_of
from alpha_panda.live.routing import new_record
from alpha_panda.live.status import Status
from alpha_panda.live.topics import instrument_key, market_ticks

_SOURCE = "feed"


class Refusal(NamedTuple):
    """An event that may not pass, and the rule that it breaks."""

    event: Records  # of length 1
    reason: str


class Gate:
    """Lets an event pass if it keeps the rules of the chain, beside all that passed before it."""

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        # The latest events that passed: a rule compares an event with those of its time.
        self._latest = np.zeros(0, EVENT)

    def admit(self, events: Records) -> tuple[Records, list[Refusal]]:
        """Split `events` into those that pass, in their order, and those that do not."""
        refusals: list[Refusal] = []
        passed = self._sift(events, refusals)
        return passed, refusals

    def _sift(self, events: Records, refusals: list[Refusal]) -> Records:
        """Return those that pass: all of them, or what remains of each half."""
        try:
            together = np.concatenate([self._latest, events])
            validate(together, self._universe)
        except EventError as error:
            if len(events) == 1:
                refusals.append(Refusal(events, str(error)))
                return events[:0]
            middle = len(events) // 2
            return np.concatenate([self._sift(events[:middle], refusals), self._sift(events[middle:], refusals)])
        if len(together):
            self._latest = together[together["time_ns"] == together["time_ns"][-1]]
        return events


class Intake:
    """The feed stage: one frame of ticks on the log for each batch of the feed, from where the last one ended."""

    def __init__(self, log: Log, feed: Feed, origin: str, status: Status) -> None:
        self._log = log
        self._feed = feed
        self._origin = origin
        self._status = status
        self._topic = market_ticks()
        self._gate = Gate(feed.universe)
        self.offset = 0
        self._time_ns = 0

    async def recover(self) -> int:
        """Find the end of what is on the log, and return where in its source the feed goes on."""
        self.offset = await self._log.end(self._topic, 0)
        next_index = 0
        for offset in range(self.offset - 1, -1, -1):
            (record,) = await self._log.read(self._topic, 0, offset, 1)
            message, ticks = frame_in(record)
            next_index = max(next_index, ticks.next_index)
            # A frame may be empty, when nothing of it was let pass; then the rules need the one before.
            if ticks.count:
                self._time_ns = message.time_ns
                self._gate.admit(events_of(ticks))
                break
        self._status.kept_out = await self._log.end(self._topic.dead_letters, 0)
        return next_index

    async def run(self, index: int, stop: asyncio.Event) -> None:
        """Take in the events from `index` of the feed's source on, until it ends or `stop` is set."""
        async with contextlib.aclosing(_until(stop, self._feed.batches(index))) as batches:
            async for batch in batches:
                await self._log.append(self._records(batch, index))
                self.offset += 1
                index = batch.next_index
        self._status.on_feed_over(stop.is_set())

    def _records(self, batch: Batch, index: int) -> list[NewRecord]:
        """Return the frame of what passed, and a dead letter for each event that did not."""
        passed, refusals = self._gate.admit(batch.events)
        if len(passed):
            self._time_ns = int(passed["time_ns"][-1])
        frame = Envelope.begin(
            frame_of(passed, batch.next_index),
            origin=self._origin,
            source=_SOURCE,
            index=index,
            time_ns=self._time_ns,
        )
        self._status.on_frame(self.offset, len(passed), len(refusals), self._time_ns)
        letters = [self._dead_letter(frame, number, refusal) for number, refusal in enumerate(refusals)]
        return [new_record(self._topic, frame), *letters]

    def _dead_letter(self, frame: Envelope, number: int, refusal: Refusal) -> NewRecord:
        key = instrument_key(int(refusal.event["instrument_token"][0]))
        place = Place(self._topic.name, 0, self.offset)
        letter = DeadLetter(place, key, refusal.event.tobytes(), 1, refusal.reason)
        envelope = frame.effect(letter, source=_SOURCE, index=number, time_ns=frame.time_ns, broker=frame.broker)
        return new_record(self._topic.dead_letters, envelope)


async def _until(stop: asyncio.Event, batches: AsyncIterator[Batch]) -> AsyncGenerator[Batch]:
    """Yield batches until there are no more or `stop` is set, also while the next one is awaited."""
    stopped = asyncio.ensure_future(stop.wait())
    upcoming: asyncio.Future[Batch | None] | None = None
    try:
        while not stop.is_set():
            upcoming = asyncio.ensure_future(anext(batches, None))
            await asyncio.wait({upcoming, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not upcoming.done():
                return
            batch = upcoming.result()
            if batch is None:
                return
            yield batch
    finally:
        stopped.cancel()
        if upcoming is not None and upcoming.cancel():
            await asyncio.wait({upcoming})
