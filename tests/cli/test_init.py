"""`alpha-panda init` and `alpha-panda research`: where one begins."""

import json
import pathlib
from typing import Any

import pytest

from alpha_panda.cli import main


def test_init_says_what_it_wrote_and_what_it_kept(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]):
    assert main(["init", str(tmp_path / "mine"), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert "strategies/ema_cross.py" in first["written"]
    assert main(["init", str(tmp_path / "mine")]) == 0
    assert capsys.readouterr().out.count("kept as it was") == len(first["written"])


def test_research_knows_the_notebooks_of_this_folder(tmp_path: pathlib.Path, monkeypatch: Any, capsys: Any):
    main(["init", str(tmp_path), "--json"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notebooks" / "mine.py").write_text("")
    capsys.readouterr()
    assert main(["research", "mine", "--app", "--port", "2718", "--headless", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["notebooks"]["mine"] == "notebooks/mine.py"
    assert said["command"][1:] == ["-m", "marimo", "run", "notebooks/mine.py", "--port", "2718", "--headless"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["minee"], "did you mean 'mine'?"), (["--app"], "name the notebook to show as an app: mine")],
)
def test_research_refuses_what_it_cannot_open(
    arguments: list[str], sentence: str, tmp_path: pathlib.Path, monkeypatch: Any, capsys: Any
):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "mine.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert main(["research", *arguments]) == 2
    assert sentence in capsys.readouterr().err
