"""The benchmarks at a tiny size, so that they cannot rot; what they measure is asserted nowhere."""

import dataclasses
import math
from collections.abc import Callable
from functools import partial

import pytest

from tests.benchmarks import cataloguing, chain, ingesting, live, rebuilding, sweeping
from tests.benchmarks.markets import FIRST_DAY
from tests.benchmarks.measuring import Row

TINY: dict[str, Callable[[str], Row]] = {
    "bars": partial(chain.crossover, bars=2_000),
    "bars and clocks": partial(chain.crossover, bars=2_000, clocks=True),
    "heat map": partial(sweeping.heat_map, slider="range", side=10),
    "heat map of days": partial(sweeping.heat_map, slider="back", interval="1d", side=10),
    "live": partial(live.session, repeats=1),
    "portfolio": partial(chain.ranking, instruments=12, days=200),
    "sweep": partial(sweeping.pairs, fast=(5, 10), slow=(20, 40), bars=2_000, workers=2),
    "ticks": partial(chain.ticks, ticks_a_second=0.2),
}


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
