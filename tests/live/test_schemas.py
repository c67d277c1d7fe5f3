"""The schema describes the messages, and whatever would misread an older one is found."""

import copy
import json
import pathlib
from typing import Any, Literal

import jsonschema
import msgspec
import pytest

from alpha_panda.errors import ConfigurationError, LogError
from alpha_panda.kernels.records import EVENT
from alpha_panda.live.envelope import VERSION, Envelope
from alpha_panda.live.schemas import check, export, kept_path, message_schema, violations
from tests.live.schemas.recorded import FOLDER, envelopes


def as_json(envelope: Envelope) -> Any:
    return json.loads(msgspec.json.encode(envelope))


# ── What it says ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("envelope", list(envelopes()), ids=lambda envelope: envelope.type)
def test_the_schema_describes_every_message(envelope: Envelope):
    jsonschema.validate(as_json(envelope), message_schema())


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(message_schema())


@pytest.mark.parametrize("place", range(9), ids=[field.name for field in msgspec.structs.fields(Envelope)][:9])
def test_the_schema_refuses_what_is_no_message(place: int):
    message = as_json(next(envelopes()))
    message[place] = None
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(message, message_schema())


def test_each_place_of_an_array_has_the_name_of_its_field():
    places = message_schema()["$defs"]["Signal"]["prefixItems"]
    names = ["tag", "strategy", "instrument_token", "target", "volatility", "cause"]
    assert [place["title"] for place in places] == names


def test_an_event_in_a_frame_can_be_read_without_this_program():
    """Fields, types and places are all that `struct` in any language needs: here, numpy's own view of the layout."""
    layout = message_schema()["x-event"]
    assert {each["name"]: (each["type"], each["byte"]) for each in layout} == {
        name: (EVENT.fields[name][0].str, EVENT.fields[name][1]) for name in EVENT.names
    }


# ── The check in CI ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_written_in_this_version_can_still_be_read():
    """Where this fails, a message changed: what is found says what to do, an addition is only to be exported."""
    assert check(FOLDER) == []


# ── What may change ──────────────────────────────────────────────────────────────────────────────────────────────────


def schema_of(*fields: Any, tag: str = "order") -> dict[str, Any]:
    """Return the schema of a log whose only message is an order with these fields."""
    told = {"__doc__": "An order."}
    order = msgspec.defstruct("Order", fields, namespace=told, array_like=True, tag=tag)
    note = msgspec.defstruct("Note", [("text", str)], namespace=told, array_like=True, tag="note")
    return message_schema(msgspec.defstruct("Envelope", [("data", order | note)], namespace=told, array_like=True))


QUANTITY, SIDE, LIMIT = ("quantity", int), ("side", Literal["BUY", "SELL"]), ("limit_e4", int, 0)
BEFORE = schema_of(QUANTITY, SIDE, LIMIT)


@pytest.mark.parametrize(
    "now",
    [
        schema_of(QUANTITY, SIDE, LIMIT),
        schema_of(QUANTITY, SIDE, LIMIT, ("note", str, "")),
        schema_of(QUANTITY, ("side", Literal["BUY", "SELL", "SHORT"]), LIMIT),
        schema_of(("quantity", int | None), SIDE, LIMIT),
        schema_of(QUANTITY, SIDE, ("limit_e4", int | str, 0)),
    ],
    ids=["nothing", "a field at the end", "a word more", "a value that may be absent", "a type more"],
)
def test_an_addition_is_compatible(now: dict[str, Any]):
    assert violations(BEFORE, now) == []


CHANGES = {
    "dropped": ((QUANTITY, SIDE), "Order.limit_e4 is gone"),
    "swapped": ((SIDE, QUANTITY, LIMIT), "Order.quantity is gone from its place, where side stands"),
    "inserted": ((QUANTITY, ("buys", bool), SIDE, LIMIT), "Order.side is gone from its place, where buys stands"),
    "renamed": ((("amount", int), SIDE, LIMIT), "Order.quantity is gone from its place, where amount stands"),
    "required": ((QUANTITY, SIDE, ("limit_e4", int)), "Order.limit_e4 has lost its default"),
    "other default": ((QUANTITY, SIDE, ("limit_e4", int, 1)), "Order.limit_e4 has the default 1 instead of 0"),
    "money as float": ((("quantity", float), SIDE, LIMIT), "Order.quantity may no longer be of type integer"),
    "other type": ((("quantity", str), SIDE, LIMIT), "Order.quantity may no longer be of type integer"),
    "word dropped": ((QUANTITY, ("side", Literal["BUY"]), LIMIT), "Order.side may no longer be the word 'SELL'"),
    "other word": ((QUANTITY, ("side", Literal["BUY", "SOLD"]), LIMIT), "Order.side may no longer be the word 'SELL'"),
}


@pytest.mark.parametrize(("fields", "found"), CHANGES.values(), ids=list(CHANGES))
def test_a_change_that_would_misread_older_messages_is_found(fields: Any, found: str):
    assert violations(BEFORE, schema_of(*fields))[0].startswith(found)


def test_another_tag_is_found():
    now = schema_of(QUANTITY, SIDE, LIMIT, tag="trade")
    assert violations(BEFORE, now) == ["Order.tag may no longer be the word 'order'"]


def test_a_new_field_without_a_default_is_found_since_older_messages_lack_it():
    before = schema_of(QUANTITY, SIDE)
    assert violations(before, schema_of(QUANTITY, SIDE, ("note", str))) == ["Order.note is new and has no default"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (int | None, int),
        (tuple[int, ...], tuple[str, ...]),
        (dict[str, bytes], dict[str, str]),
        (bytes, str),
        (tuple[int, str], tuple[int, int]),
    ],
    ids=str,
)
def test_a_type_that_narrows_is_found_however_deep_it_lies(old: Any, new: Any):
    assert len(violations(schema_of(("it", old)), schema_of(("it", new)))) == 1
    assert violations(schema_of(("it", old)), schema_of(("it", old | bool))) == []


def test_a_kind_of_message_that_is_no_longer_read_is_found():
    now = copy.deepcopy(BEFORE)
    del now["$defs"]["Note"]
    now["$defs"]["Envelope"]["prefixItems"][0]["anyOf"].pop()
    assert violations(BEFORE, now) == ["Envelope.data may no longer be a Note", "Note is gone"]


def test_another_layout_of_events_is_found():
    now = copy.deepcopy(BEFORE)
    now["x-event"][3]["type"] = "<i4"
    assert violations(BEFORE, now) == ["the layout of an event in a frame of ticks is another one"]


# ── The file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def change_fill(directory: pathlib.Path, **fields: Any) -> None:
    """Rewrite the kept schema as if the second field of a fill had been another one."""
    kept = json.loads(kept_path(directory).read_text())
    kept["$defs"]["Fill"]["prefixItems"][2].update(fields)
    kept_path(directory).write_text(json.dumps(kept))


def test_the_check_names_struct_and_field_and_what_to_do(tmp_path: pathlib.Path):
    export(tmp_path)
    change_fill(tmp_path, type="string")
    (found,) = check(tmp_path)
    assert found == (
        "Fill.order_id may no longer be of type string; undo it, or raise envelope.VERSION "
        "and let envelope.decode migrate what was written before"
    )


def test_a_check_that_failed_cannot_be_exported_away(tmp_path: pathlib.Path):
    export(tmp_path)
    change_fill(tmp_path, title="order")
    before = kept_path(tmp_path).read_bytes()
    with pytest.raises(LogError, match=r"Fill\.order is gone from its place.*raise envelope\.VERSION"):
        export(tmp_path)
    assert kept_path(tmp_path).read_bytes() == before


def test_an_addition_is_to_be_exported(tmp_path: pathlib.Path):
    export(tmp_path)
    kept = json.loads(kept_path(tmp_path).read_text())
    kept["$defs"]["StageReport"]["prefixItems"].pop()
    kept_path(tmp_path).write_text(json.dumps(kept))
    assert check(tmp_path) == [f"{kept_path(tmp_path)} lacks what was added since: run `alpha-panda schemas export`"]
    export(tmp_path)
    assert check(tmp_path) == []


def test_a_schema_that_is_absent_or_damaged_is_said(tmp_path: pathlib.Path):
    with pytest.raises(ConfigurationError, match=f"no schema .*v{VERSION}.json: write it with"):
        check(tmp_path)
    kept_path(tmp_path).write_text("{")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        check(tmp_path)
