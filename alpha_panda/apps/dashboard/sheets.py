"""Sheets of the pages: short texts and figures in lines, made here as markup and patched in place by the browser."""

from collections.abc import Iterable
from typing import Any

import msgspec

from alpha_panda.apps.dashboard.components import Part, module
from alpha_panda.apps.dashboard.tables import Act, Cell
from alpha_panda.apps.markup import Html, tag, together

NOTHING = Html("")


class Sheet(Part):
    """Markup that a page shows; what is the same in the next stays where it is, and so do a click and a selection."""

    _esm = module("acting.js", "sheet.js")
    styles_of = ("parts.css", "tones.css", "sheet.css")

    def __init__(self, label: str, *markup: Html, ages: bool = False, **terms: Any) -> None:
        """Make a sheet; what `ages` is dimmed while the market data are stale."""
        shown = {"label": label, "markup": str(together(*markup)), "ages": ages}
        super().__init__(shown=shown, **{"sizing_mode": "stretch_width", **terms})

    def put(self, *markup: Html | None) -> None:
        """Show this markup instead."""
        self.tell(markup=str(together(*markup)))


def button(act: Act) -> Html:
    """Return the button of an act."""
    told = msgspec.json.encode(act).decode()
    return tag("button", act.label, type="button", class_="act grave" if act.grave else "act", data_act=told)


def text(cell: Cell | str, *classes: str) -> Html:
    """Return a text in its tone."""
    shown = cell if isinstance(cell, Cell) else Cell(cell)
    named = " ".join(filter(None, (*classes, shown.tone)))
    return tag(
        "span", shown.text, **({"class_": named} if named else {}), **({"title": shown.hint} if shown.hint else {})
    )


def figures(pairs: Iterable[tuple[str, Cell | str]], *classes: str) -> Html:
    """Return named figures, one under the other: the name to the left, the figure flush right."""
    lines = (tag("div", tag("dt", name), tag("dd", text(shown))) for name, shown in pairs)
    return tag("dl", *lines, class_=" ".join(("figures", *classes)))


def note(sentence: str) -> Html:
    """Return a sentence that says why there is nothing, or what to do."""
    return tag("p", sentence, class_="note")
