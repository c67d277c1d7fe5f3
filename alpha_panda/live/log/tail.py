"""The last records of a partition, kept by the process that appended them: who follows closely never asks the disk."""

import itertools
from collections import deque

from alpha_panda.live.log.base import Record

_RECORDS = 256
_BYTES = 2 * 2**20


class Tail:
    """Records without a gap up to the last one, as many as are few enough and small enough."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque()
        self._bytes = 0

    def add(self, record: Record) -> None:
        """Take in the record that was appended after the last one."""
        self._records.append(record)
        self._bytes += len(record.value)
        while self._bytes > _BYTES or len(self._records) > _RECORDS:
            self._bytes -= len(self._records.popleft().value)

    def read(self, offset: int, limit: int) -> list[Record]:
        """Return up to `limit` records from `offset` on; none where it does not reach back, or forward, so far."""
        place = offset - self._records[0].offset if self._records else -1
        return list(itertools.islice(self._records, place, place + limit)) if place >= 0 else []
