"""What the stages of other processes last said, whatever was said when, and however long ago."""

import asyncio
from collections.abc import Sequence

import pytest

from alpha_panda.errors import FencedError
from alpha_panda.live.envelope import Envelope
from alpha_panda.live.messages import Phase, StageReport
from alpha_panda.live.routing import new_record
from alpha_panda.live.stages import SILENT_S, Colleagues
from alpha_panda.live.topics import STAGES
from tests.live.simulation.broker import Broker, Connection
from tests.live.simulation.loop import simulated


def said(
    broker: Broker, stage: str, phase: Phase, at: int, partitions: Sequence[int] = (0,), holder: str = "a"
) -> None:
    """Put a report on the log."""
    report = StageReport(stage, tuple(partitions), holder, phase, at, (), {})
    message = Envelope.begin(report, origin="here", source=holder, index=at, time_ns=at)
    broker.put([new_record(STAGES, message)])


async def colleagues(broker: Broker, *awaited: str) -> Colleagues:
    found = Colleagues(Connection(broker), "me", asyncio.get_running_loop().time)
    await found.begin(awaited)
    return found


def test_a_stage_has_ended_once_all_its_partitions_have():
    async def ended(partitions: int) -> bool:
        broker = Broker(0)
        said(broker, "signals", "ended", 1, (0,))
        said(broker, "signals", "ended", 2, (1,), "b")
        return (await colleagues(broker)).ended("signals", partitions)

    assert simulated(ended(2))
    assert not simulated(ended(3))


def test_a_report_that_lands_late_takes_no_end_back():
    async def ended() -> bool:
        broker = Broker(0)
        said(broker, "signals", "ended", 5)
        said(broker, "signals", "running", 4)
        return (await colleagues(broker)).ended("signals", 1)

    assert simulated(ended())


def test_who_begins_again_after_its_end_has_not_ended():
    async def ended() -> bool:
        broker = Broker(0)
        said(broker, "signals", "ended", 5)
        said(broker, "signals", "recovering", 6)
        return (await colleagues(broker)).ended("signals", 1)

    assert not simulated(ended())


def test_what_a_process_itself_has_said_before_does_not_count():
    async def ended() -> bool:
        broker = Broker(0)
        said(broker, "signals", "ended", 5, holder="me")
        return (await colleagues(broker)).ended("signals", 1)

    assert not simulated(ended())


def test_an_end_that_is_awaited_is_found_however_long_ago_it_was():
    async def ended(*awaited: str) -> bool:
        broker = Broker(0)
        said(broker, "signals", "ended", 5)
        for second in range(6, 2_000):
            said(broker, "account", "running", second)
        return (await colleagues(broker, *awaited)).ended("signals", 1)

    assert simulated(ended("signals"))
    assert not simulated(ended())


def test_whoever_says_nothing_any_more_is_taken_for_dead():
    async def at_work(pause_s: float) -> int:
        broker = Broker(0)
        said(broker, "account", "running", 5)
        found = await colleagues(broker)
        await asyncio.sleep(pause_s)
        return len(found.at_work("account"))

    assert simulated(at_work(SILENT_S - 1)) == 1
    assert simulated(at_work(SILENT_S + 1)) == 0


# ── Claims ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def claimed(*others: tuple[float, str]) -> float:
    """Return how long it takes from second 1 to claim the account, of which others say when that they work on it."""
    broker, loop = Broker(0), asyncio.get_running_loop()
    for at_s, holder in others:
        loop.call_later(at_s, lambda at=at_s, holder=holder: said(broker, "account", "running", int(at), holder=holder))
    await asyncio.sleep(1)
    found = await colleagues(broker)
    listening = asyncio.create_task(found.listen())
    try:
        await found.claim("account", "the account paper")
        return loop.time() - 1
    finally:
        listening.cancel()


def test_what_nobody_works_on_is_claimed_at_once():
    assert simulated(claimed()) < 0.1


def test_what_somebody_died_of_is_claimed_after_its_silence():
    assert simulated(claimed((0.5, "a"))) == pytest.approx(SILENT_S, abs=0.1)


def test_what_somebody_works_on_is_refused_with_the_name_of_who_does():
    """The first one has died, and the second one has taken over from it."""
    with pytest.raises(FencedError, match="the account paper is worked on by b, which said so a moment ago"):
        simulated(claimed((0.4, "a"), (0.5, "b"), (2.0, "b")))
