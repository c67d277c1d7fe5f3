"""The workspace: the folders in which a user works, and where the ones that we ship are found.

An installed package carries them inside itself, a checkout has them at its root: there is one original of each file.
"""

import pathlib
from typing import NamedTuple

from alpha_panda.errors import ConfigurationError

_PACKAGE = pathlib.Path(__file__).parent

_SHIPPED = ("strategies/*.py", "strategies/README.md", "live/*.toml", "live/*.md", "backtest/*.toml", "notebooks/*.py")
_IGNORED = """\
# What a run produces: the catalog, results and live state.
/data/
/backtest/results/
/live/state/
/live/alpha_panda.db*
__marimo__/
__pycache__/

# Secrets come from the environment, never from a file in git.
.env
"""


class Scaffold(NamedTuple):
    """What became of the files of a workspace, each by its path below the root."""

    root: pathlib.Path
    written: tuple[str, ...]
    kept: tuple[str, ...]  # there already, and left as they were


def shipped_root() -> pathlib.Path:
    """Return the folder below which our own strategies, profiles, studies and notebooks lie."""
    packaged = _PACKAGE / "workspace_files"
    return packaged if packaged.is_dir() else _PACKAGE.parent


def own_or_shipped(folder: str) -> pathlib.Path:
    """Return a folder of the working directory, as `notebooks`; where it has none, the one that we ship."""
    own = pathlib.Path(folder)
    return own if own.is_dir() else shipped_root() / folder


def scaffold(root: pathlib.Path) -> Scaffold:
    """Fill `root` with the folders of a workspace; a file that is there already is never touched.

    Raises ConfigurationError where `root` is a file or cannot be written.
    """
    if root.exists() and not root.is_dir():
        raise ConfigurationError(f"{root} is a file: name a folder for the workspace, which need not exist yet")
    contents = {".gitignore": _IGNORED.encode()} | _shipped()
    kept = tuple(place for place in contents if (root / place).exists())
    written = tuple(place for place in contents if place not in kept)
    try:
        for place in written:
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            (root / place).write_bytes(contents[place])
        (root / "data").mkdir(exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the workspace {root} cannot be written: {error}") from error
    return Scaffold(root, written, kept)


def _shipped() -> dict[str, bytes]:
    """Return the bytes of every file that a new workspace is given, by its place below the root."""
    origin = shipped_root()
    found = [path for pattern in _SHIPPED for path in sorted(origin.glob(pattern))]
    return {path.relative_to(origin).as_posix(): path.read_bytes() for path in found}
