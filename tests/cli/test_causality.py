"""`alpha-panda causality`: what it shows, and the exit code of a leak."""

import pathlib

from tests.cli.conftest import ROOT, Command, WrittenProfile

LEAKING = """
import polars as pl

def signal(bars):
    return pl.col("close").shift(-1)
"""


def test_a_leak_has_an_exit_code_of_its_own(command: Command, tmp_path: pathlib.Path):
    (tmp_path / "signals.py").write_text(LEAKING)
    answer = command("causality", f"{tmp_path}/signals.py:signal", "--data", tmp_path)
    assert answer.code == 10
    assert "not proven causal" in answer.complaint
    assert "when the bars after" in answer.output


def test_a_leak_is_told_in_json(command: Command, tmp_path: pathlib.Path):
    (tmp_path / "signals.py").write_text(LEAKING)
    answer = command("causality", f"{tmp_path}/signals.py:signal", "--data", tmp_path, "--json")
    assert answer.code == 10
    assert answer.json["holds"] is False
    assert answer.json["first"]["symbol"] == "SIM:LOTUS"  # the last of three in an instant looks at the next instant


def test_a_profile_is_proven_on_its_catalog(command: Command, catalog: pathlib.Path, profile: WrittenProfile):
    answer = command("causality", profile(), "--data", catalog, "--json")
    assert answer.code == 0
    assert answer.json["holds"] is True
    assert answer.json["markets"] == ["750 events of NSE:AAA from 2025-01-06 to 2025-01-06"]


def test_a_strategy_is_proven_where_there_is_no_data(command: Command, tmp_path: pathlib.Path):
    answer = command("causality", ROOT / "strategies" / "ema_cross.py", "--data", tmp_path)
    assert answer.code == 0
    assert "no data is held, so made up" in answer.output


def test_what_is_not_there_is_said(command: Command):
    answer = command("causality", "nobody")
    assert (answer.code, answer.output) == (3, "")


def test_a_catalog_that_is_misspelt_is_not_made_up(command: Command, tmp_path: pathlib.Path):
    answer = command("causality", "ema_cross", "--data", tmp_path / "dta")
    assert (answer.code, answer.output) == (4, "")
    assert "there is no folder" in answer.complaint
