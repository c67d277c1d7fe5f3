"""Cards: the frames in which a page stands its parts, each with a title and a note beside it."""

from typing import Any

import panel as pn
from panel.viewable import Viewable

from alpha_panda.apps.dashboard.components import Part, browser_file, module


class Heading(Part):
    """The title of a card, and what is said beside it."""

    styles_of = ("parts.css", "cards.css")
    _esm = module("heading.js")


class Card(pn.Column):
    """A card around some parts."""

    def __init__(self, title: str, *parts: Viewable, note: str = "", **terms: Any) -> None:
        self._worn = terms.get("styles", {})
        self.heading = Heading(shown={"title": title, "note": note}, sizing_mode="stretch_width", height=24)
        super().__init__(
            self.heading,
            *parts,
            **{
                "sizing_mode": "stretch_both",
                "css_classes": ["card"],
                "stylesheets": [browser_file("card.css"), browser_file("frame.css")],
                **terms,
            },
        )

    def note(self, text: str) -> None:
        """Say something beside the title."""
        self.heading.tell(note=text)

    def fail(self, sentence: str) -> None:
        """Say beside the title that what stands below is old, and why, and let it fade."""
        if sentence != self.heading.failed:
            self.heading.fail(sentence)
            self.styles = {**self._worn, **({"--stale": "var(--old)"} if sentence else {})}
