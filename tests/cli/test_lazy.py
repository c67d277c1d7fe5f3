"""Help at once: what a command says of itself is told without importing what it runs on."""

import subprocess
import sys

import pytest

from tests.cli.conftest import ROOT, Command


@pytest.mark.parametrize("words", [["--help"], ["data", "--help"], ["data", "actions", "--help"]])
def test_a_list_of_commands_imports_none_of_them(words: list[str]):
    heavy = "{'duckdb', 'numba', 'numpy', 'polars', 'pydantic'}"
    script = f"import sys; from alpha_panda.cli import main; main({words}); print({heavy} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT)
    assert answer.stdout.splitlines()[-1] == "set()"


def test_the_help_of_a_command_is_all_of_its_docstring(command: Command):
    assert "Exit code 10 says that it does." in command("causality", "--help").output
    assert "A file has the columns symbol, ex_date and" in command("data", "actions", "add", "--help").output


def test_a_list_of_commands_shows_how_each_begins(command: Command):
    assert "Run a profile or a study over past events." in command("--help").output
    assert "Ask the catalog in SQL" in command("data", "--help").output
