"""Bars as a frame: what the catalog holds, in rupees and IST, ready to be asked with."""

import datetime

import numpy as np
import polars as pl
import pytest

import alpha_panda as ap
from alpha_panda.data.catalog import Catalog
from alpha_panda.data.sample import sample_catalog
from alpha_panda.data.synthetic import SYMBOLS
from alpha_panda.units import E4

FIRST, LAST = datetime.date(2025, 10, 1), datetime.date(2025, 10, 10)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return sample_catalog(tmp_path_factory.mktemp("sample"))


def test_bars_are_the_events_in_rupees_and_ist(catalog: Catalog):
    frame = ap.bars(SYMBOLS[:2], "1m", FIRST, LAST, data=catalog)
    universe, events = catalog.events(SYMBOLS[:2], "1m", FIRST, LAST, clocks=False)
    assert frame["symbol"].to_list() == [universe.symbols[index] for index in events["instrument"]]
    assert frame["time"].to_physical().to_list() == events["time_ns"].tolist()
    assert frame["time"][0] == datetime.datetime(
        2025, 10, 1, 9, 16, tzinfo=datetime.timezone(datetime.timedelta(hours=5.5))
    )
    assert np.rint(frame["close"].to_numpy() * E4).astype(np.int64).tolist() == events["close_e4"].tolist()
    assert frame["volume"].to_list() == events["volume"].tolist()


def test_one_symbol_may_be_named_alone_and_all_are_taken_where_none_is(catalog: Catalog):
    assert ap.bars("SIM:PANDA", "1d", FIRST, LAST, data=catalog)["symbol"].unique().to_list() == ["SIM:PANDA"]
    every = ap.bars(resolution="1d", first=FIRST, last=LAST, data=catalog.root)
    assert every["symbol"].unique().sort().to_list() == list(SYMBOLS)


def test_what_the_catalog_does_not_hold_is_refused(catalog: Catalog):
    with pytest.raises(ap.CatalogError, match="SIM:PANDAA is not in the catalog; did you mean SIM:PANDA"):
        ap.bars("SIM:PANDAA", "1d", data=catalog)


def test_bars_can_be_asked_with(catalog: Catalog):
    frame = ap.bars("SIM:PANDA", "1d", data=catalog)
    rising = frame.with_columns(enter=pl.col("close") > ap.indicators.sma(frame, 20))
    result = ap.from_signals(rising, entries="enter", exits=~pl.col("enter"))
    assert len(result.trades) > 0
