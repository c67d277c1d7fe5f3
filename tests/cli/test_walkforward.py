"""`alpha-panda walkforward`: windows in tables and in JSON, as the study or the command line says."""

import datetime
import pathlib

import pytest

from alpha_panda.data.synthetic import synthetic_bars
from tests.backtest.questions import filled_catalog
from tests.cli.conftest import ROOT, Command

STUDY = """
[study]
resolution = "1d"

[sweep]
parameters = {{ fast = [2, 5], slow = [8, 13] }}

[walkforward]
train = 80
test = "2mo"
{terms}

[account]
capital = 1_000_000

[[strategies]]
name = "cross"
strategy = "{strategy}"
interval = "1d"
capital = 1_000_000
product = "CNC"
size = {{ mode = "fraction", value = 0.05 }}

[risk]
after_market = true
"""


@pytest.fixture
def study(tmp_path: pathlib.Path) -> pathlib.Path:
    universe, events = synthetic_bars(
        datetime.date(2025, 1, 1), datetime.date(2025, 9, 30), 7, ("SIM:LOTUS", "SIM:PANDA"), "1d"
    )
    filled_catalog(tmp_path / "data", "1d", universe, events)
    path = tmp_path / "study.toml"
    path.write_text(STUDY.format(terms="", strategy=ROOT / "strategies" / "sma_cross.py"))
    return path


def test_the_study_is_walked_as_it_says(command: Command, study: pathlib.Path, tmp_path: pathlib.Path):
    answer = command("walkforward", study, "--data", tmp_path / "data", "--json")
    assert answer.code == 0
    windows = answer.json["windows"]
    assert [window["train_days"] for window in windows] == [80, 80, 80]
    assert {window["fast"] for window in windows} <= {2, 5}
    assert answer.json["stats"]["# Days"] == sum(window["test_days"] for window in windows)
    assert {row["parameter"] for row in answer.json["stability"]} == {"fast", "slow"}


def test_the_command_line_has_the_last_word(command: Command, study: pathlib.Path, tmp_path: pathlib.Path):
    options = ("--train", 100, "--test", 40, "--anchored", "--by", "total_return", "--set", "fast=3", "--set", "slow=9")
    answer = command("walkforward", study, "--data", tmp_path / "data", *options, "--json")
    assert answer.code == 0
    windows = answer.json["windows"]
    assert [window["train_days"] for window in windows] == [100, 140, 180]
    assert {(window["fast"], window["slow"]) for window in windows} == {(3, 9)}


def test_the_tables_show_windows_and_what_is_left(command: Command, study: pathlib.Path, tmp_path: pathlib.Path):
    answer = command("walkforward", study, "--data", tmp_path / "data")
    assert answer.code == 0
    for title in ("Windows", "What is left out of sample", "Stability", "Out of sample", "Sharpe Ratio"):
        assert title in answer.output


def test_windows_that_cannot_be_are_told_in_one_sentence(command: Command, study: pathlib.Path, tmp_path: pathlib.Path):
    answer = command("walkforward", study, "--data", tmp_path / "data", "--train", "soon")
    assert (answer.code, answer.output) == (2, "")
    assert "'soon' is not the length of a window" in answer.complaint


def test_a_misspelt_key_is_told_by_name(command: Command, study: pathlib.Path):
    study.write_text(STUDY.format(terms="anchord = true", strategy="sma_cross"))
    answer = command("walkforward", study)
    assert answer.code == 2
    assert "[walkforward]: unknown key anchord" in answer.complaint
