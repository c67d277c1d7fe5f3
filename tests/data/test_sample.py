"""The sample catalog: there when there is nothing else, and never in the way of what there is."""

import pathlib
from typing import Any

import polars as pl

from alpha_panda.data.sample import DAILY, MINUTES, catalog_or_sample, sample_catalog
from alpha_panda.data.synthetic import SYMBOLS


def test_an_empty_catalog_gives_way_to_the_sample_and_says_so(tmp_path: pathlib.Path, monkeypatch: Any):
    monkeypatch.setenv("ALPHA_PANDA_CACHE", str(tmp_path / "cache"))
    catalog, origin = catalog_or_sample(tmp_path / "data")
    assert catalog.root != tmp_path / "data"
    assert "Synthetic data" in origin
    assert not (tmp_path / "data").exists()


def test_a_catalog_with_data_is_taken_as_it_is(tmp_path: pathlib.Path):
    own = sample_catalog(tmp_path / "data")
    catalog, origin = catalog_or_sample(tmp_path / "data")
    assert catalog.root == own.root
    assert "Synthetic" not in origin


def test_the_sample_holds_days_and_minutes_that_a_run_can_use(tmp_path: pathlib.Path):
    catalog = sample_catalog(tmp_path)
    assert catalog.span("SIM:PANDA", "1d") == (DAILY[0], DAILY[1])
    assert catalog.span("SIM:BAMBOO", "1m") == (MINUTES[0], MINUTES[1])
    universe, events = catalog.events(SYMBOLS[:2], "1m")
    assert (len(universe), len(events) > 10_000) == (2, True)


def test_the_sample_is_made_once_and_the_same_everywhere(tmp_path: pathlib.Path):
    first = sample_catalog(tmp_path / "one")
    file = first.root / "bars" / "1d" / "SIM" / "PANDA.parquet"
    before = file.stat().st_mtime_ns
    sample_catalog(first.root)
    assert file.stat().st_mtime_ns == before
    other = sample_catalog(tmp_path / "other")
    assert pl.read_parquet(other.root / file.relative_to(first.root)).equals(pl.read_parquet(file))
