"""The benchmarks at a tiny size, so that they cannot rot; what they measure is asserted nowhere."""

import asyncio
import dataclasses
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from alpha_panda.data.events import validate
from alpha_panda.kernels.records import CLOCK
from alpha_panda.units import SECOND_NS
from tests.benchmarks import cataloguing, chain, enduring, ingesting, latency, live, rebuilding, recovering, sweeping
from tests.benchmarks.feeding import MarketFeed
from tests.benchmarks.markets import FIRST_DAY
from tests.benchmarks.measuring import Row
from tests.kafka import ADDRESS

TINY: dict[str, Callable[[str], Row]] = {
    "bars": partial(chain.crossover, bars=2_000),
    "bars and clocks": partial(chain.crossover, bars=2_000, clocks=True),
    "endurance": partial(enduring.sustained, instruments=20, ticks=50_000, repeats=1),
    "heat map": partial(sweeping.heat_map, slider="range", side=10),
    "heat map of days": partial(sweeping.heat_map, slider="back", interval="1d", side=10),
    "live": partial(live.session, repeats=1),
    "memory": partial(enduring.memory, ticks=60_000, settled=5_000),
    "portfolio": partial(chain.ranking, instruments=12, days=200),
    "sweep": partial(sweeping.pairs, fast=(5, 10), slow=(20, 40), bars=2_000, workers=2),
    "ticks": partial(chain.ticks, ticks_a_second=0.2),
}


@pytest.fixture(autouse=True)
def _uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back afterwards what a benchmark switches off: its questions are no trials."""
    monkeypatch.setenv("ALPHA_PANDA_TRIALS", "off")


@pytest.mark.parametrize("case", TINY)
def test_a_case_trades_and_makes_a_row(case: str):
    made = TINY[case](case)
    figures = [value for value in dataclasses.asdict(made).values() if isinstance(value, float)]
    assert len(figures) == 5
    assert all(math.isfinite(figure) and figure > 0 for figure in figures)
    assert "fills" in made.note
    assert " 0 fills" not in made.note


def test_reading_the_catalog_makes_a_row():
    made = cataloguing.events("catalog", instruments=2, last=FIRST_DAY)
    assert made.note == "rows/s; 1,125 events with clocks"  # 375 minutes of two instruments, and a clock after each
    assert made.rate > 0


def test_ingesting_files_makes_a_row():
    made = ingesting.bars("ingest", files=2, last=FIRST_DAY)
    assert made.note == "rows/s; 6,000 new bars in 2 files"  # 375 minutes of eight instruments in each
    assert made.rate > 0


def test_folding_a_portfolio_anew_makes_a_row():
    made = rebuilding.portfolio("rebuild", orders=8, repeats=1)
    assert made.note == "records/s; 42 records of the account and its journal"  # 6 for an order, 3 where one is refused
    assert made.rate > 0


def test_a_session_on_kafka_makes_a_row(kafka: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ADDRESS, kafka)
    made = enduring.sustained("endurance", kind="Kafka", instruments=20, ticks=50_000, repeats=1)
    assert made.note == enduring.sustained("endurance", instruments=20, ticks=50_000, repeats=1).note


def test_waiting_for_orders_makes_a_row():
    made = latency.tick_to_order("latency", ticks_a_second=1_000, seconds=2.0)
    assert "p50/p99/p99.9/max" in made.note
    assert made.seconds > 0


def test_recovering_makes_a_row():
    made = recovering.from_snapshot("recovery", instruments=20, since_s=100.0, repeats=1)
    assert made.note == "ticks again; 100 s of 20 instruments"
    assert made.rate > 0


def test_a_market_says_the_same_however_it_is_read_and_has_a_clock_each_second():
    feed = MarketFeed(instruments=30, batch_ticks=20, batches_max=90)
    events = np.concatenate([feed.events(number) for number in range(90)])
    validate(events, feed.universe)
    np.testing.assert_array_equal(asyncio.run(feed.between(0, 90)), events)
    clocks = events["time_ns"][events["kind"] == CLOCK]
    assert len(clocks) == 30  # 90 batches of 20 ticks, at two a second of each of 30 instruments
    assert set(np.diff(clocks)) == {SECOND_NS}
