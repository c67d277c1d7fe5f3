"""Refresh tokens: each is good for one use, and who uses one again ends all that came of the same sign-in."""

import dataclasses
from typing import Any, Literal

from sqlalchemy import ColumnElement, delete, exists, select, update

from alpha_panda.database.connections import Connections, insert, rows
from alpha_panda.database.schema import refresh_tokens, token_families, users
from alpha_panda.errors import UnknownRowError

Outcome = Literal["accepted", "unknown", "ended", "reused"]


@dataclasses.dataclass(frozen=True, slots=True)
class TokenUse:
    """What became of a token: accepted, or not; then it never was one, has ended, or had been used before.

    It has ended when its time is over, its family was revoked, or its user has changed since. `generation` is the
    user's at sign-in, for the access token that follows; user, family and generation are empty for one unknown.
    """

    outcome: Outcome
    user: str = ""
    family: str = ""
    generation: int = 0

    @property
    def accepted(self) -> bool:
        """Whether another pair of tokens may be given out for it."""
        return self.outcome == "accepted"


class Tokens:
    """The refresh tokens, of which only the SHA-256 in hexadecimal is known, in families of one sign-in each."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def add(
        self, digest: str, user: str, family: str, expires_ns: int, now_ns: int, generation: int | None = None
    ) -> None:
        """Add a token to a family, which the first of them founds; UnknownRowError where there is no such user.

        `generation` is that of the user whose password was checked: a family founded with one that has passed in the
        meantime is born ended. Without it the user's present one is taken. To found a family also forgets those of
        which every token is out of date.
        """
        async with self._connections.writing() as connection:
            present = await rows(connection, select(users.c.generation).where(users.c.name == user))
            if not present:
                raise UnknownRowError(f"there is no user {user} to give a token to")
            founded = await rows(
                connection,
                insert(connection, token_families)
                .values(
                    family=family,
                    user_name=user,
                    generation=present[0]["generation"] if generation is None else generation,
                    created_ns=now_ns,
                )
                .on_conflict_do_nothing()
                .returning(token_families.c.family),
            )
            values = {"digest": digest, "family": family, "created_ns": now_ns, "expires_ns": expires_ns}
            await connection.execute(refresh_tokens.insert().values(values))
            if founded:
                await connection.execute(delete(token_families).where(~_has_life(now_ns)))

    async def use(self, digest: str, now_ns: int) -> TokenUse:
        """Use a token up, and say what that is worth; a second use revokes its family, whoever made the first."""
        async with self._connections.writing() as connection:
            using = (
                update(refresh_tokens)
                .where(
                    refresh_tokens.c.digest == digest,
                    refresh_tokens.c.used_ns.is_(None),
                    refresh_tokens.c.expires_ns > now_ns,
                    refresh_tokens.c.family.in_(_standing()),
                )
                .values(used_ns=now_ns)
            )
            accepted = await rows(connection, using.returning(refresh_tokens.c.digest))
            found = await rows(connection, _described(digest))
            if not found:
                return TokenUse("unknown")
            used_before = found[0].pop("used_ns") is not None and not accepted
            if used_before:
                await connection.execute(_revoked(now_ns, token_families.c.family == found[0]["family"]))
            return TokenUse("accepted" if accepted else "reused" if used_before else "ended", **found[0])

    async def stands(self, family: str, user: str, generation: int) -> bool:
        """Return whether a family of a user and a generation has not ended."""
        claimed = (
            token_families.c.family == family,
            token_families.c.user_name == user,
            token_families.c.generation == generation,
        )
        return bool(await self._connections.rows(_standing().where(*claimed)))

    async def revoke_family(self, family: str, now_ns: int) -> None:
        """End a family: its user has signed out."""
        await self._revoke(now_ns, token_families.c.family == family)

    async def revoke_user(self, user: str, now_ns: int) -> None:
        """End every family of a user."""
        await self._revoke(now_ns, token_families.c.user_name == user)

    async def _revoke(self, now_ns: int, which: ColumnElement[bool]) -> None:
        async with self._connections.writing() as connection:
            await connection.execute(_revoked(now_ns, which))


def _revoked(now_ns: int, which: ColumnElement[bool]) -> Any:
    return update(token_families).where(which, token_families.c.revoked_ns.is_(None)).values(revoked_ns=now_ns)


def _standing() -> Any:
    """Return the families that are not revoked, and whose users are as they were at sign-in and may come in."""
    return (
        select(token_families.c.family)
        .join(users)
        .where(
            token_families.c.revoked_ns.is_(None),
            users.c.enabled,
            users.c.generation == token_families.c.generation,
        )
    )


def _has_life(now_ns: int) -> ColumnElement[bool]:
    return exists().where(refresh_tokens.c.family == token_families.c.family, refresh_tokens.c.expires_ns > now_ns)


def _described(digest: str) -> Any:
    families = token_families.c
    return (
        select(families.user_name.label("user"), families.family, families.generation, refresh_tokens.c.used_ns)
        .select_from(refresh_tokens)
        .join(token_families)
        .where(refresh_tokens.c.digest == digest)
    )
