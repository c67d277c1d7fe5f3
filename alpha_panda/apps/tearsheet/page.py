"""One HTML file that needs nothing else: charts, their script and their style inside, and no way out.

Its Content-Security-Policy lets exactly the scripts and the style run that stand in it, by their hashes, and forbids
every request. Light or dark is the reader's own setting; printed, it is light.
"""

import base64
import functools
import hashlib
import json
from collections.abc import Iterable, Sequence
from importlib import resources

from alpha_panda.apps.charts.theme import DARK, LIGHT, Chart, variables
from alpha_panda.apps.markup import Html, alone, tag
from alpha_panda.errors import ConfigurationError


class Plots:
    """The charts of a page, in the order in which they are placed in it."""

    def __init__(self) -> None:
        self._specifications: list[str] = []

    def place(self, chart: Chart, width: str = "") -> Html:
        """Return the figure in which a chart will be drawn, as wide as it is there."""
        number = len(self._specifications)
        specification = chart.properties(width="container").to_dict()
        self._specifications.append(json.dumps(specification, separators=(",", ":"), allow_nan=False))
        plot = tag("div", id=f"plot-{number}", class_="plot")
        return tag("figure", plot, class_=width, aria_label=specification["title"]["text"])

    def data(self) -> str:
        """Return all charts as JSON that may stand in a page: nothing in it can end its element."""
        return f"[{','.join(self._specifications)}]".replace("<", "\\u003c")


def page(title: str, parts: Iterable[Html | None], plots: Plots) -> str:
    """Return the page of these parts, in which the charts of `plots` have been placed."""
    style = _resource("sheet.css").replace("LIGHT", variables(LIGHT)).replace("DARK", variables(DARK))
    scripts = [bundle(), _resource("sheet.js")]
    body = tag("main", *parts)
    head = (
        alone("meta", charset="utf-8"),
        alone("meta", http_equiv="Content-Security-Policy", content=_policy(scripts, style)),
        alone("meta", name="viewport", content="width=device-width, initial-scale=1"),
        alone("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        Html(f"<style>{style}</style>"),
    )
    ends = (
        tag("noscript", "The charts of this page are drawn by the scripts in it."),
        Html(f'<script type="application/json" id="charts">{plots.data()}</script>'),
        *(Html(f"<script>{script}</script>") for script in scripts),
    )
    inside = tag("html", tag("head", *head), tag("body", body, *ends), lang="en-IN")
    return f"<!doctype html>\n{inside}\n"


def _policy(scripts: Sequence[str], style: str) -> str:
    allowed = " ".join(map(_hash, scripts))
    return f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _resource(name: str) -> str:
    return (resources.files("alpha_panda.apps.tearsheet") / name).read_text(encoding="utf-8")


@functools.cache
def bundle() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script; made once, since that takes a second."""
    try:
        from vl_convert import javascript_bundle
    except ModuleNotFoundError:
        raise ConfigurationError(
            "the tear sheet needs vl-convert-python: install it with `pip install alpha-panda[notebooks]`"
        ) from None
    return javascript_bundle("window.vegaEmbed = vegaEmbed;")
