"""How a page is laid out: cards beside and below each other that fill the window."""

from typing import Any

import panel as pn
from panel.viewable import Viewable

_GAP = {"gap": "10px"}


def column(*cards: Viewable, **terms: Any) -> pn.Column:
    """Return cards one below the other; with a width they take no more than that."""
    sizing = "stretch_height" if "width" in terms else "stretch_both"
    return pn.Column(*cards, styles=_GAP, **{"sizing_mode": sizing, "margin": 0, **terms})


def row(*cards: Viewable, **terms: Any) -> pn.Row:
    """Return cards side by side; with a height they take no more than that."""
    sizing = "stretch_width" if "height" in terms else "stretch_both"
    return pn.Row(*cards, styles=_GAP, **{"sizing_mode": sizing, "margin": 0, **terms})
