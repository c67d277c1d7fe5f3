"""What stands on every page: navigation, the status strip with the STOP, and the body below them."""

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable

from alpha_panda.apps.dashboard.navigation import PLACES, title_of
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.strip import Navigation, status_strip
from alpha_panda.apps.dashboard.theme import MATERIAL, PAGE, page_css

THEME_COOKIE = "theme"


def shell(parts: DashboardParts, path: str, body: Viewable) -> pmui.Page:
    """Return the page at `path` around its body, in the theme that this browser had last.

    A body that fills what is left of the window says `sizing_mode="stretch_both"`; a longer one scrolls.
    """
    pn.config.respect_explicit_sizing = True
    dark = is_dark()
    principal = parts.principal()
    navigation = Navigation(
        shown={
            "places": [place._asdict() for place in PLACES],
            "path": path,
            "who": principal.name,
            "role": principal.role,
        },
        dark=dark,
        sizing_mode="stretch_width",
        height=44,
    )
    page = pmui.Page(
        title="",
        meta_title=f"{title_of(path)} · Alpha Panda",
        header=[navigation],
        main=[
            status_strip(parts, title_of(path)),
            pn.Column(body, sizing_mode="stretch_both", margin=0, styles={"padding": "10px 12px"}),
        ],
        dark_theme=dark,
        theme_toggle=False,
        theme_config=MATERIAL,
        busy_indicator=None,
        sx=PAGE,
        raw_css=[page_css()],
    )
    navigation.param.watch(lambda event: page.param.update(dark_theme=event.new), "dark")
    return page


def is_dark() -> bool:
    """Return whether the browser that asks for the page was last set to dark."""
    return pn.state.cookies.get(THEME_COOKIE) == "dark"
