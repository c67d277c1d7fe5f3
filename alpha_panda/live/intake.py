"""Where market events enter the log: what breaks a rule of the chain is kept out, with the reason."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from alpha_panda.data.events import validate
from alpha_panda.errors import CorruptRecordError, EventError
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import EVENT, Records
from alpha_panda.live.conflation import Pressure
from alpha_panda.live.envelope import SHARED, Envelope, decode
from alpha_panda.live.feed.base import Batch, Feed
from alpha_panda.live.log.base import Log, Record
from alpha_panda.live.messages import DeadLetter, Gap, Place, StateSnapshot, Ticks
from alpha_panda.live.payloads import events_of
from alpha_panda.live.recovery import beginning
from alpha_panda.live.routing import new_record
from alpha_panda.live.session import Blueprint
from alpha_panda.live.snapshots import places_of
from alpha_panda.live.spreading import Spreader, together
from alpha_panda.live.status import Status
from alpha_panda.live.streams import Reader, Recording
from alpha_panda.live.topics import GAPS, Topic, instrument_key
from alpha_panda.live.watchdog import UNWATCHED, Watchdog
from alpha_panda.live.writing import Writer, take_over
from alpha_panda.units import SECOND_NS

_SOURCE = "feed"
_WINDOW = 64
_WATCH_EVERY_S = 1.0


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
        self.recall(together)
        return events

    def recall(self, events: Records) -> None:
        """Take note of events that have passed."""
        if len(events):
            self._latest = events[events["time_ns"] == events["time_ns"][-1]]


class Intake:
    """The feed stage: what each batch of the feed lets pass goes on the log, from where the last one ended."""

    def __init__(
        self, log: Log, feed: Feed, blueprint: Blueprint, status: Status, monotonic: Callable[[], float]
    ) -> None:
        self._log = log
        self._feed = feed
        self._blueprint = blueprint
        self._status = status
        self._topic = blueprint.ticks
        self._gate = Gate(feed.universe)
        self._spreader = Spreader(feed.universe, self._topic)
        self._writers: list[Writer] = []
        self._letters = set[str]()
        profile = blueprint.profile
        self._pressure = Pressure(profile.feed.conflate_after_ns, monotonic)
        self._watchdog = Watchdog(
            feed.universe, profile.feed.gap_ns, profile.feed.instrument_gap_ns, profile.risk.price_age_ns_max
        )
        self._monotonic = monotonic
        self._heard_s = monotonic()
        self._index = 0
        self._time_ns = 0

    async def begin(self, holder: str) -> list[tuple[int, int]]:
        """Find the end of what is on the log, take it over, and complete what was handed on in part.

        Returns each partition with the epoch in which it is written from now on.
        """
        places = await self._known_places()
        recent = dict[int, list[Envelope]]()
        for partition in range(self._topic.partitions):
            reader = Reader(self._log, self._topic, partition, places.get((self._topic.name, partition)))
            self._writers.append(await self._take_over(reader, holder))
            for sequence, message in (await self._recent(reader)).items():
                recent.setdefault(sequence, []).append(message)
        # Of two that begin at once, each may have come last somewhere: what both hand on would be mixed.
        for writer in self._writers:
            await writer.confirm()
        self._letters = {letter.id async for letter in letters_on(self._log, self._topic) if letter.source == _SOURCE}
        self._status.kept_out = len(self._letters)
        await self._complete(recent)
        return [(partition, writer.epoch) for partition, writer in enumerate(self._writers)]

    async def _known_places(self) -> dict[tuple[str, int], Place]:
        """Return places of the ticks that were noted in the past, so that not all has to be read."""
        topic, known = self._blueprint.topics.signals_snapshots, dict[tuple[str, int], Place]()
        for partition in range(topic.partitions):
            end = await self._log.end(topic, partition)
            for record in await self._log.read(topic, partition, end - 1, 1) if end else []:
                data = decode(record).data
                known.update(places_of(data) if isinstance(data, StateSnapshot) else {})
        return known

    async def _take_over(self, reader: Reader, holder: str) -> Writer:
        """Read to the end of a partition and begin to write there."""
        while True:
            while await reader.read():
                pass
            if writer := await take_over(self._log, reader, beginning(self._blueprint, holder)):
                return writer

    async def _recent(self, reader: Reader) -> dict[int, Envelope]:
        """Return the last frames before a reader, by sequence, back to one that has events."""
        found = dict[int, Envelope]()
        start = stop = reader.offset
        while start > 0 and not any(len(_events_in(found[each])) for each in found if each < reader.sequence - 1):
            start, stop = max(start - _WINDOW, 0), start
            for record in await self._between(reader, start, stop):
                with contextlib.suppress(CorruptRecordError):
                    message = decode(record)
                    known = found.get(message.sequence)
                    # Of two that claim the same place, the later writer's is the one that counts.
                    counts = known is None or known.epoch < message.epoch
                    if isinstance(message.data, Ticks) and message.sequence < reader.sequence and counts:
                        found[message.sequence] = message
        return found

    async def _between(self, reader: Reader, start: int, stop: int) -> list[Record]:
        """Return all records between two offsets of a partition: what a log hands on at once may be less."""
        records: list[Record] = []
        while start < stop and (read := await self._log.read(self._topic, reader.partition, start, stop - start)):
            records += read
            start = read[-1].offset + 1
        return records

    async def _complete(self, recent: Mapping[int, Sequence[Envelope]]) -> None:
        """Go on after the last batch that is on the log, and write those of its frames that are not."""
        nexts = [writer.next_sequence for writer in self._writers]
        whole, begun = min(nexts), max(nexts)
        self._index = _next_index(recent, whole - 1)
        # What was merged under pressure is not told again as it was.
        again = self._blueprint.profile.feed.conflate_after_ns == 0
        self._recall(recent, whole if again else begun)
        if begun > whole:
            stop = _next_index(recent, begun - 1)
            behind = [partition for partition, sequence in enumerate(nexts) if sequence == whole]
            events = await self._feed.between(self._index, stop)
            await self._put(Batch(events if again else events[:0], stop), behind)

    def _recall(self, recent: Mapping[int, Sequence[Envelope]], stop: int) -> None:
        """Remember the last events before a sequence, which those that follow are judged by."""
        for sequence in range(stop - 1, -1, -1):
            messages = recent.get(sequence, [])
            if any(len(_events_in(message)) for message in messages):
                events = together([message.data for message in messages if isinstance(message.data, Ticks)])
                self._time_ns = messages[0].time_ns
                self._gate.recall(events)
                self._watchdog.begin(self._time_ns)
                return

    async def run(self, stop: asyncio.Event) -> None:
        """Take in what the feed tells until it ends or `stop` is set."""
        async with contextlib.aclosing(_until(stop, self._feed.batches(self._index))) as batches:
            async for batch in batches:
                await self._put(batch, range(self._topic.partitions))
        self._status.on_watched(UNWATCHED)
        self._status.on_feed_over(stop.is_set())

    async def _put(self, batch: Batch, partitions: Sequence[int]) -> None:
        """Write what passes of a batch to some partitions, and before it a letter for each event that does not."""
        passed, refusals = self._gate.admit(batch.events)
        passed = self._relieved(passed)
        if len(passed):
            self._time_ns = int(passed["time_ns"][-1])
        frames = self._spreader.frames(passed, batch.next_index)
        messages = {each: self._message(frames[each], each) for each in partitions}
        writers = [self._writers[each] for each in partitions]
        sequence = writers[0].next_sequence
        for number, refusal in enumerate(refusals):
            # Named after the first frame, also where only others are left to be written.
            letter, cause = self._letter(refusal, sequence), self._message(frames[0], 0)
            await self._put_aside(
                cause.effect(letter, source=_SOURCE, index=number, time_ns=self._time_ns, broker=SHARED)
            )
        self._letters.clear()  # only what was being written when a process ended can have been written before
        records = [writer.numbered([messages[each]])[0] for writer, each in zip(writers, partitions, strict=True)]
        offsets = await self._log.append(records)
        for writer, offset in zip(writers, offsets, strict=True):
            await writer.landed([offset])
        self._index = batch.next_index
        self._status.on_frame(sequence, len(passed), len(refusals), self._time_ns)
        await self._note_gaps(self._watchdog.note(passed))

    def _relieved(self, events: Records) -> Records:
        """Return events, taken together where the feed is late."""
        merged = self._pressure.merged
        events = self._pressure.relieve(events)
        if self._pressure.merged > merged:
            self._status.on_conflated(self._pressure.merged - merged)
        return events

    async def _note_gaps(self, gaps: Sequence[Gap]) -> None:
        self._heard_s = self._monotonic()
        messages = [
            self._blueprint.begin(
                gap, source=f"{_SOURCE}.gap.{gap.instrument_token}", index=gap.from_ns, time_ns=gap.until_ns
            )
            for gap in gaps
        ]
        await self._log.append([new_record(GAPS, message) for message in messages])
        for gap in gaps:
            self._status.on_gap(gap)

    async def watch(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Say once a second how old the feed is, for as long as it runs; real time passes also when it is silent."""
        while True:
            now_ns = self._time_ns + int((self._monotonic() - self._heard_s) * SECOND_NS)
            self._status.on_watched(self._watchdog.age(now_ns))
            await sleep(_WATCH_EVERY_S)

    def _message(self, frame: Ticks, partition: int) -> Envelope:
        return Envelope.begin(
            frame,
            origin=self._blueprint.origin,
            source=_SOURCE if partition == 0 else f"{_SOURCE}.{partition}",
            index=self._index,
            time_ns=self._time_ns,
        )

    def _letter(self, refusal: Refusal, sequence: int) -> DeadLetter:
        key = instrument_key(int(refusal.event["instrument_token"][0]))
        place = Place(self._topic.name, self._topic.partition_of(key), sequence, sequence)
        return DeadLetter(place, key, refusal.event.tobytes(), 1, refusal.reason)

    async def _put_aside(self, letter: Envelope) -> None:
        """Write a letter before its frame, once: a crash between the two makes it again."""
        if letter.id not in self._letters:
            await self._log.append([new_record(self._topic.dead_letters, letter)])


def _events_in(message: Envelope) -> Records:
    """Return the events of a frame; none of what is no frame."""
    return events_of(message.data) if isinstance(message.data, Ticks) else np.zeros(0, EVENT)


def _next_index(recent: Mapping[int, Sequence[Envelope]], sequence: int) -> int:
    """Return where in its source the feed went on after the frames of a sequence."""
    return max(
        (message.data.next_index for message in recent.get(sequence, []) if isinstance(message.data, Ticks)), default=0
    )


async def letters_on(log: Log, topic: Topic) -> AsyncIterator[Envelope]:
    """Yield the letters about records of a topic."""
    letters = Recording(log, topic.dead_letters)
    while entry := await letters.next():
        yield entry.message


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
