"""Every figure that the dashboard shows can be had through the API: its own code says where it has each from."""

import ast
import dataclasses
import pathlib
from typing import Any

import pytest
from pydantic import BaseModel

from alpha_panda.apps import dashboard
from alpha_panda.apps.alerts.models import AlarmBoard
from alpha_panda.apps.api.models import AuditRow, Boot, KeptAlert, LogLine, StrategyVersion
from alpha_panda.apps.api.routes import PREFIX
from alpha_panda.apps.desk.history_models import Bar, FillsFound, Lineage
from alpha_panda.apps.desk.models import Command, InstrumentTerms, Picture, SessionListing
from alpha_panda.database import alerts, audit, strategies
from alpha_panda.live.watch.loglines import Line
from tests.apps.api.asking import Served, documented

DOCUMENT = documented().openapi()
SCHEMAS = DOCUMENT["components"]["schemas"]
CODE = {
    path.stem: ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(pathlib.Path(dashboard.__path__[0]).glob("*.py"))
}

SOURCES: dict[str, tuple[str, type[BaseModel]]] = {
    "desk.picture": ("/picture", Picture),
    "desk.boot_id": ("/boot", Boot),
    "desk.instruments": ("/instruments", InstrumentTerms),
    "desk.bars": ("/instruments/{symbol}/bars", Bar),
    "desk.fills_of": ("/instruments/{symbol}/fills", FillsFound),
    "desk.lineage": ("/orders/{order_id}/lineage", Lineage),
    "desk.lineage_of": ("/refusals/{cursor}/lineage", Lineage),
    "desk.history": ("/commands", Command),
    "desk.sessions": ("/sessions", SessionListing),
    "desk.state": ("/logs/tail", LogLine),  # whose logs are followed
    "database.alerts": ("/alerts/history", KeptAlert),
    "database.audit": ("/audit", AuditRow),
    "database.strategies": ("/strategies/{name}/versions", StrategyVersion),
    "parts.board": ("/alerts", AlarmBoard),
}
"""Where the dashboard's figures come from, the route that has the same, and as what."""

KEPT = {KeptAlert: alerts.AlertRow, AuditRow: audit.AuditRow, StrategyVersion: strategies.StrategyVersion}
"""What the database keeps, which the pages show as it is."""

COMPUTED = {
    "killed": ("/portfolio", "killed"),
    "gross_e4 / account.equity_e4": ("/portfolio/limits", "used"),  # of the limit `gross_fraction`
    "used / limit.allowed": ("/portfolio/limits", "allowed"),
}
"""What the pages make of several fields, and the route and the field that has it, or the last of them."""


def asked_of(tree: ast.Module) -> set[str]:
    """Return what a module of the dashboard asks the desk, the database and the alarms for."""
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            match node.value:
                case ast.Attribute(attr="desk" | "database" as owner) | ast.Name(id="desk" | "database" as owner):
                    found.add(f"{owner}.{node.attr}")
                case ast.Name(id="parts") if node.attr in ("board", "picture"):
                    found.add(f"parts.{node.attr}" if node.attr == "board" else "desk.picture")
                case _:
                    pass
    return found


def names_in(schema: Any, seen: frozenset[str] = frozenset()) -> set[str]:
    """Return the names of all fields in a schema of the document, and in those that it is made of."""
    if isinstance(schema, list):
        return set().union(*(names_in(each, seen) for each in schema))
    if not isinstance(schema, dict):
        return set()
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        return set() if name in seen else names_in(SCHEMAS[name], seen | {name})
    own = set(schema.get("properties", {}))
    return own.union(*(names_in(each, seen) for each in schema.values()))


def fields_of(path: str) -> set[str]:
    """Return the names of all fields that a route answers with."""
    return names_in(
        DOCUMENT["paths"][PREFIX + path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    )


def test_the_dashboard_has_its_figures_from_nowhere_else():
    asked = set().union(*map(asked_of, CODE.values()))
    assert asked == set(SOURCES), "name the route that has the same, or add one"


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_a_source_of_the_dashboard_has_a_route_with_every_field(source: str):
    path, model = SOURCES[source]
    schema = model.model_json_schema(mode="serialization", by_alias=True)
    expected = set(schema["properties"]).union(
        *(each.get("properties", {}) for each in schema.get("$defs", {}).values())
    )
    assert expected <= fields_of(path)


@pytest.mark.parametrize("model", KEPT, ids=lambda model: model.__name__)
def test_a_row_of_the_database_is_shown_with_every_field(model: type[BaseModel]):
    assert {field.name for field in dataclasses.fields(KEPT[model])} == set(model.model_fields)


def test_a_line_of_the_logs_is_shown_with_every_field():
    assert set(Line._fields) == set(LogLine.model_fields)


def test_what_the_pages_compute_of_a_picture_can_be_had_too():
    """A property of the picture is no field of its JSON, and a share of two figures is one of another route."""
    properties = {name for name, each in vars(Picture).items() if isinstance(each, property)}
    divisions = {
        ast.unparse(node).partition(".")[2]
        for tree in CODE.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
        if isinstance(node.left, ast.Attribute) and isinstance(node.right, ast.Attribute)
    }
    assert properties | divisions == set(COMPUTED)
    for path, field in COMPUTED.values():
        assert field in fields_of(path)


async def test_the_fills_of_an_instrument_are_those_of_the_desk(panda: Served):
    (first, *_) = (await panda.get("/fills"))["rows"]
    found = await panda.get(f"/instruments/{first['symbol']}/fills")
    shown = await panda.all_rows("/fills")
    assert found["rows"] == [each for each in shown if each["symbol"] == first["symbol"]]
    assert (found["looked"], found["all"]) == (len(shown), True)
    other = await panda.client.get("/api/v1/instruments/NSE:NOBODY/fills", headers={"as": "vera"})
    assert (other.status_code, other.json()["error"]["code"]) == (404, "not_found")
