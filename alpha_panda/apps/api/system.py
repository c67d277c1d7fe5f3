"""Routes of this process: which one it is, what it runs, and whether all that it needs is well."""

import functools
import importlib.metadata
import os
import platform
from collections.abc import Iterator

from alpha_panda.apps.api.models import Boot, Health, Host, Moment, Service, System
from alpha_panda.apps.api.parts import Api, Parts
from alpha_panda.apps.api.subject import subject
from alpha_panda.errors import DatabaseError
from alpha_panda.units import SECOND_NS

router = subject("system")

_LIBRARIES = ("fastapi", "numba", "numpy", "panel", "polars", "pydantic", "SQLAlchemy", "starlette", "uvicorn")


@router.get("/boot")
async def boot(api: Api) -> Boot:
    """Which process answers: a page that finds another than before loads itself anew."""
    return Boot(boot_id=api.desk.boot_id, version=api.version)


@router.get("/system")
async def system(api: Api) -> System:
    """What this process is, what it runs on, and for how long."""
    return System(
        version=api.version,
        boot_id=api.desk.boot_id,
        process=api.holder,
        session=api.desk.state.absolute().name,
        began_ns=api.began_ns,
        uptime_s=(api.wall_ns() - api.began_ns) / SECOND_NS,
        host=Host(
            system=f"{platform.system()} {platform.release()}", python=platform.python_version(), cores=os.cpu_count()
        ),
        libraries=_libraries(),
    )


@functools.cache
def _libraries() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


@router.get("/services")
async def services(api: Api) -> Health:
    """Each source, each stage, the database, the alerts and this process, with what is wrong."""
    now = api.desk.picture
    listed = (*_of_session(api), await _database(api), _alerts(api), _web(api))
    return Health(moment=Moment.of(now), well=all(each.well for each in listed), services=listed)


def _of_session(api: Parts) -> Iterator[Service]:
    now = api.desk.picture
    for source in now.sources:
        yield Service(
            name=source.name,
            kind="source",
            well=source.well,
            reason=source.trouble or "is read",
            seen_ns=source.read_ns,
        )
    for stage in now.stages:
        reason = stage.trouble or f"{stage.phase}: {stage.note}".removesuffix(": ")
        well = not stage.trouble and stage.phase not in ("failed", "unknown")
        yield Service(name=stage.stage, kind="stage", well=well, reason=reason, seen_ns=stage.reported_ns)


async def _database(api: Parts) -> Service:
    try:
        await api.database.audit.list(limit=1)
    except DatabaseError as error:
        return Service(name="database", kind="database", well=False, reason=api.redaction.text(str(error)), seen_ns=0)
    return Service(name="database", kind="database", well=True, reason="answers", seen_ns=api.wall_ns())


def _alerts(api: Parts) -> Service:
    """Return how messages fare; targets that were never tried are not known to be unwell."""
    board = api.alarms.board
    troubles = [f"{each.service}: {each.trouble}" for each in board.channels if each.well is False]
    if not board.kept:
        troubles.append("the database does not take what happens to alarms")
    reason = "; ".join(troubles) or f"messages go to {len(board.channels)} targets"
    return Service(name="alerts", kind="alerts", well=not troubles, reason=reason, seen_ns=board.taken_ns)


def _web(api: Parts) -> Service:
    reason = f"answers; {api.hub.viewers.total()} streams are open"
    return Service(name="web", kind="web", well=True, reason=reason, seen_ns=api.wall_ns())
