"""The interface of the event log, and what each implementation of it promises.

A topic has partitions, and a partition is a sequence of records with rising offsets. Records never change and never
move. A consumer remembers how far it has come by committing, for its group, the offset that it reads next: that of its
last record plus one.

    promise                          embedded (SQLite)              Kafka
    offsets                          0, 1, 2, … without gaps        the same, as far as nobody deletes
    append of a batch                one transaction                each partition's records in order, in one batch or,
                                                                    where that would be too large, in several
    a batch and its commits          the same transaction           commits once all records are acknowledged
    a crash in an append leaves      all of it or nothing           of each partition a beginning, perhaps nothing
    survives kill -9                 what was acknowledged          what was acknowledged by all in-sync replicas
    survives the loss of power       batches with a durable topic,  what the brokers' own disks and replicas keep
                                     and all that came before them
    a second writer                  is refused                     is possible: see `streams`
    after an append that failed      nothing is appended until the  those behind it fail with it, the next one begins
                                     log is opened again            anew
    a flipped byte                   CorruptRecordError             CorruptRecordError
    a record is at most              as large as memory allows      `Topic.record_bytes_max`
    when a record was appended       known to the process that did  kept with the record

No stage may rest its correctness on an append being whole, or on a commit: both are for those who look on. An append
whose answer was lost (a cancelled call, a crash, an outage) may have happened, wholly or in part, or happen yet. So
what a stage says can be made again from what it read, every message carries an id that this repeats
(`envelope.event_id`), and start-up completes what is missing. A commit tells how far a group has come, to whoever asks
for its lag.
"""

import abc
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import msgspec

from alpha_panda.errors import LogError
from alpha_panda.live.topics import Topic


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record as it was read."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    appended_ns: int = 0  # by the clock of the machine that appended it; 0 where the log does not know


class NewRecord(msgspec.Struct, frozen=True, gc=False):
    """A record to append; the log gives it its offset."""

    topic: Topic
    partition: int
    key: bytes
    value: bytes


class Commit(msgspec.Struct, frozen=True, gc=False):
    """How far a group has come: `offset` is the one it reads next."""

    group: str
    topic: Topic
    partition: int
    offset: int


class Log(abc.ABC):
    """An event log; every method raises LogError when the log cannot do what it promises, and after `close`."""

    exclusive = False
    """Whether nobody else can write to it while it is open."""

    @abc.abstractmethod
    async def append(self, batch: Sequence[NewRecord], commits: Sequence[Commit] = ()) -> list[int]:
        """Append `batch`, then commit `commits`, and return the offsets once all is as durable as promised.

        The appends of one caller take effect in the order of its calls, also when it does not await each of them. If
        any topic of the batch is DURABLE, so is the whole batch, and everything appended before it. Raises LogError,
        with nothing appended, where a record is none that the log could take.
        """

    @abc.abstractmethod
    async def read(self, topic: Topic, partition: int, offset: int, limit: int) -> list[Record]:
        """Return up to `limit` records, the next ones from `offset` on; none only at the end of the partition.

        What comes may be less than `limit` and than there is: what is at hand, but at least the record at `offset`.

        Raises CorruptRecordError, naming topic, partition and offset, where a record is not what was appended.
        """

    @abc.abstractmethod
    async def wait(self, topic: Topic, partition: int, offset: int, timeout_s: float) -> bool:
        """Return True as soon as `read` from `offset` would give a record, or False after `timeout_s` seconds."""

    def holds(self, topic: Topic, partition: int, offset: int) -> bool:
        """Return whether it is known here, without asking, that `read` from `offset` gives a record.

        It may also be so where nobody knows it: then `wait` finds out.
        """
        return False

    @abc.abstractmethod
    async def end(self, topic: Topic, partition: int) -> int:
        """Return the offset that the next record of the partition will get."""

    @abc.abstractmethod
    async def committed(self, group: str, topic: Topic, partition: int) -> int:
        """Return the offset that `group` reads next, 0 when it never committed one."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Finish the appends under way and let go of the log; closing twice is closing once."""

    async def commit(self, group: str, topic: Topic, partition: int, offset: int) -> None:
        """Remember that `group` reads `offset` next; a later commit may also go back, to read again."""
        await self.append([], [Commit(group, topic, partition, offset)])

    async def __aenter__(self) -> Self:
        """Return the log, ready to be used: connected, where there is something to connect to."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def check_place(topic: Topic, partition: int, offset: int = 0) -> None:
    """Raise LogError for a partition or an offset that `topic` cannot have."""
    if not 0 <= partition < topic.partitions:
        raise LogError(f"topic {topic.name} has partitions 0 to {topic.partitions - 1}, and no partition {partition}")
    if offset < 0:
        raise LogError(f"{offset} is not an offset of topic {topic.name} partition {partition}: offsets start at 0")
