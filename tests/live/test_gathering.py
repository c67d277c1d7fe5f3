"""What the account applies first: the kill that the latch asks for, and what was commanded before it traded."""

import asyncio
import pathlib
from collections.abc import Sequence

from alpha_panda.live.account import AccountEngine
from alpha_panda.live.control.commands import command_message
from alpha_panda.live.control.killswitch import KillSwitch
from alpha_panda.live.dead_letters import DeadLetters
from alpha_panda.live.gathering import Gathering
from alpha_panda.live.log.base import Commit, NewRecord, Record
from alpha_panda.live.log.sqlite import SqliteLog
from alpha_panda.live.messages import Control
from alpha_panda.live.routing import new_record
from alpha_panda.live.streams import unnoticed
from alpha_panda.live.topics import CONTROL, Topic
from tests.live.simulation.broker import Broker, Connection
from tests.live.simulation.loop import simulated
from tests.live.trading import ChoppedFeed, blueprint, morning, run_in


class ResetAtOnce(Connection):
    """A log on which somebody resets the account right behind its first kill, and leaves the latch as it is."""

    async def append(self, batch: Sequence[NewRecord], commits: Sequence[Commit] = ()) -> list[int]:
        offsets = await super().append(batch, commits)
        if self.appends == 1:
            self._broker.put([new_record(CONTROL, command_message("reset", "", "another", "", 1))])
        return offsets


def test_a_reset_under_an_engaged_latch_is_followed_by_another_kill(tmp_path: pathlib.Path):
    async def commands() -> list[str]:
        clock = asyncio.get_running_loop().time
        log, engine = ResetAtOnce(Broker(0)), AccountEngine(blueprint())
        switch = KillSwitch(tmp_path, clock)
        switch.engage("me", "a test", 0)
        letters = DeadLetters(log, "here", lambda *_: None)
        gathering = Gathering(log, engine, asyncio.Event(), switch, unnoticed, letters)
        carried_out: list[str] = []
        async with asyncio.timeout(60):
            while len(carried_out) < 3:
                step = await gathering.next()
                assert step is not None
                engine.apply(step)
                carried_out += [
                    data.command for each in step.commands if isinstance(data := each.message.data, Control)
                ]
        assert engine.stage.account["killed"] == 1
        await gathering.aclose()
        return carried_out

    assert simulated(commands()) == ["kill", "reset", "kill"]


class SlowControl(SqliteLog):
    """A log whose commands take longer to read than everything else."""

    async def read(self, topic: Topic, partition: int, offset: int, limit: int) -> list[Record]:
        if topic == CONTROL:
            await asyncio.sleep(0.2)
        return await super().read(topic, partition, offset, limit)


async def test_what_was_commanded_before_the_account_traded_comes_before_the_first_tick(tmp_path: pathlib.Path):
    await run_in(tmp_path, ChoppedFeed(morning()[:300]))
    commands = [command_message("pause", name, "anand", "", 1) for name in ("momentum", "mean_reversion")]
    async with SlowControl(tmp_path) as log:
        await log.append([new_record(CONTROL, each) for each in commands])
        switch, letters = KillSwitch(tmp_path, lambda: 0.0), DeadLetters(log, "here", lambda *_: None)
        gathering = Gathering(log, AccountEngine(blueprint()), asyncio.Event(), switch, unnoticed, letters)
        first, second = await gathering.next(), await gathering.next()
        await gathering.aclose()
    assert first is not None
    assert second is not None
    assert [each.message.id for each in first.commands] == [each.id for each in commands]
    assert second.arrivals
