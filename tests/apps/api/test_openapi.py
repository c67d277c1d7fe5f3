"""The documentation of the API: stable names, no answer without a type, and enough for a stranger to write a client."""

from typing import Any

import pytest

from alpha_panda.apps.api.routes import PREFIX, TAGS
from tests.apps.api.asking import documented

DOCUMENT = documented().openapi()
OPERATIONS: dict[str, Any] = {
    f"{method.upper()} {path.removeprefix(PREFIX)}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def test_every_operation_has_a_name_of_its_own():
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(names) == len(set(names))


def test_the_names_are_those_that_clients_were_written_for():
    names = {operation["operationId"] for operation in OPERATIONS.values()}
    assert {"picture", "portfolio", "positions", "orders", "order_lineage", "give_command", "export_logs"} <= names


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_says_what_it_does_and_what_it_answers(name: str):
    operation = OPERATIONS[name]
    assert operation["description"].strip().endswith(".")
    assert set(operation["tags"]) <= {tag["name"] for tag in TAGS}
    answers = operation["responses"]
    (success,) = [answers[status] for status in answers if status.startswith("2")]
    for kind, content in success["content"].items():
        assert content["schema"], f"{kind} is not described"
    for status, answer in answers.items():
        if int(status) >= 400:
            assert answer["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorAnswer"}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_declares_what_it_may_be_refused_with(name: str):
    operation = OPERATIONS[name]
    assert {"401", "403"} <= set(operation["responses"])
    if operation.get("parameters") or operation.get("requestBody"):
        assert "422" in operation["responses"]


def test_amounts_are_integers_and_instants_are_text():
    fields = [
        (name, field, schema)
        for name, model in DOCUMENT["components"]["schemas"].items()
        for field, schema in model.get("properties", {}).items()
    ]
    amounts = [each for each in fields if each[1].endswith("_e4")]
    assert amounts
    for name, field, schema in amounts:
        kinds = {each.get("type") for each in schema.get("anyOf", [schema])}
        assert kinds <= {"integer", "null"}, f"{name}.{field}"
    assert not [each for each in fields if each[1].endswith("_ns")]
