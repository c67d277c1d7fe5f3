"""What operators set in the database, and what of it a session takes.

The profile is the seed: it says which strategies there are, and what each is told. Where the database has a version of
a strategy, a session that begins takes the newest one's terms in place of the profile's, and keeps them for life, in a
file of its folder; one that is disabled begins paused. While the session runs, a switch in the database pauses or
resumes the strategy, and new terms wait for the next session.
"""

import asyncio
import concurrent.futures
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from alpha_panda.config import Profile, load_profile, profile_tables, validated
from alpha_panda.database import is_there, open_database
from alpha_panda.errors import DatabaseError, RecoveryError
from alpha_panda.live.control.commands import Given, command_message
from alpha_panda.live.durable import write_durably
from alpha_panda.live.envelope import Envelope

if TYPE_CHECKING:
    from alpha_panda.database.repositories import Database
    from alpha_panda.database.strategies import StrategyVersion

TAKEN = "strategies.json"
"""The file of a session's folder that keeps what the session took."""


class Taken(msgspec.Struct, frozen=True):
    """What the database told a strategy as the session began: its terms, as a table of a profile says them."""

    name: str
    version: int
    terms: dict[str, Any]


class Configured(NamedTuple):
    """A strategy in the database: its newest version, and those that disabled and enabled it in turn, oldest first."""

    newest: "StrategyVersion"
    switches: tuple["StrategyVersion", ...]

    @classmethod
    def of(cls, history: Sequence["StrategyVersion"]) -> "Configured":
        """Return what a history, the newest version first, comes to."""
        switches: list[StrategyVersion] = []
        enabled = True
        for version in reversed(history):
            if version.enabled != enabled:
                switches.append(version)
                enabled = version.enabled
        return cls(history[0], tuple(switches))

    @property
    def pause(self) -> Envelope | None:
        """The pause of a strategy that is disabled; None of one that is not."""
        return None if self.newest.enabled else switch_message(self.switches[-1])

    def owed(self, given: Given) -> Envelope | None:
        """Return the command that the database asks for and nobody has given.

        A resume is owed for the database's own pause alone: what else a person paused or flattened since, stays.
        """
        message = switch_message(self.switches[-1]) if self.switches else None
        if message is None or message.id in given.ids:
            return None
        if self.newest.enabled and given.last.get(self.newest.name) != switch_message(self.switches[-2]).id:
            return None
        return message


def switch_message(version: "StrategyVersion") -> Envelope:
    """Return the command that a version stands for, given by whoever set it; it has the same id whoever reads it."""
    command = "resume" if version.enabled else "pause"
    return command_message(command, version.name, version.who, version.reason, version.created_ns)


async def read_configured(database: "Database", known: Mapping[str, Configured] | None = None) -> dict[str, Configured]:
    """Return the strategies in the database; what is `known`, and has no newer version, is not read again."""
    found: dict[str, Configured] = {}
    for newest in await database.strategies.list():
        before = known.get(newest.name) if known else None
        if before is not None and before.newest.version == newest.version:
            found[newest.name] = before
        else:
            found[newest.name] = Configured.of(await database.strategies.history(newest.name))
    return found


def configured(url: str) -> dict[str, Configured]:
    """Return the strategies in the database at `url`, none where there is none yet; DatabaseError where it is away.

    It waits for the answer, whether or not an event loop runs here.
    """

    async def read() -> dict[str, Configured]:
        async with open_database(url) as database:
            return await read_configured(database)

    if not is_there(url):
        return {}
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        try:
            return thread.submit(asyncio.run, read()).result()
        except DatabaseError as error:
            raise DatabaseError(f"what strategies are told is not known: {error}") from None


class Beginning(NamedTuple):
    """What a session begins with, or began with: its profile, what of it the database told, and what is paused."""

    profile: Profile
    taken: Sequence[Taken] = ()
    paused: Sequence[Envelope] = ()


def beginning(path: pathlib.Path, state: pathlib.Path, url: str) -> Beginning:
    """Return what the session in `state` begins with, by the profile at `path` and the database at `url`.

    One that has begun there is not asked of the database again. Raises DatabaseError where that is away.
    """
    seed, taken = load_profile(path), kept(state)
    paused: Sequence[Envelope] = ()
    if taken is None:
        found = configured(url)
        named = [found[terms.name] for terms in seed.strategies if terms.name in found]
        taken = [Taken(each.newest.name, each.newest.version, dict(each.newest.terms)) for each in named]
        paused = [each.pause for each in named if each.pause is not None]
    if not taken:
        return Beginning(seed)
    versions = ", ".join(f"version {each.version} of {each.name}" for each in taken)
    told, where = {each.name: each.terms for each in taken}, f"{path} with {versions} in the database"
    return Beginning(with_terms(profile_tables(path), told, where), taken, paused)


def with_terms(tables: Mapping[str, Any], told: Mapping[str, Mapping[str, Any]], where: str) -> Profile:
    """Return the profile of these tables, which are one's, with what strategies are `told` in place of its own terms.

    Raises ConfigurationError, which names `where`, when that is no profile.
    """
    replaced = [dict(told.get(own["name"], own)) for own in tables["strategies"]]
    return validated(Profile, {**tables, "strategies": replaced}, where)


def keep_taken(state: pathlib.Path, taken: Sequence[Taken]) -> None:
    """Keep in the session's folder what the session takes, flushed to the disk."""
    write_durably(state / TAKEN, msgspec.json.format(msgspec.json.encode(taken)))


def kept(state: pathlib.Path) -> list[Taken] | None:
    """Return what the session in `state` took; None where none has begun there.

    Raises RecoveryError where the file cannot be read.
    """
    try:
        return msgspec.json.decode((state / TAKEN).read_bytes(), type=list[Taken])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RecoveryError(
            f"{state / TAKEN} does not say what the session's strategies are told ({reason}): put it back from a copy, "
            "or start in another state directory"
        ) from None
