"""The embedded event log: an SQLite file in a folder, for one machine and no servers.

Appends that arrive while a transaction is being written wait together and share the next one, so the cost of a flush is
paid once for all of them. Reads and writes run in a thread each; the event loop never waits for the disk. What was
appended a moment ago is read from memory: to ask a thread for it takes longer than all else that a record goes through.

One process writes. Others may open the same folder read-only; they learn of new records by polling.
"""

import asyncio
import pathlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from alpha_panda.errors import LogError
from alpha_panda.live.log.base import Commit, Log, NewRecord, Record, check_place
from alpha_panda.live.log.database import Batch, Reader, Writer
from alpha_panda.live.log.tail import Tail
from alpha_panda.live.topics import Topic

_POLL_S = 0.02
_TIMES_KEPT = 4096  # of a partition: more than a reader in the same process is behind

Pending = tuple[Batch, int, asyncio.Future[list[int]]]


class SqliteLog(Log):
    """The log in `directory`/log.db.

    After an append that the disk refused, the log takes no more until it is opened again: a caller that did not await
    each append must not find the later ones in the log without the earlier.

    When a record was appended is not kept on the disk. By `clock` the process that appended it knows it for a while,
    which is what measures how long a record takes from stage to stage.
    """

    exclusive = True

    def __init__(
        self, directory: pathlib.Path, read_only: bool = False, clock: Callable[[], int] | None = None
    ) -> None:
        """Open the log, creating it unless `read_only`; LogError where it is in use or cannot be opened.

        `clock` tells the time in nanoseconds UTC; without one, no record says when it was appended.
        """
        self._directory = directory
        self._writer = None if read_only else Writer(directory)
        self._reader = Reader(directory)
        self._write_thread = ThreadPoolExecutor(1, "log-writer")
        self._read_thread = ThreadPoolExecutor(1, "log-reader")
        self._pending: list[Pending] = []
        self._writing: asyncio.Task[None] | None = None
        self._growth: dict[tuple[str, int], asyncio.Event] = {}
        self._clock = clock
        self._times: dict[tuple[str, int], _Times] = {}
        self._tails: dict[tuple[str, int], Tail] = {}
        self._refusal = f"the event log in {directory} is open for reading only" if read_only else ""
        self._closed = False

    async def append(self, batch: Sequence[NewRecord], commits: Sequence[Commit] = ()) -> list[int]:
        """Append as `Log.append` says; LogError also for a partition that a topic does not have."""
        self._require_open()
        if self._writer is None or self._refusal:
            raise LogError(self._refusal)
        for record in batch:
            check_place(record.topic, record.partition)
        for commit in commits:
            check_place(commit.topic, commit.partition, commit.offset)
        if not batch and not commits:
            return []
        written: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        time_ns = self._clock() if self._clock else 0
        self._pending.append(((tuple(batch), tuple(commits)), time_ns, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_pending(self._writer))
        return await written

    async def _write_pending(self, writer: Writer) -> None:
        """Write what is pending, all of it at a time, until nothing is."""
        loop = asyncio.get_running_loop()
        while self._pending:
            group, self._pending = self._pending, []
            try:
                offsets = await loop.run_in_executor(self._write_thread, writer.write, [batch for batch, _, _ in group])
            except LogError as error:
                self._refuse(group, error)
                return
            except BaseException as error:
                self._refuse(group, LogError(f"the event log in {self._directory} could not be written: {error!r}"))
                raise
            for (batch, time_ns, written), batch_offsets in zip(group, offsets, strict=True):
                self._note(batch[0], batch_offsets, time_ns)
                if not written.done():  # its caller may have been cancelled
                    written.set_result(batch_offsets)
                self._announce(batch[0])

    def _refuse(self, group: list[Pending], error: LogError) -> None:
        """Fail the appends of `group`, those that wait behind them, and every later one."""
        self._refusal = f"{error}; the log takes no more until it is opened again"
        unwritten, self._pending = group + self._pending, []
        for _, _, written in unwritten:
            if not written.done():
                written.set_exception(type(error)(self._refusal))

    def _note(self, batch: Sequence[NewRecord], offsets: Sequence[int], time_ns: int) -> None:
        """Remember records that were appended, and when."""
        for (topic, partition, key, value), offset in zip(map(msgspec.structs.astuple, batch), offsets, strict=True):
            place = (topic.name, partition)
            self._tails.setdefault(place, Tail()).add(Record(*place, offset, key, value, time_ns))
            if time_ns:
                self._times.setdefault(place, _Times()).note(offset, time_ns)

    def _announce(self, batch: Sequence[NewRecord]) -> None:
        for partition in {(record.topic.name, record.partition) for record in batch}:
            if event := self._growth.pop(partition, None):
                event.set()

    async def read(self, topic: Topic, partition: int, offset: int, limit: int) -> list[Record]:
        """Read as `Log.read` says."""
        self._require_open()
        check_place(topic, partition, offset)
        if self._writer is not None and offset >= self._writer.end(topic.name, partition):
            return []
        tail = self._tails.get((topic.name, partition))
        if tail is not None and (recent := tail.read(offset, limit)):
            return recent
        loop = asyncio.get_running_loop()
        records = await loop.run_in_executor(self._read_thread, self._reader.read, topic, partition, offset, limit)
        times = self._times.get((topic.name, partition))
        if times is None:
            return records
        return [msgspec.structs.replace(record, appended_ns=times.of(record.offset)) for record in records]

    async def wait(self, topic: Topic, partition: int, offset: int, timeout_s: float) -> bool:
        """Wait as `Log.wait` says: woken by appends of this log object, polling for those of another process."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    # The event must exist before the end is looked up, or an append in between would wake nobody.
                    growth = self._growth.setdefault((topic.name, partition), asyncio.Event())
                    if await self.end(topic, partition) > offset:
                        return True
                    await (growth.wait() if self._writer else asyncio.sleep(_POLL_S))
        except TimeoutError:
            return False

    def holds(self, topic: Topic, partition: int, offset: int) -> bool:
        """Answer as `Log.holds` says."""
        return self._writer is not None and self._writer.end(topic.name, partition) > offset

    async def end(self, topic: Topic, partition: int) -> int:
        """Return the end as `Log.end` says."""
        self._require_open()
        check_place(topic, partition)
        if self._writer is not None:
            return self._writer.end(topic.name, partition)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._read_thread, self._reader.end, topic, partition)

    async def committed(self, group: str, topic: Topic, partition: int) -> int:
        """Return the commit as `Log.committed` says."""
        self._require_open()
        check_place(topic, partition)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._read_thread, self._reader.committed, group, topic, partition)

    async def close(self) -> None:
        """Close as `Log.close` says."""
        if self._closed:
            return
        self._closed = True
        if self._writing is not None:
            await asyncio.wait([self._writing])
        for event in self._growth.values():
            event.set()
        self._read_thread.shutdown()
        self._reader.close()
        self._write_thread.shutdown()
        if self._writer is not None:
            self._writer.close()

    def _require_open(self) -> None:
        if self._closed:
            raise LogError(f"the event log in {self._directory} is closed")


class _Times:
    """When the last records of a partition were appended."""

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=_TIMES_KEPT)
        self._end = 0

    def note(self, offset: int, time_ns: int) -> None:
        """Remember the time of the next record, which stands at `offset`."""
        self._times.append(time_ns)
        self._end = offset + 1

    def of(self, offset: int) -> int:
        """Return the time of the record at `offset`, 0 where it is not remembered."""
        place = len(self._times) - (self._end - offset)
        return self._times[place] if 0 <= place < len(self._times) else 0
