"""The one writer of a partition numbers what it writes, whatever else comes to stand there."""

import pathlib
from collections.abc import AsyncIterator, Sequence

import pytest

from alpha_panda.errors import FencedError
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.log.base import Commit, Log, NewRecord, Record
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Control, Takeover
from alpha_panda.live.streams import Reader
from alpha_panda.live.topics import Topic
from alpha_panda.live.writing import Writer, take_over

TOPIC = Topic("numbers")


@pytest.fixture
async def log(tmp_path: pathlib.Path) -> AsyncIterator[SqliteLog]:
    async with SqliteLog(tmp_path) as log:
        yield log


class GarblingLog:
    """A log to which some records come as something else."""

    def __init__(self, log: Log, garbled: Sequence[int]) -> None:
        self.read = log.read
        self._log = log
        self._garbled = garbled

    async def append(self, batch: Sequence[NewRecord], commits: Sequence[Commit] = ()) -> list[int]:
        sequences = [decode(Record(TOPIC.name, 0, 0, record.key, record.value)).sequence for record in batch]
        sent = [
            NewRecord(TOPIC, 0, b"", b"garbage") if sequence in self._garbled else record
            for sequence, record in zip(sequences, batch, strict=True)
        ]
        return await self._log.append(sent, commits)


def said(text: str) -> Envelope:
    return Envelope.begin(Control("pause", text, ""), origin="here", source="test", index=0, time_ns=0)


async def begun(log: Log, holder: str) -> Writer:
    reader = Reader(log, TOPIC)
    while await reader.read():
        pass
    beginning = Envelope.begin(Takeover(holder), origin="here", source="test", index=0, time_ns=0)
    writer = await take_over(log, reader, beginning)
    assert writer is not None
    return writer


async def numbers(log: Log) -> list[tuple[int, int]]:
    """Return the epoch and the sequence of each message, in the order of the log."""
    records = [record for record in await log.read(TOPIC, 0, 0, 1000) if record.value != b"garbage"]
    messages = [decode(record) for record in records]
    return [(each.epoch, each.sequence) for each in messages if not isinstance(each.data, Takeover)]


async def test_a_writer_goes_on_counting_where_the_last_one_stopped(log: SqliteLog):
    await (await begun(log, "first")).append([said("a"), said("b")])
    await (await begun(log, "second")).append([said("c")])
    assert await numbers(log) == [(1, 0), (1, 1), (2, 2)]


async def test_a_writer_learns_that_it_was_replaced_as_soon_as_it_writes(log: SqliteLog):
    first = await begun(log, "first")
    await begun(log, "second")
    with pytest.raises(FencedError, match="another process has taken over numbers/0: this one writes no more"):
        await first.append([said("a")])


async def test_what_others_put_there_does_not_confuse_a_writer(log: SqliteLog):
    writer = await begun(log, "first")
    await log.append([NewRecord(TOPIC, 0, b"", b"garbage")])
    await writer.append([said("a"), said("b")])
    await writer.append([said("c")])
    assert await numbers(log) == [(1, 0), (1, 1), (1, 2)]


@pytest.mark.parametrize("garbled", [(0,), (1,), (2,), (0, 1, 2)])
async def test_the_number_of_a_record_that_came_to_the_log_as_something_else_is_taken(
    log: SqliteLog, garbled: tuple[int, ...]
):
    """Two different records of one number would be taken for each other."""
    writer = await begun(GarblingLog(log, garbled), "first")
    await log.append([NewRecord(TOPIC, 0, b"", b"garbage")])
    await writer.append([said("a"), said("b"), said("c")])
    await writer.append([said("d")])
    assert await numbers(log) == [(1, number) for number in range(4) if number not in garbled]
