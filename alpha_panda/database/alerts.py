"""Alerts: what was noticed, how often, who has seen it, and what need not be said again for a while."""

import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import case, func, select, update

from alpha_panda.database.canonical import canonical, finite
from alpha_panda.database.connections import Connections, insert, rows
from alpha_panda.database.schema import alert_suppressions, alerts, unresolved
from alpha_panda.errors import UnknownRowError

AlertState = Literal["open", "acknowledged", "resolved"]

_columns = alerts.c


@dataclasses.dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert, noticed `count` times from `first_ns` to `last_ns`; the words and figures are those of the last.

    It is so still where `returned_ns` is None. `told_count` messages about it have arrived somewhere, the last at
    `told_ns`: of one that nobody has been told of, whoever finds it tells.
    """

    id: int
    rule: str
    key: str
    severity: str
    title: str
    detail: str
    figures: Mapping[str, Any]
    state: AlertState
    count: int
    first_ns: int
    last_ns: int
    acknowledged_by: str | None
    acknowledged_ns: int | None
    resolved_by: str | None
    resolved_ns: int | None
    returned_ns: int | None = None
    told_count: int = 0
    told_ns: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Suppression:
    """Until when nobody is told of a rule's alerts of one key, by whom, and why."""

    rule: str
    key: str
    until_ns: int
    who: str
    reason: str


class Alerts:
    """The alerts, of which at most one of each rule and key is not resolved; UnknownRowError for an id there is not."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def open(
        self,
        rule: str,
        key: str,
        severity: str,
        title: str,
        detail: str,
        figures: Mapping[str, Any],
        now_ns: int,
        times: int = 1,
    ) -> AlertRow:
        """Open an alert, or count it so many more `times` where that of the rule and key is not resolved.

        Whoever has acknowledged it has acknowledged what is added, too. A figure that is not finite is kept as None.
        """
        said = {
            "severity": severity,
            "title": title,
            "detail": detail,
            "figures": canonical(finite(figures), f"the figures of alert {rule}"),
        }
        new = {"state": "open", "count": max(times, 1), "first_ns": now_ns, "last_ns": now_ns}
        values = {"rule": rule, "key": key, **said, **new}
        async with self._connections.writing() as connection:
            adding = insert(connection, alerts).values(values)
            later = case((adding.excluded.last_ns > _columns.last_ns, adding.excluded.last_ns), else_=_columns.last_ns)
            adding = adding.on_conflict_do_update(
                index_elements=[_columns.rule, _columns.key],
                index_where=unresolved,
                set_={**said, "count": _columns.count + times, "last_ns": later, "returned_ns": None},
            )
            return _alert((await rows(connection, adding.returning(alerts)))[0])

    async def acknowledge(self, id: int, who: str, now_ns: int) -> AlertRow:
        """Note that somebody has seen an open alert; the first who did so stands."""
        seen = {"state": "acknowledged", "acknowledged_by": who, "acknowledged_ns": now_ns}
        return await self._change(id, ["open"], seen)

    async def resolve(self, id: int, who: str, now_ns: int) -> AlertRow:
        """Note that an alert is over, so that the next of its rule and key is another; the first who did so stands."""
        over = {"state": "resolved", "resolved_by": who, "resolved_ns": now_ns}
        return await self._change(id, ["open", "acknowledged"], over)

    async def note_returned(self, id: int, now_ns: int) -> AlertRow:
        """Note that what an alert tells of is so no longer; it waits for somebody who knows of it."""
        return await self._change(id, ["open", "acknowledged"], {"returned_ns": now_ns})

    async def note_told(self, id: int, now_ns: int) -> AlertRow:
        """Note that a message about an alert has arrived somewhere."""
        return await self._change(
            id, ["open", "acknowledged", "resolved"], {"told_count": _columns.told_count + 1, "told_ns": now_ns}
        )

    async def _change(self, id: int, states: Collection[AlertState], values: Mapping[str, Any]) -> AlertRow:
        """Change an alert that is in one of these states, and leave any other as it is."""
        async with self._connections.writing() as connection:
            await connection.execute(
                update(alerts).where(_columns.id == id, _columns.state.in_(states)).values(dict(values))
            )
            found = await rows(connection, select(alerts).where(_columns.id == id))
        if not found:
            raise UnknownRowError(f"there is no alert {id}")
        return _alert(found[0])

    async def get(self, id: int) -> AlertRow | None:
        """Return an alert, or None where there is none of that id."""
        found = await self._connections.rows(select(alerts).where(_columns.id == id))
        return _alert(found[0]) if found else None

    async def list(
        self,
        states: Collection[AlertState] | None = None,
        limit: int = 100,
        before: int | None = None,
        within: str = "",
        rules: Collection[str] | None = None,
    ) -> Sequence[AlertRow]:
        """Return at most `limit` alerts in any of `states`, the newest first, from before the id `before` on.

        Their keys begin with `within`, and they are of these `rules`.
        """
        asked = select(alerts).order_by(_columns.id.desc()).limit(limit)
        if within:
            asked = asked.where(func.substr(_columns.key, 1, len(within)) == within)
        if rules is not None:
            asked = asked.where(_columns.rule.in_(rules))
        if states is not None:
            asked = asked.where(_columns.state.in_(states))
        if before is not None:
            asked = asked.where(_columns.id < before)
        return [_alert(row) for row in await self._connections.rows(asked)]

    async def suppress(self, rule: str, key: str, until_ns: int, who: str, reason: str) -> Suppression:
        """Tell nobody of a rule's alerts of this key until then; a time that has passed lifts it."""
        suppression = Suppression(rule, key, until_ns, who, reason)
        said = {"until_ns": until_ns, "who": who, "reason": reason}
        async with self._connections.writing() as connection:
            adding = insert(connection, alert_suppressions).values(dataclasses.asdict(suppression))
            keys = [alert_suppressions.c.rule, alert_suppressions.c.key]
            await connection.execute(adding.on_conflict_do_update(index_elements=keys, set_=said))
        return suppression

    async def suppressions(self, now_ns: int) -> Sequence[Suppression]:
        """Return what is suppressed now, by rule and key."""
        table = alert_suppressions.c
        asked = select(alert_suppressions).where(table.until_ns > now_ns).order_by(table.rule, table.key)
        return [Suppression(**row) for row in await self._connections.rows(asked)]


def _alert(row: Mapping[str, Any]) -> AlertRow:
    return AlertRow(**{**row, "figures": json.loads(row["figures"])})
