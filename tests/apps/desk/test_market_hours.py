"""The market opens and closes by the clock, also where the feed says nothing just then."""

from typing import get_args

import pytest

from alpha_panda.apps.desk.drawing import Facts, draw
from alpha_panda.apps.desk.minutes import Minutes
from alpha_panda.apps.desk.showing import Shower
from alpha_panda.apps.desk.sources import Reading, SourceName
from alpha_panda.apps.desk.tape import Tape
from alpha_panda.units import SECOND_NS, ist_time_ns, parse_clock
from tests.live.trading import DATE, blueprint, paper

WALL_NS = 1_795_000_000 * SECOND_NS  # a replay has nothing to do with the machine's time


@pytest.mark.parametrize(
    ("last", "silent_s", "is_open"),
    [
        ("09:07", 1, False),
        ("09:07", 8 * 60 + 9, False),
        ("09:07", 8 * 60 + 10, True),  # nothing comes although it has opened
        ("09:15", 0, True),
        ("15:29", 59, True),
        ("15:29", 60, False),  # the last tick was a little before the close
        ("15:30", 0, False),
        ("12:00", 24 * 3600, False),  # the next day has a session of its own
    ],
)
def test_the_market_opens_and_closes_while_the_feed_is_silent(last: str, silent_s: int, is_open: bool):
    session = blueprint().record(0)
    shower = Shower(session, paper())
    facts = Facts("s1", {name: Reading(str, "", WALL_NS) for name in get_args(SourceName)}, session=session)
    facts.shower, facts.tape, facts.minutes = shower, Tape(shower), Minutes(len(shower.universe))
    facts.minutes.time_ns = ist_time_ns(DATE, parse_clock(last))
    facts.heard_ns = WALL_NS
    feed = draw(facts, 1, WALL_NS + silent_s * SECOND_NS).feed
    assert feed is not None
    assert feed.market_open is is_open
