"""Who may sign in, and as what."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, Literal, get_args

from sqlalchemy import select, update

from alpha_panda.database.connections import Connections, insert, rows
from alpha_panda.database.schema import users
from alpha_panda.errors import ConfigurationError, DuplicateRowError, UnknownRowError

Role = Literal["viewer", "operator", "admin"]

ROLES: tuple[Role, ...] = get_args(Role)
"""The roles, each of which may do what those before it may."""

NAME_LENGTH_MAX = 64

_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.@-]{{0,{NAME_LENGTH_MAX - 1}}}")


@dataclasses.dataclass(frozen=True, slots=True)
class User:
    """One who may sign in while `enabled`.

    Every change raises `generation`, which tokens carry: those given out before it are worth nothing from then on.
    """

    name: str
    password_hash: str = dataclasses.field(repr=False)
    role: Role
    generation: int
    enabled: bool
    created_ns: int
    changed_ns: int


class Users:
    """The users; UnknownRowError where a change names one who is not there."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def add(self, name: str, password_hash: str, role: Role, now_ns: int) -> User:
        """Add a user; ConfigurationError for an ill-formed name or role, DuplicateRowError for a name that is taken."""
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"{name!r} is no name: take up to 64 letters, digits and . _ - @, a letter first")
        user = User(name, password_hash, _known(role), 0, True, now_ns, now_ns)
        async with self._connections.writing() as connection:
            adding = insert(connection, users).values(dataclasses.asdict(user)).on_conflict_do_nothing()
            if not await rows(connection, adding.returning(users.c.name)):
                raise DuplicateRowError(f"there is a user {name} already: change that one, or take another name")
        return user

    async def get(self, name: str) -> User | None:
        """Return a user, or None where there is none of that name."""
        found = await self._connections.rows(select(users).where(users.c.name == name))
        return User(**found[0]) if found else None

    async def list(self) -> Sequence[User]:
        """Return all users by name."""
        return [User(**row) for row in await self._connections.rows(select(users).order_by(users.c.name))]

    async def set_password(self, name: str, password_hash: str, now_ns: int) -> User:
        """Give a user another password."""
        return await self._change(name, now_ns, password_hash=password_hash)

    async def set_role(self, name: str, role: Role, now_ns: int) -> User:
        """Give a user another role; ConfigurationError for one that there is not."""
        return await self._change(name, now_ns, role=_known(role))

    async def disable(self, name: str, now_ns: int) -> User:
        """Let a user in no longer."""
        return await self._change(name, now_ns, enabled=False)

    async def enable(self, name: str, now_ns: int) -> User:
        """Let a user in again."""
        return await self._change(name, now_ns, enabled=True)

    async def _change(self, name: str, now_ns: int, **values: Any) -> User:
        values |= {"generation": users.c.generation + 1, "changed_ns": now_ns}
        changed = await self._connections.written(
            update(users).where(users.c.name == name).values(values).returning(users)
        )
        if not changed:
            raise UnknownRowError(f"there is no user {name}: `alpha-panda users add {name}` makes one")
        return User(**changed[0])


def _known(role: Role) -> Role:
    if role not in ROLES:
        raise ConfigurationError(f"{role!r} is no role: there are {', '.join(ROLES)}")
    return role
