"""Silence within a session is found, to the nanosecond and however the feed was cut, and nothing else is a silence."""

import datetime
import itertools
from collections.abc import Iterable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha_panda.data.synthetic import SYMBOLS, synthetic_day
from alpha_panda.instruments import Universe
from alpha_panda.kernels.records import BAR, TICK, Records
from alpha_panda.live.messages import Gap
from alpha_panda.live.watchdog import MARKET, Watchdog
from alpha_panda.sessions import sessions
from alpha_panda.units import MINUTE_NS, SECOND_NS
from tests.market import MONDAY, ONE_SHARE, TUESDAY, at, bar, clock, instrument, shares, tick, together
from tests.streams import UNIVERSE, any_events

any_seed = st.integers(0, 2**32 - 1)


def watchdog(universe: Universe = ONE_SHARE, market_s: int = 0, instrument_s: int = 0, price_s: int = 0) -> Watchdog:
    """Return a watchdog with limits in seconds."""
    return Watchdog(universe, market_s * SECOND_NS, instrument_s * SECOND_NS, price_s * SECOND_NS)


def gap(token: int, start: str, end: str, date: datetime.date = MONDAY) -> Gap:
    return Gap(token, at(start, date), at(end, date))


# ── One silence ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_silence_of_more_than_the_limit_is_a_gap_once_it_ends():
    dog = watchdog(instrument_s=60)
    assert dog.note(tick("10:00", 100)) == []
    assert dog.note(clock("10:01:01")) == []
    assert dog.note(tick("10:01:01", 100)) == [gap(1, "10:00", "10:01:01")]
    assert dog.note(tick("10:02:01", 100)) == []


def test_within_a_frame_silence_counts_as_between_frames():
    events = together([tick("10:00", 100), tick("10:05", 100), tick("10:05:01", 100), tick("10:09", 100)])
    assert watchdog(instrument_s=60).note(events) == [gap(1, "10:00", "10:05"), gap(1, "10:05:01", "10:09")]


def test_a_silence_until_the_end_of_the_session_is_a_gap_when_the_clock_says_so():
    dog = watchdog(instrument_s=60)
    dog.note(tick("15:20", 100))
    assert dog.note(clock("15:29:59")) == []
    assert dog.note(clock("15:30")) == [gap(1, "15:20", "15:30")]
    assert dog.note(clock("15:31")) == []


def test_a_night_is_no_silence():
    dog = watchdog(instrument_s=60, market_s=60)
    dog.note(tick("15:29:30", 100))
    assert dog.note(tick("09:15:30", 100, date=TUESDAY)) == []


def test_what_a_night_divides_is_two_silences():
    dog = watchdog(instrument_s=60)
    dog.note(tick("15:20", 100))
    tomorrow = gap(1, "09:15", "09:20", TUESDAY)
    assert dog.note(tick("09:20", 100, date=TUESDAY)) == [gap(1, "15:20", "15:30"), tomorrow]


def test_a_whole_day_without_a_tick_is_a_gap_from_open_to_close():
    dog = watchdog(instrument_s=60)
    dog.note(tick("15:30", 100))
    assert dog.note(clock("15:30", date=TUESDAY)) == [gap(1, "09:15", "15:30", TUESDAY)]


def test_nothing_is_missing_of_the_time_before_the_first_tick():
    dog = watchdog(shares(2), instrument_s=60)
    assert dog.note(clock("09:15")) == []
    assert dog.note(tick("10:00", 100)) == []
    assert dog.note(tick("10:05", 100, index=1)) == [gap(2, "10:00", "10:05")]


def test_bars_are_not_watched():
    dog = watchdog(instrument_s=60, market_s=5)
    events = together([bar("10:00", 1, 1, 1, 1), clock("10:00"), bar("10:10", 1, 1, 1, 1), clock("15:30")])
    assert dog.note(events) == []
    assert not dog.age(at("10:11")).market_open


def test_limits_of_zero_are_off():
    dog = watchdog()
    assert dog.note(together([tick("09:15", 100), tick("15:00", 100), clock("15:30")])) == []
    assert dog.age(at("15:20")).stale == ()


# ── The whole market ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_market_is_silent_only_when_every_instrument_is():
    dog = watchdog(shares(2), market_s=5)
    dog.note(tick("10:00", 100))
    assert dog.note(tick("10:00:04", 100, index=1)) == []
    assert dog.note(tick("10:00:08", 100)) == []
    assert dog.note(tick("10:00:14", 100, index=1)) == [gap(MARKET, "10:00:08", "10:00:14")]


def test_the_market_is_open_as_long_as_any_calendar_is():
    """Since 2026-08-03 futures trade until 15:40, shares until 15:30."""
    date = datetime.date(2026, 8, 4)
    universe = Universe([instrument("BANYAN", 1), instrument("FUTURE", 2, calendar="NFO")])
    dog = watchdog(universe, market_s=5, instrument_s=60)
    ends = [tick("15:29", 100, date=date), tick("15:39", 100, index=1, date=date)]
    assert dog.note(together([*ends, clock("15:40", date=date)])) == [
        gap(MARKET, "15:29", "15:39", date),
        gap(2, "15:29", "15:39", date),
        gap(MARKET, "15:39", "15:40", date),
    ]


def test_a_feed_that_says_nothing_at_all_is_found_by_the_wall_clock():
    dog = watchdog(market_s=5, instrument_s=60)
    dog.begin(at("15:00"))
    assert dog.age(at("15:00:04")).silent_ns == 4 * SECOND_NS
    assert dog.pass_time(at("15:29:59")) == []
    assert dog.pass_time(at("15:30")) == [gap(MARKET, "15:00", "15:30"), gap(1, "15:00", "15:30")]
    assert dog.pass_time(at("15:31")) == []
    assert dog.age(at("15:31"))[:3] == (False, 0, 0)


# ── Ages ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ages_are_told_of_the_session_and_the_oldest_by_name():
    dog = watchdog(shares(3), price_s=3)
    dog.note(together([tick("09:14", 100, index=0), tick("09:14", 100, index=2)]))
    dog.note(together([tick("09:15:01", 100, index=0), tick("09:15:04", 100, index=1)]))
    age = dog.age(at("09:15:04"))
    assert age.market_open
    assert (age.silent_ns, age.oldest_ns, age.oldest) == (0, 4 * SECOND_NS, "NSE:SHARE002")
    assert age.stale == ("NSE:SHARE002",)
    assert dog.age(at("09:15:05")).stale == ("NSE:SHARE000", "NSE:SHARE002")


def test_a_price_as_old_as_the_limit_is_not_stale_as_risk_has_it():
    dog = watchdog(price_s=3)
    dog.note(tick("10:00", 100))
    assert dog.age(at("10:00:03")).stale == ()
    assert dog.age(at("10:00:03") + 1).stale == ("NSE:SHARE000",)


# ── Any feed ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(deadline=None)
@given(any_seed)
def test_every_silence_is_found_however_the_feed_is_cut(seed: int):
    random = np.random.default_rng(seed)
    events = any_events(random, 300)
    limits_s = {"market_s": 120, "instrument_s": 600}
    whole = watchdog(UNIVERSE, **limits_s).note(events)
    dog, cuts = watchdog(UNIVERSE, **limits_s), np.sort(random.integers(0, len(events), 12))
    pieces = [found for piece in np.split(events, cuts) for found in dog.note(piece)]
    assert pieces == whole == sorted(silences(events, 120 * SECOND_NS, 600 * SECOND_NS), key=ending)


def ending(found: Gap) -> tuple[int, int]:
    return found.until_ns, found.instrument_token


def silences(events: Records, market_ns: int, instrument_ns: int) -> Iterable[Gap]:
    """Tell the gaps of a feed one instrument and session after the other, from all its times at once."""
    ticks = events[events["kind"] == TICK]
    hours = {item.calendar: sessions(item.calendar, MONDAY, TUESDAY).tolist() for item in UNIVERSE}
    assert len({tuple(each) for each in hours.values()}) == 1
    for token in (MARKET, *UNIVERSE.tokens.tolist()):
        said = ticks if token == MARKET else ticks[UNIVERSE.tokens[ticks["instrument"]] == token]
        times = [int(ticks["time_ns"][0]), *said["time_ns"].tolist()]
        for opens, closes in hours[UNIVERSE[0].calendar]:
            end = min(closes, int(events["time_ns"][-1]))
            inside = [time for time in times if opens <= time < closes]
            points = [max(opens, times[0]), *inside, *([closes] if end == closes else [])]
            for start, stop in itertools.pairwise(points):
                if stop - start > (market_ns if token == MARKET else instrument_ns):
                    yield Gap(token, start, stop)


def test_a_lively_day_has_no_gap_of_the_market_and_a_deaf_minute_is_one():
    universe, events = synthetic_day(datetime.date(2026, 11, 20), 1, SYMBOLS)
    ticks, times_ns = events["kind"] == TICK, events["time_ns"]
    assert watchdog(universe, market_s=5).note(events) == []
    noon = at("12:00", datetime.date(2026, 11, 20))
    deaf = ticks & (noon <= times_ns) & (times_ns < noon + MINUTE_NS)
    (found,) = watchdog(universe, market_s=5).note(events[~deaf])
    assert found.instrument_token == MARKET
    assert found.from_ns == times_ns[ticks & (times_ns < noon)][-1]
    assert found.until_ns == times_ns[ticks & (times_ns >= noon + MINUTE_NS)][0]
    assert not (events["kind"] == BAR).any()
