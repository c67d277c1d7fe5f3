"""A session and a desk that looks at it, for the tests of whatever is shown: the real log, the real fold."""

import asyncio
import contextlib
import pathlib
import time
from collections.abc import AsyncIterator, Callable

from alpha_panda.apps.desk.desk import Desk
from alpha_panda.apps.desk.looking import Surroundings
from alpha_panda.apps.desk.models import Picture
from alpha_panda.live.build import kafka_address, log_writer, open_log, open_store
from tests.live.trading import ChoppedFeed, blueprint, morning, run_in

_WITHIN_S = 60.0


def surroundings_of(state: pathlib.Path, store: str | None = None, boot_id: str = "first") -> Surroundings:
    """Return what a desk over the session in `state` looks at; `store` is the address of a Redis server."""
    return Surroundings(
        state=state,
        open_log=lambda read_only: open_log(state, read_only),
        open_store=lambda: open_store(store),
        folds=store is None,
        embedded=lambda: not kafka_address(state=state),
        running=log_writer,
        wall_ns=time.time_ns,
        monotonic=time.monotonic,
        sleep=asyncio.sleep,
        boot_id=boot_id,
    )


async def traded_morning(state: pathlib.Path) -> pathlib.Path:
    """Trade the morning of two companies in `state`, to its end, and return that."""
    await run_in(state, ChoppedFeed(morning()), blueprint())
    return state


@contextlib.asynccontextmanager
async def at_work(
    state: pathlib.Path, store: str | None = None, around: Surroundings | None = None
) -> AsyncIterator[Desk]:
    """Give a desk that looks at the session in `state`, with what is `around` it where that is not as usual."""
    desk = Desk(around or surroundings_of(state, store))
    looking = asyncio.create_task(desk.run())
    try:
        yield desk
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


async def seen(desk: Desk, holds: Callable[[Picture], bool]) -> Picture:
    """Return the first picture of which `holds` is true."""
    async with asyncio.timeout(_WITHIN_S), desk.watch() as pictures:
        async for picture in pictures:
            if holds(picture):
                return picture
    raise AssertionError
