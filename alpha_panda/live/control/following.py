"""The database, looked into once a second while a session runs, in a thread of its own and never in the account's way.

A switch of a strategy becomes a pause or a resume, which takes the way of every command. What cannot be read is told
once, and changes nothing.
"""

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from alpha_panda.config import Profile, StrategyTerms, validated
from alpha_panda.database import is_there, open_database
from alpha_panda.errors import AlphaPandaError, ConfigurationError, DatabaseError
from alpha_panda.live.control.commands import Given, Spool
from alpha_panda.live.control.configured import Configured, read_configured
from alpha_panda.live.envelope import Envelope

if TYPE_CHECKING:
    from alpha_panda.database.repositories import Database

LOOK_EVERY_S = 1.0


class Follower:
    """The database at `url`, held open by a thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "database")
        self._runner = asyncio.Runner()
        self._resources = contextlib.AsyncExitStack()
        self._database: Database | None = None
        self._found: Mapping[str, Configured] = {}

    async def look(self) -> Mapping[str, Configured]:
        """Return the strategies in the database as they now are, none before there is one; raises DatabaseError."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: self._runner.run(self._look()))

    def close(self) -> None:
        """Close the database once a look that is under way has ended, for which nobody waits."""
        self._thread.submit(self._close)
        self._thread.shutdown(wait=False)

    def _close(self) -> None:
        with self._runner:
            self._runner.run(self._resources.aclose())

    async def _look(self) -> Mapping[str, Configured]:
        try:
            if self._database is None:
                if not is_there(self._url):
                    return {}
                self._database = await self._resources.enter_async_context(open_database(self._url))
            self._found = await read_configured(self._database, self._found)
        except DatabaseError:
            self._database = None
            with contextlib.suppress(DatabaseError):
                await self._resources.aclose()
            raise
        return self._found


async def obey_database(
    follower: Follower,
    profile: Profile,
    given: Given,
    spool: Spool,
    tell: Callable[[str], None],
    sleep: Callable[[float], Awaitable[None]],
    looked: asyncio.Event,
) -> None:
    """Give the commands that the database asks for, for as long as the session runs.

    `profile` is what the session trades; `tell` hears what a person should know, in place of what it heard before.
    `looked` is set once it has been looked into, or could not be.
    """
    while True:
        try:
            found = await follower.look()
            await given.listen()
            for message in _owed(found, profile, given):
                await asyncio.to_thread(spool.put, message)
            tell("; ".join(_waiting(found, profile)))
        except (AlphaPandaError, OSError) as error:  # the database, the log or the folder: the account trades on
            tell(f"{error}; strategies go on as they are")
        looked.set()
        await sleep(LOOK_EVERY_S)


def _owed(found: Mapping[str, Configured], profile: Profile, given: Given) -> Iterator[Envelope]:
    for terms in profile.strategies:
        message = found[terms.name].owed(given) if terms.name in found else None
        if message is not None:
            yield message


def _waiting(found: Mapping[str, Configured], profile: Profile) -> Iterator[str]:
    """Yield what is said of each strategy that was told something else since the session began."""
    for terms in profile.strategies:
        if terms.name in found:
            newest = found[terms.name].newest
            version = f"version {newest.version} of {terms.name}"
            try:
                told = validated(StrategyTerms, newest.terms, version)
            except ConfigurationError as error:
                yield f"no session can begin with what the database has: {error}"
                continue
            if not told.instruments:  # then the command line or the feed names them
                told = told.model_copy(update={"instruments": terms.instruments})
            if told.model_dump(mode="json") != terms.model_dump(mode="json"):
                yield f"{version} takes effect with the next session"
