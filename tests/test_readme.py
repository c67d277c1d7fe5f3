"""The README keeps its word: every command is one, every file is there, no command and no exit code is forgotten."""

import pathlib
import re
from collections.abc import Iterator

import pytest

from alpha_panda import terminal
from alpha_panda.cli import app
from alpha_panda.cli.alerts import UNDELIVERED
from alpha_panda.cli.control import UNANSWERED
from alpha_panda.cli.findings import FAILED
from alpha_panda.cli.status import KILLED, UNWELL
from alpha_panda.errors import AlphaPandaError
from tests.commands import commands_in, complaint

ROOT = pathlib.Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = tuple(dict.fromkeys(commands_in(ROOT / "README.md", language="sh")))


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_reader_is_told_to_type_is_a_command(command: str):
    assert not complaint(command), f"README.md tells to type: {command}"


def test_the_list_of_commands_names_all_of_them():
    listed = TEXT.partition("## The command line")[2].partition("Every command takes")[0]
    known = {name for name in app if not name.startswith("-")}
    assert {name for name in known if not re.search(rf"(alpha-panda |`){name}\b", listed)} == set()
    assert set(re.findall(r"^alpha-panda (\w+)", listed, re.MULTILINE)) <= known


def test_every_file_that_it_names_is_there():
    named = [*re.findall(r"\]\(([^)#:]+)\)", TEXT), *re.findall(r"`((?:tests|alpha_panda)/[\w./]+)`", TEXT)]
    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_it_says_what_every_exit_code_means():
    said = TEXT.partition("Exit codes: ")[2].partition("\n\n")[0]
    told = [int(code) for code in re.findall(r"(?:^|,\s)(\d+) ", said)]
    of_commands = (FAILED, UNANSWERED, UNWELL, KILLED, UNDELIVERED)
    of_all = (
        terminal.SUCCESS,
        terminal.BAD_ARGUMENTS,
        terminal.UNEXPECTED,
        terminal.REFUSED_FILE,
        terminal.INTERRUPTED,
        terminal.UNREAD,
    )
    assert told == sorted({*of_commands, *of_all, *(kind.exit_code for kind in descendants(AlphaPandaError))})


def descendants(kind: type[AlphaPandaError]) -> Iterator[type[AlphaPandaError]]:
    """Yield every kind of error below one."""
    for each in kind.__subclasses__():
        yield each
        yield from descendants(each)
