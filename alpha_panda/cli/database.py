"""`alpha-panda database`: the schema of the database, brought up to date and checked."""

import asyncio
import dataclasses
from typing import TYPE_CHECKING

from alpha_panda.cli.options import Json
from alpha_panda.database.address import DATABASE_URL, database_url, is_there, parsed
from alpha_panda.database.opening import connected
from alpha_panda.errors import DatabaseError
from alpha_panda.terminal import print_json, show

if TYPE_CHECKING:
    from alpha_panda.database.checking import State
    from alpha_panda.database.migrating import Upgrade


def upgrade_database(*, json: Json = False) -> None:
    """Make the database that ALPHA_PANDA_DATABASE_URL names, or bring its schema to this version of the program."""
    place, done = parsed(database_url()).place, asyncio.run(_upgrade())
    if json:
        print_json({"database": place, **dataclasses.asdict(done)})
    elif done.before == done.after:
        show(f"the database {place} is at schema {done.after} already")
    else:
        before = f"schema {done.before}" if done.before else "nothing"
        show(f"the database {place} went from {before} to schema {done.after}")


async def _upgrade() -> "Upgrade":
    async with connected(database_url()) as connections:
        from alpha_panda.database.migrating import upgrade

        return await upgrade(connections)


def check_database(*, json: Json = False) -> None:
    """Look whether the database is whole and has the schema of this program, and change nothing."""
    place = parsed(database_url()).place
    if not is_there(database_url()):
        raise DatabaseError(
            f"there is no database {place} yet: alpha-panda database upgrade makes it, or {DATABASE_URL} names another"
        )
    state = asyncio.run(_state())
    if json:
        print_json({"database": place, **dataclasses.asdict(state)})
    else:
        show(*state.problems or [f"the database {place} is whole, at schema {state.revision}"])
    if state.problems:
        raise DatabaseError(
            f"{len(state.problems)} things are wrong with the database {place}: an old schema is brought up to date by "
            "alpha-panda database upgrade, a damaged file is put back from a copy"
        )


async def _state() -> "State":
    async with connected(database_url()) as connections:
        from alpha_panda.database.checking import state_of

        return await state_of(connections)
