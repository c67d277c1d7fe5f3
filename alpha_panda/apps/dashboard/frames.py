"""How a page is laid out: cards beside and below each other that fill the window."""

from typing import Any

import panel as pn
from panel.viewable import Viewable

GAP = 10
"""Pixels between cards."""

_CARD = {"background": "var(--surface)", "border": "1px solid var(--line)", "border-radius": "6px"}


def card(*parts: Viewable, **terms: Any) -> pn.Column:
    """Return a card around its parts; without a height it takes what is left."""
    sizing = "stretch_width" if "height" in terms else "stretch_both"
    padded = {**_CARD, "padding": "12px 14px", "box-sizing": "border-box"}
    return pn.Column(*parts, styles=padded, **{"sizing_mode": sizing, "margin": 0, **terms})


def column(*cards: Viewable, **terms: Any) -> pn.Column:
    """Return cards one below the other; with a width it takes no more than that."""
    sizing = "stretch_height" if "width" in terms else "stretch_both"
    return pn.Column(*cards, styles={"gap": f"{GAP}px"}, **{"sizing_mode": sizing, "margin": 0, **terms})


def row(*cards: Viewable, **terms: Any) -> pn.Row:
    """Return cards side by side."""
    sizing = "stretch_width" if "height" in terms else "stretch_both"
    return pn.Row(*cards, styles={"gap": f"{GAP}px"}, **{"sizing_mode": sizing, "margin": 0, **terms})
