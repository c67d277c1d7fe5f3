"""How a page is laid out: cards beside and below each other that fill the window, and all in one column on a phone."""

from typing import Any

import panel as pn
from bokeh.plotting import figure
from panel.viewable import Viewable

from alpha_panda.apps.dashboard.components import browser_file


def column(*cards: Viewable, **terms: Any) -> pn.Column:
    """Return cards one below the other; with a width they take no more than that."""
    return pn.Column(*cards, **_framed("stretch_height" if "width" in terms else "stretch_both", terms))


def row(*cards: Viewable, **terms: Any) -> pn.Row:
    """Return cards side by side; with a height they take no more than that."""
    return pn.Row(*cards, **_framed("stretch_width" if "height" in terms else "stretch_both", terms))


def scrolled(*parts: Viewable) -> pn.Column:
    """Return parts one below the other that are moved where they are longer than there is room."""
    return column(*parts, scroll="y", styles={})


def chart_of(drawn: figure) -> pn.pane.Bokeh:
    """Return a drawing of Bokeh that fills its card."""
    # Panel keeps the style sheets of its pane to itself.
    drawn.stylesheets = [browser_file("chart.css")]
    return pn.pane.Bokeh(drawn, sizing_mode="stretch_both", margin=0)


def _framed(sizing_mode: str, terms: dict[str, Any]) -> dict[str, Any]:
    frame = browser_file("frame.css")
    return {"sizing_mode": sizing_mode, "margin": 0, "styles": {"gap": "10px"}, "stylesheets": [frame], **terms}
