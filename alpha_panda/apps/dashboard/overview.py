"""The page that a trader has open all day: what the account is worth, what it risks, what it holds, what happens."""

import panel as pn
from panel.viewable import Viewable

from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.shell import shell


def overview(parts: DashboardParts) -> Viewable:
    """Return the overview."""
    return shell(parts, "/", pn.Column(sizing_mode="stretch_both"))
