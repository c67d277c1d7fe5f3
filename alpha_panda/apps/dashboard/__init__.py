"""The operator's screen: Panel pages that show what the desk holds, and hand on what a person commands.

No page computes a figure: each shows what `Desk.picture` says. What a person commands goes from the browser to the API
and never through a page's own connection, so that it is checked and recorded in one place, and works with that
connection dead.
"""

from alpha_panda.apps.dashboard.pages import pages
from alpha_panda.apps.dashboard.parts import DashboardParts

__all__ = ["DashboardParts", "pages"]
