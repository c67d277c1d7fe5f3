"""`alpha-panda users`: who may sign in to the web app, and as what."""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from alpha_panda.cli.options import Json
from alpha_panda.cli.person import person_here
from alpha_panda.database import database_url, is_there, open_database
from alpha_panda.errors import ConfigurationError
from alpha_panda.live.build import new_surroundings
from alpha_panda.terminal import print_json, show, table
from alpha_panda.units import ist_datetime

if TYPE_CHECKING:
    from alpha_panda.database.repositories import Database
    from alpha_panda.database.users import User

Name = Annotated[str, Parameter(help="The name that is signed in with.")]
Role = Annotated[
    Literal["viewer", "operator", "admin"],
    Parameter(help="A viewer looks, an operator acts as well, an admin decides who else may."),
]
FromStdin = Annotated[
    bool,
    Parameter(
        "--password-stdin", negative=(), show_default=False, help="Read the password from stdin instead of asking."
    ),
]

_LONGEST_LINE = 4_096


def add_user(name: Name, /, *, role: Role, password_stdin: FromStdin = False, json: Json = False) -> None:
    """Let somebody sign in; their password is asked for, and kept as a hash that nobody can read it from."""
    _changed(
        lambda database, now_ns, kept: database.users.add(name, kept, role, now_ns),
        "add",
        name,
        role,
        json,
        password_stdin,
    )


def list_users(*, json: Json = False) -> None:
    """List who may sign in, or could before they were disabled."""
    users = asyncio.run(_listed()) if is_there(database_url()) else ()
    if json:
        print_json({"users": [_plain(user) for user in users]})
    elif users:
        rows = [
            (user.name, user.role, _standing(user), f"{ist_datetime(user.changed_ns):%Y-%m-%d %H:%M}") for user in users
        ]
        show(table("Users", ("name", "role", "signs in", "changed"), rows))
    else:
        show("there are no users yet: alpha-panda users add NAME --role admin makes the first")


def change_password(name: Name, /, *, password_stdin: FromStdin = False, json: Json = False) -> None:
    """Give somebody another password; it ends their sessions."""
    _changed(
        lambda database, now_ns, kept: database.users.set_password(name, kept, now_ns),
        "passwd",
        name,
        "",
        json,
        password_stdin,
    )


def change_role(name: Name, role: Role, /, *, json: Json = False) -> None:
    """Let somebody do more or less; it ends their sessions."""
    _changed(lambda database, now_ns, _: database.users.set_role(name, role, now_ns), "role", name, role, json)


def disable_user(name: Name, /, *, json: Json = False) -> None:
    """Let somebody in no longer; it ends their sessions: within a second, on open pages within some."""
    _changed(lambda database, now_ns, _: database.users.disable(name, now_ns), "disable", name, "", json)


def enable_user(name: Name, /, *, json: Json = False) -> None:
    """Let somebody in again."""
    _changed(lambda database, now_ns, _: database.users.enable(name, now_ns), "enable", name, "", json)


Change = Callable[["Database", int, str], "Awaitable[User]"]


def _changed(
    change: Change, action: str, name: str, detail: str, json: bool, password_stdin: bool | None = None
) -> None:
    """Make a change, write it into the audit trail, and tell how the user stands."""
    password = "" if password_stdin is None else _password(name, password_stdin)
    user = asyncio.run(_made(change, action, name, detail, password))
    if json:
        print_json(_plain(user))
    else:
        show(f"{user.name} is {user.role}, and signs in {_standing(user)}")


async def _made(change: Change, action: str, name: str, detail: str, password: str) -> "User":
    now_ns = new_surroundings().wall_ns()
    async with open_database(database_url()) as database:
        kept = await _kept(name, password) if password else ""
        user = await change(database, now_ns, kept)
        await database.audit.add(
            who=person_here(),
            action=f"user.{action}",
            target=name,
            detail=detail,
            outcome="done",
            correlation_id="",
            address="command line",
            now_ns=now_ns,
        )
    return user


async def _kept(name: str, password: str) -> str:
    from alpha_panda.apps.web.passwords import Passwords

    passwords = Passwords()
    try:
        return await passwords.fit(name, password)
    finally:
        passwords.close()


async def _listed() -> "Sequence[User]":
    async with open_database(database_url()) as database:
        return await database.users.list()


def _password(name: str, from_stdin: bool) -> str:
    """Return a password that somebody types twice, or that stands on the first line of stdin."""
    if from_stdin:
        password = sys.stdin.readline(_LONGEST_LINE).rstrip("\r\n")
    elif sys.stdin.isatty():
        password = _typed(f"password of {name}: ")
        if password != _typed("the same again: "):
            raise ConfigurationError("the two passwords differ: nothing is changed")
    else:
        raise ConfigurationError("there is no terminal to ask for a password: give --password-stdin, and it on stdin")
    if not password:
        raise ConfigurationError("no password is given: nothing is changed")
    return password


def _typed(prompt: str) -> str:
    try:
        return getpass.getpass(prompt)
    except EOFError:
        return ""


def _standing(user: "User") -> str:
    if not user.enabled:
        return "not at all"
    return "with a password" if user.password_hash else "with the link of the terminal alone"


def _plain(user: "User") -> dict[str, str | bool]:
    """Return what may be told of a user, which is all but the hash of the password."""
    return {
        "name": user.name,
        "role": user.role,
        "enabled": user.enabled,
        "password": bool(user.password_hash),
        "created": ist_datetime(user.created_ns).isoformat(timespec="seconds"),
        "changed": ist_datetime(user.changed_ns).isoformat(timespec="seconds"),
    }
