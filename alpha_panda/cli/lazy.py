"""Commands that are imported when they are asked for, while their docstrings are their help from the beginning."""

import ast
import pathlib
from collections.abc import Mapping

from cyclopts import App

_ROOT = pathlib.Path(__file__).parents[2]


def register(app: App, commands: Mapping[str, str]) -> None:
    """Add commands to `app` in their order: by the name of each, its function as `module:function`."""
    for place, (name, target) in enumerate(commands.items()):
        app.command(target, name=name, help=_docstring(*target.split(":")), sort_key=place)


def _docstring(module: str, function: str) -> str:
    """Return the docstring of a function as it stands in its file, for an import would take as long as the command."""
    path = _ROOT / module.replace(".", "/")
    nodes = ast.parse(path.with_suffix(".py").read_text(encoding="utf-8")).body
    found = next(node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == function)
    return ast.get_docstring(found) or ""
