"""Outliving the log: a session whose log goes away waits for it, and goes on where the log says that it stopped."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from alpha_panda.errors import CorruptRecordError, FencedError, LogError
from alpha_panda.live.observer import SESSION
from alpha_panda.live.status import ENDED, TRADING, WAITING, Status

_PAUSES_S = (0.1, 0.5, 1.0, 2.0, 5.0)
_AT_WORK = (TRADING, ENDED)  # also when the feed has ended, the other stages come to the end of what it told

Result = TypeVar("Result")


async def enduring(
    attempt: Callable[[], Awaitable[Result]],
    status: Status,
    stop: asyncio.Event,
    sleep: Callable[[float], Awaitable[None]],
) -> Result:
    """Return what `attempt` comes to, which is made again for as long as the log is away.

    Each attempt begins with recovery, so what was being written when the log went is completed or done again. A log
    that is away at the start, one that is damaged, and one that another process writes are told at once, by LogError.
    """
    failures, note = 0, ""
    while True:
        try:
            return await attempt()
        except (CorruptRecordError, FencedError):
            raise
        except LogError as error:
            if status.phase not in (*_AT_WORK, WAITING) or stop.is_set():
                raise
            failures = 1 if status.phase in _AT_WORK else failures + 1
            status.on_log_error(SESSION, error)
            # However long the log is away, a person is told once.
            before, note = note, f"{error}; the session waited for it"
            status.exchange_note(before, note)
        await sleep(_PAUSES_S[min(failures, len(_PAUSES_S)) - 1])
        status.phase = WAITING
