"""What tests of mistakes have in common: the command, how it refuses, and profiles with something changed."""

import contextlib
import io
import json
import pathlib
import shutil
from typing import NamedTuple

from alpha_panda import terminal
from alpha_panda.cli.live import app
from alpha_panda.errors import (
    AlphaPandaError,
)
from tests.live.trading import (
    PAPER_TOML,
    ROOT,
    SYMBOLS,
    market,
    replayed,
)

COMPANIES = ("--instruments", ",".join(SYMBOLS))


class Answer(NamedTuple):
    """What the command left behind: its exit code, stdout and stderr."""

    code: int
    output: str
    complaint: str


def live(*arguments: object) -> Answer:
    """Trade the day of two companies as fast as possible, by the command line; the profile comes first where given."""
    given = list(map(str, arguments))
    if not given[0].endswith(".toml"):
        given.insert(0, str(PAPER_TOML))
    if "--instruments" not in given:
        given += COMPANIES
    with contextlib.redirect_stdout(io.StringIO()) as output, contextlib.redirect_stderr(io.StringIO()) as complaint:
        code = terminal.run(app, [*given, "--speed", "max", "--json"])
    return Answer(code, output.getvalue(), complaint.getvalue())


def refused(answer: Answer, kind: type[AlphaPandaError], *parts: str) -> None:
    """Check that a command said why in one sentence, with the exit code of that kind of error, and nothing else."""
    assert (answer.code, answer.output) == (kind.exit_code, ""), answer.complaint
    sentence = answer.complaint.removeprefix("error: ")
    assert sentence.count("\n") == 1, answer.complaint
    for part in parts:
        assert part in sentence


def trades_the_day(answer: Answer) -> None:
    """Check that a command traded as if nothing had ever been wrong."""
    assert (answer.code, answer.complaint) == (0, "")
    assert json.loads(answer.output) == replayed(market()[1]).summary()


def changed_profile(folder: pathlib.Path, *changes: tuple[str, str]) -> pathlib.Path:
    """Write the paper profile with some of its text replaced, beside a copy of the strategies; return its path."""
    text = PAPER_TOML.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    shutil.copytree(ROOT / "strategies", folder / "strategies", dirs_exist_ok=True)
    profile = folder / "live" / "changed.toml"
    profile.parent.mkdir(exist_ok=True)
    profile.write_text(text)
    return profile


def in_partitions(partitions: int) -> tuple[str, str]:
    """Return the change of the profile that spreads its ticks over so many."""
    return "[feed]", f"[log]\npartitions = {partitions}\n\n[feed]"
