"""A whole session, watched: what is scraped, logged and traced of it is what it did, and it does the same unwatched."""

import asyncio
import collections
import dataclasses
import json
import pathlib
import time
from collections.abc import AsyncIterator

import pytest

from alpha_panda.errors import ConfigurationError, LogError
from alpha_panda.live.account import AccountEngine
from alpha_panda.live.build import new_status
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.pipeline import STAGES
from alpha_panda.live.status import Status
from alpha_panda.live.watch.observing import Watched, observing
from tests.live.trading import ChoppedFeed, morning, replayed, run_on
from tests.live.watch.test_endpoint import ask
from tests.live.watching import CANARY, lines, samples_in


@dataclasses.dataclass
class Session:
    """A session that is over, and its endpoint, which still answers."""

    engine: AccountEngine
    status: Status
    port: int

    async def scraped(self) -> dict[tuple[str, ...], float]:
        _, text = await asyncio.to_thread(ask, self.port, "/metrics")
        return samples_in(text)


def watched(state: pathlib.Path, port: int | None = 0) -> Watched:
    return Watched(
        state=state,
        stages=STAGES,
        holder="process 7 on panda",
        version="0.1.0",
        environment={"ALPHA_PANDA_KITE_API_SECRET": CANARY},
        wall_ns=time.time_ns,
        monotonic=time.monotonic,
        port=port,
    )


@pytest.fixture
async def session(tmp_path: pathlib.Path) -> AsyncIterator[Session]:
    """Give a morning of trading, watched."""
    status = new_status()
    async with observing(status, watched(tmp_path)) as watching:
        async with SqliteLog(tmp_path, clock=time.time_ns) as log:
            engine = await run_on(log, ChoppedFeed(morning()), status=status)
        assert watching.port is not None
        yield Session(engine, status, watching.port)


async def test_what_is_scraped_is_what_the_account_did(session: Session):
    shown, account = await session.scraped(), session.engine.stage.account
    summed = collections.Counter[str]()
    for (name, *_), value in shown.items():
        summed[name] += value
    assert summed["alpha_panda_fills_total"] == account["fills"] > 0
    assert summed["alpha_panda_signals_total"] == account["signals"]
    assert summed["alpha_panda_decisions_total"] == account["approved"] + account["clipped"] + account["refused"]
    assert shown["alpha_panda_messages_total", "order_placed"] == account["orders_made"]
    assert {shown["alpha_panda_events_total", stage] for stage in STAGES[:3]} == {len(morning())}
    assert round(shown["alpha_panda_equity_rupees", "paper"] * 10_000) == account["equity_e4"]
    assert shown["alpha_panda_lag_records", "account", "market.ticks", "0"] == 0


async def test_every_order_has_its_latency(session: Session):
    shown, account = await session.scraped(), session.engine.stage.account
    for name, stage, count in (
        ("signal", "signals", account["signals"]),
        ("decision", "account", account["signals"]),
        ("order", "account", account["orders_made"]),
    ):
        assert shown[f"alpha_panda_tick_to_{name}_seconds_count", stage] == count


async def test_the_process_says_what_it_works_on(session: Session):
    shown, blueprint = await session.scraped(), session.engine.blueprint
    assert shown["alpha_panda_build_info", "0.1.0", blueprint.code_digest] == 1


async def test_every_fill_in_the_logs_goes_back_to_its_tick(session: Session, tmp_path: pathlib.Path):
    def logged() -> bool:
        return sum(line["event"] == "order_filled" for line in lines(tmp_path, "trading")) == fills

    fills = int(session.engine.stage.account["fills"])
    while not logged():  # the thread that writes may be behind
        await asyncio.sleep(0.01)
    by_id = {line["id"]: line for line in lines(tmp_path, "trading")}
    for line in by_id.values():
        if line["event"] == "order_filled":
            way = [line]
            while cause := by_id.get(way[-1]["causation_id"]):
                way.append(cause)
            assert [each["event"] for each in way] == [
                *("order_filled", "order_placed", "validated_signal", "trading_signal")
            ]
            assert {each["correlation_id"] for each in way} == {way[-1]["causation_id"]}


async def test_a_session_that_is_over_is_alive_and_as_it_should_be(session: Session):
    assert (await asyncio.to_thread(ask, session.port, "/health/live"))[0] == 200
    code, text = await asyncio.to_thread(ask, session.port, "/health/ready")
    assert (code, json.loads(text)["checks"]["account"]) == (200, {"passes": True, "reason": "ended"})


async def test_a_session_does_the_same_whether_it_is_watched_or_not(session: Session):
    assert session.engine.stage.ledger_hash() == replayed(morning()).ledger_hash()


async def test_a_canary_in_the_environment_reaches_neither_logs_nor_metrics(tmp_path: pathlib.Path):
    status = new_status()
    async with observing(status, watched(tmp_path)) as watching:
        status.on_dead_letter("market.ticks", f"refused {CANARY}")
        status.on_log_error("account", ConfigurationError(f"https://panda:{CANARY}@kite"))
        scraped = await asyncio.to_thread(ask, watching.port, "/metrics")
        ready = await asyncio.to_thread(ask, watching.port, "/health/ready")
    written = "".join(path.read_text() for path in (tmp_path / "logs").iterdir())
    assert "[redacted]" in written
    assert CANARY not in written + scraped[1] + ready[1]


async def test_the_screen_and_whoever_listens_are_told_what_goes_wrong(tmp_path: pathlib.Path):
    status, told = new_status(), []
    async with observing(status, dataclasses.replace(watched(tmp_path, port=None), tell=told.append)):
        status.on_log_error("session", LogError("no broker answers at kafka:9092"))
        while not told:  # by the thread that writes
            await asyncio.sleep(0.01)
    assert told == list(status.warnings)
    assert told[0].endswith("[error] the event log failed stage=session error='no broker answers at kafka:9092'")


async def test_without_a_port_nothing_listens(tmp_path: pathlib.Path):
    async with observing(new_status(), watched(tmp_path, port=None)) as watching:
        assert watching.port is None


async def test_nobody_looks_on_any_more_once_it_is_over(tmp_path: pathlib.Path):
    status = new_status()
    async with observing(status, watched(tmp_path)):
        assert len(status.also) == 3
    assert status.also == ()
