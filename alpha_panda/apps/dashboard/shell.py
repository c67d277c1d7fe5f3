"""What stands on every page: navigation, the status strip with the STOP, and the body below them."""

from collections.abc import Callable

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable

from alpha_panda.apps.charts.theme import DARK, LIGHT, Theme
from alpha_panda.apps.dashboard.frames import column
from alpha_panda.apps.dashboard.navigation import PLACES, title_of
from alpha_panda.apps.dashboard.parts import DashboardParts
from alpha_panda.apps.dashboard.strip import Navigation, status_strip
from alpha_panda.apps.dashboard.theme import MATERIAL, PAGE, page_css

THEME_COOKIE = "theme"


def shell(
    parts: DashboardParts, path: str, body: Viewable, wear: Callable[[Theme], None] = lambda theme: None
) -> pmui.Page:
    """Return the page at `path` around its body, in the theme that this browser had last.

    A body that fills what is left of the window says `sizing_mode="stretch_both"`; a longer one scrolls. `wear` is
    called with each theme that the person changes to, for what a style sheet does not reach.
    """
    pn.config.respect_explicit_sizing = True
    dark = theme_of_visitor() is DARK
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
            column(body, styles={"padding": "10px 12px"}),
        ],
        dark_theme=dark,
        theme_toggle=False,
        theme_config=MATERIAL,
        busy_indicator=None,
        sx=PAGE,
        raw_css=[page_css()],
    )

    def change(*_: object) -> None:
        page.dark_theme = navigation.dark
        wear(DARK if navigation.dark else LIGHT)

    navigation.param.watch(change, "dark")
    return page


def theme_of_visitor() -> Theme:
    """Return the theme that the browser which asks for the page had last."""
    return DARK if pn.state.cookies.get(THEME_COOKIE) == "dark" else LIGHT
