"""The pages of the dashboard by their paths."""

from collections.abc import Callable

from panel.viewable import Viewable

from alpha_panda.apps.dashboard.alarms import alarms
from alpha_panda.apps.dashboard.chart import chart
from alpha_panda.apps.dashboard.logs import logs
from alpha_panda.apps.dashboard.orders import orders
from alpha_panda.apps.dashboard.overview import overview
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.positions import positions
from alpha_panda.apps.dashboard.risk import risk
from alpha_panda.apps.dashboard.strategies import strategies
from alpha_panda.apps.dashboard.system import system

PAGES: dict[str, Callable[[DashboardParts], Viewable]] = {
    "/": overview,
    "/positions": positions,
    "/orders": orders,
    "/strategies": strategies,
    "/risk": risk,
    "/chart": chart,
    "/alarms": alarms,
    "/system": system,
    "/logs": logs,
}
"""What makes each page; `navigation.PLACES` says how they are called and reached."""


def pages(parts: DashboardParts) -> dict[str, Callable[[], Viewable]]:
    """Return what makes each page for the person who asks for it, by its path.

    They are for `panel.io.fastapi.add_applications`, which wants plain functions. Bokeh puts a request's cookies and
    headers into the page unless it is told not to: mount them with `include_cookies=["theme"], include_headers=[]`.
    """
    return {path: _bound(page, parts) for path, page in PAGES.items()}


def _bound(page: Callable[[DashboardParts], Viewable], parts: DashboardParts) -> Callable[[], Viewable]:
    def made() -> Viewable:
        return page(parts)

    return made
