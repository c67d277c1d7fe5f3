"""A workspace elsewhere: everything to begin from, nothing overwritten, and the same files in an installed package."""

import pathlib
import subprocess
import sys
import zipfile

import pytest

from alpha_panda.config import load_study
from alpha_panda.errors import ConfigurationError
from alpha_panda.strategy import load_strategy
from alpha_panda.workspace import scaffold, shipped_root

ROOT = pathlib.Path(__file__).parents[1]


def test_a_new_workspace_holds_what_we_ship_and_all_of_it_loads(tmp_path: pathlib.Path):
    made = scaffold(tmp_path / "mine")
    assert not made.kept
    assert {place.split("/")[0] for place in made.written} == {
        ".gitignore",
        "backtest",
        "live",
        "notebooks",
        "strategies",
    }
    assert {"live/README.md", "live/RUNBOOK.md"} < set(made.written), "alarms and commands refer to them"
    for place in made.written:
        path = made.root / place
        if path.suffix == ".toml":
            study = load_study(path)
            for terms in study.profile.strategies:
                assert load_strategy(terms.strategy, [made.root / "strategies"]).name == terms.strategy


def test_what_is_there_is_never_touched_and_a_second_time_changes_nothing(tmp_path: pathlib.Path):
    profile = tmp_path / "live" / "paper.toml"
    profile.parent.mkdir()
    profile.write_text("# mine")
    first = scaffold(tmp_path)
    assert first.kept == ("live/paper.toml",)
    assert profile.read_text() == "# mine"
    again = scaffold(tmp_path)
    assert (again.written, set(again.kept)) == ((), {*first.written, *first.kept})


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: pathlib.Path):
    path = tmp_path / "taken"
    path.write_text("")
    with pytest.raises(ConfigurationError, match="is a file: name a folder"):
        scaffold(path)


def test_the_wheel_carries_every_file_of_a_workspace(tmp_path: pathlib.Path):
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    carried = {name.removeprefix("alpha_panda/workspace_files/") for name in zipfile.ZipFile(wheel).namelist()}
    own = set(scaffold(tmp_path / "made").written) - {".gitignore"}
    assert shipped_root() == ROOT
    assert own <= carried
    assert not {name for name in carried if "__pycache__" in name or "__marimo__" in name}
