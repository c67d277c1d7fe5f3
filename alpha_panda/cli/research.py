"""`alpha-panda research`: the notebooks of this workspace, opened in a browser to edit or to use as an app."""

import importlib.util
import pathlib
import subprocess
import sys
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from alpha_panda.cli.options import Json
from alpha_panda.errors import ConfigurationError
from alpha_panda.strategy import did_you_mean
from alpha_panda.terminal import print_json
from alpha_panda.workspace import own_or_shipped


def research(
    notebook: Annotated[str | None, Parameter(name="NOTEBOOK", help="Its name, or the path of its file.")] = None,
    /,
    *,
    app: Annotated[bool, Parameter(negative=(), help="Show it as an app, without its code.")] = False,
    port: Annotated[int | None, Parameter(validator=Number(gte=1, lte=65_535), help="Where to serve it.")] = None,
    headless: Annotated[bool, Parameter(negative=(), help="Open no browser.")] = False,
    json: Json = False,
) -> int:
    """Open a notebook, or the folder of them; with --json only say which there are and what would be run."""
    command = _command(_place(notebook, app), app, port, headless)
    if json:
        print_json({"notebooks": {path.stem: path for path in _notebooks()}, "command": command})
        return 0
    if importlib.util.find_spec("marimo") is None:
        raise ConfigurationError("notebooks need marimo: install it with `pip install alpha-panda[notebooks]`")
    return subprocess.run(command, check=False).returncode


def _command(place: pathlib.Path, app: bool, port: int | None, headless: bool) -> list[str]:
    options = [] if port is None else ["--port", str(port)]
    options += ["--headless"] if headless else []
    return [sys.executable, "-m", "marimo", "run" if app else "edit", str(place), *options]


def _place(notebook: str | None, app: bool) -> pathlib.Path:
    """Return the notebook that was meant, or the folder of all; ConfigurationError if there is none of the name."""
    known = {path.stem: path for path in _notebooks()}
    if notebook is None:
        if app:
            raise ConfigurationError(f"name the notebook to show as an app: {', '.join(known)}")
        return own_or_shipped("notebooks")
    path = known.get(notebook, pathlib.Path(notebook))
    if not path.is_file():
        raise ConfigurationError(
            f"there is no notebook {notebook!r}{did_you_mean(notebook, known)}: {', '.join(known)}"
        )
    return path


def _notebooks() -> list[pathlib.Path]:
    return sorted(path for path in own_or_shipped("notebooks").glob("*.py") if not path.stem.startswith("_"))
