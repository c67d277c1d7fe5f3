"""The parts of the pages that run in the browser: each a file of JavaScript beside this module, given values to show.

They write text and never compute a figure. All share `common.js` and the style sheet `parts.css`; a page's own style
does not reach into them, its variables do.
"""

import functools
from importlib import resources
from typing import Any

import panel as pn
import param


@functools.cache
def browser_file(name: str) -> str:
    """Return the text of a file that the browser gets."""
    return (resources.files("alpha_panda.apps.dashboard") / "browser" / name).read_text(encoding="utf-8")


def module(*names: str) -> str:
    """Return the source of a component: what all share, then these files."""
    return "\n".join(browser_file(name) for name in ("common.js", *names))


class Part(pn.custom.JSComponent):
    """A part of a page that shows `shown`: values that are text or numbers, by the names its JavaScript knows."""

    shown = param.Dict(default={}, doc="what it shows")

    styles_of = ("parts.css",)

    def __init__(self, **params: Any) -> None:
        super().__init__(**{"stylesheets": [browser_file(name) for name in self.styles_of], "margin": 0, **params})

    def tell(self, **values: Any) -> None:
        """Show these values besides those that it shows; nothing is sent where none of them is another."""
        shown = {**self.shown, **values}
        if shown != self.shown:
            self.shown = shown
