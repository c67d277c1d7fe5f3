"""Other futures: the past stays to the byte, and what follows could have come from an exchange."""

import datetime

import numpy as np
import pytest

from alpha_panda.backtest.causality.futures import FUTURES, cuts_of, other_future
from alpha_panda.data.events import EventArray, validate
from alpha_panda.data.synthetic import synthetic_bars, synthetic_day
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import CLOCK
from alpha_panda.units import ist_date

SYMBOLS = ("SIM:LOTUS", "SIM:PANDA")
MINUTES = synthetic_bars(datetime.date(2026, 11, 17), datetime.date(2026, 11, 19), 7, SYMBOLS)
TICKS = synthetic_day(datetime.date(2026, 11, 20), 1, SYMBOLS, ticks_a_second=0.05)


@pytest.mark.parametrize("market", [MINUTES, TICKS])
@pytest.mark.parametrize("name", FUTURES)
def test_the_past_stays_and_the_future_is_another_valid_one(name: str, market: tuple[Universe, EventArray]):
    universe, events = market
    cut = len(events) // 3
    changed = other_future(events, cut, FUTURES[name], np.random.default_rng(1))
    assert changed[:cut].tobytes() == events[:cut].tobytes()
    for field in ("time_ns", "kind", "instrument", "instrument_token"):
        assert (changed[field] == events[field]).all()
    later = changed[cut:], events[cut:]
    closes = [rows["close_e4"][rows["kind"] != CLOCK] for rows in later]
    assert (closes[0] != closes[1]).mean() > 0.9
    validate(changed, universe)


def test_cuts_lie_within_the_events_and_at_the_edges_of_days():
    _, events = MINUTES
    cuts = cuts_of(events, 12, np.random.default_rng(1))
    assert cuts == sorted(set(cuts))
    assert 0 < cuts[0] < cuts[-1] < len(events)
    days = {ist_date(events["time_ns"][cut - 1]) != ist_date(events["time_ns"][cut]) for cut in cuts}
    assert days == {False, True}
