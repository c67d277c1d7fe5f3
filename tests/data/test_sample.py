"""The sample catalog: there when there is nothing else, and never in the way of what there is."""

import datetime as dt
import pathlib
from typing import Any

import polars as pl

from alpha_panda.data.sample import DAILY, EXPIRIES, MINUTES, catalog_or_sample, sample_catalog
from alpha_panda.data.sample_contracts import RATE
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


def test_the_sample_holds_a_chain_whose_calls_and_puts_agree(tmp_path: pathlib.Path):
    catalog = sample_catalog(tmp_path)
    on, (near, far) = dt.date(2025, 10, 15), EXPIRIES
    day = pl.read_parquet(catalog.root / "contracts" / "1d" / "NFO" / f"{on}.parquet")
    assert set(day["expiry"]) == {near, far}
    calls, puts = (day.filter(pl.col("kind") == kind).sort("expiry", "strike_e4") for kind in ("CE", "PE"))
    spot_e4 = day["underlying_e4"][0]
    days = (calls["expiry"] - on).dt.total_days()
    # Put-call parity, H. R. Stoll, "The Relationship Between Put and Call Option Prices", Journal of Finance 24(5),
    # 1969; each price lies within half a tick of its model.
    carried = calls["strike_e4"] * (-RATE * days / 365).exp()
    gaps = (calls["settle_e4"] - puts["settle_e4"] - (spot_e4 - carried)).abs()
    assert gaps.max() <= 2 * 500


def test_options_end_at_what_they_are_worth(tmp_path: pathlib.Path):
    catalog = sample_catalog(tmp_path)
    day = pl.read_parquet(catalog.root / "contracts" / "1d" / "NFO" / f"{EXPIRIES[0]}.parquet")
    ending = day.filter(pl.col("expiry") == EXPIRIES[0], pl.col("kind") == "CE")
    worth = (ending["underlying_e4"] - ending["strike_e4"]).clip(lower_bound=500)
    assert ((ending["settle_e4"] - worth).abs() <= 250).all()
