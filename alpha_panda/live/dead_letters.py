"""Dead letters: what no attempt could process, kept byte for byte, looked at by people, and put back as it was.

Two kinds of letters lie in a topic's `.dlq`. A reader writes one for a record that is no message after three attempts.
The feed writes one for a market event that breaks a rule of the chain, and so never became part of a frame.
"""

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import numpy as np

from alpha_panda.errors import CorruptRecordError, DataError
from alpha_panda.kernels.records import EVENT, Records
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.log.base import Log, NewRecord, Record
from alpha_panda.live.messages import DeadLetter, Place, Session
from alpha_panda.live.routing import new_record
from alpha_panda.live.topics import Topic, topics_of_session

_SOURCE = "dead_letters"
_PAUSES_S = (0.001, 0.004)  # what stands behind a bad record waits for as long
_RECORDS = 512

ATTEMPTS = 1 + len(_PAUSES_S)
"""How often a record is tried: as it was first read, and then as it is read again."""

Read = TypeVar("Read")

Notify = Callable[[Topic, DeadLetter], None]
"""Told of every record that is given up, so that somebody hears of it."""


class DeadLetters:
    """Gives up records for the readers of a session, each with one letter, however often and by whomever it is met.

    The id of a letter is made of the place of its record. Two processes that meet the same record in the same moment
    may both write it: whoever reads letters takes each id once.
    """

    def __init__(
        self, log: Log, origin: str, notify: Notify, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Take the `origin` of the session's messages; attempts are `sleep` seconds apart."""
        self._log = log
        self._origin = origin
        self._notify = notify
        self._sleep = sleep
        self._looked: dict[str, int] = {}  # up to which offset the letters of a topic are known
        self._known: set[str] = set()
        self._writing = asyncio.Lock()

    async def examine(self, topic: Topic, record: Record, process: Callable[[Record], Read] = decode) -> Read | None:
        """Return what `process` makes of `record`, perhaps after reading it again; None once its letter is on the log.

        `process` raises CorruptRecordError for a record that it cannot take. Raises LogError when the log cannot be
        read or written, which is no fault of the record.
        """
        try:
            return process(record)
        except CorruptRecordError as error:
            reason = str(error)
        for pause_s in _PAUSES_S:
            await self._sleep(pause_s)
            try:
                return process(await self._read_again(topic, record))
            except CorruptRecordError as error:
                reason = str(error)
        await self._give_up(topic, record, reason)
        return None

    async def _read_again(self, topic: Topic, record: Record) -> Record:
        read = await self._log.read(topic, record.partition, record.offset, 1)
        # Where the log has deleted it since, the bytes at hand are the last there are.
        return read[0] if read and read[0].offset == record.offset else record

    async def _give_up(self, topic: Topic, record: Record, reason: str) -> None:
        letter = DeadLetter(
            Place(record.topic, record.partition, record.offset), record.key, record.value, ATTEMPTS, reason
        )
        envelope = Envelope.begin(
            letter,
            origin=f"{self._origin}/{record.topic}/{record.partition}/{record.offset}",
            source=_SOURCE,
            index=0,
            time_ns=record.appended_ns,
        )
        # Readers of one process often meet the same record at once: one of them writes.
        async with self._writing:
            if envelope.id not in await self._known_letters(topic.dead_letters):
                await self._log.append([new_record(topic.dead_letters, envelope)])
        self._notify(topic, letter)

    async def _known_letters(self, letters: Topic) -> set[str]:
        """Return the ids of the letters on the log that readers wrote, in this process or any other."""
        start = self._looked.get(letters.name, 0)
        while records := await self._log.read(letters, 0, start, _RECORDS):
            found = [message for record in records if (message := _message_in(record))]
            self._known.update(message.id for message in found if message.source == _SOURCE)
            start = self._looked[letters.name] = records[-1].offset + 1
        return self._known


# ── For people ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclasses.dataclass(frozen=True)
class Letter:
    """A dead letter, and where it lies: at `offset` of the dead letters of `topic`."""

    topic: Topic
    id: str
    offset: int
    source: str  # who wrote it
    time_ns: int  # of the record or the event, 0 where nobody knows
    data: DeadLetter

    @property
    def place(self) -> Place:
        """Where the record stands that was given up; of an event, where the frame stands that it is missing from."""
        return self.data.place

    @property
    def is_event(self) -> bool:
        """Whether this is a market event that the feed kept out, and not a record of the log."""
        return is_of_event(self.source)

    @property
    def rule(self) -> str:
        """The part of the reason that letters of the same kind have in common."""
        return self.data.reason.partition(": ")[2].partition("; ")[0] or self.data.reason

    def require_record(self) -> None:
        """Raise DataError for an event: it never was a record, so there is nowhere to put it back to."""
        if self.is_event:
            raise DataError(
                f"letter {self.id} is a market event that the feed kept out, and no record that could be put back: "
                f"look at it with `alpha-panda dlq show {self.id}`, and correct what it came from"
            )

    def message(self) -> Envelope | None:
        """Return the message that the record carries for this program, which may know more than the one before."""
        place = self.place
        return _message_in(Record(place.topic, place.partition, place.offset, self.data.key, self.data.value))

    def event(self) -> Records | None:
        """Return the event that was kept out, an array of one `records.EVENT`; None where the bytes are none."""
        if not self.is_event or len(self.data.value) != EVENT.itemsize:
            return None
        return np.frombuffer(self.data.value, EVENT)


def is_of_event(source: str) -> bool:
    """Return whether letters of this source are of market events that the feed kept out, and not of records."""
    return source != _SOURCE


async def read_letters(log: Log, topic: Topic) -> list[Letter]:
    """Return the dead letters of `topic`, the newest first, each once; CorruptRecordError where one is damaged."""
    letters: dict[str, Letter] = {}
    offset = 0
    while records := await log.read(topic.dead_letters, 0, offset, _RECORDS):
        for record in records:
            message = _message_in(record)
            if message is None or not isinstance(message.data, DeadLetter):
                raise CorruptRecordError(f"{record.topic} offset {record.offset} is no dead letter: restore the log")
            letter = Letter(topic, message.id, record.offset, message.source, message.time_ns, message.data)
            letters.setdefault(letter.id, letter)
        offset = records[-1].offset + 1
    return list(letters.values())[::-1]


def _message_in(record: Record) -> Envelope | None:
    try:
        return decode(record)
    except CorruptRecordError:
        return None


async def replay(log: Log, letter: Letter) -> int:
    """Append the record of `letter` to where it stood, byte for byte, and return its new offset.

    Its readers find its place by the sequence that its envelope carries: they take it if it is intact after all and was
    missing, and set it aside if not. Raises DataError for an event that the feed kept out.
    """
    letter.require_record()
    (offset,) = await log.append([NewRecord(letter.topic, letter.place.partition, letter.data.key, letter.data.value)])
    return offset


def topics_of(session: Session) -> list[Topic]:
    """Return the topics of a session that may have dead letters."""
    topics = topics_of_session([json.loads(session.profile)["account"]["broker"]], session.partitions)
    return [topic for topic in topics if topic.dead_letters in topics]
