"""A history as a file: every row of its pages once, in the same units, and nothing that a spreadsheet would run."""

import csv
import io
import json
from typing import Any, get_args

import pytest

from alpha_panda.apps.api import exporting
from alpha_panda.apps.desk.history_models import Kind, Page
from alpha_panda.apps.desk.models import Command
from alpha_panda.errors import LogError
from tests.apps.api.asking import Served

PATHS = {kind: "/portfolio/equity" if kind == "equity" else f"/{kind}" for kind in get_args(Kind)}


async def exported(panda: Served, kind: str, form: str) -> str:
    """Return the file of a history."""
    asked = {"format": form}
    answer = await panda.client.get(f"/api/v1/histories/{kind}/export", headers={"as": "vera"}, params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="morning-{kind}.{form}"'
    return answer.text


def flat(row: dict[str, Any]) -> dict[str, str]:
    """Return a row as CSV has it."""
    cells: dict[str, str] = {}
    for name, value in row.items():
        inside = {f"{name}_{each}": its for each, its in value.items()} if isinstance(value, dict) else {name: value}
        cells |= {each: "" if its is None else str(its) for each, its in inside.items()}
    return cells


async def test_a_file_has_every_row_of_the_pages_in_their_order(panda: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exporting, "_PAGE", 7)
    for kind, path in PATHS.items():
        rows = await panda.all_rows(path, limit=500)
        lines = (await exported(panda, kind, "jsonl")).splitlines()
        assert [json.loads(line) for line in lines] == rows
        table = list(csv.DictReader(io.StringIO(await exported(panda, kind, "csv"))))
        assert table == [flat(row) for row in rows]


async def test_amounts_are_integers_and_instants_say_where_they_are(panda: Served):
    (fill, *_) = csv.DictReader(io.StringIO(await exported(panda, "fills", "csv")))
    itemised = [int(each) for name, each in fill.items() if name.startswith("charges_") and name != "charges_total_e4"]
    assert sum(itemised) == int(fill["charges_total_e4"])
    assert fill["time"].endswith("+05:30")
    assert int(fill["price_e4"]) > 0


async def test_no_text_of_a_person_is_calculated_by_a_spreadsheet(panda: Served, monkeypatch: pytest.MonkeyPatch):
    said = Command(time_ns=1, command="pause", strategy="", who="omar", reason='=HYPERLINK("http://evil","x"),\n')

    async def history(kind: str, cursor: str | None, limit: int) -> Page:
        return Page(rows=(said,), following=None)

    monkeypatch.setattr(panda.api.desk, "history", history)
    (row,) = csv.DictReader(io.StringIO(await exported(panda, "commands", "csv")))
    assert row["reason"] == f"'{said.reason}"
    assert json.loads(await exported(panda, "commands", "jsonl"))["reason"] == said.reason


async def test_a_history_that_cannot_be_read_is_no_empty_file(snap: Served):
    answer = await snap.client.get("/api/v1/histories/fills/export", headers={"as": "vera"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "log_away")


async def test_a_file_is_cut_off_where_the_log_goes_away(panda: Served, monkeypatch: pytest.MonkeyPatch):
    async def history(kind: str, cursor: str | None, limit: int) -> Page:
        if cursor:
            raise LogError("the broker went away")
        return Page(rows=(), following="more")

    monkeypatch.setattr(panda.api.desk, "history", history)
    with pytest.raises(LogError):
        async for _ in exporting._written(panda.api, "fills", await history("fills", None, 7), "jsonl"):
            pass
