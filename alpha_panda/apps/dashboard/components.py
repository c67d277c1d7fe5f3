"""The parts of the pages that run in the browser: each a file of JavaScript beside this module, given values to show.

They write text and never compute a figure. All share `common.js` and the style sheet `parts.css`; a page's own style
does not reach into them, its variables do.
"""

import functools
from collections.abc import Mapping
from importlib import resources
from typing import Any

import msgspec
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
    """A part of a page that shows values, which are text or numbers, by the names its JavaScript knows.

    They go to the browser as one text: every value of a dictionary would be looked at again, by Panel and by Bokeh, at
    each change of any of them and for each viewer, which takes ten times as long.
    """

    shown = param.String(default="{}", doc="what it shows, as JSON")
    failed = param.String(default="", doc="why that is old, in a sentence; empty where it is not")

    styles_of = ("parts.css",)

    def __init__(self, shown: Mapping[str, Any] | None = None, **params: Any) -> None:
        self._told = dict(shown or {})
        styles = [browser_file(name) for name in self.styles_of]
        super().__init__(**{"shown": as_text(self._told), "stylesheets": styles, "margin": 0, **params})

    def tell(self, **values: Any) -> None:
        """Show these values besides those that it shows; nothing is sent where none of them is another."""
        told = {**self._told, **values}
        if told != self._told:
            self.shown = as_text(told)
            self._told = told

    def fail(self, sentence: str) -> None:
        """Say above what is shown that it is old, and why; nothing is wrong where the sentence is empty."""
        self.failed = sentence


def as_text(values: Any) -> str:
    """Return values as the browser reads them."""
    return msgspec.json.encode(values).decode()
