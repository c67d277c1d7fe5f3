"""What people write to change a strategy's terms: `fast=10 size.value=0.5 interval=5m`, or a file of TOML."""

import copy
import pathlib
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from alpha_panda.config import StrategyTerms, read_toml
from alpha_panda.errors import ConfigurationError

_KEYS = {field.alias or name for name, field in StrategyTerms.model_fields.items()}

_READ = (bool, int, float, str, list)


def with_changes(terms: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """Return terms, as a table of a profile says them, with each `key=value` in place of what was there.

    A key without a dot that is none of the table's own is a parameter; `key=` takes the key out, so that its default
    counts. Raises ConfigurationError for what sets nothing.
    """
    told = copy.deepcopy(dict(terms))
    for change in changes:
        key, sign, text = change.partition("=")
        if not (sign and all(key.split("."))):
            raise ConfigurationError(f"{change!r} sets nothing: write it as fast=10 or size.value=0.5")
        path = key.split(".") if "." in key or key in _KEYS else ["parameters", key]
        table = _table(told, path[:-1], key)
        if text:
            table[path[-1]] = _value(path, text)
        else:
            table.pop(path[-1], None)
    return told


def terms_in(path: pathlib.Path, name: str) -> dict[str, Any]:
    """Return the terms of a strategy that a file of TOML says: alone, or as one of its `[[strategies]]`.

    Raises ConfigurationError for a file that cannot be read, or has none of that name.
    """
    document = read_toml(path)
    if "strategies" not in document:
        return {"name": name, **document}
    listed = document["strategies"]
    tables = cast("list[Any]", listed) if isinstance(listed, list) else []
    found = [cast("dict[str, Any]", each) for each in tables if isinstance(each, dict) and each.get("name") == name]
    if not found:
        raise ConfigurationError(f"{path} has no strategy {name} among its [[strategies]]")
    return found[0]


def _table(told: dict[str, Any], path: Sequence[str], key: str) -> dict[str, Any]:
    """Return the table in which a key stands, made where there is none."""
    table = told
    for part in path:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigurationError(f"{key} cannot be set: {part} is {inner!r}, and no table")
        table = cast("dict[str, Any]", inner)
    return table


def _value(path: Sequence[str], text: str) -> Any:
    """Return a value as TOML would read it; what is no number, truth, list or quoted text is text as it stands."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    if path == ["instruments"] and isinstance(value, str):
        return [each.strip() for each in value.split(",")]
    return value if type(value) in _READ else text
