"""What `alpha-panda doctor` asks of the web app: its libraries, its database, who may sign in, who is told of alarms.

Nothing here changes anything, and no secret is shown.
"""

import asyncio
import os
import pathlib
from typing import TYPE_CHECKING

from alpha_panda.cli.findings import Check, Finding, fail, fine, warn
from alpha_panda.database import database_url, is_there
from alpha_panda.database.address import PostgresServer, parsed
from alpha_panda.database.opening import connected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alpha_panda.database.checking import State
    from alpha_panda.database.users import User

_INSTALL = "install it with `pip install alpha-panda[web]`"
_ADD = "`alpha-panda users add NAME --role admin` makes an admin"


def _app() -> Finding:
    """Import all that serves the web app, and look at the secret that tokens are signed with."""
    try:
        from alpha_panda.apps.web.build import SECRET, WebOptions, check_exposure
    except ImportError as error:
        return warn(f"there is no dashboard, as it needs {error.name}: {_INSTALL}")
    check_exposure(WebOptions(state=pathlib.Path()))
    if not os.environ.get(SECRET):
        return fine(f"it can be served to this machine; beyond, it would need {SECRET} and --public-url")
    return fine(f"it can be served, also beyond this machine, with what {SECRET} holds and --public-url")


def _database() -> Finding:
    """Look whether the database answers, is whole and has this program's schema."""
    url = database_url()
    place = parsed(url).place
    if not is_there(url):
        return fine(f"{place} will be made when something is first written to it")
    state = asyncio.run(_state(url))
    if not state.revision:
        return fine(f"{place} answers and is empty: whoever opens it first gives it schema {state.newest}")
    if not state.problems:
        return fine(f"{place} is whole, at schema {state.revision}")
    first, *others = state.problems
    if state.revision != state.newest and not others:
        return warn(
            f"{place} is at schema {state.revision}, and whoever opens it brings it to {state.newest}: "
            "make a copy of it first"
        )
    more = f" (and {len(others)} more)" if others else ""
    return fail(f"{place} is damaged, {first}{more}: put it back from a copy")


async def _state(url: str) -> "State":
    async with connected(url) as connections:
        from alpha_panda.database.checking import state_of

        return await state_of(connections)


def _users() -> Finding:
    """Look who can sign in; without anybody, the terminal's link does, but only on the machine that serves."""
    users = [user for user in asyncio.run(_known()) if user.enabled and user.password_hash]
    if not users and isinstance(parsed(database_url()), PostgresServer):
        return warn(f"nobody has a password, and nobody beyond the web app's own machine can sign in: {_ADD}")
    if not users:
        return fine(f"nobody has a password: the terminal shows a link that signs in on this machine, and {_ADD}")
    admins = sum(user.role == "admin" for user in users)
    if not admins:
        return warn(f"of {len(users)} users none is an admin, so nobody can set strategies from the screen: {_ADD}")
    return fine(f"{len(users)} can sign in, {admins} of them as admin")


async def _known() -> "Sequence[User]":
    """Return the users in the database; none where it is not there, or not yet of this program's schema."""
    url = database_url()
    if not is_there(url) or (state := await _state(url)).revision != state.newest:
        return ()
    async with connected(url) as connections:
        from alpha_panda.database.users import Users

        return await Users(connections).list()


def _alerts() -> Finding:
    """Look whether alarms have targets; of a target only the service is named."""
    from alpha_panda.apps.alerts.channels import ALERTS, Channels

    targets = Channels(os.environ.get(ALERTS, ""), lambda: 0, lambda: 0.0).shown()
    if not targets:
        return warn(f"{ALERTS} names no target, so alarms wake nobody: name one, as live/README.md says")
    if troubles := [target.trouble for target in targets if target.trouble]:
        return fail(troubles[0])
    services = ", ".join(target.service for target in targets)
    return fine(f"alarms are sent to {services}; `alpha-panda alerts test` tries whether they arrive")


SCREEN: dict[str, Check] = {"web app": _app, "database": _database, "users": _users, "alarms": _alerts}
"""The checks, in the order in which they are made."""
