"""The pages as a person finds them: their names, paths and keys."""

from typing import NamedTuple


class Place(NamedTuple):
    """A page in the navigation; `key` opens it after `g`."""

    path: str
    title: str
    key: str
    outside: bool = False  # whether it is no page of the dashboard, and opens beside it


PLACES = (
    Place("/", "Overview", "h"),
    Place("/positions", "Positions", "p"),
    Place("/orders", "Orders", "o"),
    Place("/strategies", "Strategies", "s"),
    Place("/risk", "Risk", "r"),
    Place("/chart", "Chart", "c"),
    Place("/alarms", "Alarms", "a"),
    Place("/system", "System", "y"),
    Place("/logs", "Logs", "l"),
    Place("/research", "Notebooks", "n", outside=True),
)


def title_of(path: str) -> str:
    """Return the name of the page at a path."""
    return next(place.title for place in PLACES if place.path == path)
