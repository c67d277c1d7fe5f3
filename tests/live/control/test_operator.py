"""A person at the controls: what is done, told and answered, with the session well, silent, gone, or its log down."""

import asyncio
import contextlib
import dataclasses
import itertools
import pathlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from alpha_panda.errors import ConfigurationError, LogError, RecoveryError
from alpha_panda.live.control import operator as operating
from alpha_panda.live.control.commands import Spool, command_message, forward
from alpha_panda.live.control.killswitch import KillSwitch, Latch
from alpha_panda.live.control.operator import Operator, Receipt, give
from alpha_panda.live.envelope import Envelope, decode
from alpha_panda.live.log.base import Commit, Log, NewRecord, Record
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Control, PnlSnapshot, Session
from alpha_panda.live.routing import new_record
from alpha_panda.live.topics import CONTROL, SESSIONS, BrokerTopics, Topic

ANSWERS = BrokerTopics.of("paper").pnl_snapshots
STATES = {"pause": "paused", "resume": "running", "flatten": "paused", "kill": "killed", "reset": "running"}


def session_record() -> NewRecord:
    """Return the first record of a session of two strategies."""
    profile = '{"account": {"broker": "paper"}, "strategies": [{"name": "momentum"}, {"name": "reversion"}]}'
    data = Session(1, profile, (), "a day", "", "")
    return new_record(SESSIONS, Envelope.begin(data, origin="session", source="session", index=0, time_ns=1))


@contextlib.asynccontextmanager
async def session(state: pathlib.Path) -> AsyncGenerator[Log]:
    """Work like a session whose log only itself can write: take commands up, carry them out, and say so."""
    async with SqliteLog(state) as log:
        if not await log.end(SESSIONS, 0):
            await log.append([session_record()])
        tasks = [asyncio.create_task(forward(Spool(state), log, asyncio.sleep)), asyncio.create_task(account(log))]
        try:
            yield log
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def account(log: Log) -> None:
    """Answer each command as the account does, after figures that are no answer."""
    offset = await log.end(CONTROL, 0)
    for number in itertools.count():
        await log.wait(CONTROL, 0, offset, 60.0)
        (record,) = await log.read(CONTROL, 0, offset, 1)
        offset += 1
        message = decode(record)
        assert isinstance(message.data, Control)
        other = message.stamped(0, 0).effect(figures("halted"), source="x", index=0, time_ns=5, broker="paper")
        unrelated = Envelope.begin(other.data, origin="ticks", source="account", index=number, time_ns=5)
        state: Any = STATES[message.data.command]
        answer = message.effect(figures(state), source="account", index=number, time_ns=5, broker="paper")
        await log.append([new_record(ANSWERS, unrelated), new_record(ANSWERS, answer)])


def figures(state: Any) -> PnlSnapshot:
    return PnlSnapshot(5, 0, 0, 0, 0, 0, 0, state)


async def begun(state: pathlib.Path) -> None:
    """Leave a session that has begun and does not run."""
    async with SqliteLog(state) as log:
        await log.append([session_record()])


class Broker(SqliteLog):
    """A log that everybody can write, as long as it is up."""

    down = False
    goes_away = False  # once it is connected

    async def __aenter__(self) -> "Broker":
        if self.down:
            raise LogError("no broker answers at localhost:9092: start it")
        return self

    async def append(self, batch: Sequence[NewRecord], commits: Sequence[Commit] = ()) -> list[int]:
        if self.goes_away:
            raise LogError("the broker went away")
        return await super().append(batch, commits)

    async def close(self) -> None:
        """Stay open for the next one."""


def at_a_session(state: pathlib.Path) -> Operator:
    """Return a person at an embedded session; seconds pass for them at each look."""
    ticking = itertools.count()
    return Operator(
        state=state,
        who="anand@desk",
        time_ns=17,
        monotonic=lambda: 0.1 * next(ticking),
        open_log=lambda read_only: SqliteLog(state, read_only),
        embedded=True,
    )


def at_a_broker(state: pathlib.Path, log: Log) -> Operator:
    """Return a person at a session whose log is `log`."""
    ticking = itertools.count()
    return Operator(
        state=state,
        who="anand@desk",
        time_ns=17,
        monotonic=lambda: 1.0 * next(ticking),
        open_log=lambda read_only: log,
        embedded=False,
    )


def latch_of(state: pathlib.Path) -> Latch | None:
    return KillSwitch(state, lambda: 0.0).engaged()


# ── A session that runs ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", STATES)
def test_a_session_that_runs_carries_a_command_out_and_says_how_its_account_then_stands(
    command: str, tmp_path: pathlib.Path
):
    async def scenario() -> Receipt:
        async with session(tmp_path):
            return await give(at_a_session(tmp_path), command, "", "because")

    receipt = asyncio.run(scenario())
    assert (receipt.told, receipt.account, receipt.trouble) == ("log", STATES[command], "")
    assert receipt.latch == ("engaged" if command == "kill" else "")
    assert (latch_of(tmp_path) is not None) == (command == "kill")


def test_a_strategy_that_the_session_does_not_have_is_refused_before_anything_is_told(tmp_path: pathlib.Path):
    async def scenario() -> None:
        async with session(tmp_path) as log:
            await give(at_a_session(tmp_path), "pause", "momentun", "")
            assert not await log.end(CONTROL, 0)

    with pytest.raises(ConfigurationError, match=r"did you mean 'momentum'"):
        asyncio.run(scenario())
    assert Spool(tmp_path).files() == []


def test_a_reset_releases_the_latch_and_then_resets(tmp_path: pathlib.Path):
    async def scenario() -> list[Receipt]:
        async with session(tmp_path):
            operator = at_a_session(tmp_path)
            return [await give(operator, command, "", "") for command in ("kill", "reset")]

    killed, reset = asyncio.run(scenario())
    assert (killed.account, reset.account, reset.latch) == ("killed", "running", "released")
    assert latch_of(tmp_path) is None


# ── A session that does not run ──────────────────────────────────────────────────────────────────────────────────────


def test_a_command_waits_for_the_next_start_where_no_session_runs(tmp_path: pathlib.Path):
    async def scenario() -> tuple[Receipt, list[str]]:
        await begun(tmp_path)
        receipt = await give(at_a_session(tmp_path), "pause", "momentum", "")
        async with session(tmp_path) as log:
            assert await log.wait(ANSWERS, 0, 0, 60.0)
            data = [decode(record).data for record in await log.read(CONTROL, 0, 0, 10)]
            return receipt, [each.argument for each in data if isinstance(each, Control)]

    receipt, carried_out = asyncio.run(scenario())
    assert (receipt.told, receipt.account) == ("spool", None)
    assert carried_out == ["momentum"]
    assert Spool(tmp_path).files() == []


def test_a_kill_needs_no_session_and_no_log(tmp_path: pathlib.Path):
    receipt = asyncio.run(give(at_a_session(tmp_path), "kill", "", "wild prices"))
    assert (receipt.told, receipt.account, receipt.latch) == ("spool", None, "engaged")
    assert "there is no event log" in receipt.trouble
    assert latch_of(tmp_path) == Latch("anand@desk", "wild prices", 17)
    ((_, message),) = Spool(tmp_path).waiting()
    assert message == command_message("kill", "", "anand@desk", "wild prices", 17)


@pytest.mark.parametrize("command", ["pause", "resume", "flatten", "reset"])
def test_any_other_command_needs_a_session_that_has_begun(command: str, tmp_path: pathlib.Path):
    with pytest.raises(LogError, match="no event log"):
        asyncio.run(give(at_a_session(tmp_path), command, "", ""))

    async def scenario() -> None:
        async with SqliteLog(tmp_path):
            await give(at_a_session(tmp_path), command, "", "")

    with pytest.raises(RecoveryError, match="no session has begun"):
        asyncio.run(scenario())
    assert Spool(tmp_path).files() == []


# ── A log that everybody can write ───────────────────────────────────────────────────────────────────────────────────


def on_a_broker(
    state: pathlib.Path, *commands: str, down: bool = False, goes_away: bool = False
) -> tuple[list[Receipt], list[str]]:
    """Give commands to a session on a broker whose account is silent; return the receipts and what is on the log."""

    async def scenario() -> tuple[list[Receipt], list[str]]:
        log = Broker(state / "broker")
        await log.append([session_record()])
        log.down, log.goes_away = down, goes_away
        try:
            receipts = [await give(at_a_broker(state, log), command, "", "") for command in commands]
            data = [decode(record).data for record in await log.read(CONTROL, 0, 0, 10)]
            return receipts, [each.command for each in data if isinstance(each, Control)]
        finally:
            await SqliteLog.close(log)

    return asyncio.run(scenario())


def test_a_command_goes_straight_to_a_log_that_everybody_can_write(tmp_path: pathlib.Path):
    (paused, killed), told = on_a_broker(tmp_path, "pause", "kill")
    assert told == ["pause", "kill"]
    assert (paused.told, paused.account, paused.latch) == ("log", None, "")
    assert (killed.told, killed.account, killed.latch) == ("log", None, "engaged")
    assert not (tmp_path / "control").exists()


def test_a_kill_succeeds_with_the_log_down_and_says_whom_it_could_not_tell(tmp_path: pathlib.Path):
    ((killed,), told) = on_a_broker(tmp_path, "kill", down=True)
    assert (killed.told, killed.latch, told) == ("nobody", "engaged", [])
    assert killed.trouble == "no broker answers at localhost:9092: start it"
    assert latch_of(tmp_path) is not None


def test_a_kill_is_told_though_the_disk_takes_no_latch(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    def full(self: KillSwitch, who: str, reason: str, time_ns: int) -> Latch:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(KillSwitch, "engage", full)
    ((killed,), told) = on_a_broker(tmp_path, "kill")
    assert (killed.told, killed.latch, told) == ("log", "", ["kill"])
    assert "cannot be written: No space left on device" in killed.trouble


@pytest.mark.parametrize("command", ["pause", "resume", "flatten", "reset"])
def test_any_other_command_fails_with_the_log_down_and_changes_nothing(command: str, tmp_path: pathlib.Path):
    KillSwitch(tmp_path, lambda: 0.0).engage("meera@home", "", 3)
    with pytest.raises(LogError, match="no broker answers"):
        on_a_broker(tmp_path, command, down=True)
    assert latch_of(tmp_path) == Latch("meera@home", "", 3)


def test_a_reset_that_could_not_be_told_leaves_the_latch_engaged(tmp_path: pathlib.Path):
    KillSwitch(tmp_path, lambda: 0.0).engage("meera@home", "why", 3)
    with pytest.raises(LogError, match="went away"):
        on_a_broker(tmp_path, "reset", goes_away=True)
    assert latch_of(tmp_path) == Latch("meera@home", "why", 3)


def test_a_command_that_was_told_is_not_refused_because_its_answer_cannot_be_read(tmp_path: pathlib.Path):
    class Deaf(Broker):
        async def read(self, topic: Topic, partition: int, offset: int, limit: int) -> list[Record]:
            if topic == ANSWERS:
                raise LogError("the broker went away")
            return await super().read(topic, partition, offset, limit)

    async def scenario() -> Receipt:
        log = Deaf(tmp_path / "broker")
        await log.append([session_record()])
        try:
            return await give(at_a_broker(tmp_path, log), "pause", "", "")
        finally:
            await SqliteLog.close(log)

    paused = asyncio.run(scenario())
    assert (paused.told, paused.account) == ("log", None)
    assert "its answer cannot be read: the broker went away" in paused.trouble


def test_an_answer_that_does_not_come_in_time_leaves_the_command_told(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    class Slow(Broker):
        async def read(self, topic: Topic, partition: int, offset: int, limit: int) -> list[Record]:
            if topic == ANSWERS:
                await asyncio.sleep(3_600)
            return await super().read(topic, partition, offset, limit)

    async def scenario() -> Receipt:
        log = Slow(tmp_path / "broker")
        await log.append([session_record()])
        try:
            return await give(at_a_broker(tmp_path, log), "flatten", "", "")
        finally:
            await SqliteLog.close(log)

    monkeypatch.setattr(operating, "_TELL_WITHIN_S", 0.5)
    flattened = asyncio.run(scenario())
    assert flattened.told == "log"
    assert "does not answer" in flattened.trouble


@pytest.mark.parametrize("command", ["pause", "reset"])
def test_a_disk_that_is_full_refuses_a_command_in_words_and_leaves_the_latch(
    command: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    asyncio.run(begun(tmp_path))
    KillSwitch(tmp_path, lambda: 0.0).engage("meera@home", "", 3)
    monkeypatch.setattr(Spool, "put", full)
    with pytest.raises(LogError, match="cannot be written: No space left on device"):
        asyncio.run(give(at_a_session(tmp_path), command, "", ""))
    assert latch_of(tmp_path) is not None


def test_a_kill_on_a_disk_that_is_full_says_that_nobody_was_told(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    asyncio.run(begun(tmp_path))
    monkeypatch.setattr(KillSwitch, "engage", full)
    monkeypatch.setattr(Spool, "put", full)
    killed = asyncio.run(give(at_a_session(tmp_path), "kill", "", ""))
    assert (killed.told, killed.latch) == ("nobody", "")
    assert "No space left on device" in killed.trouble


def full(*_: object) -> None:
    """Write nothing, since there is no room."""
    raise OSError(28, "No space left on device")


def test_a_reset_does_not_undo_a_kill_that_came_while_it_was_given(tmp_path: pathlib.Path):
    def killed_meanwhile(read_only: bool) -> Log:
        KillSwitch(tmp_path, lambda: 0.0).engage("meera@home", "wild", 3)
        return SqliteLog(tmp_path, read_only)

    async def scenario() -> None:
        async with session(tmp_path):
            operator = dataclasses.replace(at_a_session(tmp_path), open_log=killed_meanwhile)
            await give(operator, "reset", "", "")

    with pytest.raises(ConfigurationError, match="meera@home has changed the kill latch since"):
        asyncio.run(scenario())
    assert latch_of(tmp_path) == Latch("meera@home", "wild", 3)


def test_a_log_that_does_not_answer_is_not_waited_for_for_ever(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    class Hanging(Broker):
        async def __aenter__(self) -> Broker:
            await asyncio.sleep(3_600)
            return self

    async def scenario(command: str) -> Receipt:
        log = Hanging(tmp_path / "broker")
        try:
            return await give(at_a_broker(tmp_path, log), command, "", "")
        finally:
            await SqliteLog.close(log)

    monkeypatch.setattr(operating, "_TELL_WITHIN_S", 0.05)
    with pytest.raises(LogError, match="does not answer"):
        asyncio.run(scenario("pause"))
    assert "does not answer" in asyncio.run(scenario("kill")).trouble
