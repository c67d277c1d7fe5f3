"""The account trades nothing while the kill latch is engaged and its kill is owed, whatever else is commanded."""

import asyncio
import pathlib
from collections.abc import Sequence

from alpha_panda.live.account import AccountEngine
from alpha_panda.live.control.commands import command_message
from alpha_panda.live.control.killswitch import KillSwitch
from alpha_panda.live.dead_letters import DeadLetters
from alpha_panda.live.gathering import Gathering
from alpha_panda.live.log.base import Commit, NewRecord
from alpha_panda.live.messages import Control
from alpha_panda.live.routing import new_record
from alpha_panda.live.streams import unnoticed
from alpha_panda.live.topics import CONTROL
from tests.live.simulation.broker import Broker, Connection
from tests.live.simulation.loop import simulated
from tests.live.trading import blueprint


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
