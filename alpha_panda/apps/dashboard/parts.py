"""What the pages are made of: the desk that they show, who looks, and the clock."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Protocol

from alpha_panda.apps.access import Principal
from alpha_panda.apps.desk.models import Picture

Severity = str


class Pictured(Protocol):
    """The desk, as far as every page needs it."""

    boot_id: str

    @property
    def picture(self) -> Picture:
        """What is shown at this moment."""
        ...


def _no_alarms() -> Mapping[Severity, int]:
    return {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class DashboardParts:
    """What the web app hands to the pages.

    `principal` says who asked for the page that is being made; `alarms` how many are open, by severity.
    """

    desk: Pictured
    principal: Callable[[], Principal]
    now_ns: Callable[[], int]
    alarms: Callable[[], Mapping[Severity, int]] = _no_alarms
