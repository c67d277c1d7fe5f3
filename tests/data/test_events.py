"""The rules of an event array: what is refused, where clocks stand, and how prices become E4."""

import datetime

import numpy as np
import pytest

from alpha_panda.data.events import EventArray, bars, in_order, prices_to_e4, ticks, validate, with_clocks
from alpha_panda.errors import EventError
from alpha_panda.instruments import Instrument, Universe
from alpha_panda.kernels.records import BAR, CLOCK, EVENT, TICK
from alpha_panda.sessions import sessions
from alpha_panda.units import E4, MINUTE_NS, PRICE_E4_MAX, SECOND_NS, ist_time_ns, parse_clock

UNIVERSE = Universe([Instrument("NSE:AAA", -1, 5), Instrument("NSE:BBB", -2, 5)])
DAY = datetime.date(2025, 1, 6)
NOON = ist_time_ns(DAY, parse_clock("12:00"))


def four_bars() -> EventArray:
    """Two instruments at 12:00 and 12:01, with clocks: rows 2 and 5 are clocks."""
    times = [NOON, NOON, NOON + MINUTE_NS, NOON + MINUTE_NS]
    return with_clocks(bars(UNIVERSE, times, [0, 1, 0, 1], 100 * E4, 102 * E4, 99 * E4, 101 * E4, 7))


def ticks_at(*seconds: float) -> EventArray:
    """Ticks of the first instrument, so many seconds after noon."""
    times = [NOON + round(second * SECOND_NS) for second in seconds]
    return ticks(UNIVERSE, times, np.zeros(len(times), dtype=np.int16), 100 * E4, 1)


def clocks_of(events: EventArray) -> list[float]:
    """When the clocks strike, in seconds after noon."""
    return ((events["time_ns"][events["kind"] == CLOCK] - NOON) / SECOND_NS).tolist()


# ── What is refused ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_bars_and_ticks_with_clocks_are_valid():
    validate(four_bars(), UNIVERSE)
    validate(with_clocks(ticks_at(0.5, 0.5, 3.25)), UNIVERSE)
    validate(np.zeros(0, dtype=EVENT), UNIVERSE)


@pytest.mark.parametrize(
    ("row", "field", "value", "rule"),
    [
        (3, "time_ns", NOON - 1, "its time lies before that of the row above"),
        (1, "kind", 3, "its kind is none of TICK, BAR and CLOCK"),
        (1, "kind", -1, "its kind is none of TICK, BAR and CLOCK"),
        (1, "instrument", 2, "its instrument is not of this run"),
        (1, "instrument", -1, "its instrument is not of this run"),
        (1, "instrument_token", -1, "has another token"),
        (1, "open_e4", 0, "a price is not positive"),
        (1, "low_e4", -1, "a price is not positive"),
        (1, "high_e4", PRICE_E4_MAX + 1, "a price is above one crore rupees"),
        (1, "low_e4", 100 * E4 + 1, "open and close do not lie between low and high"),
        (1, "high_e4", 101 * E4 - 1, "open and close do not lie between low and high"),
        (1, "close_e4", 98 * E4, "open and close do not lie between low and high"),
        (1, "kind", TICK, "a tick has one price"),
        (1, "volume", -1, "its volume is negative"),
        (1, "bid_e4", -1, "bid or ask is not a price, nor 0 for unknown"),
        (1, "ask_e4", PRICE_E4_MAX + 1, "bid or ask is not a price, nor 0 for unknown"),
        (1, "open_interest", -1, "its open interest is negative"),
        (2, "close_e4", 100 * E4, "a clock carries only its time"),
        (2, "volume", 1, "a clock carries only its time"),
        (2, "instrument_token", -1, "a clock carries only its time"),
        (1, "instrument", 0, "token"),
    ],
)
def test_a_broken_rule_is_refused_by_row_and_name(row: int, field: str, value: int, rule: str):
    events = four_bars()
    events[field][row] = value
    with pytest.raises(EventError, match=rf"^row {row}, .*{rule}"):
        validate(events, UNIVERSE)


def test_the_refusal_names_the_instrument_and_the_moment():
    events = four_bars()
    events["volume"][4] = -7
    with pytest.raises(EventError, match=r"^row 4, NSE:BBB at 2025-01-06 12:01:00\.000000 IST: .*volume -7"):
        validate(events, UNIVERSE)


def test_an_offence_far_down_is_found_at_its_row():
    events = ticks_at(*range(40_000))
    events["volume"][39_999] = -1
    with pytest.raises(EventError, match="row 39999"):
        validate(events, UNIVERSE)
    events = ticks_at(*range(40_000))
    events["time_ns"][16_384] = NOON  # the first row of a chunk is held against the last of the chunk before
    with pytest.raises(EventError, match=r"row 16384, .* before that of the row above"):
        validate(events, UNIVERSE)


def test_two_bars_of_one_instrument_and_time_are_refused():
    events = bars(UNIVERSE, [NOON] * 3, [0, 1, 0], E4, E4, E4, E4, 0)
    with pytest.raises(EventError, match=r"row 2, NSE:AAA .* already has a bar of this time"):
        validate(events, UNIVERSE)


def test_bars_of_one_time_may_stand_in_any_order_of_instruments():
    validate(bars(UNIVERSE, [NOON] * 2, [1, 0], E4, E4, E4, E4, 0), UNIVERSE)


def test_two_ticks_of_one_time_are_two_ticks():
    validate(ticks_at(1, 1), UNIVERSE)


def test_without_a_universe_the_rules_of_numbers_still_hold():
    events = four_bars()
    events["instrument"][1] = 7
    validate(events)
    events["instrument"][1] = -1
    with pytest.raises(EventError, match="its instrument is not of this run"):
        validate(events)


def test_an_array_of_another_dtype_is_refused():
    with pytest.raises(EventError, match="dtype EVENT, not int64"):
        validate(np.zeros(3, dtype=np.int64))


# ── Order and clocks ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_clock_follows_the_bars_of_its_time():
    assert four_bars()["kind"].tolist() == [BAR, BAR, CLOCK, BAR, BAR, CLOCK]
    assert clocks_of(four_bars()) == [0, 60]


def test_ticks_bring_a_clock_each_second_from_the_first_to_the_last():
    events = with_clocks(ticks_at(0.5, 1.0, 1.0, 3.2))
    assert clocks_of(events) == [1, 2, 3, 4]
    assert events["kind"].tolist() == [TICK, TICK, TICK, CLOCK, CLOCK, CLOCK, TICK, CLOCK]


def test_a_tick_on_the_second_comes_before_its_clock():
    assert with_clocks(ticks_at(2.0))["kind"].tolist() == [TICK, CLOCK]


def test_no_clock_strikes_between_two_days():
    events = with_clocks(ticks_at(0.5, 1.5, 86_400, 86_400.5))
    assert clocks_of(events) == [1, 2, 86_400, 86_401]


def test_with_sessions_the_clock_runs_to_the_close_of_the_day():
    table = sessions("NSE_EQ", DAY, DAY + datetime.timedelta(days=1))
    until_close = 3.5 * 3600
    assert clocks_of(with_clocks(ticks_at(0.5, 1.5), table)) == list(range(1, int(until_close) + 1))


def test_a_day_without_a_session_ends_with_its_last_tick():
    table = sessions("NSE_EQ", DAY - datetime.timedelta(days=3), DAY - datetime.timedelta(days=2))
    assert clocks_of(with_clocks(ticks_at(0.5, 1.5), table)) == [1, 2]


@pytest.mark.parametrize("table", [None, sessions("NSE_EQ", DAY, DAY)])
def test_adding_clocks_twice_changes_nothing(table: EventArray | None):
    for events in (four_bars(), ticks_at(0.5, 1.0, 7.2), in_order(np.concatenate([four_bars(), ticks_at(0.5, 61)]))):
        once = with_clocks(events, table)
        assert with_clocks(once, table).tobytes() == once.tobytes()


def test_no_event_is_lost_or_changed_by_clocks():
    events = in_order(np.concatenate([four_bars()[:2], ticks_at(0.5, 1.0, 7.2)]))
    after = with_clocks(events)
    assert after[after["kind"] != CLOCK].tobytes() == events.tobytes()
    validate(after, UNIVERSE)


def test_order_is_by_time_then_instrument_with_clocks_last():
    shuffled = four_bars()[[5, 4, 2, 0, 3, 1]]
    assert in_order(shuffled).tobytes() == four_bars().tobytes()


def test_ticks_of_one_moment_keep_their_order():
    events = ticks_at(1, 1, 1)
    events["volume"] = [3, 1, 2]
    assert in_order(events)["volume"].tolist() == [3, 1, 2]


# ── Prices ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_prices_become_e4_exactly():
    assert prices_to_e4([0.05, 1234.55, 142_383.9, 83.1275, 1e7]).tolist() == [
        *(500, 12_345_500, 1_423_839_000, 831_275, PRICE_E4_MAX)
    ]


@pytest.mark.parametrize("price", [float("nan"), float("inf"), 0.0, -0.0, -5.0, 1e7 + 1, 1e-9])
def test_what_is_not_a_price_is_refused_by_row(price: float):
    with pytest.raises(EventError, match="row 1 has the price"):
        prices_to_e4([100.0, price])
