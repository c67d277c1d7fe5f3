"""Reading a PromQL expression as far as a test of names needs it: which series it selects, which labels it names."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
    (?P<space>\s+ | \#[^\n]*)
    | (?P<string>"(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `[^`]*`)
    | (?P<variable>\$\w+ | \$\{\w+\})
    | (?P<duration>\d+(?:ms|[smhdwy])(?:\d+(?:ms|[smhdwy]))*)
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<name>[A-Za-z_:][A-Za-z0-9_:]*)
    | (?P<operator>=~|!~|!=|==|>=|<=|[-+*/%^=<>(){}\[\],:@])
    """,
    re.VERBOSE,
)

# Words of the language that are followed by neither a bracket nor a matcher.
_WORDS = frozenset(["and", "or", "unless", "bool", "offset", "inf", "nan", "start", "end", "atan2"])
_LABEL_LISTS = frozenset(["by", "without", "on", "ignoring", "group_left", "group_right"])
_MATCHES = ("=", "!=", "=~", "!~")


class Token(NamedTuple):
    """A word or sign of an expression, and of which kind it is."""

    kind: str
    text: str


class Matcher(NamedTuple):
    """What a selector asks of one label."""

    label: str
    operator: str
    value: str


class Selector(NamedTuple):
    """One series that an expression asks for."""

    metric: str
    matchers: tuple[Matcher, ...]


class Expression(NamedTuple):
    """What an expression names: its selectors, and the labels in its lists by the word that each stands behind."""

    selectors: tuple[Selector, ...]
    label_lists: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def labels_kept(self) -> tuple[str, ...] | None:
        """The labels that every result has, where an aggregation says so; else None, and they are the series' own."""
        return next((labels for word, labels in self.label_lists if word == "by"), None)


def tokens(text: str) -> list[Token]:
    """Return the words and signs of an expression, without spaces and comments; ValueError where it is none."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"no PromQL from here on: {text[place:]!r}")
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup or "", match.group()))
        place = match.end()
    _check_brackets(found, text)
    return found


def _check_brackets(found: list[Token], text: str) -> None:
    closing = {"(": ")", "[": "]", "{": "}"}
    awaited: list[str] = []
    for token in found:
        if token.text in closing:
            awaited.append(closing[token.text])
        elif token.text in closing.values() and (not awaited or awaited.pop() != token.text):
            raise ValueError(f"a bracket too many in {text!r}")
    if awaited:
        raise ValueError(f"a bracket is not closed in {text!r}")


def read(text: str) -> Expression:
    """Return what an expression names; ValueError where it is none."""
    found = tokens(text)
    selectors: list[Selector] = []
    label_lists: list[tuple[str, tuple[str, ...]]] = []
    place = 0
    while place < len(found):
        token = found[place]
        following = found[place + 1].text if place + 1 < len(found) else ""
        place += 1
        if token.text == "{":
            raise ValueError(f"a selector without the name of a metric in {text!r}")
        if token.kind != "name" or token.text.lower() in _WORDS:
            continue
        if token.text in _LABEL_LISTS:
            inside = _inside(found, place) if following == "(" else []
            label_lists.append((token.text, tuple(each.text for each in inside if each.kind == "name")))
            place += len(inside) + 2 if following == "(" else 0
        elif following == "{":
            inside = _inside(found, place)
            selectors.append(Selector(token.text, tuple(_matchers(inside, text))))
            place += len(inside) + 2
        elif following != "(" and following not in _LABEL_LISTS:  # else it is a function or an aggregation
            selectors.append(Selector(token.text, ()))
    return Expression(tuple(selectors), tuple(label_lists))


def _inside(found: list[Token], opening: int) -> list[Token]:
    """Return what stands between the bracket at `opening` and the next one that closes."""
    closing = next(place for place in range(opening, len(found)) if found[place].text in (")", "}"))
    return found[opening + 1 : closing]


def _matchers(inside: list[Token], text: str) -> Iterator[Matcher]:
    parts = [token for token in inside if token.text != ","]
    if len(parts) % 3:
        raise ValueError(f"a label without its value in {text!r}")
    for label, operator, value in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if label.kind != "name" or operator.text not in _MATCHES or value.kind != "string":
            raise ValueError(f"{label.text}{operator.text}{value.text} matches no label in {text!r}")
        yield Matcher(label.text, operator.text, value.text[1:-1])
