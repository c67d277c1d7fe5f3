"""The shape of every message as JSON Schema, for readers in any language, and what may not change about it.

Structs are written as arrays. In the schema each place of an array has the field's name as its title, and a place that
an older message may lack has a default. Bytes are base64 as JSON writes them; in MessagePack, which is what stands on
the log, they are plain. Frames of ticks are records whose layout stands beside the schema.
"""

import json
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast, get_args

import msgspec

from alpha_panda.errors import ConfigurationError, LogError
from alpha_panda.kernels.records import EVENT
from alpha_panda.live.envelope import VERSION, Envelope

Schema = Mapping[str, Any]

REMEDY = "undo it, or raise envelope.VERSION and let envelope.decode migrate what was written before"
"""What to do about a change that older messages would not survive."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ANNOTATIONS = ("title", "description", "default")


def message_schema(root: type[msgspec.Struct] = Envelope) -> dict[str, Any]:
    """Return the JSON Schema of everything that may stand on the log: an envelope and, inside, one of its payloads."""
    (reference,), components = msgspec.json.schema_components([root])
    structs = _structs_of(root)
    definitions = {name: _titled(components[name], structs[name]) for name in sorted(components)}
    definitions = json.loads(json.dumps(definitions))  # as it is read from a file: JSON has lists, and no tuples
    return {
        "$schema": _DIALECT,
        "title": f"Messages of Alpha Panda, version {VERSION}",
        **reference,
        "$defs": definitions,
        "x-event": _event_layout(),
    }


def _structs_of(root: Any) -> dict[str, type[msgspec.Struct]]:
    """Return every struct that `root` is made of, by its name."""
    found: dict[str, type[msgspec.Struct]] = {}
    waiting = [root]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__name__ not in found:
            found[kind.__name__] = kind
            waiting += [field.type for field in msgspec.structs.fields(kind)]
        waiting += get_args(kind)
    return found


def _titled(schema: dict[str, Any], struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the schema of a struct with the name of each place, and its description on lines of their own."""
    names = [field.name for field in msgspec.structs.fields(struct)]
    if struct.__struct_config__.tag is not None:
        names.insert(0, "tag")
    places = [{"title": name, **place} for name, place in zip(names, schema["prefixItems"], strict=True)]
    described = re.sub(r"\s+", " ", schema["description"])
    return {**schema, "description": described, "prefixItems": places}


def _event_layout() -> list[dict[str, Any]]:
    """Return the fields of one event in a frame of ticks: numpy's name of its type, and the byte that it begins at."""
    fields = cast("Mapping[str, tuple[Any, int]]", EVENT.fields)
    return [{"name": name, "type": fields[name][0].str, "byte": fields[name][1]} for name in EVENT.names or ()]


def named(value: Any) -> Any:
    """Return a message as JSON knows it, with the names of its fields; bytes are hexadecimal."""
    if isinstance(value, msgspec.Struct):
        return {name: named(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): named(each) for key, each in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [named(each) for each in cast("Sequence[Any]", value)]
    return msgspec.to_builtins(value)


# ── What may not change within a version ─────────────────────────────────────────────────────────────────────────────


def violations(before: Schema, now: Schema) -> list[str]:
    """Return each way in which messages that `before` describes would be misread by `now`; none is compatible.

    A field may be added at the end with a default, a word to an enumeration, a kind of message to the envelope.
    Everything else needs a new version.
    """
    found = [trouble for name in before["$defs"] for trouble in _of_struct(name, before["$defs"], now["$defs"])]
    if before["x-event"] != now["x-event"]:
        found.append("the layout of an event in a frame of ticks is another one")
    return found


def _of_struct(name: str, before: Schema, now: Schema) -> Iterator[str]:
    if name not in now:
        yield f"{name} is gone"
        return
    old, new = before[name]["prefixItems"], now[name]["prefixItems"]
    for number, place in enumerate(old):
        field = f"{name}.{place['title']}"
        if number >= len(new):
            yield f"{field} is gone"
        elif place["title"] != new[number]["title"]:
            yield f"{field} is gone from its place, where {new[number]['title']} stands"
        else:
            yield from _of_field(field, place, new[number])
    yield from (
        f"{name}.{place['title']} is new and has no default" for place in new[len(old) :] if not _optional(place)
    )


def _of_field(field: str, old: Schema, new: Schema) -> Iterator[str]:
    if _optional(old) and not _optional(new):
        yield f"{field} has lost its default, which older messages rely on"
    elif _optional(old) and old["default"] != new["default"]:
        yield f"{field} has the default {new['default']!r} instead of {old['default']!r}"
    kept = _alternatives(new)
    for alternative in _alternatives(old):
        if alternative not in kept:
            yield f"{field} may no longer be {alternative}"


def _optional(place: Schema) -> bool:
    return "default" in place


def _alternatives(schema: Schema) -> list[str]:
    """Return everything that a place may hold, in words that are equal exactly where two mean the same."""
    if "anyOf" in schema:
        return [each for inner in schema["anyOf"] for each in _alternatives(inner)]
    if "enum" in schema:
        return [f"the word {word!r}" for word in schema["enum"]]
    if "$ref" in schema:
        return [f"a {schema['$ref'].rpartition('/')[2]}"]
    if schema.get("items"):
        return [f"a list with {each}" for each in _alternatives(schema["items"])]
    if schema.get("additionalProperties"):
        return [f"a table with {each}" for each in _alternatives(schema["additionalProperties"])]
    details = {key: each for key, each in schema.items() if key not in (*_ANNOTATIONS, "type")}
    return [f"of type {schema['type']}{f' with {json.dumps(details)}' if details else ''}"]


# ── The schema that is kept ──────────────────────────────────────────────────────────────────────────────────────────


def kept_path(directory: pathlib.Path) -> pathlib.Path:
    """Return the file in `directory` that holds the schema of this version."""
    return directory / f"v{VERSION}.json"


def export(directory: pathlib.Path) -> pathlib.Path:
    """Write the schema of this version, and return its path; LogError where the one there is of incompatible messages.

    So nobody repairs a check that failed by writing the schema anew.
    """
    path = kept_path(directory)
    now = message_schema()
    broken = violations(_read(path), now) if path.exists() else []
    if broken:
        raise LogError(f"{broken[0]}: messages that {path} describes would be misread; {REMEDY}")
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def check(directory: pathlib.Path) -> list[str]:
    """Return what is wrong with the messages as they are now, beside the schema that is kept in `directory`.

    Raises ConfigurationError where none is kept.
    """
    path = kept_path(directory)
    before, now = _read(path), message_schema()
    broken = [f"{each}; {REMEDY}" for each in violations(before, now)]
    if not broken and before != now:
        return [f"{path} lacks what was added since: run `alpha-panda schemas export`"]
    return broken


def _read(path: pathlib.Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"there is no schema {path}: write it with `alpha-panda schemas export`") from None
    except ValueError as error:
        raise ConfigurationError(f"the schema {path} cannot be read, {error}: restore it") from None
