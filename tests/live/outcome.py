"""How a session of processes came out: proved, shown, and to the byte what a plain replay of its events gives."""

import numpy as np

from alpha_panda.chain import snapshot_bytes
from alpha_panda.kernels.records import CLOCK, Records
from alpha_panda.live.arrivals import ticks_in
from alpha_panda.live.log.base import Log
from alpha_panda.live.payloads import events_of
from alpha_panda.live.recovery import recovered_signals
from alpha_panda.live.session import Blueprint, blueprint_of, read_session
from alpha_panda.live.snapshots import snapshot_at
from alpha_panda.live.streams import Recording
from alpha_panda.live.topics import instrument_key
from tests.live.processes import Deployment
from tests.live.trading import ROOT


async def came_out_well(deployment: Deployment, events: Records, ledger_hash: str) -> None:
    """Fail unless a session of these events is proved, Redis equals its log, and its strategies are as they must be."""
    proof = await deployment.proved()
    assert (proof.holds, proof.ledger_hash) == (True, ledger_hash), f"{proof}\n{deployment}"
    portfolio = await deployment.portfolio()
    assert portfolio.holds, f"{portfolio}\n{deployment}"
    assert portfolio.records > 0
    async with deployment.log() as log:
        session = await read_session(log)
        assert session is not None
        blueprint = blueprint_of(session, [ROOT / "strategies"])
        for partition in range(blueprint.partitions):
            await _snapshots_are_of_a_plain_replay(log, blueprint, partition)
            await _strategies_end_as_in_a_plain_replay(log, blueprint, partition, events)


async def _snapshots_are_of_a_plain_replay(log: Log, blueprint: Blueprint, partition: int) -> None:
    """Hold the snapshots that processes wrote while they worked against a replay of the frames before each."""
    topic, plain = blueprint.topics.signals_snapshots, blueprint.signal_stage()
    ticks, frames = Recording(log, blueprint.ticks, partition), 0
    end = await log.end(topic, partition)
    assert end > 0
    for offset in range(end):
        found = await snapshot_at(log, topic, partition, offset)
        assert found is not None
        snapshot = found[1]
        if snapshot.next_places[0].sequence < frames:
            continue  # of a process that did not know yet that another had taken over
        while frames < snapshot.next_places[0].sequence and (entry := await ticks.next()):
            plain.advance(events_of(ticks_in(entry)).copy())
            frames += 1
        assert snapshot.arrays == snapshot_bytes(plain.arrays()), f"{topic.name}/{partition} offset {offset}"


async def _strategies_end_as_in_a_plain_replay(log: Log, blueprint: Blueprint, partition: int, events: Records) -> None:
    """Hold what a process would now begin with, the last snapshot and the log after it, against a replay in one."""
    partition_of = [blueprint.ticks.partition_of(instrument_key(int(each))) for each in blueprint.universe.tokens]
    mine = np.array(partition_of)[events["instrument"]] == partition
    plain = blueprint.signal_stage()
    plain.advance(events[mine | (events["kind"] == CLOCK)])
    assert (await recovered_signals(log, blueprint, partition)).engine.arrays() == snapshot_bytes(plain.arrays())
