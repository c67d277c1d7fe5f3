"""Control through the API: what is commanded is carried out, stands on the log, and is written down with who."""

import asyncio
import contextlib
import pathlib
import sqlite3
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from alpha_panda.apps.api import recording
from alpha_panda.live.build import Options, new_status, open_log, planned, trade
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Control
from alpha_panda.live.session import open_session
from alpha_panda.live.topics import CONTROL
from tests.apps.api.asking import Served, over
from tests.apps.desk_at_work import seen
from tests.live.trading import PAPER_TOML, SYMBOLS, blueprint, messages_of


@contextlib.asynccontextmanager
async def trading(state: pathlib.Path) -> AsyncGenerator[None]:
    """Trade a day in `state`, two minutes of it in a second, for as long as the context lasts."""
    stop = asyncio.Event()
    plan = planned(Options(profile=PAPER_TOML, instruments=SYMBOLS, speed=120, state=state))
    session = asyncio.create_task(trade(plan, new_status(), stop))
    try:
        yield
    finally:
        stop.set()
        await session


@pytest.fixture
async def running(tmp_path: pathlib.Path) -> AsyncGenerator[Served]:
    """Serve the API over a session that is trading."""
    async with trading(tmp_path / "s1"), over(tmp_path / "s1", tmp_path) as api:
        await seen(api.api.desk, lambda picture: picture.account is not None)
        yield api


async def trail(api: Served) -> list[dict[str, Any]]:
    """Return what the audit trail says, the oldest first."""
    return (await api.get("/audit", "asha"))["rows"][::-1]


async def test_a_pause_is_carried_out_told_logged_and_audited(running: Served):
    strategy = running.api.desk.picture.strategies[0].name
    said = {"strategy": strategy, "reason": "results after the close"}
    answer = await running.client.post(
        "/api/v1/control/pause", json=said, headers={"as": "omar", "x-correlation-id": "a morning's work"}
    )
    receipt = answer.json()
    assert (answer.status_code, receipt["account"], receipt["trouble"]) == (200, "running", "")
    assert (receipt["command"], receipt["strategy"], receipt["who"]) == ("pause", strategy, "omar")
    await seen(running.api.desk, lambda picture: picture.strategies[0].state == "paused")

    async with open_log(running.api.desk.state, read_only=True) as log:
        commands = [each.data for each in await messages_of(log, CONTROL)]
    assert commands == [Control("pause", strategy, "omar", "results after the close", "a morning's work")]
    (shown,) = (await running.get("/commands"))["rows"]
    assert (shown["command"], shown["correlation_id"]) == ("pause", "a morning's work")
    asked, done = await trail(running)
    assert [each["outcome"] for each in (asked, done)] == ["asked", "carried out"]
    assert asked["detail"] == "results after the close"
    assert {each["correlation_id"] for each in (asked, done)} == {"a morning's work"}
    assert {(each["who"], each["action"], each["target"]) for each in (asked, done)} == {
        ("omar", "control.pause", strategy)
    }
    deeds = [line for line in running.lines if line["event"] == "deed"]
    assert [line["outcome"] for line in deeds] == ["asked", "carried out"]
    assert {line["request_id"] for line in deeds} == {receipt["request_id"]}


async def test_a_strategy_is_paused_and_resumed_where_it_is_listed(running: Served):
    name = running.api.desk.picture.strategies[0].name
    assert (await running.post(f"/strategies/{name}/pause")).json()["account"] == "running"
    await seen(running.api.desk, lambda picture: picture.strategies[0].state == "paused")
    assert (await running.post(f"/strategies/{name}/resume", json={"reason": "calm again"})).status_code == 200
    await seen(running.api.desk, lambda picture: picture.strategies[0].state == "running")


async def test_a_kill_stops_the_account_and_a_reset_lets_it_go_on(running: Served):
    killed = (await running.post("/control/kill", json={"reason": "prices look wrong"})).json()
    assert (killed["account"], killed["latch"], killed["trouble"]) == ("killed", "engaged", "")
    await seen(running.api.desk, lambda picture: picture.latch is not None)
    assert (await running.get("/portfolio/account"))["killed"] is True
    reset = (await running.post("/control/reset", json={"reason": "it was the feed"})).json()
    assert (reset["account"], reset["latch"]) == ("running", "released")
    assert [each["outcome"] for each in await trail(running)] == ["asked", "carried out"] * 2


async def commands_of(api: Served) -> list[str]:
    """Return what stands on the log of a session, the oldest first."""
    async with open_log(api.api.desk.state, read_only=True) as log:
        return [each.data.command for each in await messages_of(log, CONTROL) if isinstance(each.data, Control)]


async def test_a_flatten_that_is_asked_for_again_under_its_key_is_given_once(running: Served):
    async def asked(command: str = "flatten", key: str = "a-key", **said: str) -> Any:
        headers = {"as": "omar", "Idempotency-Key": key}
        answer = await running.client.post(f"/api/v1/control/{command}", headers=headers, json=said)
        return answer.json() | {"status": answer.status_code}

    first, beside = await asyncio.gather(asked(), asked())
    assert [each["repeated"] for each in (first, beside)] == [False, True]
    await asked("resume", "another-key")
    again = await asked()
    assert again == first | {"repeated": True}
    assert await commands_of(running) == ["flatten", "resume"]

    running.api.once.__init__(lambda receipt: True)  # another process, which knows of no key
    after_a_restart = await asked()
    assert (after_a_restart["id"], after_a_restart["repeated"]) == (first["id"], True)
    assert await commands_of(running) == ["flatten", "resume"]
    other = await asked("flatten", reason="another")
    assert (other["status"], other["error"]["code"]) == (409, "conflict")
    assert "used for something else" in other["error"]["message"]
    await asked("flatten", "a-third-key")
    assert await commands_of(running) == ["flatten", "resume", "flatten"]


async def test_a_reset_that_is_repeated_releases_no_later_kill_and_a_kill_is_given_each_time(running: Served):
    keyed = {"as": "omar", "Idempotency-Key": "a-key"}
    for command in ("kill", "reset", "kill", "reset"):
        assert (await running.client.post(f"/api/v1/control/{command}", headers=keyed)).status_code == 200
        running.api.once.__init__(lambda receipt: True)
    assert (running.api.desk.state / "kill").exists()
    given = await commands_of(running)
    assert (given.count("reset"), given[-1]) == (1, "kill")


async def test_a_command_that_waits_for_a_session_waits_once_under_its_key(tmp_path: pathlib.Path):
    state = tmp_path / "s1"
    async with SqliteLog(state) as log:
        await open_session(log, blueprint(), 1)
    async with over(state, tmp_path) as api:
        keyed = {"as": "omar", "Idempotency-Key": "a-key"}
        told = [(await api.client.post("/api/v1/control/flatten", headers=keyed)).json() for _ in range(2)]
    assert [(each["told"], each["account"], each["repeated"]) for each in told] == [
        *(("spool", None, False), ("spool", None, True)),
    ]
    assert len(list((state / "control").iterdir())) == 1


@pytest.mark.parametrize("key", ["x" * 65, "two words", "\t"])
async def test_a_key_is_one_word(snap: Served, key: str):
    answer = await snap.client.post("/api/v1/control/pause", headers={"as": "omar", "Idempotency-Key": key})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


async def test_what_cannot_be_commanded_is_refused_and_that_is_written_down(running: Served):
    answer = await running.post("/control/pause", json={"strategy": "momentun"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, "cannot_be")
    assert "no strategy momentun (did you mean 'momentum'?)" in error["message"]
    assert [each["outcome"] for each in await trail(running)] == ["asked", "refused"]


async def test_a_kill_needs_no_session_no_log_and_no_body(tmp_path: pathlib.Path):
    state = tmp_path / "s1"
    state.mkdir()
    async with over(state, tmp_path) as api:
        answer = await api.post("/control/kill")
        receipt = answer.json()
    assert (answer.status_code, receipt["latch"], receipt["told"]) == (200, "engaged", "spool")
    assert "log" in receipt["trouble"]
    assert (state / "kill").exists()


async def test_a_kill_takes_the_latch_while_the_database_does_not_answer(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(recording, "WRITTEN_WITHIN_S", 0.2)
    state = tmp_path / "s1"
    state.mkdir()
    async with over(state, tmp_path) as api:
        with contextlib.closing(sqlite3.connect(tmp_path / "web.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            killing = asyncio.create_task(api.post("/control/kill"))
            while not (state / "kill").exists():
                assert not killing.done()
                await asyncio.sleep(0)
            receipt = (await killing).json()
            other.rollback()
        assert receipt["latch"] == "engaged"
        assert "the audit trail did not take this within 0.2 s" in receipt["trouble"]
        await asyncio.wait(api.api.writing)
        assert [each["outcome"] for each in await trail(api)] == ["asked", "delivered"]


@pytest.mark.parametrize(("command", "status"), [("pause", 200), ("flatten", 200), ("resume", 503), ("reset", 503)])
async def test_only_what_makes_safer_is_done_without_an_audit_trail(running: Served, command: str, status: int):
    path = running.api.desk.state.parent / "web.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE audit")
    answer = await running.post(f"/control/{command}")
    assert answer.status_code == status
    async with open_log(running.api.desk.state, read_only=True) as log:
        commands = [each.data for each in await messages_of(log, CONTROL)]
    if status == 200:
        assert commands == [Control(command, "", "omar", "", "request-1")]
        assert "the audit trail lacks this" in answer.json()["trouble"]
    else:
        assert commands == []
        assert answer.json()["error"]["code"] == "database_away"


async def test_a_kill_that_reaches_nobody_is_told_as_an_error(tmp_path: pathlib.Path):
    async with over(tmp_path / "never made", tmp_path) as api:
        answer = await api.post("/control/kill")
    assert answer.status_code == 422
    assert "there is no state directory" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "said",
    [
        {"reason": "line\nbreak"},
        {"reason": "\x1b[2J"},
        {"reason": "\u202egnorts"},
        {"strategy": "\x9b"},
        {"reason": "x" * 501},
        {"strategy": "x" * 101},
        {"stratgy": "momentum"},
        [],
        "kill",
    ],
)
async def test_a_command_that_is_malformed_reaches_nobody(snap: Served, said: Any):
    answer = await snap.post("/control/pause", json=said)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
    assert await trail(snap) == []


async def test_a_command_that_there_is_not_is_refused(snap: Served):
    answer = await snap.post("/control/liquidate")
    assert answer.status_code == 422
    assert "'kill', 'pause', 'resume', 'flatten' or 'reset'" in answer.json()["error"]["message"]


async def test_a_viewer_commands_nothing(snap: Served):
    for command in ("kill", "pause", "resume", "flatten", "reset"):
        answer = await snap.post(f"/control/{command}", "vera")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_allowed")
    assert not (snap.api.desk.state / "kill").exists()
    assert await trail(snap) == []
