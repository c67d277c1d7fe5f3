"""The tail of a partition is its last records, whole and without a gap, and never more than it may hold."""

import pytest

from alpha_panda.live.log.base import Record
from alpha_panda.live.log.tail import Tail


def record(offset: int, value: bytes = b"value") -> Record:
    return Record("ticks", 0, offset, b"key", value)


def tail_of(records: list[Record]) -> Tail:
    tail = Tail()
    for each in records:
        tail.add(each)
    return tail


def test_what_was_added_last_is_read_from_any_place():
    records = [record(offset) for offset in range(5, 15)]
    tail = tail_of(records)
    assert tail.read(5, 100) == records
    assert tail.read(12, 100) == records[7:]
    assert tail.read(8, 2) == records[3:5]


@pytest.mark.parametrize("offset", [4, 15])
def test_there_is_nothing_before_and_behind_it(offset: int):
    assert tail_of([record(each) for each in range(5, 15)]).read(offset, 100) == []
    assert Tail().read(offset, 100) == []


@pytest.mark.parametrize(("count", "size", "kept"), [(300, 5, 256), (300, 100_000, 20), (3, 3_000_000, 0)])
def test_few_and_small_records_are_kept(count: int, size: int, kept: int):
    # At most 256 of them, and 2 MiB: 20 of 100,000 bytes, none of three million.
    tail = tail_of([record(offset, bytes(size)) for offset in range(count)])
    assert len(tail.read(count - kept, count)) == kept
    assert tail.read(count - kept - 1, count) == []
