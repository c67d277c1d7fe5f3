"""Command lines that people read somewhere: found in texts, and held against the real command lines."""

import pathlib
import re
import shlex
from collections.abc import Iterator

from cyclopts import App, CycloptsError, MissingArgumentError

from alpha_panda.cli import app as alpha_panda
from alpha_panda.cli.live import app as live

# How a command of ours begins, wherever it is run, and which command line reads it.
_BEGINNINGS: tuple[tuple[str, App], ...] = (
    ("python -m alpha_panda.live", live),
    ("alpha-panda", alpha_panda),
)
_RUN_IN = re.compile(r"(?:[A-Z_]+=\S* )*(?:docker compose (?:exec|run --rm(?: --no-deps)?) \w+ )?(?:\.venv/bin/)?")

# What a reader puts something of their own in place of.
_PLACEHOLDERS = {
    "SESSION": "2026-11-20",
    "LETTER": "ABCDEF",
    "FRAME": "100",
    "ORDER_ID": "7",
    "STATE_DIRECTORY": "live/state/2026-11-20",
}


def commands_in(markdown: pathlib.Path, language: str = r"\w*") -> Iterator[str]:
    """Yield the commands of ours that stand in a text, between backticks or in lines of code, of `language` if told."""
    text = markdown.read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    for line in (*(line for block in blocks for line in block.splitlines()), *spans):
        command = _RUN_IN.sub("", line.split(" #")[0].strip(), count=1)
        if any(command == beginning or command.startswith(f"{beginning} ") for beginning, _ in _BEGINNINGS):
            yield command


def complaint(command: str) -> str:
    """Return what the command line says against a command; empty when it would run, or is only called by its name."""
    app, words = next(
        (app, command.removeprefix(beginning)) for beginning, app in _BEGINNINGS if command.startswith(beginning)
    )
    for placeholder, value in _PLACEHOLDERS.items():
        words = re.sub(rf"\b{placeholder}\b", value, words)
    try:
        app.parse_args(shlex.split(words), exit_on_error=False, print_error=False)
    except MissingArgumentError as error:
        return str(error) if " --" in words else ""
    except CycloptsError as error:
        return str(error)
    return ""
