"""`alpha-panda sweep`: how a grid is written, and that its rows are backtests."""

import pathlib

import duckdb
import polars as pl
import pytest

from alpha_panda.cli.sweep import parse_grid
from alpha_panda.errors import ConfigurationError
from tests.cli.conftest import Command, WrittenProfile


def test_a_range_includes_both_ends():
    assert parse_grid(["fast=5:15:5", "slow=20:22"]) == {"fast": (5, 10, 15), "slow": (20, 21, 22)}


def test_a_range_of_fractions_is_exact():
    (values,) = parse_grid(["threshold=0.1:0.3:0.1"]).values()
    assert values == (0.1, 0.2, 0.3)  # in floats, 0.1 + 0.2 is not 0.3


def test_a_list_keeps_whole_numbers_whole():
    (values,) = parse_grid(["fast=5,8.5"]).values()
    assert [type(value) for value in values] == [int, float]


@pytest.mark.parametrize(
    "settings",
    [["fast"], ["fast="], ["=5"], ["fast=a"], ["fast=5:1"], ["fast=5:9:0"], ["fast=1:2:3:4"], ["fast=1:nan"],
     ["fast=0:1e9"], ["fast=0:1e999999999"], ["fast=5:9:-1"], ["fast=5", "fast=6"]],
)  # fmt: skip
def test_what_is_no_grid_is_refused(settings: list[str]):
    with pytest.raises(ConfigurationError):
        parse_grid(settings)


def test_the_best_combination_is_the_backtest_of_its_parameters(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile
):
    answer = command("sweep", profile(), "--set", "fast=2:3", "--set", "slow=5,9", "--data", catalog, "--json")
    assert answer.code == 0
    assert answer.json["combinations"] == 4
    best = answer.json["top"][0]
    assert best["total_return"] == max(row["total_return"] for row in answer.json["top"])
    parameters = f"{{ fast = {best['fast']}, slow = {best['slow']} }}"
    alone = command("backtest", profile(parameters=parameters), "--data", catalog, "--json").json
    assert {name: best[name] for name in ("equity", "fills", "charges")} == {
        name: alone[name] for name in ("equity", "fills", "charges")
    }


def test_all_combinations_are_written_and_the_best_are_shown(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile, tmp_path: pathlib.Path
):
    grid = ("--set", "fast=2:4", "--set", "slow=8,9", "--data", catalog)
    answer = command("sweep", profile(), *grid, "--top", 2, "--out", tmp_path / "all.csv")
    assert answer.code == 0
    assert "The best 2 of 6 combinations by total return" in answer.output
    command("sweep", profile(), *grid, "--out", tmp_path / "all.parquet")
    written = pl.read_parquet(tmp_path / "all.parquet")
    assert written.select("fast", "slow").rows() == [(2, 8), (2, 9), (3, 8), (3, 9), (4, 8), (4, 9)]
    assert pl.read_csv(tmp_path / "all.csv").shape == written.shape


def test_a_table_bears_the_name_of_the_profile(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile, tmp_path: pathlib.Path
):
    grid = ("--set", "fast=2:4", "--set", "slow=8,9", "--data", catalog)
    assert command("sweep", profile(), *grid, "--out", tmp_path / "all.duckdb", "--json").json["combinations"] == 6
    with duckdb.connect(tmp_path / "all.duckdb", read_only=True) as database:
        rows = database.sql("SELECT fast, slow, equity FROM profile ORDER BY fast, slow").fetchall()
    assert [row[:2] for row in rows] == [(2, 8), (2, 9), (3, 8), (3, 9), (4, 8), (4, 9)]


def test_a_condition_leaves_out_what_makes_no_sense(command: Command, catalog: pathlib.Path, profile: WrittenProfile):
    grid = ("--set", "fast=2:9", "--set", "slow=5,9", "--data", catalog, "--json", "--top", 100)
    top = command("sweep", profile(), *grid, "--where", "fast < slow").json["top"]
    assert len(top) == 3 + 7
    assert all(row["fast"] < row["slow"] for row in top)
    answer = command("sweep", profile(), *grid, "--where", "fast < slwo")
    assert (answer.code, answer.output) == (2, "")
    assert "did you mean 'slow'?" in answer.complaint


def test_a_sample_is_that_of_its_seed(command: Command, catalog: pathlib.Path, profile: WrittenProfile):
    def sampled(*options: object) -> set[tuple[int, int]]:
        sample = ("--sample", 5, "--data", catalog, "--json")
        answer = command("sweep", profile(), "--set", "fast=2:30", "--set", "slow=31:60", *sample, *options)
        return {(row["fast"], row["slow"]) for row in answer.json["top"]}

    assert len(sampled()) == 5
    assert sampled() == sampled("--seed", 0) != sampled("--seed", 1)


def test_without_a_grid_a_sample_is_of_all_that_the_strategy_allows(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile
):
    answer = command("sweep", profile(), "--sample", 8, "--data", catalog, "--json")
    assert answer.json["combinations"] == 8
    assert {"fast", "slow", "allow_short"} <= answer.json["top"][0].keys()


def test_a_file_that_cannot_be_written_is_refused_before_the_sweep(
    command: Command, catalog: pathlib.Path, profile: WrittenProfile, tmp_path: pathlib.Path
):
    for out in (tmp_path / "all.xlsx", tmp_path / "absent" / "all.csv"):
        answer = command("sweep", profile(), "--set", "fast=2:4", "--data", catalog, "--out", out)
        assert (answer.code, answer.output) == (2, "")
