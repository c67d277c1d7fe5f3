"""Batches of records as Kafka keeps them: built to be appended, and read back.

A batch of Kafka's message format 2 has a header of 61 bytes, its body may be compressed, and a CRC-32C covers all that
follows the checksum, so that no flipped bit is taken for a record.
https://kafka.apache.org/documentation/#recordbatch
"""

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import cramjam
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from alpha_panda.errors import CorruptRecordError
from alpha_panda.live.log.base import NewRecord, Record
from alpha_panda.live.log.kafka_client import Partition

_HEADER_BYTES = 61
_LENGTH_PLACE, _LENGTH_FROM = 8, 12
_CHECKSUM_PLACE, _ATTRIBUTES_PLACE = 17, 21
_LZ4 = 3
_RECORD_OVERHEAD_BYTES = 32  # lengths, offset, time and attributes, at their longest
_MILLISECOND_NS = 1_000_000


class Identity(NamedTuple):
    """Who appends, by the number that the cluster gave: with a batch's first sequence, it tells a repeated request."""

    producer: int
    epoch: int


class Fetched(NamedTuple):
    """Records that were read, and the offset after them."""

    records: list[Record]
    end: int


def size_of(record: NewRecord) -> int:
    """Return how many bytes of a batch a record takes at most, before compression."""
    return len(record.key) + len(record.value) + _RECORD_OVERHEAD_BYTES


def encode_batch(records: Sequence[NewRecord], identity: Identity, sequence: int) -> bytes:
    """Return a batch of records, of which the first has the producer's `sequence`."""
    builder: Any = DefaultRecordBatchBuilder(2, 0, 0, identity.producer, identity.epoch, sequence, 2**31 - 1)
    for number, record in enumerate(records):
        builder.append(number, None, record.key, record.value, [])
    return _compressed(builder.build())


def _compressed(batch: bytearray) -> bytes:
    """Return a batch with its body compressed by LZ4, or as it is where that does not make it smaller."""
    # A broker reads only blocks that stand alone.
    compressor = cramjam.lz4.Compressor(level=1, content_checksum=False, block_linked=False)
    compressor.compress(bytes(batch[_HEADER_BYTES:]))
    body = bytes(compressor.finish())
    if _HEADER_BYTES + len(body) >= len(batch):
        return bytes(batch)
    header = batch[:_HEADER_BYTES]
    struct.pack_into(">i", header, _LENGTH_PLACE, _HEADER_BYTES + len(body) - _LENGTH_FROM)
    struct.pack_into(">h", header, _ATTRIBUTES_PLACE, _LZ4)
    struct.pack_into(">I", header, _CHECKSUM_PLACE, calc_crc32c(bytes(header[_ATTRIBUTES_PLACE:]) + body))
    return bytes(header) + body


def decode_batches(partition: Partition, offset: int, content: bytes) -> Fetched:
    """Return the records from `offset` on in what a broker sent, which begins with the batch that holds it.

    Raises CorruptRecordError where a batch is not what was appended.
    """
    records: list[Record] = []
    end = offset
    batches: Any = MemoryRecords(content)
    while batches.has_next():
        try:
            batch = batches.next_batch()
            if not batch.validate_crc():
                raise _corrupt(partition, end, "its checksum differs")
            if not batch.is_control_batch:
                records += _decode_batch(partition, offset, batch)
        except CorruptRecordException as error:
            raise _corrupt(partition, end, str(error)) from error
        end = max(end, batch.next_offset)
    return Fetched(records, end)


def _decode_batch(partition: Partition, offset: int, batch: Any) -> list[Record]:
    topic, number = partition.topic.name, partition.number
    return [
        Record(topic, number, each.offset, each.key or b"", each.value or b"", each.timestamp * _MILLISECOND_NS)
        for each in batch
        if each.offset >= offset
    ]


def _corrupt(partition: Partition, offset: int, trouble: str) -> CorruptRecordError:
    return CorruptRecordError(f"{partition} offset {offset} is not what was appended, {trouble}")
