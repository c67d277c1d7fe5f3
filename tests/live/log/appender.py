"""A process that appends to a log and says what was acknowledged, until somebody kills it."""

import asyncio
import itertools
import pathlib
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

from alpha_panda.live.log.base import Commit, Log, NewRecord
from alpha_panda.live.topics import Topic, market_ticks

ORDERS = Topic("paper.orders")
TICKS = market_ticks()


def records_of_round(number: int) -> list[NewRecord]:
    """Return what is appended at once in a round: an order among ticks of very different sizes."""
    return [
        NewRecord(TICKS, 0, b"", b"%d first" % number * (1 + number % 7)),
        NewRecord(ORDERS, 0, b"%d" % number, b"order %d" % number),
        NewRecord(TICKS, 0, b"", b"%d second" % number * (1 + number % 700)),
    ]


def append_until_killed(
    open_log: Callable[[pathlib.Path], Awaitable[Log]], directory: pathlib.Path, acknowledged: Connection
):
    """Append round after round, and send the number of each that the log acknowledged."""
    asyncio.run(_append(open_log, directory, acknowledged))


async def _append(
    open_log: Callable[[pathlib.Path], Awaitable[Log]], directory: pathlib.Path, acknowledged: Connection
):
    async with await open_log(directory) as log:
        for number in itertools.count(await log.end(ORDERS, 0)):
            await log.append(records_of_round(number), [Commit("appender", TICKS, 0, number + 1)])
            acknowledged.send(number)
