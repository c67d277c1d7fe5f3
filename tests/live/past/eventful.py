"""A morning in which all happens to orders that can: they fill, are refused, closed by guards and people, or wait."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

from alpha_panda.live.account import AccountEngine
from alpha_panda.live.build import new_status
from alpha_panda.live.control.commands import command_message
from alpha_panda.live.feed.base import Batch
from alpha_panda.live.log.base import Log
from alpha_panda.live.messages import Fill
from alpha_panda.live.routing import new_record
from alpha_panda.live.session import Blueprint
from alpha_panda.live.status import Status
from alpha_panda.live.topics import CONTROL
from alpha_panda.units import MINUTE_NS, parse_clock
from tests.live.trading import PAPER, ChoppedFeed, blueprint, messages_of, morning, paper, run_on

_COMMANDED = 9_500  # the first strategy went short at 09:50, and its guard would close that at 09:55
_UNTIL = 17_000  # until about 10:25, when an order waits that the other strategy placed at 10:10

COMMANDED_NS = 1_763_700_000_000_000_000
PERSON = "anand@desk"


def eventful(partitions: int = 1) -> Blueprint:
    """Return a session of which one strategy leaves soon, and the other waits at prices that nobody meets."""
    profile = paper()
    momentum, reversion = profile.strategies
    guards = momentum.guards.model_copy(update={"holding_ns_max": 5 * MINUTE_NS})
    entry = reversion.entry.model_copy(update={"order_type": "LIMIT", "offset_ticks": 300})
    strategies = (momentum.model_copy(update={"guards": guards}), reversion.model_copy(update={"entry": entry}))
    risk = profile.risk.model_copy(update={"entry_open_ns": parse_clock("09:35:30")})
    made_of = blueprint(profile.model_copy(update={"strategies": strategies, "risk": risk}))
    return dataclasses.replace(made_of, partitions=partitions)


class CommandedFeed(ChoppedFeed):
    """Lets a person flatten one strategy as soon as it holds something late in the morning."""

    def __init__(self, log: Log, status: Status) -> None:
        super().__init__(morning()[:_UNTIL], seed=7, longest=120)
        self._log = log
        self._status = status
        self._given = False

    async def batches(self, index: int) -> AsyncIterator[Batch]:
        async for batch in super().batches(index):
            yield batch
            if batch.next_index > _COMMANDED and not self._given and await self._holds():
                self._given = True
                message = command_message("flatten", "momentum", PERSON, "enough", COMMANDED_NS)
                await self._log.append([new_record(CONTROL, message)])
                while not self._status.decisions or self._status.decisions[0].guard != "flatten":
                    await asyncio.sleep(0.001)

    async def _holds(self) -> bool:
        """Return whether the strategy holds something after all that there is."""
        while self._status.account_next < self._status.frames:
            await asyncio.sleep(0.001)
        positions = {
            each.data.instrument_token: each.data.position
            for each in await messages_of(self._log, PAPER.orders_filled)
            if isinstance(each.data, Fill) and each.data.strategy == "momentum"
        }
        return any(positions.values())


async def run_eventful(log: Log, partitions: int = 1) -> AccountEngine:
    """Trade that morning."""
    status = new_status()
    return await run_on(log, CommandedFeed(log, status), eventful(partitions), status=status)
