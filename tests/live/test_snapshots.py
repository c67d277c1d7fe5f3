"""Snapshots are small, come out as they went in, and are written beside the work without losing one or an error."""

import asyncio
import pathlib

import pytest

from alpha_panda.errors import LogError
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import StateSnapshot
from alpha_panda.live.snapshots import Snapshots, digest_of, packed, snapshot_at, unpacked
from tests.live.trading import PAPER, blueprint

ARRAYS = {"books": bytes(100_000), "quotes": bytes(range(256))}


def message(number: int) -> Envelope:
    arrays = {**ARRAYS, "number": bytes([number])}
    snapshot = StateSnapshot("code", digest_of(arrays), (), arrays)
    return blueprint().begin(snapshot, source="account", index=number, time_ns=number)


async def work(log: SqliteLog, failure: Exception | None = None) -> None:
    """Write a snapshot as a stage does, which may fail while that is written."""
    async with Snapshots(log, PAPER.snapshots) as snapshots:
        await snapshots.write(lambda: message(1))
        if failure:
            raise failure


def test_what_is_packed_comes_out_as_it_went_in_and_is_small():
    plain = message(1)
    small = packed(plain).data
    assert isinstance(small, StateSnapshot)
    assert sum(map(len, small.arrays.values())) < 1_000  # of a hundred thousand zeros and 257 bytes
    assert unpacked(small) == plain.data


def test_a_snapshot_that_was_never_packed_is_read_as_it_is():
    snapshot = message(1).data
    assert isinstance(snapshot, StateSnapshot)
    assert unpacked(snapshot) is snapshot


async def test_snapshots_stand_on_the_log_in_their_order_once_their_stage_has_ended(tmp_path: pathlib.Path):
    async with SqliteLog(tmp_path) as log:
        async with Snapshots(log, PAPER.snapshots) as snapshots:
            for number in range(5):
                await snapshots.write(lambda number=number: message(number))
        found = [await snapshot_at(log, PAPER.snapshots, 0, offset) for offset in range(5)]
        assert [each and each[0].time_ns for each in found] == list(range(5))
        assert [each and each[1] for each in found] == [message(number).data for number in range(5)]


async def test_a_stage_learns_that_a_snapshot_could_not_be_written(tmp_path: pathlib.Path):
    log = SqliteLog(tmp_path)
    await log.close()
    with pytest.raises(LogError, match="closed"):
        await work(log)


async def test_a_stage_that_failed_leaves_nothing_behind_that_still_writes(tmp_path: pathlib.Path):
    async with SqliteLog(tmp_path) as log:
        with pytest.raises(RuntimeError, match="the stage failed"):
            await work(log, RuntimeError("the stage failed"))
        assert asyncio.all_tasks() == {asyncio.current_task()}
