"""Options and profile together name one feed, or are refused before anything is written."""

import asyncio
import datetime
import pathlib

import polars as pl
import pytest

from alpha_panda.config import Profile
from alpha_panda.data.catalog import BAR_COLUMNS, Catalog
from alpha_panda.data.synthetic import SYMBOLS as EVERYTHING
from alpha_panda.data.synthetic import synthetic_bars
from alpha_panda.errors import CatalogError, ConfigurationError
from alpha_panda.kernels.records import BAR
from alpha_panda.live.build import KAFKA, Options, build_feed, new_status, planned, trade
from alpha_panda.live.feed.base import Feed
from alpha_panda.live.observer import PORTFOLIO, SIGNALS
from alpha_panda.live.status import STOPPED, WAITING
from alpha_panda.units import DAY_NS
from tests.live.processes import Deployment, deployed
from tests.live.trading import DATE, SYMBOLS, paper

TUESDAY = DATE - datetime.timedelta(days=3)


@pytest.fixture
def catalog(tmp_path: pathlib.Path) -> Catalog:
    """Return a catalog that holds the days and the minutes of one company, and only the days of the other."""
    catalog = Catalog(tmp_path / "data")
    for resolution, symbols in (("1d", SYMBOLS), ("1m", SYMBOLS[:1])):
        universe, events = synthetic_bars(TUESDAY, DATE, 1, symbols, resolution)
        catalog.register(list(universe))
        for index, symbol in enumerate(universe.symbols):
            own = events[(events["instrument"] == index) & (events["kind"] == BAR)]
            catalog.store(symbol, resolution, pl.DataFrame({name: own[name] for name in BAR_COLUMNS}))
    return catalog


def feed_of(profile: Profile | None = None, **options: object) -> Feed:
    return build_feed(profile or paper(), Options(state=pathlib.Path("never-made"), **options))


def trading(*symbols: str, interval_ns: int | None = None) -> Profile:
    """Return the paper profile in which every strategy names its instruments, and perhaps another interval."""
    changes = {"instruments": symbols} | ({"interval_ns": interval_ns} if interval_ns else {})
    strategies = tuple(terms.model_copy(update=changes) for terms in paper().strategies)
    return paper().model_copy(update={"strategies": strategies})


def test_the_profile_decides_where_nobody_else_does():
    feed = feed_of()
    assert feed.name == "a synthetic day, 2026-11-20 of seed 1"
    assert feed.universe.symbols == EVERYTHING


def test_the_instruments_are_those_that_the_strategies_name():
    assert feed_of(trading("SIM:TIGER", "SIM:PANDA")).universe.symbols == SYMBOLS


def test_another_day_can_be_asked_for():
    assert feed_of(first=TUESDAY).name == f"a synthetic day, {TUESDAY} of seed 1"


def test_a_date_that_is_none_is_refused():
    feed = paper().feed.model_copy(update={"date": "yesterday"})
    with pytest.raises(ConfigurationError, match=r"feed\.date 'yesterday' is no date: write it as 2026-11-20"):
        feed_of(paper().model_copy(update={"feed": feed}))


def test_a_replay_takes_the_finest_that_all_instruments_have(catalog: Catalog):
    assert "1m data" in feed_of(trading("SIM:PANDA"), feed="replay", data=catalog.root).name
    assert "1d data" in feed_of(trading(*SYMBOLS, interval_ns=DAY_NS), feed="replay", data=catalog.root).name


def test_a_strategy_of_minutes_is_not_replayed_from_days(catalog: Catalog):
    with pytest.raises(ConfigurationError, match="strategy momentum wants bars of 60 s, finer than the data's 1 day"):
        feed_of(trading(*SYMBOLS), feed="replay", data=catalog.root)


def test_a_catalog_of_several_resolutions_wants_one_named(catalog: Catalog):
    with pytest.raises(CatalogError, match="the catalog holds 1d and 1m data: name one of them as the resolution"):
        feed_of(feed="replay", data=catalog.root)


def test_a_replay_holds_only_the_days_asked_for(catalog: Catalog):
    whole = feed_of(trading("SIM:PANDA"), feed="replay", data=catalog.root)
    part = feed_of(trading("SIM:PANDA"), feed="replay", data=catalog.root, first=DATE)
    assert part.digest != whole.digest
    assert f"{DATE} to the end" in part.name


async def test_stages_that_wait_for_their_session_end_when_they_are_asked_to(
    tmp_path: pathlib.Path, kafka: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(KAFKA, kafka)
    async with deployed(Deployment(tmp_path, kafka)) as deployment:
        status, stop = new_status(), asyncio.Event()
        options = Options(state=deployment.state, stages=(SIGNALS, PORTFOLIO))
        trading = asyncio.create_task(trade(planned(options), status, stop))
        while status.phase != WAITING:
            await asyncio.sleep(0.01)
        stop.set()
        assert await trading is None
        assert status.phase == STOPPED
