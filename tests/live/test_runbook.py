"""What operators read: every command that the runbook and the README of live tell them to type is one."""

import pathlib

import pytest

from tests.commands import commands_in, complaint

LIVE = pathlib.Path(__file__).parents[2] / "live"
COMMANDS = [(text.name, command) for text in sorted(LIVE.glob("*.md")) for command in dict.fromkeys(commands_in(text))]


@pytest.mark.parametrize(("text", "command"), COMMANDS)
def test_what_an_operator_is_told_to_type_is_a_command(text: str, command: str):
    assert not complaint(command), f"{text} tells to type: {command}"


@pytest.mark.parametrize("name", ["README.md", "RUNBOOK.md"])
def test_the_texts_do_hold_commands(name: str):
    assert sum(text == name for text, _ in COMMANDS) > 5


@pytest.mark.parametrize(
    "mistake",
    [
        "alpha-panda verfy",
        "alpha-panda verify --stat live/state/SESSION",
        "alpha-panda dlq replay LETTER --dry-run",
        "python -m alpha_panda.live --no-such-option 1",
    ],
)
def test_a_mistaken_command_is_noticed(mistake: str):
    assert complaint(mistake)
