"""Feeds hand on every event once, in order, from wherever they go on."""

import datetime
import math
import pathlib
from collections.abc import Callable

import numpy as np
import pytest

from alpha_panda.data.catalog import Catalog
from alpha_panda.data.ingest import ingest
from alpha_panda.data.synthetic import SYMBOLS, synthetic_day
from alpha_panda.errors import CatalogError, DataError
from alpha_panda.kernels.records import Records
from alpha_panda.live.feed.base import Feed
from alpha_panda.live.feed.pacing import Pacer
from alpha_panda.live.feed.replay import replay_feed
from alpha_panda.live.feed.synthetic import synthetic_feed

DATE = datetime.date(2026, 11, 20)


async def no_sleep(seconds: float) -> None:
    pytest.fail(f"slept {seconds} s at full speed")


def pacer() -> Pacer:
    return Pacer(math.inf, lambda: 0.0, no_sleep)


async def events_of(feed: Feed, index: int = 0) -> Records:
    batches = [batch async for batch in feed.batches(index)]
    ends = index + np.cumsum([len(batch.events) for batch in batches])
    assert [batch.next_index for batch in batches] == ends.tolist()
    return np.concatenate([batch.events for batch in batches])


async def test_a_synthetic_feed_is_the_synthetic_day():
    feed = synthetic_feed(DATE, 7, SYMBOLS[:2], pacer())
    universe, events = synthetic_day(DATE, 7, SYMBOLS[:2])
    assert feed.universe == universe
    assert (await events_of(feed)).tobytes() == events.tobytes()
    assert feed.name == "a synthetic day, 2026-11-20 of seed 7"


async def test_a_feed_goes_on_after_any_event():
    feed = synthetic_feed(DATE, 7, SYMBOLS[:1], pacer())
    events = await events_of(feed)
    assert (await events_of(feed, 12_345)).tobytes() == events[12_345:].tobytes()
    assert [batch async for batch in feed.batches(len(events))] == []


def test_other_events_have_another_digest():
    digests = {synthetic_feed(DATE, seed, SYMBOLS[:1], pacer()).digest for seed in (1, 2)}
    assert len(digests) == 2
    assert synthetic_feed(DATE, 1, SYMBOLS[:1], pacer()).digest in digests


def test_a_holiday_has_no_synthetic_day():
    with pytest.raises(DataError, match="2026-11-21 is no trading day"):
        synthetic_feed(datetime.date(2026, 11, 21), 1, (), pacer())


async def test_a_replay_is_what_the_catalog_holds(tmp_path: pathlib.Path, shared_file: Callable[[str], pathlib.Path]):
    catalog = Catalog(tmp_path)
    ingest([shared_file("ticks/stock_futures_ticks_bbo_2025_11_17.parquet")], catalog)
    symbols = catalog.symbols("tick")
    feed = replay_feed(catalog, symbols, "tick", None, None, pacer())
    universe, events = catalog.events(symbols, "tick")
    assert feed.universe == universe
    assert (await events_of(feed)).tobytes() == events.tobytes()


def test_a_replay_of_nothing_is_refused(tmp_path: pathlib.Path):
    with pytest.raises(CatalogError, match="is empty"):
        replay_feed(Catalog(tmp_path), ["NSE:INFY"], "tick", None, None, pacer())
