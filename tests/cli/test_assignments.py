"""What people write to change a strategy's terms, and what a profile's table then says."""

import pathlib
from typing import Any

import pytest

from alpha_panda.cli.assignments import terms_in, with_changes
from alpha_panda.errors import ConfigurationError

TERMS = {"name": "one", "capital": 1_000, "parameters": {"fast": 12}, "size": {"mode": "units"}}


@pytest.mark.parametrize(
    ("change", "place", "value"),
    [
        ("fast=10", ("parameters", "fast"), 10),
        ("threshold=0.5", ("parameters", "threshold"), 0.5),
        ("parameters.interval=3", ("parameters", "interval"), 3),
        ("interval=5m", ("interval",), "5m"),
        ("capital=2_000", ("capital",), 2_000),
        ("size.value=0.5", ("size", "value"), 0.5),
        ("size.compounding=true", ("size", "compounding"), True),
        ("guards.square_off=15:10:00", ("guards", "square_off"), "15:10:00"),
        ('product="CNC"', ("product",), "CNC"),
        ("instruments=NSE:INFY, NSE:TCS", ("instruments",), ["NSE:INFY", "NSE:TCS"]),
        ('instruments=["NSE:INFY"]', ("instruments",), ["NSE:INFY"]),
    ],
)
def test_a_change_finds_its_place_and_is_read_as_toml_reads_it(change: str, place: tuple[str, ...], value: Any):
    told: Any = with_changes(TERMS, [change])
    for part in place:
        told = told[part]
    assert (told, type(told)) == (value, type(value))


def test_what_is_not_changed_stays_and_the_original_is_left_alone():
    assert with_changes(TERMS, ["fast=10", "fast=11"]) == {**TERMS, "parameters": {"fast": 11}}
    assert TERMS["parameters"] == {"fast": 12}


def test_an_empty_value_takes_the_key_out():
    assert with_changes(TERMS, ["fast=", "size.mode=", "slow="]) == {**TERMS, "parameters": {}, "size": {}}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("fast", "'fast' sets nothing: write it as fast=10"),
        ("=10", "sets nothing"),
        ("size.=1", "sets nothing"),
        ("capital.value=1", "capital.value cannot be set: capital is 1000, and no table"),
    ],
)
def test_what_sets_nothing_is_refused(change: str, complaint: str):
    with pytest.raises(ConfigurationError, match=complaint):
        with_changes(TERMS, [change])


def test_a_file_says_the_terms_alone_or_among_others(tmp_path: pathlib.Path):
    path = tmp_path / "terms.toml"
    path.write_text('strategy = "momentum"\ncapital = 5\n')
    assert terms_in(path, "one") == {"name": "one", "strategy": "momentum", "capital": 5}
    path.write_text('[[strategies]]\nname = "two"\n[[strategies]]\nname = "one"\ncapital = 6\n')
    assert terms_in(path, "one") == {"name": "one", "capital": 6}
    with pytest.raises(ConfigurationError, match=r"has no strategy three among its \[\[strategies\]\]"):
        terms_in(path, "three")
