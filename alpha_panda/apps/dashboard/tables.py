"""Tables of the dashboard: rows that are patched in place, filtered, walked with the keys, and opened."""

import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec
import panel as pn
import param
from panel.custom import JSComponent
from panel.io.resources import CDN_DIST
from panel.models.tabulator import TABULATOR_VERSION

_HERE = pathlib.Path(__file__).parent


class Act(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a button does: it asks for confirmation, and sends a request of its own to the API."""

    label: str
    path: str  # below /api/v1
    title: str  # what the confirmation asks
    detail: str = ""  # what will happen, in a sentence
    body: Mapping[str, str] = {}
    reason: bool = True  # whether a person is asked why
    grave: bool = False  # whether it stops trading or money


class Cell(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands in one place of a table: text, and nothing but text."""

    text: str
    tone: str = ""  # classes of the style sheet, such as `up`, `sell`, `chip warn`
    sort: float | str | None = None  # what it is sorted by, where that is not its text
    hint: str = ""
    act: Act | None = None


Row = Mapping[str, Cell | str]
"""The cells of a row by column; `key` names it for ever, and `group` says under which of the tabs it is seen."""


class Column(NamedTuple):
    """A column of a table."""

    field: str
    title: str
    width: int  # pixels, of which the columns that `grow` get what is left
    number: bool = False  # set flush right
    grow: bool = False


class Table(JSComponent):
    """A table that a page shows its rows in; only what has changed is sent, and no row moves under the cursor."""

    _esm = _HERE / "table.js"
    _stylesheets = (
        f"{CDN_DIST}bundled/datatabulator/tabulator-tables@{TABULATOR_VERSION}/dist/css/tabulator_simple.min.css",
        _HERE / "table.css",
    )

    columns = cast(list[dict[str, Any]], param.List(constant=True))
    groups = cast(list[list[str]], param.List(constant=True))
    empty = cast(str, param.String())
    label = cast(str, param.String(constant=True))

    def __init__(
        self,
        label: str,
        columns: Sequence[Column],
        opened: Callable[[str], Any] | None = None,
        groups: Iterable[tuple[str, str]] = (),
        **terms: Any,
    ) -> None:
        """Make a table; `opened` is told the key of a row that is clicked or entered, `groups` are (group, title)."""
        self._rows: dict[str, dict[str, Any]] = {}
        self._opened = opened
        self._ready = False
        super().__init__(
            label=label,
            columns=[column._asdict() for column in columns],
            groups=[list(group) for group in groups],
            **{"sizing_mode": "stretch_both", "min_height": 120, **terms},
        )

    def show(self, rows: Iterable[Row]) -> None:
        """Show these rows, in this order where the table was empty; later ones are put above."""
        wanted = {str(row["key"]): msgspec.to_builtins(dict(row)) for row in rows}
        before, self._rows = self._rows, wanted
        if not self._ready or wanted == before:
            return
        changed = {key: row for key, row in wanted.items() if before.get(key) != row}
        gone = [key for key in before if key not in wanted]
        self._send_msg({"put": list(changed.values()), "gone": gone, "order": list(wanted) if changed else []})

    def _handle_msg(self, data: Any) -> None:
        if data == "ready":
            self._ready = True
            self._send_msg({"all": list(self._rows.values())})
        elif self._opened is not None and (key := data.get("open")) in self._rows:
            pn.state.execute(lambda: cast(Callable[[str], Any], self._opened)(key))
