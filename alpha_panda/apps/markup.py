"""HTML that cannot carry anybody's markup: what is not made here is text, and text is escaped."""

import html
from collections.abc import Iterable, Sequence


class Html(str):
    """Markup that was made by this module, and is not escaped again."""

    __slots__ = ()


def tag(name: str, /, *inside: str | None, **attributes: str) -> Html:
    """Return an element; an attribute's name loses a last underscore, and its others become hyphens."""
    return Html(f"{alone(name, **attributes)}{together(*inside)}</{name}>")


def alone(name: str, /, **attributes: str) -> Html:
    """Return the beginning of an element, or all of one that holds nothing."""
    named = (f' {key.removesuffix("_").replace("_", "-")}="{html.escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{''.join(named)}>")


def together(*parts: str | None) -> Html:
    """Return parts one after the other, those that are plain text escaped, None as nothing."""
    return Html("".join(part if isinstance(part, Html) else html.escape(part) for part in parts if part is not None))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """Return a table; a column whose name ends in `>` is set flush right, as numbers are."""
    sides = ["number" if column.endswith(">") else "text" for column in columns]
    heads = [tag("th", name.removesuffix(">"), class_=side) for name, side in zip(columns, sides, strict=True)]
    body = [
        tag("tr", *(tag("td", cell, class_=_tone(cell, side)) for cell, side in zip(row, sides, strict=True)))
        for row in rows
    ]
    return tag("div", tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *body)), class_="scroll")


def _tone(cell: str, side: str) -> str:
    """Return the class of a cell: a number with a sign is coloured too, and never only coloured."""
    tone = {"+": " up", "−": " down"}.get(cell[:1], "") if side == "number" else ""
    return f"{side}{tone}"
