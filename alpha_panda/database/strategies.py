"""The configurations of strategies that operators have set: versions that are added and never change."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from alpha_panda.config import StrategyTerms, validated
from alpha_panda.database.canonical import canonical, digest_of
from alpha_panda.database.connections import Connections, insert, rows
from alpha_panda.database.schema import strategy_versions
from alpha_panda.errors import ConfigurationError, UnknownRowError

_columns = strategy_versions.c


@dataclasses.dataclass(frozen=True, slots=True)
class StrategyVersion:
    """What a strategy was told from a moment on: its terms, as a table of a profile says them, and whether it runs.

    `digest` is the hash of the terms alone, so two versions that say the same have the same.
    """

    name: str
    version: int
    digest: str
    terms: Mapping[str, Any]
    enabled: bool
    who: str
    reason: str
    created_ns: int


_Change = Callable[[StrategyVersion | None], tuple[str, bool]]
"""From the newest version, if any, to the terms of the next in canonical JSON, and whether it runs."""


class Strategies:
    """The versions of every strategy; UnknownRowError where a change names one that has none."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def list(self) -> Sequence[StrategyVersion]:
        """Return the newest version of each strategy, by name."""
        newest = select(_columns.name, func.max(_columns.version)).group_by(_columns.name)
        asked = (
            select(strategy_versions).where(tuple_(_columns.name, _columns.version).in_(newest)).order_by(_columns.name)
        )
        return [_version(row) for row in await self._connections.rows(asked)]

    async def get(self, name: str) -> StrategyVersion | None:
        """Return the newest version of a strategy, or None where it has none."""
        async with self._connections.reading() as connection:
            return await _newest(connection, name)

    async def history(
        self, name: str, limit: int | None = None, before: int | None = None
    ) -> Sequence[StrategyVersion]:
        """Return every version of a strategy, the newest first; at most `limit`, from before version `before` on."""
        asked = select(strategy_versions).where(_columns.name == name).order_by(_columns.version.desc()).limit(limit)
        if before is not None:
            asked = asked.where(_columns.version < before)
        return [_version(row) for row in await self._connections.rows(asked)]

    async def at(self, name: str, digest: str) -> StrategyVersion | None:
        """Return the newest version of a strategy whose terms have this digest, or None where there is none."""
        asked = select(strategy_versions).where(_columns.name == name, _columns.digest == digest)
        found = await self._connections.rows(asked.order_by(_columns.version.desc()).limit(1))
        return _version(found[0]) if found else None

    async def set(
        self,
        name: str,
        terms: Mapping[str, Any],
        who: str,
        reason: str,
        now_ns: int,
        made_from: str | None = None,
    ) -> StrategyVersion:
        """Set what a strategy is told, as a table `[[strategies]]` says it; the same again makes no version.

        A new strategy is enabled; one that is disabled stays so. `made_from` is the digest of the terms that these are
        a change of, empty where there were none: nobody undoes unseen what somebody else has set meanwhile.

        Raises ConfigurationError for terms that no profile may say, and where there are other terms than those.
        """
        validated(StrategyTerms, dict(terms), f"strategy {name}")
        if terms["name"] != name:
            raise ConfigurationError(f"the terms of strategy {name} name {terms['name']}: a strategy keeps its name")
        text = canonical(terms, f"what strategy {name} is told")

        def change(newest: StrategyVersion | None) -> tuple[str, bool]:
            is_other = made_from is not None and made_from != (newest.digest if newest else "")
            if newest is not None and is_other and newest.digest != digest_of(text):
                raise ConfigurationError(
                    f"{newest.who} has set version {newest.version} of strategy {name} meanwhile, and nothing was set "
                    "now: look at that, and set yours again"
                )
            return text, newest is None or newest.enabled

        return await self._add(name, change, who, reason, now_ns)

    async def enable(self, name: str, who: str, now_ns: int, reason: str = "") -> StrategyVersion:
        """Let a strategy run; the same again makes no version."""
        return await self._add(name, lambda newest: (_text(name, newest), True), who, reason, now_ns)

    async def disable(self, name: str, who: str, now_ns: int, reason: str = "") -> StrategyVersion:
        """Let a strategy run no longer; the same again makes no version."""
        return await self._add(name, lambda newest: (_text(name, newest), False), who, reason, now_ns)

    async def _add(self, name: str, change: _Change, who: str, reason: str, now_ns: int) -> StrategyVersion:
        """Add the version that `change` makes of the newest one, where it is another at all."""
        async with self._connections.writing() as connection:
            while True:
                newest = await _newest(connection, name)
                terms, enabled = change(newest)
                digest = digest_of(terms)
                if newest and (newest.digest, newest.enabled) == (digest, enabled):
                    return newest
                version = newest.version + 1 if newest else 1
                row = (name, version, digest, terms, enabled, who, reason, now_ns)
                adding = insert(connection, strategy_versions).values(row).on_conflict_do_nothing()
                # On a server somebody else may have taken the number: then theirs is the version to change.
                if added := await rows(connection, adding.returning(strategy_versions)):
                    return _version(added[0])


async def _newest(connection: AsyncConnection, name: str) -> StrategyVersion | None:
    asked = select(strategy_versions).where(_columns.name == name).order_by(_columns.version.desc()).limit(1)
    found = await rows(connection, asked)
    return _version(found[0]) if found else None


def _text(name: str, newest: StrategyVersion | None) -> str:
    if newest is None:
        raise UnknownRowError(f"the database has no strategy {name}: set its terms first")
    return canonical(newest.terms, f"what strategy {name} is told")


def _version(row: Mapping[str, Any]) -> StrategyVersion:
    return StrategyVersion(**{**row, "terms": json.loads(row["terms"])})
