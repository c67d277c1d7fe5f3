"""Doing again what a session did: the same engines over the recorded inputs, held against the recorded outputs.

Recovery does so from the last snapshot on and goes on from there; a proof does so from the beginning. Whoever finds
another byte than the session wrote raises ParityError, which names the topic, the offset and the field.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from alpha_panda.errors import ParityError
from alpha_panda.live import signals
from alpha_panda.live.account import AccountEngine, Frame, Said, Step
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.log.base import Log, Record
from alpha_panda.live.messages import JournalEntry, Span
from alpha_panda.live.payloads import frame_in
from alpha_panda.live.routing import new_record, topic_of
from alpha_panda.live.signals import SignalsEngine
from alpha_panda.live.streams import Recording
from alpha_panda.live.topics import Topic, market_ticks

_FRAMES = 32


async def replay_signals(log: Log, engine: SignalsEngine) -> None:
    """Apply the frames that the engine has not applied and the signals stage had; ParityError where the log differs."""
    topic = engine.blueprint.topics.signals_raw
    stop = await log.committed(signals.GROUP, market_ticks(), 0)
    frames = Recording(log, market_ticks(), engine.next_frame, _FRAMES)
    recorded = Recording(log, topic, engine.next_message)
    while engine.next_frame < stop:
        frame = await frames.next()
        if frame is None:
            raise ParityError(f"market.ticks ends at offset {frames.offset}, and the strategies had read up to {stop}")
        for message in engine.apply(frame):
            await _expect(recorded, message)
    extra = await recorded.next()
    # What a session that is running has appended meanwhile came with a commit.
    if extra is not None and await log.committed(signals.GROUP, market_ticks(), 0) == stop:
        raise _unexplained(extra)


async def replay_account(log: Log, engine: AccountEngine) -> None:
    """Apply the steps of the journal that the engine has not applied; ParityError where the log differs."""
    topics = engine.blueprint.topics
    recorded = {
        topic.name: Recording(log, topic, engine.next_offsets[topic.name])
        for topic in (*topics.of_account(), topics.journal)
    }
    stop = await log.end(topics.journal, 0)
    journal = Recording(log, topics.journal, engine.steps)
    while engine.steps < stop and (record := await journal.next()):
        entry = decode(record).data
        if not isinstance(entry, JournalEntry) or len(entry.inputs) != 2:
            raise ParityError(f"{record.topic} offset {record.offset} is no entry of a journal")
        frames, said = entry.inputs
        step = Step(
            [Frame(each, *frame_in(each)) for each in await _inputs(log, market_ticks(), frames)],
            [Said(each, decode(each)) for each in await _inputs(log, topics.signals_raw, said)],
        )
        for message in engine.apply(step):
            await _expect(recorded[topic_of(topics, message.data).name], message)
    for recording in recorded.values():
        extra = await recording.next()
        # What a session that is running has appended meanwhile came with an entry of the journal.
        if extra is not None and await log.end(topics.journal, 0) == stop:
            raise _unexplained(extra)


async def _inputs(log: Log, topic: Topic, span: Span) -> Sequence[Record]:
    records = await log.read(topic, 0, span.start, span.stop - span.start)
    if span.topic != topic.name or len(records) < span.stop - span.start:
        raise ParityError(f"the journal names {span.topic} up to offset {span.stop}, which the log does not hold")
    return records


async def _expect(recording: Recording, message: Envelope) -> None:
    """Compare a message with the next recorded one."""
    offset, name = recording.offset, recording.topic.name
    record = await recording.next()
    if record is None:
        raise ParityError(f"{name} ends at offset {offset}, where {message.type} {message.data} belongs")
    wanted = new_record(recording.topic, message)
    if (record.key, record.value) != (wanted.key, wanted.value):
        place, before, now = _first_difference(decode(record), message) or ("key", record.key, wanted.key)
        raise ParityError(f"{name} offset {offset}: {place} is {before!r} on the log and comes out as {now!r}")


def _unexplained(record: Record) -> ParityError:
    return ParityError(f"{record.topic} offset {record.offset} is on the log, and nothing that was read made it")


def _first_difference(recorded: Any, computed: Any, place: str = "") -> tuple[str, Any, Any] | None:
    """Return the place of the first field in which two messages differ, and both its values; None if in none."""
    if recorded == computed:
        return None
    if isinstance(recorded, msgspec.Struct) and type(recorded) is type(computed):
        for field in recorded.__struct_fields__:
            inner = f"{place}.{field}" if place else field
            if found := _first_difference(getattr(recorded, field), getattr(computed, field), inner):
                return found
    return place, recorded, computed
