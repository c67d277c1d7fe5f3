"""Minutes are those of the latest day of the market, however the partitions of its ticks are read."""

import datetime

import numpy as np

from alpha_panda.apps.desk.minutes import Minutes
from alpha_panda.data.synthetic import synthetic_day
from alpha_panda.kernels.records import CLOCK, Records
from tests.live.trading import SYMBOLS

MONDAY, TUESDAY = datetime.date(2025, 11, 3), datetime.date(2025, 11, 4)


def two_days() -> Records:
    """Return the ends of one day and of the next, of two companies."""
    return np.concatenate([synthetic_day(day, 1, SYMBOLS)[1][-4_000:] for day in (MONDAY, TUESDAY)])


def volume(minutes: Minutes, instrument: int) -> int:
    return sum(bar.volume for bar in minutes.of(instrument))


def volume_of(events: Records, instrument: int) -> int:
    return int(events[(events["kind"] != CLOCK) & (events["instrument"] == instrument)]["volume"].sum())


def test_a_partition_that_is_read_later_takes_nothing_from_the_next_day():
    events = two_days()
    tuesday = events[4_000:]
    minutes = Minutes(2)
    minutes.add(events[events["instrument"] == 0])
    minutes.add(events[events["instrument"] == 1])

    assert (volume(minutes, 0), volume(minutes, 1)) == (volume_of(tuesday, 0), volume_of(tuesday, 1))
    assert minutes.time_ns == events["time_ns"].max()


def test_a_frame_of_yesterday_that_comes_today_changes_nothing():
    events = two_days()
    minutes = Minutes(2)
    minutes.add(events[4_000:])
    before = (minutes.time_ns, minutes.of(0), minutes.of(1))
    minutes.add(events[:4_000])

    assert (minutes.time_ns, minutes.of(0), minutes.of(1)) == before
