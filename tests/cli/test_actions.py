"""`alpha-panda data actions`: added from files, found in prices, listed."""

import pathlib

import pytest

from alpha_panda.data.catalog import Catalog
from tests.cli.conftest import Command
from tests.data.shares import daily, filled, session_dates

DATES = session_dates(12)


@pytest.fixture
def split(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return a catalog with raw days of a share that was split 1 to 5 on its seventh, and a vendor's adjusted ones."""
    catalog = filled(tmp_path / "data", AAA=daily([100.0] * 6 + [20.0] * 6))
    catalog.store_adjusted("NSE:AAA", daily([20.0] * 12, volume=1_000), "kite")
    return catalog.root


def factors(tmp_path: pathlib.Path, factor: str) -> pathlib.Path:
    path = tmp_path / "mine.csv"
    path.write_text(f"symbol,ex_date,price_factor\nAAA,{DATES[6]},{factor}\n")
    return path


def test_actions_of_a_file_are_added_once(command: Command, split: pathlib.Path, tmp_path: pathlib.Path):
    path = factors(tmp_path, "0.2")
    first = command("data", "actions", "add", path, "--data", split, "--json")
    assert (first.code, first.json["files"][0]["written"]) == (0, 1)
    again = command("data", "actions", "add", path, "--data", split, "--json")
    assert (again.json["files"][0]["written"], again.json["files"][0]["present"]) == (0, 1)
    assert "NSE:AAA" in command("data", "actions", "list", "--data", split).output


def test_what_contradicts_the_catalog_is_shown_and_left_out(
    command: Command, split: pathlib.Path, tmp_path: pathlib.Path
):
    command("data", "actions", "add", factors(tmp_path, "0.2"), "--data", split)
    answer = command("data", "actions", "add", factors(tmp_path, "0.5"), "--data", split)
    assert answer.code == 0
    assert f"left out: NSE:AAA on {DATES[6]} with the factor 0.5, since the catalog has 0.2" in answer.output
    assert Catalog(split).actions()["price_factor"].to_list() == [0.2]


def test_actions_are_found_and_kept_on_request(command: Command, split: pathlib.Path):
    found = command("data", "actions", "detect", "--data", split, "--json").json
    assert [(row["symbol"], row["ex_date"]) for row in found["actions"]] == [("NSE:AAA", str(DATES[6]))]
    assert found["written"] == 0
    assert Catalog(split).actions().is_empty()
    assert (
        "added 1, present 0, contradicting 0" in command("data", "actions", "detect", "--keep", "--data", split).output
    )


def test_actions_are_found_in_bhavcopies(command: Command, split: pathlib.Path, tmp_path: pathlib.Path):
    path = tmp_path / "cm.csv"
    path.write_text(f"SYMBOL,SERIES,PREVCLOSE,TIMESTAMP\nAAA,EQ,20,{DATES[6]:%d-%b-%Y}\n")
    [action] = command("data", "actions", "detect", path, "--data", split, "--json").json["actions"]
    assert (action["price_factor"], action["source"]) == (0.2, "previous close in cm.csv")


def test_a_catalog_without_actions_says_how_to_add_them(command: Command, tmp_path: pathlib.Path):
    assert "data actions add FILE" in command("data", "actions", "list", "--data", tmp_path).output


def test_a_file_without_actions_is_refused(command: Command, tmp_path: pathlib.Path):
    path = tmp_path / "weather.csv"
    path.write_text("day,rain\n2025-01-06,3\n")
    answer = command("data", "actions", "add", path, "--data", tmp_path)
    assert (answer.code, "holds no corporate actions" in answer.complaint) == (4, True)
