"""Tables of the pages: rows that are patched in place, put under tabs, filtered, walked with the keys and opened."""

import functools
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec
import panel as pn
from panel.models.esm import DataEvent
from panel.models.tabulator import THEME_PATH

from alpha_panda.apps.dashboard.components import Part, as_text, module
from alpha_panda.apps.dashboard.refreshing import under_lock

_ONE_BY_ONE = 40
"""More rows than this come or go at once: each by itself is drawn by itself, which takes longer than all."""


class Act(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a button does: it asks to be confirmed, and the browser sends a request of its own to the API."""

    label: str
    path: str  # below /api/v1
    title: str  # what the confirmation asks
    detail: str = ""  # what will happen, in a sentence
    body: Mapping[str, str] = {}
    asks_reason: bool = True
    grave: bool = False  # whether it is hard to take back
    for_s: int = 0  # until when it holds, counted from when it is confirmed


class Cell(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands in one place of a table: text, and nothing but text."""

    text: str
    tone: str = ""  # classes of the style sheet, such as `up` or `strong warn`
    sort: float | None = None  # what it is sorted by, where that is not its text
    hint: str = ""
    act: Act | None = None


Row = Mapping[str, Cell | str]
"""The cells of a row by column; `key` names it for ever, and `group` the tabs that it stands under."""


class Column(NamedTuple):
    """A column of a table."""

    field: str
    title: str
    width: int  # in pixels; of a column that grows, the least
    number: bool = False  # set flush right
    grows: bool = False


class Table(Part):
    """A table of a page: only what has changed is sent, and no row moves under the cursor.

    Panel's own table draws all its rows again at every patch, and loses a click that falls between; this one speaks to
    the same Tabulator by itself.
    """

    _esm = module("acting.js", "table.js")
    styles_of = ("parts.css", "tones.css", "table.css")

    def __init__(
        self,
        label: str,
        columns: Sequence[Column],
        *,
        empty: str,
        opened: Callable[[str], Any] | None = None,
        groups: Iterable[tuple[str, str]] = (),
        filtered: bool = True,
        sifted: Callable[[str, str], Any] | None = None,
        ages: bool = True,
        **terms: Any,
    ) -> None:
        """Make a table; `opened` is told the key of a row that is clicked or entered, `groups` are its tabs.

        Where `sifted` is given, the rows under a tab are not chosen here: it is told the tab and the text that is
        looked for, and puts other rows. What `ages` is dimmed while the market data are stale.
        """
        self._rows: dict[str, Row] = {}
        self._opened, self._sifted = opened and under_lock(opened), sifted and under_lock(sifted)
        self._there = False  # whether the browser has made it
        super().__init__(
            shown={
                "label": label,
                "columns": [column._asdict() for column in columns],
                "groups": [list(group) for group in groups],
                "opens": opened is not None,
                "filtered": filtered,
                "sifts": sifted is not None,
                "ages": ages,
                "empty": empty,
            },
            **{"sizing_mode": "stretch_both", **terms},
        )
        self.stylesheets = [_tabulator_css(), *self.stylesheets]
        self.on_msg(self._hear)

    def say(self, empty: str) -> None:
        """Say this where there is no row."""
        self.tell(empty=empty)

    def put(self, rows: Iterable[Row]) -> None:
        """Show these rows in this order; a row that is there keeps its place."""
        wanted = {str(row["key"]): row for row in rows}
        before, self._rows = self._rows, wanted
        if not self._there or wanted == before:
            return
        changed = {key: row for key, row in wanted.items() if before.get(key) != row}
        come = changed.keys() - before.keys()
        gone = before.keys() - wanted.keys()
        if max(len(come), len(gone)) > _ONE_BY_ONE:
            self._send(all=list(wanted.values()))
            return
        # A new row needs to know before which other it stands.
        order = list(wanted) if come else []
        self._send(put=list(changed.values()), gone=list(gone), order=order)

    def _send(self, **rows: Any) -> None:
        self._send_msg(as_text(rows))

    def _hear(self, event: DataEvent) -> None:
        """Take up what the browser says: that it has made the table, or what a person chose in it."""
        data = cast(Any, event.data)  # pyright: ignore[reportUnknownMemberType]  # whatever the browser says
        if data == "ready":
            self._there = True
            self._send(all=list(self._rows.values()))
        elif "sift" in data and self._sifted is not None:
            pn.state.execute(functools.partial(self._sifted, data["sift"]["group"], data["sift"]["text"]))
        elif self._opened is not None and (key := data.get("open")) in self._rows:
            pn.state.execute(functools.partial(self._opened, key))


@functools.cache
def _tabulator_css() -> str:
    """Return the style sheet of the Tabulator that Panel serves."""
    folder = pathlib.Path(pn.__file__).parent / "dist" / "bundled" / "datatabulator"
    return (folder / THEME_PATH / "tabulator_simple.min.css").read_text(encoding="utf-8")
