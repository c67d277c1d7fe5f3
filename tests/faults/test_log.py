"""The log goes away: a session waits for it and goes on by itself, and nobody could tell from what is on it."""

import asyncio
import pathlib
import random
import time
from collections import Counter
from collections.abc import Sequence

import pytest

from alpha_panda.errors import LogError
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.build import KAFKA, Options, new_status, planned, trade
from alpha_panda.live.control.killswitch import KillSwitch
from alpha_panda.live.log import kafka_client
from alpha_panda.live.log.base import Commit, Log, NewRecord
from alpha_panda.live.log.kafka import KafkaLog
from alpha_panda.live.status import TRADING, WAITING, Status
from alpha_panda.live.supervision import enduring
from tests.faults.checker import check
from tests.faults.relay import Relay
from tests.kafka import KafkaServer
from tests.live.mistaken import changed_profile, in_partitions
from tests.live.processes import Deployment, deployed
from tests.live.trading import PAPER, SYMBOLS, ChoppedFeed, market, morning, replayed, run_on

OUTAGES = ("stopped and started", "killed and started", "paused and resumed")
ROUNDS = 2
LOST_ANSWERS = 12
PARTITIONS = 2

Faults = Counter[str]


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have requests given up after a second, so that an outage need not be long to be one."""
    monkeypatch.setattr(kafka_client, "PATIENCE_S", 1.0)
    monkeypatch.setattr(kafka_client, "_REQUEST_MS", 400)


async def until_trading(status: Status, trading: asyncio.Task[AccountEngine | None], events: int) -> None:
    """Return once the session trades and has handed on so many events more."""
    start = status.events
    async with asyncio.timeout(60):
        while status.phase != TRADING or status.events < start + events:
            assert not trading.done(), trading.exception()
            await asyncio.sleep(0.02)


async def befallen(kafka: KafkaServer, outage: str, status: Status) -> None:
    """Let something happen to the broker, and return once it answers again; the session has noticed."""
    end = {"stopped and started": kafka.stop, "killed and started": kafka.kill, "paused and resumed": kafka.pause}
    await asyncio.to_thread(end[outage])
    async with asyncio.timeout(60):
        while status.phase != WAITING:
            await asyncio.sleep(0.02)
    await asyncio.to_thread(kafka.resume if outage.startswith("paused") else kafka.start)


@pytest.mark.timeout(300)  # six outages, each with a start of Kafka, on a machine that may have much else to do
@pytest.mark.usefixtures("impatience")
async def test_a_session_outlives_every_outage_of_its_kafka(
    kafka_server: KafkaServer, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, faults: Faults
):
    monkeypatch.setenv(KAFKA, kafka_server.address)
    moments, status, stop = random.Random(4), new_status(), asyncio.Event()
    profile = changed_profile(tmp_path, in_partitions(PARTITIONS))
    async with deployed(Deployment(tmp_path, kafka_server.address, partitions=PARTITIONS)) as session:
        options = Options(profile=profile, instruments=SYMBOLS, speed=900.0, state=session.state)
        trading = asyncio.create_task(trade(planned(options), status, stop))
        for outage in OUTAGES * ROUNDS:
            await until_trading(status, trading, moments.randint(500, 3_000))
            await befallen(kafka_server, outage, status)
            faults[f"Kafka {outage}"] += 1
        engine = await trading
        assert engine is not None
        assert engine.stage.summary() == replayed(market()[1]).summary()
        async with session.log() as log:
            told = await check(log, market()[1], PARTITIONS)
        assert told.orders == engine.stage.account["orders_made"]
        assert told.takeovers >= 4 * len(OUTAGES) * ROUNDS
        faults["records set aside that landed late or twice"] += told.set_aside
        proof = await session.proved()
        assert (proof.holds, proof.ledger_hash) == (True, engine.stage.ledger_hash()), proof


class LateLog(Relay):
    """A log whose answer is lost now and then, while the request is still on its way and lands long after."""

    def __init__(self, log: Log, moments: random.Random) -> None:
        super().__init__(log, lambda record: None)
        self.lost = 0
        self._moments = moments
        self._underway: list[tuple[int, Sequence[NewRecord]]] = []
        self._appends = 0

    async def append(self, batch: Sequence[NewRecord], commits: Sequence[Commit] = ()) -> list[int]:
        self._appends += 1
        landing = [late for due, late in self._underway if due <= self._appends]
        self._underway = [each for each in self._underway if each[0] > self._appends]
        for late in landing:
            await super().append(late)
        numbered = any(record.topic.numbered for record in batch)
        if numbered and self.lost < LOST_ANSWERS and self._moments.random() < 1 / 15:
            self.lost += 1
            self._underway.append((self._appends + self._moments.randint(1, 60), batch))
            raise LogError("the answer was lost")
        return await super().append(batch, commits)


async def test_a_request_whose_answer_was_lost_and_that_lands_late_changes_nothing(
    kafka: str, tmp_path: pathlib.Path, faults: Faults
):
    status, stop = new_status(), asyncio.Event()
    async with deployed(Deployment(tmp_path, kafka)) as session, KafkaLog(kafka, session.name, session.topics) as log:
        late = LateLog(log, random.Random(8))
        feed = ChoppedFeed(morning(), longest=100)
        engine = await enduring(lambda: run_on(late, feed, status=status), status, stop, lambda _: asyncio.sleep(0))
        assert engine.stage.summary() == replayed(morning()).summary()
        told = await check(log, morning())
    assert late.lost == LOST_ANSWERS
    faults["an answer of the log lost, its request landing late"] += late.lost
    assert told.set_aside > 0
    faults["records set aside that landed late or twice"] += told.set_aside


class SlowLog(Relay):
    """A log that takes its time with what the strategies say."""

    def __init__(self, log: Log) -> None:
        super().__init__(log, lambda record: None)
        self.pause_s = 0.2

    async def append(self, batch: Sequence[NewRecord], commits: Sequence[Commit] = ()) -> list[int]:
        if any(record.topic == PAPER.signals_raw for record in batch):
            await asyncio.sleep(self.pause_s)
        return await super().append(batch, commits)


async def test_strategies_that_are_far_too_slow_lose_nothing_and_catch_up_and_a_kill_waits_for_nothing(
    kafka: str, tmp_path: pathlib.Path, faults: Faults
):
    """Ticks stay on the log until they are read, and what is behind is shown."""
    status = new_status()
    async with deployed(Deployment(tmp_path, kafka)) as session, KafkaLog(kafka, session.name, session.topics) as log:
        slow = SlowLog(log)
        trading = asyncio.create_task(run_on(slow, ChoppedFeed(morning(), longest=20), status=status, state=tmp_path))
        async with asyncio.timeout(60):
            while status.lags["signals"].get(("market.ticks", 0), 0) < 500:
                await asyncio.sleep(0.02)
        KillSwitch(tmp_path, time.monotonic).engage("anand@desk", "enough", time.time_ns())
        async with asyncio.timeout(60):
            while status.account is None or status.account.account["killed"] == 0:
                await asyncio.sleep(0.01)
        # Before the market that it stops has been read, however much of that was waiting.
        assert status.account_next < status.frames
        slow.pause_s = 0.0
        engine = await trading
        assert status.lags["signals"]["market.ticks", 0] == 0
        told = await check(log, morning(), commanded=True)
    assert (engine.stage.account["killed"], engine.next_frame) == (1, status.frames)
    assert told.set_aside == 0
    faults["a stage that is far too slow"] += 1
