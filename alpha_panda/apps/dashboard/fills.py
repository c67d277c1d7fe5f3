"""The fills of something, looked for through the pages of their history."""

from collections.abc import Callable

from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.desk.models import Fill

_FILLS, _PAGES = 500, 8


async def fills_where(parts: DashboardParts, wanted: Callable[[Fill], bool], count: int | None = None) -> list[Fill]:
    """Return the fills that are wanted, newest first, until there are `count`, among the latest 4,000 of all."""
    found: list[Fill] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        page = await parts.desk.history("fills", cursor, _FILLS)
        found += (each for each in page.rows if isinstance(each, Fill) and wanted(each))
        cursor = page.following
        if cursor is None or (count is not None and len(found) >= count):
            break
    return found
