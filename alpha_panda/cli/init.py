"""`alpha-panda init`: a workspace of one's own, with strategies, profiles, studies and notebooks to begin from."""

import pathlib
from typing import Annotated

from cyclopts import Parameter

from alpha_panda.cli.options import Json
from alpha_panda.terminal import print_json, show, table
from alpha_panda.workspace import scaffold


def init(
    root: Annotated[pathlib.Path, Parameter(name="FOLDER", help="Where; the folder need not exist.")] = pathlib.Path(),
    /,
    *,
    json: Json = False,
) -> None:
    """Make a workspace: fill a folder with all that one begins with; what is there already is never touched."""
    made = scaffold(root)
    if json:
        print_json(made._asdict())
        return
    rows = [(place, "written") for place in made.written] + [(place, "kept as it was") for place in made.kept]
    show(table(f"The workspace {root.resolve()}", ("file", ""), sorted(rows)))
    ingest, backtest = "alpha-panda data ingest FILE_OR_FOLDER", "alpha-panda backtest live/paper.toml"
    steps = ("alpha-panda live --web-port 8000", "alpha-panda research", f"{ingest}, and then", backtest)
    show("next, in that folder:", *(f"  {step}" for step in steps))
