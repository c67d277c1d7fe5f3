"""The documentation of the API: stable names, no answer without a type, and enough for a stranger to write a client."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from alpha_panda.apps.api.routes import PREFIX, TAGS
from tests.apps.api.asking import Served, documented

DOCUMENT = documented().openapi()
OPERATIONS: dict[str, Any] = {
    f"{method.upper()} {path.removeprefix(PREFIX)}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def test_every_operation_has_a_name_of_its_own():
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(names) == len(set(names))


NAMES = """
account acknowledge_alert add_user alert alert_history alerts audit bars boot commands configured_strategies curve
dead_letters decisions delays disable_strategy disable_user enable_strategy enable_user equity export_history
export_logs feed fills give_command happenings instrument instrument_fills instruments limits order_lineage orders
orders_now pause_strategy picture pipeline portfolio positions refusal_counts refusal_lineage refusals resolve_alert
resume_strategy search_logs services session sessions set_role set_strategy signals stages strategies strategy
strategy_versions stream suppress_alert system tail_logs test_alerts users
"""
"""By which clients that were made of the document call the operations: none of them may change or go."""


def test_the_names_are_those_that_clients_were_written_for():
    assert {operation["operationId"] for operation in OPERATIONS.values()} == set(NAMES.split())


def test_a_page_is_asked_for_and_answered_alike_everywhere():
    paged = [each for each in OPERATIONS.values() if "cursor" in (names := parameters_of(each)) and "limit" in names]
    assert len(paged) >= 11
    for operation in paged:
        answer = schema_of(operation["responses"]["200"]["content"]["application/json"]["schema"])
        assert set(answer["properties"]) == {"rows", "following"}
        assert parameters_of(operation)["limit"]["schema"]["maximum"] == 500


def test_every_model_has_a_plain_name_and_is_described_and_nothing_is_of_any_type():
    for name, model in DOCUMENT["components"]["schemas"].items():
        assert re.fullmatch("[A-Za-z_]{,30}", name), name
        assert model["description"], name
    for operation in OPERATIONS.values():
        for name, parameter in parameters_of(operation).items():
            assert parameter["description"], f"{operation['operationId']} {name}"
    assert set(untyped(DOCUMENT)) == set()


def test_the_subjects_come_in_order_and_what_all_have_in_common_is_said():
    assert [tag["name"] for tag in DOCUMENT["tags"]] == [tag["name"] for tag in TAGS]
    for word in ("_e4", "Pages", "following", "X-Correlation-ID", "RateLimit-Remaining", "request_id", "bearer"):
        assert word in DOCUMENT["info"]["description"]


async def test_a_client_that_knows_nothing_but_the_document_reads_all_there_is(panda: Served):
    """It fills in the examples of the document, and what comes back is of the schema that the document has for it."""
    read = 0
    for path, methods in DOCUMENT["paths"].items():
        content = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if "application/json" not in content:
            continue
        needed = {
            each["name"]: each["schema"]["examples"][0]
            for each in methods["get"].get("parameters", [])
            if each["required"]
        }
        answer = await panda.client.get(path.format(**needed), headers={"as": "asha"})
        declared = methods["get"]["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.json(), {**declared, "components": DOCUMENT["components"]})
        read += answer.status_code == 200
    assert read >= 34


def parameters_of(operation: Any) -> dict[str, Any]:
    """Return the parameters of an operation by their names."""
    return {each["name"]: each for each in operation.get("parameters", [])}


def schema_of(schema: Any) -> Any:
    """Return the schema that another one refers to."""
    return DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]


def untyped(schema: Any, place: str = "") -> Iterator[str]:
    """Yield where a schema says nothing of what may stand there."""
    if isinstance(schema, list):
        for number, each in enumerate(schema):
            yield from untyped(each, f"{place}/{number}")
    elif isinstance(schema, dict):
        for name, each in schema.items():
            if name in ("schema", "items") and not set(each) & {"$ref", "type", "anyOf", "oneOf", "enum", "const"}:
                yield f"{place}/{name}"
            if name == "properties":
                for field, its in each.items():
                    if not set(its) & {"$ref", "type", "anyOf", "oneOf", "enum", "const"}:
                        yield f"{place}/{name}/{field}"
            yield from untyped(each, f"{place}/{name}")


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_says_what_it_does_and_what_it_answers(name: str):
    operation = OPERATIONS[name]
    assert operation["summary"]
    assert operation["description"].strip().endswith((".", "sleep(3)"))
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
