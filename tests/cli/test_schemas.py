"""`alpha-panda schemas`: the messages as JSON Schema, and the check that CI runs."""

import json
import pathlib

from tests.cli.conftest import Command


def test_what_is_exported_passes_the_check(command: Command, tmp_path: pathlib.Path):
    answer = command("schemas", "export", "--out", tmp_path, "--json").json
    schema = json.loads(pathlib.Path(answer["path"]).read_text())
    assert schema["title"].endswith(f"version {answer['version']}")
    assert command("schemas", "check", "--out", tmp_path, "--json").json["compatible"]
    assert "can be read" in command("schemas", "check", "--out", tmp_path).output


def test_a_violation_is_said_and_is_the_exit_code(command: Command, tmp_path: pathlib.Path):
    path = pathlib.Path(command("schemas", "export", "--out", tmp_path, "--json").json["path"])
    path.write_text(path.read_text().replace('"SELL"', '"SHORT"'))
    answer = command("schemas", "check", "--out", tmp_path)
    assert answer.code == 1
    assert "Fill.side may no longer be the word 'SHORT'; undo it, or raise envelope.VERSION" in answer.output
    checked = command("schemas", "check", "--out", tmp_path, "--json")
    assert (checked.code, checked.json["compatible"], len(checked.json["violations"])) == (1, False, 3)
    refused = command("schemas", "export", "--out", tmp_path)
    assert refused.code == 6
    assert "may no longer be the word 'SHORT'" in refused.complaint


def test_a_folder_without_a_schema_is_refused(command: Command, tmp_path: pathlib.Path):
    answer = command("schemas", "check", "--out", tmp_path)
    assert answer.code == 2
    assert "write it with `alpha-panda schemas export`" in answer.complaint
