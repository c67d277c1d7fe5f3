"""Nothing opens at a price that is too old, though clocks and other instruments go on, whatever was at work."""

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_panda.chain import Work
from alpha_panda.data.events import in_order
from alpha_panda.kernels import risk
from alpha_panda.kernels.records import CLOCK, EVENT, REFUSED, TICK, WORKING, Records
from alpha_panda.units import SECOND_NS
from tests.market import CRORE, Desk, at, clock, profile, strategy_terms, tick
from tests.streams import Stream, any_signals, any_stream, any_terms, whole

PRICE_AGE_S = 30
SILENT = 0
"""The instrument that says nothing after some instant."""


class Silence(NamedTuple):
    """A stream in which one instrument falls silent, and when its last price is too old to open at."""

    stream: Stream
    stale_ns: int


def any_silence(seed: int) -> Silence:
    """Return a stream with a clock each second of its last minutes, in which nothing more is heard of one instrument.

    Half of what is then wanted is of that instrument, at clocks and at ticks of others.
    """
    random = np.random.default_rng(seed)
    events = any_stream(seed).events
    heard = events[(events["instrument"] == SILENT) & (events["kind"] == TICK) & (events["time_ns"] > at("10:00"))]
    last_ns = int(random.choice(heard["time_ns"]))
    late = (events["instrument"] == SILENT) & (events["kind"] != CLOCK) & (events["time_ns"] > last_ns)
    events = events[~late & (events["time_ns"] <= last_ns + 600 * SECOND_NS)]
    clocks = np.zeros(120, EVENT)
    clocks["time_ns"], clocks["kind"] = last_ns + np.arange(120) * SECOND_NS, CLOCK
    events = in_order(np.concatenate([events, clocks]))
    signals = any_signals(random, events)
    after = np.flatnonzero(signals["time_ns"] >= last_ns)
    signals["instrument"][after[::2]] = SILENT
    terms = any_terms(random)
    limits = terms.risk.model_copy(update={"price_age_ns_max": PRICE_AGE_S * SECOND_NS})
    stream = Stream(events, signals, terms.model_copy(update={"risk": limits}))
    return Silence(stream, last_ns + PRICE_AGE_S * SECOND_NS)


def of_the_silent(array: Records, after_ns: int) -> Records:
    """Return the rows of the instrument that fell silent, from after an instant."""
    return array[(array["instrument"] == SILENT) & (array["time_ns"] > after_ns)]


def opened(work: Work, after_ns: int) -> Records:
    """Return the orders that would open a position in the silent instrument, made after an instant."""
    orders = of_the_silent(work.orders, after_ns)
    return orders[(orders["status"] == WORKING) & (orders["opening"] == 1)]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32))
def test_nothing_opens_at_a_price_that_is_older_than_the_limit(seed: int):
    stream, stale_ns = any_silence(seed)
    _, work = whole(stream)
    assert len(opened(work, stale_ns)) == 0
    assert len(of_the_silent(work.fills, stale_ns)) == 0
    decisions = of_the_silent(work.decisions, stale_ns)
    stale = decisions[decisions["code"] == risk.STALE_PRICE]
    assert (stale["figure"] > stale["limit"]).all()
    granted = decisions[decisions["verdict"] != REFUSED]
    assert not np.isin(granted["order_id"], work.orders["order_id"][work.orders["opening"] == 1]).any()


def test_the_streams_above_do_ask_for_what_they_must_not_get():
    """Over some seeds, orders are asked for at stale prices and refused, others open until then, and some wait."""
    refused = openings = waiting = 0
    for seed in range(40):
        stream, stale_ns = any_silence(seed)
        stage, work = whole(stream)
        decisions = of_the_silent(work.decisions, stale_ns)
        refused += int((decisions["code"] == risk.STALE_PRICE).sum())
        openings += len(opened(work, stale_ns - PRICE_AGE_S * SECOND_NS - 1))
        orders = stage.arrays()["orders"][0][: stage.account["orders_working"]]
        waiting += int((orders["instrument"] == SILENT).sum())
    assert min(refused, openings, waiting) > 5


def test_a_resting_order_of_before_the_silence_fills_at_the_first_price_after_it():
    """What was judged at a fresh price stays at work, as at an exchange; it meets no price but a new one."""
    terms = profile(
        strategy_terms(entry={"order_type": "LIMIT", "offset_ticks": 10}, capital=CRORE),
        risk={"price_age_seconds": PRICE_AGE_S},
        market={"latency_seconds": 0.5},
    )
    clocks = [clock(f"10:{minute:02d}") for minute in range(1, 10)]
    events = [tick("10:00", 100), *clocks, tick("10:10", 99)]
    desk = Desk(events, (0, 1.0), terms=terms)
    assert desk.fills("time_ns", "price_e4") == [(at("10:10"), 990_000)]
    assert desk.decisions("time_ns", "code") == [(at("10:00"), risk.NONE)]


def test_an_exit_leaves_though_its_price_is_stale():
    terms = profile(risk={"price_age_seconds": PRICE_AGE_S})
    events = [tick("10:00", 100), tick("10:00:01", 100), clock("10:05"), tick("10:06", 90)]
    desk = Desk(events, (0, 1.0), (2, 0.0), terms=terms)
    assert desk.fills("time_ns", "position") == [(at("10:00:01"), 1), (at("10:06"), 0)]


def test_a_reversal_at_a_stale_price_closes_and_opens_nothing():
    terms = profile(risk={"price_age_seconds": PRICE_AGE_S})
    events = [tick("10:00", 100), tick("10:00:01", 100), clock("10:05"), tick("10:06", 90)]
    desk = Desk(events, (0, 1.0), (2, -1.0), terms=terms)
    assert desk.decisions("asked", "granted", "code")[1] == (2, 1, risk.STALE_PRICE)
    assert desk.book()["quantity"] == 0
