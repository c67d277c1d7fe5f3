"""A log in memory that does everything to its users that a log may: the truth, and each process's connection to it.

Every append takes a while to take effect, and its answer a while to come back. A connection can be told to do worse at
one of its appends: to end the process before or after it, or in the middle, to lose the answer, to let the records land
much later, or to keep the process from doing anything for so long that others take it for dead.
"""

import asyncio
import enum
import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from alpha_panda.errors import LogError
from alpha_panda.live.log.base import Commit, Log, NewRecord, Record, check_place
from alpha_panda.live.topics import Topic


class KilledError(BaseException):
    """What ends a process in the middle: no handler of an error can keep it."""


class Fault(enum.Enum):
    """What happens at an append."""

    KILLED_BEFORE = "killed before it"
    KILLED_AFTER = "killed after it"
    KILLED_AMID = "killed in the middle of it"
    LOST = "the log is away, and nothing landed"
    UNANSWERED = "the log is away, and all landed"
    CUT = "the log is away, and of each partition a beginning landed"
    LATE = "the log is away, and all lands much later"
    FROZEN_BEFORE = "the process stands still before it"
    FROZEN_AFTER = "the process stands still after it"


class OnlyOf(NamedTuple):
    """The process is killed in the middle of an append: of its partitions, only that of this number has landed."""

    number: int


LATE_S = 7.0
FROZEN_S = 9.0


class Broker:
    """What is on the log, and in which order it came there."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.landed: list[Record] = []  # all there is, in the order in which it came
        self._partitions: dict[tuple[str, int], list[Record]] = {}
        self._growth = asyncio.Event()

    def put(self, batch: Sequence[NewRecord]) -> list[int]:
        """Append records, and return their offsets."""
        offsets: list[int] = []
        for new in batch:
            held = self.held(new.topic, new.partition)
            offsets.append(len(held))
            held.append(Record(new.topic.name, new.partition, len(held), new.key, new.value))
            self.landed.append(held[-1])
        growth, self._growth = self._growth, asyncio.Event()
        growth.set()
        return offsets

    def held(self, topic: Topic, partition: int) -> list[Record]:
        """Return the records of a partition."""
        check_place(topic, partition)
        return self._partitions.setdefault((topic.name, partition), [])

    async def grown(self) -> None:
        """Return once there is a record more."""
        await self._growth.wait()

    def beginnings(self, batch: Sequence[NewRecord]) -> tuple[list[NewRecord], list[NewRecord]]:
        """Part a batch in two: of each partition a beginning, perhaps nothing, and the rest."""
        partitions = sorted({(new.topic.name, new.partition) for new in batch})
        counts = {place: sum((new.topic.name, new.partition) == place for new in batch) for place in partitions}
        kept = {place: self.random.randint(0, counts[place]) for place in partitions}
        first: list[NewRecord] = []
        rest: list[NewRecord] = []
        for new in batch:
            place = (new.topic.name, new.partition)
            (first if kept[place] > 0 else rest).append(new)
            kept[place] -= 1
        return first, rest


class Connection(Log):
    """The log as one process has it; `faults` says what happens at which of its appends, counted from 1."""

    def __init__(
        self, broker: Broker, faults: Mapping[int, Fault | OnlyOf] | None = None, exclusive: bool = False
    ) -> None:
        self.exclusive = exclusive
        self.appends = 0
        self._broker = broker
        self._faults = dict(faults or {})
        self._killed = False
        self._open = asyncio.Event()  # cleared while the process stands still
        self._open.set()
        self._late: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def append(self, batch: Sequence[NewRecord], commits: Sequence[Commit] = ()) -> list[int]:
        if not batch:
            return []
        self.appends += 1
        fault = self._faults.get(self.appends)
        async with self._turn:  # the appends of one caller take effect in the order of its calls
            await self._pause()
            return await self._appended(batch, fault)

    async def _appended(self, batch: Sequence[NewRecord], fault: Fault | OnlyOf | None) -> list[int]:
        match fault:
            case OnlyOf(number):
                self._broker.put(_of_partition(batch, number))
                raise self._kill()
            case Fault.KILLED_BEFORE:
                raise self._kill()
            case Fault.KILLED_AMID:
                self._broker.put(self._broker.beginnings(batch)[0])
                raise self._kill()
            case Fault.KILLED_AFTER:
                self._broker.put(batch)
                raise self._kill()
            case Fault.LOST:
                raise LogError("the log is away")
            case Fault.UNANSWERED:
                self._broker.put(batch)
                raise LogError("the log is away")
            case Fault.CUT:
                self._broker.put(self._broker.beginnings(batch)[0])
                raise LogError("the log is away")
            case Fault.LATE:
                self._late.add(asyncio.create_task(self._land_late(batch)))
                raise LogError("the log is away")
            case Fault.FROZEN_BEFORE:
                await self._stand_still()
            case _:
                pass
        offsets = self._broker.put(batch)
        if fault is Fault.FROZEN_AFTER:
            await self._stand_still()
        await self._pause()
        return offsets

    async def _land_late(self, batch: Sequence[NewRecord]) -> None:
        """Put a batch on the log long after it was given up: of each partition a beginning first, then the rest."""
        first, rest = self._broker.beginnings(batch)
        await asyncio.sleep(self._broker.random.uniform(0, LATE_S))
        self._broker.put(first)
        await asyncio.sleep(self._broker.random.uniform(0, LATE_S))
        self._broker.put(rest)

    async def _stand_still(self) -> None:
        self._open.clear()
        asyncio.get_running_loop().call_later(FROZEN_S, self._open.set)
        await self._open.wait()

    def _kill(self) -> KilledError:
        self._killed = True
        return KilledError()

    async def _pause(self) -> None:
        """Let others do something first, perhaps a good deal."""
        chance = self._broker.random.random()
        if chance < 0.5:
            await asyncio.sleep(0 if chance < 0.25 else 0.02 * chance)
        await self._open.wait()
        if self._killed:
            raise KilledError

    async def read(self, topic: Topic, partition: int, offset: int, limit: int) -> list[Record]:
        await self._pause()
        records = self._broker.held(topic, partition)[offset : offset + limit]
        # What comes may be less than there is.
        return records[: self._broker.random.randint(1, len(records))] if records else []

    async def wait(self, topic: Topic, partition: int, offset: int, timeout_s: float) -> bool:
        await self._pause()
        try:
            async with asyncio.timeout(timeout_s):
                while len(self._broker.held(topic, partition)) <= offset:
                    await self._broker.grown()
        except TimeoutError:
            return False
        await self._pause()
        return True

    async def end(self, topic: Topic, partition: int) -> int:
        await self._pause()
        return len(self._broker.held(topic, partition))

    async def committed(self, group: str, topic: Topic, partition: int) -> int:
        return 0

    async def close(self) -> None:
        """Nothing is held that would have to be let go of."""


def _of_partition(batch: Sequence[NewRecord], number: int) -> list[NewRecord]:
    """Return what of a batch belongs to its first, second, … partition; nothing where it has fewer."""
    places = list(dict.fromkeys((new.topic.name, new.partition) for new in batch))
    return [new for new in batch if (new.topic.name, new.partition) in places[number : number + 1]]
