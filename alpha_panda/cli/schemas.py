"""`alpha-panda schemas`: the messages of the log as JSON Schema, and whether older ones can still be read."""

import pathlib
from typing import Annotated

from cyclopts import Parameter

from alpha_panda.cli.options import Json
from alpha_panda.live.envelope import VERSION
from alpha_panda.live.schemas import check, export, kept_path
from alpha_panda.terminal import print_json, show

BROKEN = 1

Directory = Annotated[pathlib.Path, Parameter("--out", help="The folder of the schemas, one file for each version.")]

_KEPT = pathlib.Path("tests/live/schemas")


def export_schemas(*, directory: Directory = _KEPT, json: Json = False) -> None:
    """Write the JSON Schema of every message, unless it would hide that older messages can no longer be read."""
    path = export(directory)
    if json:
        print_json({"version": VERSION, "path": path})
    else:
        show(f"version {VERSION} of every message is described in {path}")


def check_schemas(*, directory: Directory = _KEPT, json: Json = False) -> int:
    """Hold the messages as they are now against the schema that is kept; the exit code is 1 where they differ.

    Fields may be added at the end, with a default, and words to an enumeration. All else needs a new version.
    """
    found = check(directory)
    if json:
        print_json({"version": VERSION, "path": kept_path(directory), "compatible": not found, "violations": found})
    else:
        show(*found or [f"every message that {kept_path(directory)} describes can be read"])
    return BROKEN if found else 0
