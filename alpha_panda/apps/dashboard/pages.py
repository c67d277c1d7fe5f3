"""The pages of the dashboard by their paths."""

import logging
from collections.abc import Callable

import panel as pn
from bokeh.document import Document
from panel.io.application import Application
from panel.io.handlers import FunctionHandler
from panel.viewable import Viewable

from alpha_panda.apps.access import VISIT_ID
from alpha_panda.apps.dashboard.alarms import alarms
from alpha_panda.apps.dashboard.chart import chart
from alpha_panda.apps.dashboard.logs import logs
from alpha_panda.apps.dashboard.navigation import title_of
from alpha_panda.apps.dashboard.orders import orders
from alpha_panda.apps.dashboard.overview import overview
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.positions import positions
from alpha_panda.apps.dashboard.risk import risk
from alpha_panda.apps.dashboard.shell import shell
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


def pages(parts: DashboardParts) -> dict[str, Application]:
    """Return what makes each page for the person who asks for it, by its path.

    They are for `panel.io.fastapi.add_applications`. Bokeh puts a request's cookies and headers into the page unless it
    is told not to: mount them with `include_cookies=["theme"], include_headers=[]`.
    """
    return {path: _application(path, page, parts) for path, page in PAGES.items()}


def _application(path: str, page: Callable[[DashboardParts], Viewable], parts: DashboardParts) -> Application:
    def make(document: Document) -> None:
        try:
            page(parts).server_doc(document, _title(path))
        except Exception:  # Panel would show the person where our code has failed
            request_id = VISIT_ID.get()
            logging.getLogger(__name__).exception("the page %s cannot be made, asked for by %s", path, request_id)
            document.clear()
            _make_instead(document, path, parts, request_id)

    return Application(FunctionHandler(make))


def _make_instead(document: Document, path: str, parts: DashboardParts, request_id: str) -> None:
    """Make what is shown for a page that cannot be: why it is not there, below the strip with its STOP."""
    found = f": the log says more under the request id {request_id}" if request_id else ""
    sentence = f"This page cannot be shown, by a defect of Alpha Panda{found}."
    try:
        shell(parts, path, pn.pane.Str(sentence)).server_doc(document, _title(path))
    except Exception:  # what the page and its frame have in common is at fault
        logging.getLogger(__name__).exception("the frame of the page %s cannot be made either", path)
        document.clear()
        said = pn.pane.Str(f"{sentence} Trading can be stopped with: alpha-panda kill")
        said.server_doc(document, _title(path))


def _title(path: str) -> str:
    return f"{title_of(path)} · Alpha Panda"
