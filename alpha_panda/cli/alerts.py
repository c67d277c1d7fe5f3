"""`alpha-panda alerts`: the alarms of all sessions that are kept, who knows of them, and whether messages arrive."""

import asyncio
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from alpha_panda.cli.options import Json
from alpha_panda.cli.person import person_here
from alpha_panda.database import database_url, is_there, open_database
from alpha_panda.errors import ConfigurationError
from alpha_panda.live.build import new_surroundings
from alpha_panda.terminal import print_json, show, table
from alpha_panda.units import ist_datetime

if TYPE_CHECKING:
    from alpha_panda.apps.alerts.models import Delivery
    from alpha_panda.database.alerts import AlertRow

UNDELIVERED = 16
"""The exit code where a target did not take the test message."""

_SHOWN = 1_000
_ADDRESS = "command line"


def list_alerts(
    *,
    past: Annotated[bool, Parameter("--all", negative=(), help="Also those that are over.")] = False,
    json: Json = False,
) -> None:
    """List the alarms of all sessions that are not over, the newest first.

    One that is no longer so, and that nobody has acknowledged, is among them as `returned`.
    """
    rows = asyncio.run(_listed(past)) if is_there(database_url()) else ()
    if json:
        print_json({"alerts": [_plain(row) for row in rows]})
    elif rows:
        columns = ("number>", "session", "alarm", "priority", "state", "times>", "last", "acknowledged by", "cause")
        show(table("Alarms", columns, map(_cells, rows)))
    else:
        show("there are no alarms" if past else "there are no alarms that are not over")


def acknowledge_alert(
    number: Annotated[int, Parameter(help="As `alpha-panda alerts list` has it.")], /, *, json: Json = False
) -> None:
    """Say that you know of an alarm; the web app of its session sees it within seconds, and sends no more messages."""
    row = asyncio.run(_acknowledged(number))
    if json:
        print_json(_plain(row))
    else:
        show(f"{_alarm(row)} of {_session(row)} is {row.state}, by {row.acknowledged_by or row.resolved_by}")


def try_alerts(*, json: Json = False) -> int:
    """Send a test message to every target of ALPHA_PANDA_ALERTS, and say what each of them answered.

    The exit code is 16 where one did not take it.
    """
    deliveries = asyncio.run(_tried())
    if json:
        print_json({"deliveries": [each.model_dump() for each in deliveries]})
    else:
        rows = [
            (each.service, each.target, "yes" if each.delivered else "no", f"{each.took_s:.1f} s", each.trouble)
            for each in deliveries
        ]
        show(table("Test message", ("service", "target", "taken", "after>", "answer"), rows))
    asyncio.run(_audited(deliveries))  # last: what the targets said matters more than a database that is away
    return 0 if all(each.delivered for each in deliveries) else UNDELIVERED


async def _listed(past: bool) -> "Sequence[AlertRow]":
    async with open_database(database_url()) as database:
        return await database.alerts.list(None if past else ("open", "acknowledged"), _SHOWN)


async def _acknowledged(number: int) -> "AlertRow":
    now_ns = new_surroundings().wall_ns()
    async with open_database(database_url()) as database:
        row = await database.alerts.acknowledge(number, person_here(), now_ns)
        target = f"{_session(row)}/{_alarm(row)}"
        await database.audit.add(person_here(), "alert.acknowledge", target, "", "done", "", _ADDRESS, now_ns)
        return row


async def _tried() -> "Sequence[Delivery]":
    from alpha_panda.apps.alerts.channels import ALERTS, Channels
    from alpha_panda.apps.alerts.telling import test_message

    surroundings = new_surroundings()
    channels = Channels(os.environ.get(ALERTS, ""), surroundings.wall_ns, surroundings.monotonic)
    if not channels.shown():
        raise ConfigurationError(f"{ALERTS} names no target: live/README.md says how they are written")
    return await channels.deliver(test_message("alpha-panda", person_here(), surroundings.wall_ns()))


async def _audited(deliveries: "Sequence[Delivery]") -> None:
    from alpha_panda.apps.alerts.telling import arrived

    if is_there(database_url()):
        who, detail, now_ns = person_here(), arrived(deliveries), new_surroundings().wall_ns()
        async with open_database(database_url()) as database:
            await database.audit.add(who, "alert.test", "", detail, "done", "", _ADDRESS, now_ns)


def _session(row: "AlertRow") -> str:
    return row.key.partition("/")[0]


def _alarm(row: "AlertRow") -> str:
    """Return the id of an alarm, as screens and messages have it."""
    about = row.key.partition("/")[2]
    return f"{row.rule}:{about}" if about else row.rule


def _cells(row: "AlertRow") -> tuple[str, ...]:
    return (
        str(row.id),
        _session(row),
        _alarm(row),
        row.severity,
        "returned" if row.state == "open" and row.returned_ns else row.state,
        f"{row.count:,}",
        f"{ist_datetime(row.last_ns):%Y-%m-%d %H:%M:%S}",
        row.acknowledged_by or "",
        row.detail,
    )


def _plain(row: "AlertRow") -> dict[str, Any]:
    """Return an alarm in IST."""
    times = {
        "first": row.first_ns,
        "last": row.last_ns,
        "returned": row.returned_ns,
        "told": row.told_ns,
        "acknowledged": row.acknowledged_ns,
        "resolved": row.resolved_ns,
    }
    return {
        "number": row.id,
        "session": _session(row),
        "alarm": _alarm(row),
        "priority": row.severity,
        "state": row.state,
        "title": row.title,
        "cause": row.detail,
        "times": row.count,
        **{
            name: ist_datetime(time_ns).isoformat(timespec="seconds") if time_ns else None
            for name, time_ns in times.items()
        },
        "acknowledged_by": row.acknowledged_by,
        "resolved_by": row.resolved_by,
    }
