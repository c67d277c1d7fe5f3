"""What the pages are made of: the desk that they show, the alarms, who looks, and the clock."""

import dataclasses
from collections.abc import Callable

from alpha_panda.apps.access import Principal
from alpha_panda.apps.alerts.models import AlarmBoard
from alpha_panda.apps.desk.desk import Desk
from alpha_panda.apps.desk.models import Picture
from alpha_panda.database.repositories import Database


@dataclasses.dataclass(frozen=True, kw_only=True)
class DashboardParts:
    """What the web app hands to the pages; `principal` says who asked for the page that is being made."""

    desk: Desk
    database: Database  # what operators set, and what people did
    board: Callable[[], AlarmBoard]  # all alarms of the session as they stand
    principal: Callable[[], Principal]
    now_ns: Callable[[], int]

    def picture(self) -> Picture:
        """Return what the desk shows."""
        return self.desk.picture
